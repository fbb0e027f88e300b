"""A stand-in for App Service's identity endpoint: it gives tokens to whoever knows the header.

    with IdentityEndpoint() as endpoint:
        endpoint.script("500", Fault(delay_before=9))     # the next two requests
        load(endpoint.settings | …)

The tokens are such as Azurite takes (`--oauth basic`): it reads them, and does not check the signature.
"""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from urllib.parse import parse_qsl

from testing.services.stand_in import Fault, Got, Reply, StandIn

HEADER = "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a"
CLIENT_ID = "5e29463d-71da-4fe0-8e69-999b57db23b0"


class IdentityEndpoint(StandIn):
    """See StandIn. It gives tokens for a lifetime in seconds."""

    def __init__(self, lifetime: int = 86_400) -> None:
        super().__init__()
        self.lifetime = lifetime

    @property
    def settings(self) -> dict[str, str]:
        """What App Service would put into the app's environment."""
        return {"IDENTITY_ENDPOINT": f"{self.url}/msi/token", "IDENTITY_HEADER": HEADER}

    @property
    def asked(self) -> list[dict[str, str]]:
        """The query of each request that brought the header."""
        known = [got for got in self.requests if got.headers.get("x-identity-header") == HEADER]
        return [dict(parse_qsl(got.query)) for got in known]

    def refusal(self, status: int, fault: Fault) -> Reply:
        """Put a scripted status the way the service does."""
        return _refused(status, fault.message or "No Managed Identity found")

    def answer(self, got: Got) -> Reply:
        """Return a token."""
        query = dict(parse_qsl(got.query))
        if got.headers.get("x-identity-header") != HEADER:
            return _refused(401, "Unauthorized")
        if query.get("api-version") != "2019-08-01" or "resource" not in query:
            return _refused(400, "No resource, or another version")
        now = int(time.time())
        claims = {
            "aud": query["resource"],
            "iss": "https://sts.windows.net/72f988bf-86f1-41af-91ab-2d7cd011db47/",
            "iat": now,
            "nbf": now,
            "exp": now + self.lifetime,
        }
        body = {
            "access_token": f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}.",
            "expires_on": str(now + self.lifetime),
            "resource": query["resource"],
            "token_type": "Bearer",
            "client_id": query.get("client_id", CLIENT_ID).upper(),
        }
        return Reply(200, body)


def _refused(status: int, message: str) -> Reply:
    return Reply(status, {"statusCode": status, "message": message})


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
