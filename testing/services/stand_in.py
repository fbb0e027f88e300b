"""What the stand-ins have in common: a port of their own, what they were sent, and faults.

    with Teams() as teams:
        teams.script("429", Fault(kind="lost"))     # the next two requests
        ...
        assert [got.json["type"] for got in teams.taken] == ["message"]

A fault is a status, `drop`, `lost`, `accept504`, a delay: see `Fault`.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

import msgspec
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

__all__ = ["Fault", "Got", "Moment", "Reply", "StandIn"]

_ANY = re.compile(".*")


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong with one request. Without any argument nothing does.

    `kind` is one of:

    * a status such as `"500"`, `"429"`, `"401"`: answered with it, nothing taken
    * `"drop"`: the connection is cut, nothing taken
    * `"lost"`: the message is taken, the connection cut before an answer
    * `"accept"` and a status, such as `"accept500"`: the message is taken, the answer says otherwise
    * `""`: nothing but the delays

    `retry_after` is sent as it stands (seconds or an HTTP date), `code` and `message` go into the error's
    body.
    `delay_before` and `delay_after` are seconds to wait before the message is taken and before the answer.
    """

    kind: str = ""
    retry_after: str | None = None
    code: str = ""
    message: str = ""
    delay_before: float = 0
    delay_after: float = 0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(accept)?[1-5]\d\d|drop|lost|", self.kind):
            raise ValueError(f"{self.kind!r} is no fault")

    @property
    def accepts(self) -> bool:
        """Return whether the message is taken all the same."""
        return self.kind in {"", "lost"} or self.kind.startswith("accept")

    @property
    def cuts(self) -> bool:
        """Return whether the connection is cut instead of answered."""
        return self.kind in {"drop", "lost"}

    @property
    def status(self) -> int | None:
        """The status to answer with, where it is not the one that the request deserves."""
        digits = self.kind.removeprefix("accept")
        return int(digits) if digits.isdigit() else None


class Moment(StrEnum):
    """Where a hook is called, in the thread that serves the request. It may block, and it may kill."""

    BEFORE = "before"
    """A request has arrived; nothing was done yet."""
    AFTER = "after"
    """It was done, or refused; the answer is still to be given."""


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

    @property
    def operation_id(self) -> str:
        """What the sender calls it, where it says so."""
        return self.headers.get("operation-id", "")


class Reply(msgspec.Struct, frozen=True):
    """An answer; text and bytes go out as they are, anything else as JSON."""

    status: int = 200
    body: Any = ""
    headers: dict[str, str] = {}


class StandIn:
    """A service on a port of its own: a context manager. Subclasses say how they answer."""

    faulty = ""
    """The only method whose requests go wrong, unless a script says otherwise; empty for any."""

    def __init__(self, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self.fault_for: Callable[[Got], Fault | None] = lambda _: None
        """Decides on each request for which nothing is scripted."""
        self.hook: Callable[[Moment, Got], object] = lambda *_: None
        """Hears of each request, before and after it is done."""
        self._requests: list[Got] = []
        self._faults: list[tuple[str, Fault | Reply]] = []
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

    def script(self, *faults: Fault | Reply | str, on: str | None = None) -> None:
        """Let the next requests go wrong, one after the other: those of a method, if one is given.

        A text stands for `Fault(kind=text)`, an empty one for the right answer; a reply is what is answered.
        """
        made = [Fault(kind=fault) if isinstance(fault, str) else fault for fault in faults]
        with self._lock:
            self._faults += [(self.faulty if on is None else on, fault) for fault in made]

    def _next_fault(self, got: Got) -> Fault | Reply:
        with self._lock:
            for place, (method, fault) in enumerate(self._faults):
                if method in {"", got.method}:
                    del self._faults[place]
                    return fault
        return (self.fault_for(got) if self.faulty in {"", got.method} else None) or Fault()

    def _handle(self, request: Request) -> Response:
        got = Got(
            method=request.method,
            path=request.path,
            query=request.query_string.decode(),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.get_data(),
        )
        planned = self._next_fault(got)
        fault = planned if isinstance(planned, Fault) else Fault()
        self.hook(Moment.BEFORE, got)
        self._closing.wait(fault.delay_before)
        with self._lock:
            reply = planned if isinstance(planned, Reply) else self.answer(got) if fault.accepts else None
            got = msgspec.structs.replace(got, taken=reply is not None and self.is_taken(got, reply))
            self._requests.append(got)
        self.hook(Moment.AFTER, got)
        self._closing.wait(fault.delay_after)
        if fault.cuts:
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return Response(status=500)
        if fault.status is not None:
            reply = self.refusal(fault.status, fault)
        assert reply is not None
        headers = dict(reply.headers)
        if fault.retry_after is not None:
            headers["Retry-After"] = fault.retry_after
        if isinstance(reply.body, str | bytes):
            return Response(reply.body, reply.status, headers)
        return Response(json.dumps(reply.body), reply.status, headers, content_type="application/json")

    def refusal(self, status: int, fault: Fault) -> Reply:
        """Put a scripted status the way the service would."""
        return Reply(status, fault.message or "scripted")

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
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it would print each request
        self.server.serve_forever(0.01)
