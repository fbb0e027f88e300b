"""The one address at which all instances of a run reach the mail service, each with faults of its own.

An address for each would be a service for each, as the app sees it: what one instance has in doubt, another
could then not ask about, and would send again as what may be a repeat.
"""

from __future__ import annotations

import time
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

from prove.faults import LEASE_SECONDS
from testing.fault_proxy import FaultProxy, Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testing.fault_proxy import Fault, OnRequest, Request

_NAME = "instance/"


def signed(number: int) -> dict[str, str]:
    """Return the setting of the SDKs by which requests say from which instance they come."""
    return {"AZURE_HTTP_USER_AGENT": f"{_NAME}{number}"}


class MailDoor(FaultProxy):
    """Shows each instance's requests to that instance's hook, counted for it alone: a context manager."""

    def __init__(self, upstream: str, hooks: Sequence[OnRequest]) -> None:
        """`hooks` are in the order of the instances' numbers."""
        super().__init__(upstream, self._show)
        self._hooks = hooks
        self._counts: Counter[int] = Counter()
        self._came: dict[int, tuple[int, float]] = {}
        """A request's number among those of its instance, and when it came, by its number among all."""
        self.held_up: set[str] = set()
        """Operations of which a request was here for so long that it may have outlived its lease."""
        self._counting = Lock()

    def _show(self, number: int, phase: Phase, request: Request) -> Fault | None:
        instance = int(request.headers["User-Agent"].rpartition(_NAME)[2])
        with self._counting:
            if phase is Phase.BEFORE:
                self._counts[instance] += 1
                self._came[number] = self._counts[instance], time.monotonic()
            own, came = self._came[number]
            # A request leaves in the first half of its lease: a quarter to take it, another to connect.
            if phase is Phase.AFTER and time.monotonic() - came > LEASE_SECONDS / 2:
                self.held_up.add(request.headers.get("Operation-Id", ""))
        return self._hooks[instance](own, phase, request)
