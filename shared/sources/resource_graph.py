"""Azure Resource Graph: one question over many subscriptions, answered in pages.

The queries stand beside this as `.kql` files, one a query; each projects `id`, and orders by it: by a column
that is not unique, pages repeat rows and drop others. What cannot be read is no error there but missing, so
that a caller compares what came with what it asked for.

https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests
https://learn.microsoft.com/azure/governance/resource-graph/concepts/paging-results
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from shared.sources.arm import ArmError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shared.sources.arm import Arm

log = logging.getLogger("notifier")

PATH = "/providers/Microsoft.ResourceGraph/resources"
API_VERSION = "2024-04-01"
PAGE_ROWS = 1_000
"""Rows an answer has at most."""
MAX_SUBSCRIPTIONS = 100
"""Subscriptions in one query: the service advises to ask for 100 to 300 together."""
MAX_WAIT_SECONDS = 60.0
"""Seconds that throttling is waited for in a run, all in all."""

_QUERIES = Path(__file__).with_name("queries")
_OK, _THROTTLED = 200, 429
_MAX_PAGES = 1_000


class GraphError(ArmError):
    """Azure Resource Graph did not give all that was asked for. The message says what it said."""


class GraphThrottled(GraphError):  # noqa: N818 - says what happened
    """There is no more time to wait for what Resource Graph allows: the run ends."""


class Scope(msgspec.Struct, frozen=True):
    """Where to ask: subscriptions by id, at most MAX_SUBSCRIPTIONS of them, or one management group."""

    subscriptions: tuple[str, ...] = ()
    management_group: str = ""

    def body(self) -> dict[str, list[str]]:
        """Return the scope as a request names it."""
        if self.management_group:
            return {"managementGroups": [self.management_group]}
        return {"subscriptions": list(self.subscriptions)}


def scopes(subscriptions: Sequence[str]) -> list[Scope]:
    """Return the scopes that these subscriptions are asked in, in their order."""
    starts = range(0, len(subscriptions), MAX_SUBSCRIPTIONS)
    return [Scope(tuple(subscriptions[start : start + MAX_SUBSCRIPTIONS])) for start in starts]


@cache
def query(name: str) -> str:
    """Return the query of this name: the text of its `.kql` file."""
    return (_QUERIES / f"{name}.kql").read_text("utf-8")


class ResourceGraph:
    """Resource Graph for one run: what throttling makes it wait for is counted over all of its queries."""

    def __init__(self, arm: Arm, sleep: Callable[[float], None] = time.sleep) -> None:
        self._arm = arm
        self._sleep = sleep
        self._patience = MAX_WAIT_SECONDS
        self._not_before = 0.0

    def rows(self, name: str, scope: Scope) -> Iterator[dict[str, Any]]:
        """Yield the rows of a query, page after page.

        Raises GraphError once what has come is not all: after the rows of the pages before, and after those
        of a page that says itself that it is cut.
        """
        token, seen = "", set[str]()
        while True:
            page = self._page(name, scope, token)
            found = page.get("data")
            if not isinstance(found, list):
                raise GraphError(f"{name}: expected a list under data")
            yield from (row for row in found if isinstance(row, dict))
            count = page.get("count", len(found))
            if count != len(found):
                raise GraphError(f"{name}: a page of {count} rows came with {len(found)}")
            seen.add(token)
            token = page.get("$skipToken") or ""
            if not token:
                if str(page.get("resultTruncated", "")).lower() == "true":
                    raise GraphError(f"{name}: the rows are cut short, and nothing says where they go on")
                return
            if not isinstance(token, str) or token in seen or len(seen) >= _MAX_PAGES:
                raise GraphError(f"{name}: its pages do not come to an end")

    def _page(self, name: str, scope: Scope, token: str) -> dict[str, Any]:
        options: dict[str, Any] = {"resultFormat": "objectArray", "$top": PAGE_ROWS}
        if token:
            options["$skipToken"] = token
        asked = {**scope.body(), "query": query(name), "options": options}
        while True:
            self._wait(self._not_before)
            self._not_before = 0.0
            answer = self._arm.post(PATH, API_VERSION, asked)
            resets = _seconds(answer.headers.get("x-ms-user-quota-resets-after", ""))
            if answer.status == _THROTTLED:
                self._wait(_seconds(answer.headers.get("retry-after", "")) or resets or 5.0)
                continue
            if answer.headers.get("x-ms-user-quota-remaining", "").strip() == "0":
                self._not_before = resets
            if answer.status != _OK:
                raise GraphError(f"{name}: {answer.status} {answer.words}".strip())
            if answer.headers.get("x-ms-tenant-subscription-limit-hit", "").lower() == "true":
                log.error("%s: only the first 10,000 subscriptions are asked", name)
            return answer.json()

    def _wait(self, seconds: float) -> None:
        """Wait for what the service allows, as long as the run has patience. Raises GraphThrottled."""
        if seconds <= 0:
            return
        if seconds > self._patience:
            raise GraphThrottled(
                f"throttled for {seconds:.0f} s, and {self._patience:.0f} s are left to wait"
            )
        self._patience -= seconds
        self._sleep(seconds)


def _seconds(value: str) -> float:
    """Return the seconds that a header says: a number, or `hh:mm:ss`; 0 where it says neither."""
    parts = value.strip().split(":")
    try:
        hours, minutes, seconds = (float(part) for part in ("0", "0", *parts)[-3:])
        found = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except (ValueError, OverflowError):
        return 0.0
    return max(found.total_seconds(), 0.0)
