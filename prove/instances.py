"""Instances of the app as processes of their own, each behind its table proxy, all behind one to mail."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from prove.forked import Forked
from testing.fault_proxy import FaultProxy
from testing.processes import HttpResponse, connection_string
from testing.real_app import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from prove.faults import Death, FaultInjector
    from prove.fork_server import ForkServer


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
        self._process: Forked | None = None
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

    def revive(self) -> None:
        """Start it again, where it has died."""
        if self._process is not None:
            return
        with self._lock:
            self.injector.reborn(self._deaths.get(self.lives))
            self._process = Forked(self._fork_server, self._settings, self._log, self._bug)
            self.lives += 1
            self.injector.instance = self

    def kill(self) -> None:
        """End it at once, with SIGKILL, and wait until it is gone."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process = None

    def stop(self, seconds: float) -> None:
        """Let it stand still for a while, without waiting for that."""
        with self._lock:
            if self._process is not None:
                self._process.signal(signal.SIGSTOP)
            timer = threading.Timer(seconds, self._go_on, [self.lives])
        timer.daemon = True
        timer.start()

    def _go_on(self, life: int) -> None:
        with self._lock:
            if self._process is not None and self.lives == life:
                self._process.signal(signal.SIGCONT)

    @property
    def busy(self) -> int:
        """How many requests of its are on their way, also those that it does not wait for any more."""
        return self._table_proxy.busy + self._services_proxy.busy

    def deliver(self, text: str) -> bool:
        """Hand it an event, as Event Grid does; return whether it was accepted."""
        process = self._process
        if process is None:
            return False
        try:
            return process.post_event(text).status == 202
        except OSError:
            return False

    def run(self, function: str) -> HttpResponse | None:
        """Let it run a timer's function; None where it dies over it, or is dead."""
        process = self._process
        if process is None:
            return None
        try:
            return process.run(function)
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
