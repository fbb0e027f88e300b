"""The one door for HTTP that is not an SDK's: one request, one answer, one deadline for all of it.

Importing this module imports `requests`: import it where something is about to be sent.

Each request has a connection of its own. One that were kept may have been closed by the other side meanwhile,
and then nobody could say whether the request arrived; without one to keep, what fails before a connection
stands was surely not sent. No redirect is followed, nothing is tried again. Certificates are verified against
`REQUESTS_CA_BUNDLE` where that is set.

    NothingSentError   the request surely did not go out
    NoAnswerError      it did, or may have, and nobody can say what became of it

Neither says more of an address than its host: a path may be a secret.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self

import msgspec
import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from shared import web_addresses
from shared.dialing import Dialing

if TYPE_CHECKING:
    from shared.channels.outcomes import Timeouts

_HEADERS = {
    "User-Agent": "aks-maintenance-notifier",
    "Accept-Encoding": "identity",
    "Connection": "close",
}

MAX_RESPONSE_BYTES = 65_536
"""Bytes of an answer that are read: what services say fits many times over."""


class NothingSentError(Exception):
    """The request surely did not go out. The message says why, in one line."""


class NoAnswerError(Exception):
    """The request may have arrived, and there is no answer that tells. The message says why, in one line."""


class HttpResponse(msgspec.Struct, frozen=True):
    """What a service answered."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    text: str


class Door:
    """Sends requests. Safe to share between threads.

    `allows_loopback` is for trying things out: where the app runs in Azure, nothing is sent to itself.
    """

    def __init__(self, *, allows_loopback: bool) -> None:
        self._allows_loopback = allows_loopback

    def send(
        self,
        method: str,
        url: str,
        timeouts: Timeouts,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> HttpResponse:
        """Send one request and read its answer, all within the sum of the timeouts.

        Raises NothingSentError and NoAnswerError.
        """
        try:
            web_addresses.web_address(url, allows_loopback=self._allows_loopback)
        except ValueError as error:
            raise NothingSentError(f"the address {error}") from None
        with _Line(timeouts, allows_loopback=self._allows_loopback) as line, requests.Session() as session:
            session.auth = _as_it_is  # else a .netrc file would write over an Authorization of ours
            for scheme in ("https://", "http://"):
                session.mount(scheme, _Adapter())
            try:
                answer = session.request(
                    method,
                    url,
                    data=body,
                    headers={**_HEADERS, **headers},
                    timeout=(timeouts.connect, timeouts.read),
                    allow_redirects=False,
                    stream=True,
                )
                text = answer.raw.read(MAX_RESPONSE_BYTES, decode_content=True).decode("utf-8", "replace")
            except Exception as problem:  # noqa: BLE001 - no answer, for whatever reason
                words = "it took too long" if line.is_late else _words(problem)
                raise (NoAnswerError if line.is_open else NothingSentError)(words) from None
        if line.is_late:
            raise NoAnswerError("it took too long")
        return HttpResponse(answer.status_code, CaseInsensitiveDict(answer.headers), text)


class _Line:
    """The connection of a request: cut at the deadline, checked for whom it leads to."""

    def __init__(self, timeouts: Timeouts, *, allows_loopback: bool) -> None:
        self.is_open = False
        """Whether the request may have gone out."""
        self.is_late = False
        self._allows_loopback = allows_loopback
        length = timeouts.connect + timeouts.read
        self._until = time.monotonic() + length
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(length, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._outer = _LINE.set(self)
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        _LINE.reset(self._outer)
        with self._lock:
            for held in self._sockets:
                held.close()
            self._sockets.clear()

    def check(self, address: str) -> None:
        """Raise PermissionError for an address that nothing is sent to."""
        peer = web_addresses.numeric(address) or ipaddress.IPv4Address(0)
        is_loopback = web_addresses.is_loopback(peer) and not self._allows_loopback
        if is_loopback or web_addresses.is_forbidden(peer):
            raise PermissionError("its name leads to an address that nothing is sent to")

    def take(self, made: socket.socket) -> None:
        """Take a connection."""
        with self._lock:
            self._sockets.append(made.dup())  # TLS takes the other one over
        if time.monotonic() > self._until:
            self._cut()

    def _cut(self) -> None:
        self.is_late = True
        with self._lock:
            for held in self._sockets:
                with suppress(OSError):  # the other side was faster
                    held.shutdown(socket.SHUT_RDWR)


_LINE: ContextVar[_Line] = ContextVar("line")
"""That of the request which this thread is making."""


class _Seen(Dialing):
    """A connection that its line sees."""

    def check_address(self, address: str) -> None:
        if getattr(self, "proxy", None) is None:
            _LINE.get().check(address)

    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()  # type: ignore[misc]
        _LINE.get().take(made)
        return made

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        _LINE.get().is_open = True


class _Plain(_Seen, HTTPConnection):
    pass


class _Secure(_Seen, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Adapter(HTTPAdapter):
    """Makes connections that their line sees, also by way of a proxy."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:  # noqa: ANN401
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager


_POOLS = {"http": _PlainPool, "https": _SecurePool}


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _words(problem: BaseException) -> str:
    """Return what went wrong in one line, by its cause: libraries repeat the whole address."""
    cause = problem
    while (inner := _inner(cause)) is not None:
        cause = inner
    if isinstance(cause, OSError) and cause.errno and not isinstance(cause, socket.gaierror):
        said = (
            getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or os.strerror(cause.errno)
        )
    else:
        said = str(cause) if isinstance(cause, (PermissionError, TimeoutError, socket.gaierror)) else ""
    return " ".join(f"{type(cause).__name__}: {said}".rstrip(": ").split())[:200]


def _inner(problem: BaseException) -> BaseException | None:
    """Return what is behind a problem: its reason, the first of its arguments, or its cause."""
    for found in (
        getattr(problem, "reason", None),
        *problem.args[:2],
        problem.__cause__,
        None if problem.__suppress_context__ else problem.__context__,
    ):
        if isinstance(found, BaseException) and found is not problem:
            return found
    return None
