"""Instances of the app as processes of their own, each behind its table proxy, all behind one to mail."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

from testing.fault_proxy import FaultProxy
from testing.processes import Answer, Client, connection_string, listening
from testing.real_app import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from prove.faults import FaultInjector
    from prove.fork_server import ForkServer
    from prove.schedules import Death

READY_WITHIN = 60.0
"""Seconds for an instance to listen; with many at once a start takes its time."""


class Instance:
    """One instance of a run, over all its lives: a context manager. Thread-safe."""

    def __init__(
        self,
        fork_server: ForkServer,
        injector: FaultInjector,
        deaths: tuple[Death, ...],
        log: Path,
        *,
        azurite: str,
        services: str,
        bug: str = "",
    ) -> None:
        """`services` is the URL of all channels but mail by Communication Services or by a relay."""
        self.injector = injector
        self.lives = 0
        self._fork_server = fork_server
        self._deaths = {death.life: death for death in deaths}
        self._log = log
        self._bug = bug
        self._table_proxy = FaultProxy(azurite, injector.table)
        self._services_proxy = FaultProxy(services, injector.channel)
        self._settings: dict[str, str] = {}
        self._client = Client()
        self._pid = 0
        self._pidfd = -1
        self._lock = threading.RLock()
        self._stack = ExitStack()

    def start(self, settings: Mapping[str, str]) -> None:
        """Begin the first life; the settings lack where the table is."""
        table = {"NOTIFIER_STORAGE": connection_string(self._table_proxy.url)}
        self._settings = {**SETTINGS, **settings, **table}
        self.revive()

    @property
    def services(self) -> str:
        """Where it reaches the services behind channels."""
        return self._services_proxy.url

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._pid != 0

    def revive(self) -> None:
        """Start it again, where it has died."""
        if self._pid:
            return
        with self._lock:
            self._log.touch()
            begin = self._log.stat().st_size
            self.injector.reborn(self._deaths.get(self.lives))
            pid = self._fork_server.fork(self._settings, self._log, self._bug)
            self._pidfd = os.pidfd_open(pid)
            self.lives += 1
            self._pid = pid
            self._client = Client(self._url(begin))
            self.injector.instance = self

    def kill(self) -> None:
        """End it at once, with SIGKILL, and wait until it is gone."""
        with self._lock:
            if not self._pid:
                return
            self._signal(signal.SIGKILL)
            _is_gone(self._pidfd, seconds=READY_WITHIN)
            os.close(self._pidfd)
            self._pid = 0

    def stop(self, seconds: float) -> None:
        """Let it stand still for a while, without waiting for that."""
        with self._lock:
            self._signal(signal.SIGSTOP)
            timer = threading.Timer(seconds, self._go_on, [self.lives])
        timer.daemon = True
        timer.start()

    def _go_on(self, life: int) -> None:
        with self._lock:
            if self._pid and self.lives == life:
                self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)

    @property
    def busy(self) -> int:
        """How many requests of its are on their way, also those that it does not wait for any more."""
        return self._table_proxy.busy + self._services_proxy.busy

    def deliver(self, text: str) -> bool:
        """Hand it an event, as Event Grid does; tell whether it was accepted."""
        if not self.alive:
            return False  # by now another's port
        try:
            return self._client.post_event(text).status == 202
        except OSError:
            return False

    def run(self, function: str) -> Answer | None:
        """Let it run a timer's function; None where it dies over it, or is dead."""
        if not self.alive:
            return None
        try:
            return self._client.run(function)
        except OSError:
            return None

    def __enter__(self) -> Self:
        self._stack.enter_context(self._table_proxy)
        self._stack.enter_context(self._services_proxy)
        return self

    def __exit__(self, *_: object) -> None:
        self.injector.instance = None
        self.kill()
        self._stack.close()

    def _url(self, begin: int) -> str:
        """Read the URL from what it logs at its start."""
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            with self._log.open("rb") as file:
                file.seek(begin)
                printed = file.read().decode("utf-8", "replace")
            url = listening(printed)
            if url:
                return url
            if _is_gone(self._pidfd, seconds=0.02):
                raise RuntimeError(f"an instance did not start: {printed}")
        raise RuntimeError(f"an instance was not ready after {READY_WITHIN:g} s")


def _is_gone(pidfd: int, seconds: float) -> bool:
    """Wait for a process to end; tell whether it has. Not by select(), which knows 1,024 descriptors."""
    waiting = select.poll()
    waiting.register(pidfd, select.POLLIN)
    return bool(waiting.poll(seconds * 1_000))
