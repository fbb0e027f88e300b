"""A proxy for tests that stands in front of Azurite or a mail endpoint and makes requests go wrong.

    def crash(n: int, phase: Phase, request: Request) -> Fault | None:
        if n == 3 and phase is Phase.AFTER:
            host.kill()
            return CUT
        return None

    with FaultProxy(azurite.endpoint, crash) as proxy:
        settings = {"NOTIFIER_STORAGE": connection_string(proxy.url)}

It forwards HTTP/1.1 requests, one upstream connection each, and keeps what it saw. What comes in is
numbered from 1 and shown to `on_request` twice: `BEFORE` it is forwarded, when upstream knows nothing of
it, and `AFTER` upstream has answered, when the client knows nothing of that. None lets it go on.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import typing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

from testing.faults import CUT, Cut, Delay, Fault, OnRequest, Phase, Reply, Request, at

if typing.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType


__all__ = ["CUT", "Cut", "Delay", "Fault", "FaultProxy", "OnRequest", "Phase", "Reply", "Request", "at"]


class FaultProxy:
    """Forwards what comes to `url` to the upstream URL; see the module's text.

    The hook runs in the thread of its connection, so hooks of several connections may run at once. What it
    raises cuts the connection and is raised again when the block ends.
    """

    def __init__(self, upstream: str, on_request: OnRequest | None = None) -> None:
        address = urlsplit(upstream)
        self.on_request = on_request
        """May be replaced at any time."""
        self._upstream = (address.hostname or "127.0.0.1", address.port or 80)
        self._path = address.path.rstrip("/")
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._sockets: set[socket.socket] = set()
        self._busy = 0
        self._error: Exception | None = None
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """The upstream URL with the proxy's address; the path is the same, as signatures cover it."""
        return f"http://127.0.0.1:{self._server.server_port}{self._path}"

    @property
    def requests(self) -> list[Request]:
        """All requests so far in the order in which they came, also those that were not forwarded."""
        with self._lock:
            return list(self._requests)

    @property
    def busy(self) -> int:
        """How many requests are on their way, also those that nobody waits for any more."""
        with self._lock:
            return self._busy

    def clear(self) -> None:
        """Forget the requests so far and number from 1 again."""
        with self._lock:
            self._requests.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        with self._lock:
            for each in self._sockets:
                # Wakes the thread that waits for a next request, or for upstream.
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        self._server.server_close()  # waits for the threads
        if error is None and self._error is not None:
            raise self._error

    def exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply | None:
        """Take one request through both phases; None cuts the connection."""
        with self._lock:
            self._busy += 1
        try:
            return self._exchange(method, path, headers, body)
        finally:
            with self._lock:
                self._busy -= 1

    def _exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply | None:
        with self._lock:
            request = Request(len(self._requests) + 1, method, path, headers, body)
            self._requests.append(request)
        fault = self._ask(Phase.BEFORE, request)
        if fault is not None:
            return None if isinstance(fault, Cut) else fault
        try:
            answer = self._forward(request)
        except (OSError, http.client.HTTPException):
            return None  # what the client would see of an upstream that goes away
        seen = replace(request, status=answer.status)
        with self._lock:
            place = request.number - 1
            # Unless `clear` was called in between.
            if place < len(self._requests) and self._requests[place] is request:
                self._requests[place] = seen
        fault = self._ask(Phase.AFTER, seen)
        if fault is not None:
            return None if isinstance(fault, Cut) else fault
        return answer

    def _ask(self, phase: Phase, request: Request) -> Cut | Reply | None:
        hook = self.on_request
        if hook is None:
            return None
        try:
            fault = hook(request.number, phase, request)
        except Exception as error:  # noqa: BLE001 - raised again by __exit__
            self._error = self._error or error
            return CUT
        if isinstance(fault, Delay):
            return CUT if self._closing.wait(fault.seconds) else None
        return fault

    def _forward(self, request: Request) -> Reply:
        # A connection of its own: one that was kept open may be closed under a request, and sending that
        # again would be a fault that nobody asked for.
        connection = http.client.HTTPConnection(*self._upstream, timeout=60)
        with contextlib.closing(connection):
            connection.connect()
            with self.watched(connection.sock):
                connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
                for name, value in request.headers.items():
                    if name.lower() not in _OF_ONE_CONNECTION:
                        connection.putheader(name, value)
                if request.body or request.method in {"POST", "PUT", "PATCH"}:
                    connection.putheader("Content-Length", str(len(request.body)))
                connection.endheaders(request.body)
                response = connection.getresponse()
                headers = {k: v for k, v in response.getheaders() if k.lower() not in _OF_ONE_CONNECTION}
                return Reply(response.status, headers, response.read())

    @contextlib.contextmanager
    def watched(self, connection: socket.socket) -> Iterator[None]:
        """Keep a socket among those that are shut down when the proxy closes."""
        with self._lock:
            self._sockets.add(connection)
            if self._closing.is_set():
                connection.shutdown(socket.SHUT_RDWR)
        try:
            yield
        finally:
            with self._lock:
                self._sockets.discard(connection)


# Framing is each connection's own; `Host` goes through unchanged, as signatures cover it.
_OF_ONE_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "te"})
_NO_BODY = frozenset({204, 304})


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128
    proxy: FaultProxy

    def handle_error(self, request: object, client_address: object) -> None:
        """Return nothing: clients are killed on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle(self) -> None:
        with self.server.proxy.watched(self.connection):
            super().handle()

    def _serve(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        if len(body) < size:
            self.close_connection = True  # the client died in the middle of it
            return
        answer = self.server.proxy.exchange(self.command, self.path, dict(self.headers.items()), body)
        if answer is None:
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        bodiless = answer.status in _NO_BODY
        if not bodiless:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if not bodiless:
            self.wfile.write(answer.body)
        self.wfile.flush()

    # http.server calls these.
    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Return nothing: the proxy keeps the requests itself."""
