"""An Event Grid topic for CloudEvents. It speaks https: the SDK sends no token otherwise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import trustme

from testing.arm_endpoint import TOKEN
from testing.services.stand_in import Got, Reply, StandIn

if TYPE_CHECKING:
    from pathlib import Path


class Topic(StandIn):
    """See StandIn. `events` are what was published, in order; twice where it was published twice."""

    def __init__(self, bundle: Path) -> None:
        """Write the certificate of its authority to `bundle`, for `REQUESTS_CA_BUNDLE`."""
        import ssl

        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        authority.cert_pem.write_to_path(str(bundle))
        super().__init__(ssl_context=context)
        self.events: list[dict[str, Any]] = []

    @property
    def endpoint(self) -> str:
        """What an audience's `eventgrid` takes."""
        return f"{self.url}/api/events"

    def answer(self, got: Got) -> Reply:
        """Publish."""
        if got.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(401, {"error": {"code": "Unauthorized", "message": "The request is unauthorized."}})
        if not got.headers["content-type"].startswith("application/cloudevents-batch+json"):
            return Reply(400, {"error": {"code": "BadRequest", "message": "not a batch of CloudEvents"}})
        self.events += json.loads(got.body)
        return Reply(200)
