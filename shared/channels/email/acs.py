"""Mail through Azure Communication Services, over its real SDK.

Importing this module imports the SDK: import it where mail is about to be sent.

The SDK's retries, polling and redirects are off: one call is one request, and what happens next is for the
protocol to decide. Only a request that was handed to the network can have an outcome that nobody knows; that
moment, and the answer's status, are seen by hooks in the SDK's pipeline, because its exceptions tell neither
reliably: a 202 whose body is cut short raises, and so does an identity that cannot get a token, with the
status of another service.
"""

from __future__ import annotations

import base64
import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from azure.communication.email import EmailClient
from azure.core.credentials import AzureKeyCredential
from azure.core.rest import HttpRequest

from shared.channels.email.endpoint import normalise
from shared.channels.email.mime import split
from shared.channels.outcomes import (
    Accepted,
    OperationState,
    OperationStatus,
    Outcome,
    Refused,
    Throttled,
    Unavailable,
    Unknown,
)
from shared.channels.retry_after import DEFAULT_PAUSE_SECONDS, retry_after
from shared.connections import transport
from shared.decoding import as_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure.core.credentials import TokenCredential
    from azure.core.pipeline import PipelineRequest, PipelineResponse

    from shared.channels.email.email import Email
    from shared.channels.outcomes import Timeouts

API_VERSION = "2025-09-01"
"""The SDK's own default, named because questions about operations are asked without its help."""

CONCERNS_ALL_MAIL = frozenset({401, 402, 403, 404, 405, 407, 410})
"""Credentials, the resource, a proxy, a retired API. A 401 for "time drift" comes and goes by itself."""

CONCERNS_THIS_MAIL = frozenset({400, 413, 422})

_SETTINGS_CODE = re.compile(
    r"domain|resource|.*(sender|subscription|disabled|suspended|quota|apiversion|authentication|hostname)",
    re.IGNORECASE,
)
_SENDER = re.compile(
    r"(?<![\w.+@-])sender(?![\w.+-]*@)|\b(not verified|verification status|api version)\b", re.IGNORECASE
)
"""Errors of the resource's configuration or of the sender, which all mail shares, whatever their status: by
code (`InvalidSenderUserName`, Azure/azure-sdk-for-java#39910) or words (`See property 'senderAddress'`)."""


class AcsMailer:
    """Sends through an Azure Communication Services resource. Safe to share between threads.

    `endpoint` is the resource's URL, such as `https://name.communication.azure.com`; plain http is honoured
    for local stand-ins, with a key only. `credential` is a key or an identity, `sender` an address of a
    linked domain. Raises ValueError for a URL that is no endpoint.
    """

    def __init__(self, endpoint: str, credential: AzureKeyCredential | TokenCredential, sender: str) -> None:
        endpoint = normalise(endpoint)
        if endpoint.startswith("http:") and not isinstance(credential, AzureKeyCredential):
            raise ValueError("An identity needs an https endpoint.")  # else the SDK says so at every send
        self._client = EmailClient(
            endpoint,
            credential,
            api_version=API_VERSION,
            transport=transport(),  # each request brings time-outs of its own
            raw_request_hook=_sent_again,
        )
        self._sender = split(sender)[1]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, email: Email, operation_id: str, timeouts: Timeouts) -> Outcome:
        """Hand over one email under an operation id, with one request and no retry."""
        message = request_body(email, split(email.sender)[1] if email.sender else self._sender)
        seen = _Seen(timeouts)
        try:
            result = self._client.begin_send(
                message, operation_id=operation_id, polling=False, **_once(timeouts), **seen.hooks
            ).result()
        except Exception as problem:  # noqa: BLE001 - no answer, for whatever reason
            return seen.outcome(problem)
        if str(result.get("status") if isinstance(result, dict) else "").lower() in {"failed", "canceled"}:
            return Unknown(f"accepted, and {result['status']} at once")  # asking gives the code
        return Accepted()

    def status_of(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:
        """Ask what became of an operation."""
        request = HttpRequest(
            "GET", f"/emails/operations/{quote(operation_id, safe='')}", params={"api-version": API_VERSION}
        )
        try:
            response = self._client.send_request(request, **_once(timeouts))
            status, body = response.status_code, response.json() if response.content else None
        except Exception as problem:  # noqa: BLE001 - no answer, for whatever reason
            return OperationStatus(OperationState.NO_ANSWER, _words(problem))
        return _answer(status, body)


def request_body(email: Email, sender: str) -> dict[str, Any]:
    """Put an email the way the service wants it: the same email gives the same bytes."""
    body: dict[str, Any] = {
        "senderAddress": sender,
        "content": {"subject": email.subject, "plainText": email.text, "html": email.html},
        "recipients": {"to": [_recipient(one) for one in email.to]},
        "headers": {
            name: value for name, value in (("Message-ID", email.message_id), *email.headers) if value
        },
        "userEngagementTrackingDisabled": True,  # it would rewrite every link
    }
    if email.cc:
        body["recipients"]["cc"] = [_recipient(one) for one in email.cc]
    if email.reply_to:
        body["replyTo"] = [_recipient(email.reply_to)]
    if email.attachments:
        body["attachments"] = [
            {
                "name": one.name,
                "contentType": one.content_type,
                "contentInBase64": base64.b64encode(one.content).decode("ascii"),
            }
            for one in email.attachments
        ]
    return body


def _recipient(text: str) -> dict[str, str]:
    name, address = split(text)
    return {"address": address, "displayName": name} if name else {"address": address}


def _once(timeouts: Timeouts) -> dict[str, Any]:
    return {
        "retry_total": 0,
        "permit_redirects": False,
        "connection_timeout": timeouts.connect,
        "read_timeout": timeouts.read,
    }


def _sent_again(request: PipelineRequest[Any]) -> None:
    """Show a request that the SDK sends a second time to the hook that saw the first.

    Where a token is refused with a claims challenge, the SDK gets another and sends again, whatever retries
    it was told to make; a request's own hook is called once.
    """
    hook = request.context.get("raw_request_hook")
    if hook is not None:
        hook(request)


class _TooLate(Exception):  # noqa: N818 - it never leaves this module
    """Getting a token took so long that the request might outlive its sender's lease."""


class _Seen:
    """What was seen of one request from inside the SDK's pipeline."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._latest = time.monotonic() + timeouts.connect
        self._posted = False
        self._status: int | None = None
        self._headers: Mapping[str, str] = {}

    @property
    def hooks(self) -> dict[str, Any]:
        return {"raw_request_hook": self._on_request, "raw_response_hook": self._on_response}

    def _on_request(self, _: object) -> None:
        """Let a request go, after the credential's part and right before the network's.

        What was answered to one before it says nothing of this one.
        """
        if time.monotonic() > self._latest:
            raise _TooLate("it took too long to get a token")
        self._posted = True
        self._status, self._headers = None, {}

    def _on_response(self, response: PipelineResponse[Any, Any]) -> None:
        self._status = response.http_response.status_code
        self._headers = response.http_response.headers

    def outcome(self, problem: Exception) -> Outcome:
        """Return what became of a request that raised."""
        if not self._posted:
            words = str(problem) if isinstance(problem, _TooLate) else _words(problem)
            return Unavailable(f"nothing was sent: {words}")
        status = self._status
        if status is None:
            return Unknown(_words(problem))
        if status == HTTPStatus.ACCEPTED:
            return Accepted()  # only reading the rest of the answer went wrong
        code = str(getattr(getattr(problem, "error", None), "code", "") or "")
        reason = f"{status} {_words(problem)}"
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return Throttled(_pause(self._headers, reason), reason)
        is_of_sender = _SETTINGS_CODE.match(code) or _SENDER.search(reason)
        if status in CONCERNS_ALL_MAIL or (status < HTTPStatus.INTERNAL_SERVER_ERROR and is_of_sender):
            return Unavailable(reason)
        if status in CONCERNS_THIS_MAIL:
            return Refused(reason)
        return Unknown(reason)


def _answer(status: int, body: object) -> OperationStatus:
    """Read what was said of an operation."""
    answer = as_object(body)
    error = as_object(answer.get("error"))
    if status == HTTPStatus.NOT_FOUND:
        return OperationStatus(OperationState.NEVER_SEEN, str(error.get("code") or ""))
    said = str(answer.get("status") or "")
    if status == HTTPStatus.OK and said.lower() in {"succeeded", "running", "notstarted"}:
        return OperationStatus(OperationState.ACCEPTED, said)
    if status == HTTPStatus.OK and said.lower() in {"failed", "canceled", "cancelled"}:
        detail = ": ".join(str(error[name]) for name in ("code", "message") if error.get(name))
        return OperationStatus(OperationState.FAILED, " ".join(f"{said} {detail}".split())[:500])
    return OperationStatus(OperationState.NO_ANSWER, f"{status} {said or error.get('code') or ''}".strip())


def _pause(headers: Mapping[str, str], reason: str) -> float:
    """Read how long to wait, in seconds: from the header, or else the words, or else a minute."""
    named = re.search(r"after (\d{1,9}) seconds?", reason)
    return retry_after(headers, float(named[1]) if named else DEFAULT_PAUSE_SECONDS)


def _words(problem: Exception) -> str:
    """Return what went wrong in one line: the service's code and message where there are any."""
    error = getattr(problem, "error", None)
    said = [getattr(error, name, None) for name in ("code", "message")]
    text = ": ".join(str(one) for one in said if one) if any(said) else f"{type(problem).__name__}: {problem}"
    return " ".join(text.split())[:500]
