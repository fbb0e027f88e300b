"""One process of the app, forked from one that has imported what it needs: it starts in a moment."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from testing.processes import Client, listening

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from prove.fork_server import ForkServer

READY_SECONDS = 60.0
"""Seconds for a process to listen; with many at once a start takes its time."""


class Forked(Client):
    """The local host with the app: a context manager, which ends it with SIGKILL. Thread-safe."""

    def __init__(
        self, fork_server: ForkServer, settings: Mapping[str, str], log: Path, bug: str = ""
    ) -> None:
        super().__init__()
        self._lock = threading.RLock()
        log.touch()
        begin = log.stat().st_size
        self._pidfd = os.pidfd_open(fork_server.fork(settings, log, bug))
        try:
            self.url = self._listening(log, begin)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End it at once, and wait until it is gone."""
        with self._lock:
            if self._pidfd < 0:
                return
            self.signal(signal.SIGKILL)
            self._is_gone(READY_SECONDS)
            os.close(self._pidfd)
            self._pidfd = -1

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it is gone."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _listening(self, log: Path, begin: int) -> str:
        """Return the URL that it logs at its start."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            with log.open("rb") as file:
                file.seek(begin)
                printed = file.read().decode("utf-8", "replace")
            url = listening(printed)
            if url:
                return url
            if self._is_gone(0.02):
                raise RuntimeError(f"an instance did not start: {printed}")
        raise RuntimeError(f"an instance was not ready after {READY_SECONDS:g} s")

    def _is_gone(self, seconds: float) -> bool:
        """Wait for its end; return whether that came. Not by select(), which knows 1,024 descriptors."""
        waiting = select.poll()
        waiting.register(self._pidfd, select.POLLIN)
        return bool(waiting.poll(seconds * 1_000))
