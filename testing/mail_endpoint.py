"""A stand-in for the Email endpoint of Azure Communication Services, over HTTP.

It takes what the real SDK sends (`POST /emails:send`, `GET /emails/operations/{id}`), checks the signature,
keeps every request and every mail, and goes wrong on demand. In a test:

    with MailEndpoint() as endpoint:
        mailer = AcsMailer(endpoint.url, AzureKeyCredential(endpoint.key), "sender@example.com")
        endpoint.script("429", Fault(kind="lost"))       # the next two requests to send
        endpoint.script("500", on="ask")                 # the next question about an operation
        ...
        assert [mail.subject for mail in endpoint.mails] == ["Hello"]

As a process, `python -m testing.mail_endpoint`, its connection string is the first line of output.
"""

from __future__ import annotations

import base64
import signal
import threading
from collections import deque
from typing import TYPE_CHECKING, Self

from testing.mail_http import MailServer
from testing.mail_service import Fault, MailService, Moment, On, OperationIdMode, ReceivedMail, Request

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KEY", "Fault", "MailEndpoint", "Moment", "OperationIdMode", "ReceivedMail", "Request"]

KEY = base64.b64encode(b"a key for tests, and nothing else").decode()


class MailEndpoint:
    """A mail service on a port of its own: a context manager, or `start()` and `close()`.

    `hook` may be set at any time. `fault_for` may be set to a function that decides on each request to send
    for which nothing is scripted.
    """

    def __init__(
        self,
        *,
        mode: OperationIdMode = OperationIdMode.HONOURS,
        hook: Callable[[Moment, Request], None] | None = None,
    ) -> None:
        self.service = MailService(mode)
        self.key = KEY
        self.hook = hook
        self.fault_for: Callable[[Request], Fault | None] = lambda _: None
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._scripts: dict[On, deque[Fault]] = {"send": deque(), "ask": deque()}
        self._server = MailServer(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """The endpoint, as in a connection string."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    @property
    def connection_string(self) -> str:
        """What `EMAIL_CONNECTION_STRING` takes."""
        return f"endpoint={self.url};accesskey={self.key}"

    @property
    def mails(self) -> list[ReceivedMail]:
        """Every mail that left, in order; twice where it left twice."""
        return self.service.mails

    @property
    def requests(self) -> list[Request]:
        """Every request to send or about an operation, in order of their ends."""
        with self._lock:
            return list(self._requests)

    @property
    def posts(self) -> list[Request]:
        """Every request to send."""
        return [request for request in self.requests if request.method == "POST"]

    @property
    def questions(self) -> list[Request]:
        """Every question about an operation."""
        return [request for request in self.requests if request.method == "GET"]

    def script(self, *faults: Fault | str, on: On = "send") -> None:
        """Let the next requests go wrong, one after the other. A text stands for `Fault(kind=text)`."""
        made = [Fault(kind=fault) if isinstance(fault, str) else fault for fault in faults]
        with self._lock:
            self._scripts[on].extend(made)

    def end(self, operation_id: str, status: str, code: str = "") -> None:
        """Decide what is said of an operation from now on."""
        self.service.end(operation_id, status, code)

    def next_fault(self, on: On, request: Request) -> Fault:
        """Take what is scripted next, or else what `fault_for` decides, or else no fault."""
        with self._lock:
            scripted = self._scripts[on].popleft() if self._scripts[on] else None
        if scripted is not None:
            return scripted
        return (self.fault_for(request) if on == "send" else None) or Fault()

    def record(self, request: Request) -> None:
        """Keep a request."""
        with self._lock:
            self._requests.append(request)

    def call_hook(self, moment: Moment, request: Request) -> None:
        """Tell whoever wants to know."""
        if self.hook is not None:
            self.hook(moment, request)

    def start(self) -> Self:
        """Serve from now on, in threads of its own."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop, cut what is open, and wait for the threads."""
        self.closing.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.cut_all()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def main() -> None:
    """Serve until told to stop."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with MailEndpoint() as endpoint:
        print(endpoint.connection_string, flush=True)  # noqa: T201 - the interface to whoever started it
        stop.wait()


if __name__ == "__main__":
    main()
