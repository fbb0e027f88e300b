"""How the SDKs reach their services: over connections that are kept, all of it in time.

Importing this module imports `requests`: import it where a client is made.
"""

from __future__ import annotations

import http.client
import ssl
import time
from typing import TYPE_CHECKING, Any

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from shared import deadlines
from shared.dialing import Dialing

if TYPE_CHECKING:
    import socket

THREADS = 32
"""Connections kept: as many as the host has threads (PYTHON_THREADPOOL_THREAD_COUNT).

By default ten are, and each further one is made anew for every request, TLS and all.
"""


class _Response(http.client.HTTPResponse):
    """An answer that has to be there, whole, within what the socket's time-out gives for a part of it."""

    def __init__(self, sock: socket.socket, debuglevel: int = 0, method: str | None = None) -> None:
        super().__init__(sock, debuglevel, method)
        seconds = sock.gettimeout()
        if seconds is not None:
            latest = time.monotonic() + seconds
            self.fp.close()
            self.fp = deadlines.reader(sock, lambda: latest)


class _Connection(Dialing, HTTPConnection):
    response_class = _Response


class _TlsConnection(Dialing, HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """Keeps connections, and holds each answer as a whole to the time-out for reading."""

    def __init__(self) -> None:
        super().__init__(pool_maxsize=THREADS)
        paths = ssl.get_default_verify_paths()
        # `requests` heeds REQUESTS_CA_BUNDLE, and not what all else takes certificates from: SSL_CERT_FILE.
        self._certificates = (paths.cafile != paths.openssl_cafile and paths.cafile) or True

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401 - as they are passed on
        if options.get("verify") is True:
            options["verify"] = self._certificates
        return super().send(request, **options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as they are passed on
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


def session() -> requests.Session:
    """Return a session that keeps connections. Its time-out for reading is for the whole of an answer."""
    made = requests.Session()
    made.mount("https://", _Adapter())
    made.mount("http://", _Adapter())
    return made


def transport(connect: float = 5, read: float = 30) -> RequestsTransport:
    """Return the transport of one client, with its time-outs in seconds. Safe to share between threads.

    `read` is the time for an answer as a whole. The SDK waits 300 s by default, ten times as long as Event
    Grid. Beside a transport it takes no time-outs.
    """
    return RequestsTransport(session=session(), connection_timeout=connect, read_timeout=read)
