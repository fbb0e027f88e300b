"""The one address at which all instances of a run reach the mail service, each with faults of its own.

An address for each would be a service for each, as the app sees it: what one instance has in doubt, another
could then not ask about, and would send again as what may be a repeat.
"""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

from testing.fault_proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testing.fault_proxy import Fault, OnRequest, Phase, Request

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
        self._numbers: dict[int, int] = {}
        """A request's number among those of its instance, by that among all."""
        self._counting = Lock()

    def _show(self, number: int, phase: Phase, request: Request) -> Fault | None:
        instance = int(request.headers["User-Agent"].rpartition(_NAME)[2])
        with self._counting:
            if number not in self._numbers:
                self._counts[instance] += 1
                self._numbers[number] = self._counts[instance]
            own = self._numbers[number]
        return self._hooks[instance](own, phase, request)
