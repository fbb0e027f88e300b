"""A child process that ends with its `with` block, and on Linux with its parent however that ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import typing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

_START_SECONDS = 30.0
_STOP_SECONDS = 15.0  # more than the host gives requests under way

# Runs in the child before the program: PR_SET_PDEATHSIG (1) is kept across exec. Where there is no such
# call (macOS), a parent that is killed leaves its children behind. The look at the parent covers the case
# that it died before the call.
_TETHER = """
import ctypes, os, signal, sys
try:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
except (AttributeError, OSError):
    pass
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execvp(sys.argv[2], sys.argv[2:])
"""

# The kernel's signal comes when the *thread* ends that started the child. This one lasts as long as the
# process.
_starter = ThreadPoolExecutor(1, thread_name_prefix="start-children")

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")


class ProcessError(Exception):
    """A process could not be started, or ended on its own; the message says why."""


def _temporary_log() -> Path:
    descriptor, name = tempfile.mkstemp(suffix=".log")
    os.close(descriptor)
    return Path(name)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return these settings and, of this process's environment, what any program needs to run."""
    return {**{name: os.environ[name] for name in _PASSED_ON if name in os.environ}, **settings}


class ChildProcess:
    """A program in a process group of its own, its output in a log file.

    Without `log` the file is a temporary one that goes when the block ends.
    """

    def __init__(self, log: Path | None = None) -> None:
        self._own_log = log is None
        self.log = log or _temporary_log()
        self._process: subprocess.Popen[bytes] | None = None
        self._group = False
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The process id; raises `ProcessError` if it was never started."""
        if self._process is None:
            raise ProcessError("The process was not started.")
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def output(self) -> str:
        """Return what it has printed and logged since it was started last."""
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode("utf-8", "replace")

    def wait(self, seconds: float = _STOP_SECONDS) -> int:
        """Wait for its end and return the exit code (minus the signal's number); raises `ProcessError`."""
        if self._process is None:
            raise ProcessError("The process was not started.")
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise ProcessError(f"The process did not end within {seconds:g} s.") from error

    def kill(self) -> None:
        """End it at once, with SIGKILL, and everything that it started."""
        if self._process is None or not self._group:
            return
        self._group = False  # once only: later the number may be another group's
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def terminate(self) -> None:
        """Ask it to end, with SIGTERM, without waiting for that."""
        if self._process is not None and self.alive:
            self._process.terminate()

    def stop(self) -> int:
        """Ask it to end, kill it if it does not, and return the exit code."""
        self.terminate()
        try:
            return self.wait()
        finally:
            self.kill()

    def _spawn(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        if self.alive:
            raise ProcessError(f"The process runs already: {command[0]}.")
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = _starter.submit(
                subprocess.Popen,
                [sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()), *command],
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the parent alone, which ends its children in order
            ).result()
            self._group = True

    def _wait_for(self, sign: Callable[[str], bool], what: str) -> None:
        """Wait until the output shows the sign; raises `ProcessError` with the output if it never does."""
        deadline = time.monotonic() + _START_SECONDS
        while not sign(self.output()):
            ended = not self.alive
            if (ended and not sign(self.output())) or time.monotonic() > deadline:
                how = "ended at its start" if ended else f"was not ready after {_START_SECONDS:g} s"
                self.kill()
                raise ProcessError(f"{what} {how}: {self.output().strip() or 'it printed nothing'}")
            time.sleep(0.01)

    def start(self) -> None:
        """Start it and wait until it is ready; raises `ProcessError`."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self.kill()
        if self._own_log:
            self.log.unlink(missing_ok=True)
