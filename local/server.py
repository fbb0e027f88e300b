"""The HTTP side of the local host: connections, routes and the host's own administration."""

from __future__ import annotations

import json
import logging
import threading
import time
import typing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from local.functions import EVENT_GRID, Function
from local.timers import INFO
from local.webhook import PATH, Answer, EventGridWebhook, events, failed, json_answer

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future
    from io import BufferedIOBase

ADMIN = "/admin/functions"
_log = logging.getLogger("host")


class Routes:
    """Finds the answer to a request: the Event Grid endpoint, or the administration of the host."""

    def __init__(
        self, functions: Iterable[Function], invoke: Callable[[Function, str], Future[None]]
    ) -> None:
        self._functions = {each.name: each for each in functions}
        self._invoke = invoke
        self._webhook = EventGridWebhook(self._functions.values(), invoke)

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer to one request; routes have no case, as in the real host."""
        url = urlsplit(target)
        path = url.path.rstrip("/").lower()
        if path == PATH.lower():
            return self._webhook.answer(method, url.query, headers, body)
        if path == "/admin/host/status" and method == "GET":
            return json_answer({"state": "Running"})
        if path == ADMIN and method == "GET":
            return json_answer([_described(each) for each in self._functions.values()])
        if path.startswith(f"{ADMIN}/") and method == "POST":
            return self._run(unquote(url.path[len(ADMIN) + 1 :].rstrip("/")), body)
        return Answer(404)

    def _run(self, name: str, body: bytes) -> Answer:
        """Run a function by hand. The real host answers 202 at once; this one when the run has ended."""
        function = self._functions.get(name)
        if function is None:
            return Answer(404)
        try:
            given = json.loads(body)
            value = given.get("input")
        except (ValueError, AttributeError):
            return Answer(400)
        data = INFO
        if function.kind == EVENT_GRID:
            try:
                (data,) = events(value)
            except (ValueError, TypeError):
                return Answer(500, "input must be the JSON of one event as a string")
        error = self._invoke(function, data).exception()
        return failed(error) if error else Answer(202)


def _described(function: Function) -> dict[str, object]:
    return {
        "name": function.name,
        "href": f"{ADMIN}/{function.name}",
        "config": {"bindings": [dict(function.trigger)]},
        "language": "python",
        "isDisabled": False,
    }


class Server(ThreadingHTTPServer):
    """Serves routes on 127.0.0.1, a thread per connection, HTTP/1.1 with keep-alive."""

    daemon_threads = True
    request_queue_size = 128  # a burst of events is many connections at once

    def __init__(self, port: int, routes: Routes) -> None:
        """Listen at once; raises `OSError` if the port is taken. Port 0 picks a free one."""
        self.routes = routes
        self._busy = 0
        self._idle = threading.Condition()
        super().__init__(("127.0.0.1", port), _Handler)

    def begin(self) -> None:
        """Count a request that has arrived."""
        with self._idle:
            self._busy += 1

    def end(self) -> None:
        """Count a request that has been answered."""
        with self._idle:
            self._busy -= 1
            self._idle.notify_all()

    def drain(self, seconds: float) -> bool:
        """Wait at most `seconds` until no request is open, and return whether that was reached."""
        deadline = time.monotonic() + seconds
        with self._idle:
            return self._idle.wait_for(lambda: self._busy == 0, max(0.0, deadline - time.monotonic()))

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - as inherited
        """Log what went wrong with a connection; a client that goes away is no error."""
        _log.debug("A connection ended early.", exc_info=True)


def read_body(headers: Mapping[str, str], stream: BufferedIOBase) -> bytes:
    """Read a request's body, whether it comes with a length or in chunks; raises `ValueError` if broken."""
    if "chunked" not in headers.get("Transfer-Encoding", "").lower():
        return _exactly(stream, int(headers.get("Content-Length") or 0))
    parts = []
    while size := int(stream.readline(1024).split(b";")[0], 16):
        parts.append(_exactly(stream, size))
        stream.readline(1024)
    while stream.readline(65536).strip():
        pass  # trailers
    return b"".join(parts)


def _exactly(stream: BufferedIOBase, size: int) -> bytes:
    body = stream.read(size)
    if len(body) != size:
        raise ValueError(f"the body ended after {len(body)} of {size} bytes")
    return body


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one packet

    def _serve(self) -> None:
        self.server.begin()
        try:
            try:
                body = read_body(typing.cast("Mapping[str, str]", self.headers), self.rfile)
            except ValueError:
                self.close_connection = True
                self._send(Answer(400))
                return
            self._send(self._answer(body))
        finally:
            self.server.end()

    def _answer(self, body: bytes) -> Answer:
        try:
            headers = typing.cast("Mapping[str, str]", self.headers)
            return self.server.routes.answer(self.command, self.path, headers, body)
        except Exception as error:  # noqa: BLE001 - the host itself went wrong, or is ending
            _log.exception("%s %s could not be answered.", self.command, self.path)
            return failed(error)

    def _send(self, answer: Answer) -> None:
        body = answer.text.encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    # http.server calls these.
    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Log at debug level: the host's log has a line per invocation, not per request."""
        _log.debug(format, *args)
