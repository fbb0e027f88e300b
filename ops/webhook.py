"""Handing events to a function app the way Event Grid does: a POST to its Event Grid endpoint."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

PATH = "/runtime/webhooks/EventGrid"
FUNCTION = "maintenance_events"
REPORTS = "email_reports"
TIMEOUT_SECONDS = 60.0
"""Seconds: a cold start and the app's 25 to answer in."""

_WHY = {
    401: "the key is missing or wrong: the app's system key eventgrid_extension is wanted",
    403: "the app does not let this machine in",
    404: "there is no such function there, or no such app",
}


class WebhookResponse(NamedTuple):
    """What the app answered; `why` where it did not take the event."""

    status: int
    why: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether Event Grid would take it for delivered."""
        return 200 <= self.status < 300  # noqa: PLR2004


def endpoint(url: str, function: str = FUNCTION) -> str:
    """Complete a function app's address to that of one function. Raises ValueError if it is no http address.

    What the address names already (a path, functionName, a code) stays.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url} is not an address such as https://APP.azurewebsites.net")
    query = dict(parse_qsl(parts.query))
    query = {"functionName": function, **query}
    path = parts.path if parts.path.strip("/") else PATH
    return urlunsplit((parts.scheme, parts.netloc, path, urlencode(query), ""))


def post(url: str, text: str, key: str = "", *, timeout: float = TIMEOUT_SECONDS) -> WebhookResponse:
    """Hand over a delivery: an event or an array of them. Never raises for what the other side does."""
    headers = {"aeg-event-type": "Notification", "content-type": "application/json"}
    if key:
        headers["x-functions-key"] = key
    request = urllib.request.Request(url, text.encode(), headers, method="POST")  # noqa: S310 - see endpoint
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310 - see endpoint
            return WebhookResponse(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            words = error.read(500).decode("utf-8", "replace").strip()
        return WebhookResponse(error.code, _WHY.get(error.code) or words or error.reason)
    except (OSError, ValueError) as error:
        return WebhookResponse(0, f"no answer: {getattr(error, 'reason', error)}")
