"""The HTTP side of the local host: the server, its routes and the host's own administration.

A connection is kept, with a thread of its own: to make both anew costs more than a page that is asked for.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
import typing
from contextlib import contextmanager

from werkzeug import Request, Response
from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from local import host_json
from local.functions import EVENT_GRID, HTTP, Function
from local.timers import INFO
from local.webhook import PATH, EventGridWebhook, failed

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

    from _typeshed import OptExcInfo

    from local.functions import Invoke
    from local.http_functions import HttpFunctions

ADMIN = "/admin/functions"
_log = logging.getLogger("host")


class Routes:
    """Finds the answer to a request: the Event Grid endpoint, the administration, or a function's own."""

    def __init__(
        self,
        functions: Iterable[Function],
        invoke: Invoke,
        web: HttpFunctions,
        *,
        rewrite_dates: bool = False,
    ) -> None:
        self._functions = {each.name: each for each in functions}
        self._invoke = invoke
        self._web = web
        self._webhook = EventGridWebhook(self._functions.values(), invoke, rewrite_dates=rewrite_dates)

    def answer(self, request: Request) -> Response:
        """Return the answer to one request; routes have no case, as in the real host."""
        path = request.path.rstrip("/")
        match request.method, path.lower():
            case _, endpoint if endpoint == PATH.lower():
                return self._webhook.answer(request)
            case "GET", "/admin/host/status":
                return _json({"state": "Running"})
            case "GET", endpoint if endpoint == ADMIN:
                return _json([_described(each) for each in self._functions.values()])
            case "POST", endpoint if endpoint.startswith(f"{ADMIN}/"):
                return self._run(path[len(ADMIN) + 1 :], request.get_data())
        return self._web.answer(request)

    def _run(self, name: str, body: bytes) -> Response:
        """Run a function by hand. The real host answers 202 at once; this one when the run has ended."""
        function = self._functions.get(name)
        if function is None or function.kind == HTTP:
            return Response(status=404)
        try:
            value = json.loads(body).get("input")
        except (ValueError, AttributeError):
            return Response(status=400)
        data = INFO
        if function.kind == EVENT_GRID:
            try:
                data = self._webhook.text(host_json.read(value))
            except (ValueError, TypeError):
                return Response("input must be the JSON of one event as a string", 500)
        return failed(function) if self._invoke(function, data).exception() else Response(status=202)


def _json(value: object) -> Response:
    return Response(json.dumps(value), content_type="application/json; charset=utf-8")


def _described(function: Function) -> dict[str, object]:
    return {
        "name": function.name,
        "href": f"{ADMIN}/{function.name}",
        "config": {"bindings": [dict(function.trigger)]},
        "language": "python",
        "isDisabled": False,
    }


class Server(ThreadedWSGIServer):
    """Serves routes on 127.0.0.1, a thread per connection."""

    def __init__(self, port: int, routes: Routes) -> None:
        """Listen at once; raises `OSError` if the port is taken. Port 0 picks a free one."""
        self._routes = routes
        self._busy = 0
        self._idle = threading.Condition()
        self._ending = False
        # Bound here: where it cannot be, the library prints and exits. A burst is many connections at once.
        with socket.create_server(("127.0.0.1", port), backlog=self.request_queue_size) as listening:
            super().__init__("127.0.0.1", port, self._serve, _Handler, fd=listening.fileno())

    @contextmanager
    def answering(self) -> Iterator[bool]:
        """Count a request as open meanwhile; yield whether its connection may stay after it."""
        with self._idle:
            self._busy += 1
        try:
            yield not self._ending
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    def _serve(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start)

    def _answer(self, request: Request) -> Response:
        try:
            if not request.headers.get("Content-Length", "0").isdecimal():
                raise ClientDisconnected  # noqa: TRY301 - nobody knows where the body ends
            request.get_data()  # all of it: what comes next on the connection is the next request
        except (OSError, ClientDisconnected):
            return Response("The body is broken.", 400, {"Connection": "close"})
        try:
            return self._routes.answer(request)
        except Exception as error:  # noqa: BLE001 - the host itself went wrong, or is ending
            _log.exception("%s %s could not be answered.", request.method, request.full_path)
            return Response(type(error).__name__, 500)

    def shutdown(self) -> None:
        """Take no more connections, and keep none."""
        self._ending = True
        super().shutdown()

    def drain(self, seconds: float) -> bool:
        """Wait at most `seconds` until no request is open, and return whether that was reached."""
        deadline = time.monotonic() + seconds
        with self._idle:
            return self._idle.wait_for(lambda: self._busy == 0, max(0.0, deadline - time.monotonic()))

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - as inherited
        """Log what went wrong with a connection; a client that goes away is no error."""
        _log.debug("A connection ended early.", exc_info=True)


class _Handler(WSGIRequestHandler):
    """Keeps connections, which the library's own closes: it does not know where a request ends."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def run_wsgi(self) -> None:
        """Answer one request."""
        with self.server.answering() as may_stay:
            body = self.server.app(self.make_environ(), self._start)
            self.send_header(
                "Connection", "keep-alive" if may_stay and not self.close_connection else "close"
            )
            self.end_headers()
            self.wfile.writelines(body)

    def _start(
        self, status: str, headers: list[tuple[str, str]], _: OptExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        self.send_response(int(status[:3]), status[4:])
        for name, value in headers:
            self.send_header(name, value)
        return self.wfile.write

    def log_request(self, *_: object) -> None:
        """Log nothing: the host's log has a line per invocation, not per request."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002, ARG002 - as inherited
        """Log at debug level what else the library has to say: a client that goes away is no error."""
        _log.debug(message, *args)
