"""A stand-in for App Service's identity endpoint: it gives tokens to whoever knows the header.

    with IdentityEndpoint() as endpoint:
        endpoint.script += [Refusal(500), Refusal(0, seconds=9)]     # the next two requests
        load(endpoint.settings | …)

The tokens are such as Azurite takes (`--oauth basic`): it reads them, and does not check the signature.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

HEADER = "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a"
CLIENT_ID = "5e29463d-71da-4fe0-8e69-999b57db23b0"


@dataclass(frozen=True)
class Refusal:
    """An answer instead of a token: a status, after a while; the token after that while where it is 0."""

    status: int
    seconds: float = 0


class IdentityEndpoint:
    """Gives tokens on 127.0.0.1, in threads of its own: a context manager."""

    def __init__(self, lifetime: int = 86_400) -> None:
        self.lifetime = lifetime
        self.script: deque[Refusal] = deque()
        self.asked: list[dict[str, str]] = []
        """The query of each request that brought the header."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def settings(self) -> dict[str, str]:
        """What App Service would put into the app's environment."""
        url = f"http://127.0.0.1:{self._server.server_port}/msi/token"
        return {"IDENTITY_ENDPOINT": url, "IDENTITY_HEADER": HEADER}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, query: dict[str, str], header: str) -> tuple[int, dict[str, Any]]:
        """Return the status and the body that a request is answered with."""
        if header != HEADER:
            return 401, {"statusCode": 401, "message": "Unauthorized"}
        self.asked.append(query)
        if query.get("api-version") != "2019-08-01" or "resource" not in query:
            return 400, {"statusCode": 400, "message": "No resource, or another version"}
        refusal = self.script.popleft() if self.script else Refusal(0)
        time.sleep(refusal.seconds)
        if refusal.status:
            return refusal.status, {"statusCode": refusal.status, "message": "No Managed Identity found"}
        now = int(time.time())
        claims = {
            "aud": query["resource"],
            "iss": "https://sts.windows.net/72f988bf-86f1-41af-91ab-2d7cd011db47/",
            "iat": now,
            "nbf": now,
            "exp": now + self.lifetime,
        }
        return 200, {
            "access_token": f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}.",
            "expires_on": str(now + self.lifetime),
            "resource": query["resource"],
            "token_type": "Bearer",
            "client_id": query.get("client_id", CLIENT_ID).upper(),
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                status, body = endpoint.answer(query, self.headers.get("X-IDENTITY-HEADER", ""))
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                with contextlib.suppress(OSError):  # whoever asked has given up
                    self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
