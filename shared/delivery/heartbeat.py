"""Proof of life: after a sweep that went well, a row says so, and a watcher outside is told.

Both at most every five minutes in a process. The row's own timestamp is the proof, so it goes by the server's
clock. A watcher that is not called for a while knows that the app, or its region, is gone.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from shared.deadlines import within
from shared.store.table import TableError

if TYPE_CHECKING:
    from shared.clock import Clock
    from shared.store.protocol import Store

log = logging.getLogger("notifier")

INTERVAL_SECONDS = 300.0
"""Between two beats of a process, at least."""

CALL_SECONDS = 5.0
"""Seconds that the call of a watcher may take, all in all."""


class Heartbeat:
    """Beats after sweeps."""

    def __init__(self, store: Store, clock: Clock, watcher: str = "") -> None:
        self._store = store
        self._clock = clock
        self._watcher = watcher
        self._next = 0.0

    def beat(self) -> None:
        """Write down that a sweep went well, and call the watcher if there is one. Raises nothing.

        One round trip, none where the last one was less than five minutes ago.
        """
        now = self._clock.monotonic()
        if now < self._next:
            return
        try:
            self._store.swept()
        except TableError:
            log.exception("that the sweep went well could not be written down")
            return
        self._next = now + INTERVAL_SECONDS
        if self._watcher:
            _call(self._watcher)


def _call(watcher: str) -> None:
    """Call a watcher's address, a secret: what goes wrong is logged without it."""
    import requests

    from shared.connections import session

    def ask() -> int:
        with session() as line:
            return line.get(watcher, timeout=CALL_SECONDS, allow_redirects=False, stream=True).status_code

    try:
        status = within(CALL_SECONDS, ask)
    except (requests.RequestException, TimeoutError) as error:
        log.warning("the watcher of HEARTBEAT_URL was not reached: %s", type(error).__name__)
        return
    if status >= HTTPStatus.BAD_REQUEST:
        log.warning("the watcher of HEARTBEAT_URL answered %s", status)
