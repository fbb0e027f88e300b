"""The HTTP side of the stand-in mail endpoint: threads, sockets, signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import msgspec

from testing.mail_service import Fault, Moment, Reply, Request, error

if TYPE_CHECKING:
    from testing.mail_endpoint import MailEndpoint


class MailServer(ThreadingHTTPServer):
    """Knows its open connections, so that none outlives it."""

    daemon_threads = False  # server_close() waits for every thread
    request_queue_size = 128

    def __init__(self, endpoint: MailEndpoint) -> None:
        self.endpoint = endpoint
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Bind without looking up a host name, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, and remember it."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, and forget it."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut_all(self) -> None:
        """Cut what is still open, such as connections that a client keeps for later."""
        with self._lock:
            for connection in self._open:
                _cut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Return nothing: a client that was killed is what tests are about."""


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was faster


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: MailServer

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True  # the sender died in the middle of it
            return
        self._serve(body)

    def _serve(self, body: bytes) -> None:
        path = urlsplit(self.path).path
        refusal = self._refusal(path, body)
        if path.endswith("/emails:send") and self.command == "POST":
            self._send(body, refusal)
        elif "/emails/operations/" in path and self.command == "GET":
            self._ask(unquote(path.rsplit("/", 1)[1]), refusal)
        else:
            self._reply(error(404, "NotFound", f"There is nothing at {path}."))

    def _send(self, body: bytes, refusal: Reply | None) -> None:
        endpoint = self.server.endpoint
        operation_id = self.headers.get("Operation-Id") or str(uuid4())
        request = Request("POST", self.path, operation_id, dict(self.headers), body)
        fault = endpoint.next_fault("send", request)
        endpoint.call_hook(Moment.BEFORE, request)
        endpoint.closing.wait(fault.delay_before)
        reply = refusal
        if reply is None and fault.accepts:
            reply = endpoint.service.accept(operation_id, body)
        taken = reply is not None and reply.status == 202
        request = msgspec.structs.replace(request, taken=taken)
        endpoint.record(request)
        endpoint.call_hook(Moment.AFTER, request)
        headers = (("Operation-Location", f"{endpoint.url}/emails/operations/{operation_id}"),)
        self._finish(reply, fault, headers if taken else ())

    def _ask(self, operation_id: str, refusal: Reply | None) -> None:
        endpoint = self.server.endpoint
        request = Request("GET", self.path, operation_id, dict(self.headers))
        fault = endpoint.next_fault("ask", request)
        endpoint.record(request)
        endpoint.call_hook(Moment.ASKED, request)
        endpoint.closing.wait(fault.delay_before)
        self._finish(refusal or endpoint.service.ask(operation_id), fault)

    def _finish(self, reply: Reply | None, fault: Fault, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.server.endpoint.closing.wait(fault.delay_after)
        if fault.cuts:
            self.close_connection = True
            _cut(self.connection)
            return
        if fault.status is not None:
            code = fault.code or {429: "TooManyRequests", 401: "Denied"}.get(fault.status, "Scripted")
            reply = error(fault.status, code, fault.message or f"Scripted: {fault.kind}.")
        assert reply is not None, "a fault that does not accept has a status or cuts"
        if fault.retry_after is not None:
            headers = (*headers, ("Retry-After", fault.retry_after))
        self._reply(reply, headers)

    def _refusal(self, path: str, body: bytes) -> Reply | None:
        """Check what every request needs: a version, and a signature under the key.

        What is signed: learn.microsoft.com/azure/communication-services/tutorials/hmac-header-tutorial
        """
        if "api-version=" not in urlsplit(self.path).query:
            return error(400, "MissingApiVersionParameter", f"{path} needs an api-version.")
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        signed = f"{self.headers.get('x-ms-date')};{self.headers.get('Host')};{digest}"
        text = f"{self.command}\n{self.path}\n{signed}"
        key = base64.b64decode(self.server.endpoint.key)
        signature = base64.b64encode(hmac.digest(key, text.encode(), "sha256")).decode()
        expected = f"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
        given = self.headers.get("Authorization", "")
        if digest == self.headers.get("x-ms-content-sha256") and hmac.compare_digest(given, expected):
            return None
        return error(401, "Denied", "Denied by the resource provider.")

    def _reply(self, reply: Reply, headers: tuple[tuple[str, str], ...] = ()) -> None:
        encoded = msgspec.json.encode(reply.body)
        self.send_response(reply.status)
        for name, value in (("Content-Type", "application/json"), *reply.headers, *headers):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(encoded)))
        try:
            self.end_headers()
            self.wfile.write(encoded)
        except OSError:
            self.close_connection = True  # whoever asked is gone
