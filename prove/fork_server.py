"""Processes by the thousand: one that has imported what the app imports, and forks.

A proof starts and kills some ten thousand instances of the app; importing it anew each time would take hours.
The fork server imports the libraries and the local host, but not `function_app`: each instance reads its own
settings, as every start does. What comes out of a fork is a process of its own, which SIGKILL ends like any.

    ForkServer().fork(settings, log)      in whoever proves
    python -m prove.fork_server            the process: a line of JSON in, the pid of an instance out
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import select
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Self

import msgspec

from testing.child_process import environment
from testing.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2): no instance outlives its fork server."""


_NEEDED = (
    "azure.data.tables",
    "azure.functions",
    "azure.identity",
    "local.host",
    "shared.channels.email.compose",
    "shared.channels.email.acs",
    "shared.app",
    "shared.rounds.failed_states",
    "shared.rounds.reconcile",
)


class Order(msgspec.Struct, frozen=True):
    """What an instance is started with: its environment, the file it logs to, a bug to plant."""

    environment: dict[str, str]
    log: str
    bug: str = ""


class ForkServer:
    """The process that forks, as a context manager. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "prove.fork_server"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for whoever proves
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def fork(self, settings: Mapping[str, str], log: Path, bug: str = "") -> int:
        """Start an instance; return its pid; it listens when its log says so."""
        line = msgspec.json.encode(Order(environment(settings), str(log), bug)) + b"\n"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(line)
            self._process.stdin.flush()
            return int(self._process.stdout.readline())


def main() -> None:
    """Fork for each line that comes in, and end with the input."""
    _warm_up()
    # Whole lines are read as they come: what waits in a buffer of Python's, select would not see.
    waiting = b""
    while True:
        readable, _, _ = select.select([0], [], [], 0.2)
        _reap()
        if not readable:
            continue
        read = os.read(0, 1 << 20)
        if not read:
            break
        waiting += read
        while b"\n" in waiting:
            line, _, waiting = waiting.partition(b"\n")
            os.write(1, b"%d\n" % _fork(msgspec.json.decode(line, type=Order)))


def _warm_up() -> None:
    """Import and read what an instance imports and reads until its first mail has left."""
    for name in _NEEDED:
        importlib.import_module(name)
    from shared.channels.email.compose import Branding, compose
    from testing.samples import mails

    # Templates and the catalogue of failures are read for the first mail; both are the same for everyone.
    for story in mails.stories():
        compose(story.mail, story.rows, mails.TEAM, Branding())

    # Counted references apart, forks then share what was imported.
    gc.collect()
    gc.freeze()


def _reap() -> None:
    """Let the ended ones go: whoever killed them sees that they are gone, and no pid is taken for long."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def die_with_parent() -> None:
    """Let the kernel end this process with its parent, however that ends."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _fork(order: Order) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        die_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        _live(order)
    finally:
        os._exit(1)


def _live(order: Order) -> None:
    """Be an instance until the end."""
    from local import host
    from prove import bugs

    log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(order.environment)
    if order.bug:
        bugs.plant(bugs.Bug(order.bug))
    os._exit(host.main(["--port", "0", "--no-timers", "--no-settings", "--app", str(ROOT)]))


if __name__ == "__main__":
    main()
