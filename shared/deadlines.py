"""Answers that have to be there in time as a whole, and not only byte by byte.

A socket's time-out counts from one byte to the next: who sends a byte now and then is waited for without end,
longer than any lease lasts.
"""

from __future__ import annotations

import io
import time
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

_T = TypeVar("_T")


class _Timed(io.RawIOBase):
    """Reads from a socket until a moment of the monotonic clock."""

    def __init__(self, sock: socket.socket, latest: Callable[[], float]) -> None:
        self._sock, self._latest = sock, latest
        # The socket counts its files, and stays open as long as one of them is.
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        left = self._latest() - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def reader(sock: socket.socket, latest: Callable[[], float]) -> io.BufferedReader:
    """Return a file that reads from a socket as long as the monotonic clock is before `latest()`.

    Reading raises TimeoutError afterwards.
    """
    return io.BufferedReader(_Timed(sock, latest))


def within(seconds: float, work: Callable[[], _T]) -> _T:
    """Return what the work returns, or raise what it raises; TimeoutError where that takes too long.

    For what nothing cuts: its thread is then left to itself, and ends when the work does.
    """
    done: Future[_T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as problem:  # noqa: BLE001 - raised where it is waited for
            done.set_exception(problem)

    Thread(target=run, name="within", daemon=True).start()
    try:
        return done.result(max(0.0, seconds))
    except TimeoutError:
        if done.done():  # the work's own
            raise
        raise TimeoutError("it took too long") from None
