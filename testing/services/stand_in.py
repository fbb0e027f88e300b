"""What the stand-ins have in common: a port of their own, what they were sent, and faults.

    with Teams() as teams:
        teams.script("429", Fault(kind="lost"))     # the next two requests
        ...
        assert [got.json["type"] for got in teams.taken] == ["message"]

Faults are those of the stand-in mail endpoint: a status, `drop`, `lost`, `accept504`, delays.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Self

import msgspec
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from testing.mail_service import Fault

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

__all__ = ["Fault", "Got", "Reply", "StandIn"]

_ANY = re.compile(".*")


class Got(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came in; `taken` says whether the service did what it asked for."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    taken: bool = False

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Reply(msgspec.Struct, frozen=True):
    """An answer; a text goes out as it is, anything else as JSON."""

    status: int = 200
    body: Any = ""
    headers: dict[str, str] = {}


class StandIn:
    """A service on a port of its own: a context manager. Subclasses say how they answer."""

    def __init__(self, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self.fault_for: Callable[[Got], Fault | None] = lambda _: None
        """Decides on each request for which nothing is scripted."""
        self._requests: list[Got] = []
        self._faults: deque[Fault] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = QuickServer("127.0.0.1", threaded=True, ssl_context=ssl_context)
        self._server.expect_request(_ANY).respond_with_handler(self._handle)

    def answer(self, got: Got) -> Reply:
        """Do what a request asks for, and say so. A status from 400 on says that it was not done."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return self._server.url_for("").rstrip("/")

    @property
    def requests(self) -> list[Got]:
        """Every request, in order."""
        with self._lock:
            return list(self._requests)

    @property
    def taken(self) -> list[Got]:
        """Every request whose message the service took, in order; twice where it took it twice."""
        return [got for got in self.requests if got.taken]

    def script(self, *faults: Fault | str) -> None:
        """Let the next requests go wrong, one after the other. A text stands for `Fault(kind=text)`."""
        made = [Fault(kind=fault) if isinstance(fault, str) else fault for fault in faults]
        with self._lock:
            self._faults.extend(made)

    def _handle(self, request: Request) -> Response:
        got = Got(
            method=request.method,
            path=request.path,
            query=request.query_string.decode(),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.get_data(),
        )
        with self._lock:
            scripted = self._faults.popleft() if self._faults else None
        fault = scripted or self.fault_for(got) or Fault()
        self._closing.wait(fault.delay_before)
        reply = None
        with self._lock:
            if fault.accepts:
                reply = self.answer(got)
            is_taken = reply is not None and self.is_taken(got, reply)
            self._requests.append(msgspec.structs.replace(got, taken=is_taken))
        self._closing.wait(fault.delay_after)
        if fault.cuts:
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return Response(status=500)
        if fault.status is not None:
            reply = Reply(fault.status, fault.message or "scripted")
        assert reply is not None
        headers = dict(reply.headers)
        if fault.retry_after is not None:
            headers["Retry-After"] = fault.retry_after
        if isinstance(reply.body, str):
            return Response(reply.body, reply.status, headers)
        return Response(json.dumps(reply.body), reply.status, headers, content_type="application/json")

    def is_taken(self, got: Got, reply: Reply) -> bool:
        """Return whether an answer means that a message was taken."""
        return reply.status < 400

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.stop()


class QuickServer(HTTPServer):
    """An HTTP server that ends soon once told to."""

    def thread_target(self) -> None:
        """Serve: the library looks only twice a second whether to end."""
        assert self.server is not None
        self.server.serve_forever(0.01)
