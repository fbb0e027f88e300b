"""Mail through Exchange Online, by Microsoft Graph: the same MIME that a relay would get.

Importing this module imports `requests`: import it where mail is about to be sent.

`sendMail` cannot be asked about what it took. A draft can: it is made, its id is kept, it is sent, and its
`isDraft` says ever after whether that came to pass: https://learn.microsoft.com/graph/outlook-immutable-id

A 202 is success whatever else it carries: one with a Retry-After was taken, too
(https://github.com/microsoftgraph/msgraph-sdk-java/issues/1487). After a 504 mail was delivered all the same,
so a 5xx leaves everything open.
"""

from __future__ import annotations

import base64
import time
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from shared import decoding
from shared.channels import answers
from shared.channels.email.mime import mailboxes, message_bytes
from shared.channels.http import HttpResponse, NoAnswerError, NothingSentError
from shared.channels.outcomes import (
    Accepted,
    Gone,
    OperationState,
    OperationStatus,
    Outcome,
    Refused,
    Unavailable,
    Unknown,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.channels.email.email import Email
    from shared.channels.http import Door
    from shared.channels.outcomes import Timeouts

MAX_RECIPIENTS = 500
"""https://learn.microsoft.com/graph/api/resources/message"""

_MIME = "text/plain"
"""By this type Graph knows that the body is MIME in base64."""

_IMMUTABLE = {"Prefer": 'IdType="ImmutableId"'}
"""An id that stays when the draft becomes a sent mail."""


class Draft(msgspec.Struct, frozen=True):
    """What Graph says of a draft, or of the mail that came of it."""

    id: str = ""
    isDraft: bool | None = None  # noqa: N815 - Graph's name


class GraphMailer:
    """Sends from one mailbox. Safe to share between threads.

    `base` is Graph's address without a version; `token` returns a token for it, and may raise; `sender` is
    the mailbox's own address, with a name or without.
    """

    def __init__(
        self, door: Door, base: str, mailbox: str, token: Callable[[], str], *, sender: str = ""
    ) -> None:
        self._door = door
        self._sender = sender or mailbox
        self._url = f"{base.rstrip('/')}/v1.0/users/{quote(mailbox, safe='@')}"
        self._token = token

    def send(self, email: Email, operation_id: str, timeouts: Timeouts) -> Outcome:
        """Hand over one email, with one request and no retry."""
        made = self._mime(email, operation_id)
        if isinstance(made, Refused):
            return made
        body, refused = made
        sent = self._post("/sendMail", body, timeouts, _MIME)
        return _taken(sent, HTTPStatus.ACCEPTED, refused)

    def status_of(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:  # noqa: ARG002 - a Mailer's
        """See Mailer: without a draft there is nothing to ask for."""
        return OperationStatus(OperationState.NO_ANSWER, "sendMail keeps no operation")

    def draft(self, email: Email, operation_id: str, timeouts: Timeouts) -> str | Outcome:
        """Make a draft; return its id, which is to be kept before it is sent, or why there is none.

        One that nobody keeps the id of hurts nobody: so there is never a doubt.
        """
        made = self._mime(email, operation_id)
        if isinstance(made, Refused):
            return made
        answer = self._post("/messages", made[0], timeouts, _MIME, _IMMUTABLE)
        if not isinstance(answer, HttpResponse) or answer.status != HTTPStatus.CREATED:
            outcome = _outcome(answer) if isinstance(answer, HttpResponse) else answer
            return Unavailable(outcome.reason) if isinstance(outcome, Unknown) else outcome
        try:
            id_ = decoding.from_json(answer.text, Draft).id
        except msgspec.DecodeError:
            id_ = ""
        return id_ or Unavailable("the answer names no draft")

    def send_draft(self, draft_id: str, timeouts: Timeouts) -> Outcome:
        """Send a draft, with one request and no retry."""
        sent = self._post(f"/messages/{quote(draft_id, safe='')}/send", b"", timeouts, _MIME, _IMMUTABLE)
        if isinstance(sent, HttpResponse) and sent.status == HTTPStatus.NOT_FOUND:
            return Unknown(answers.words(sent))  # it may be on its way already
        return _taken(sent, HTTPStatus.ACCEPTED, ())

    def status_of_draft(self, draft_id: str, timeouts: Timeouts) -> OperationStatus:
        """Ask whether a draft was sent. One that is not found is on its way: asked again later."""
        path = f"/messages/{quote(draft_id, safe='')}?$select=isDraft,sentDateTime"
        answer = self._request("GET", path, timeouts, _IMMUTABLE, None)
        if not isinstance(answer, HttpResponse):
            return OperationStatus(OperationState.NO_ANSWER, getattr(answer, "reason", ""))
        try:
            said = decoding.from_json(answer.text, Draft) if answer.status == HTTPStatus.OK else Draft()
        except msgspec.DecodeError:
            said = Draft()
        if said.isDraft is None:
            return OperationStatus(OperationState.NO_ANSWER, answers.words(answer))
        state = OperationState.NEVER_SEEN if said.isDraft else OperationState.ACCEPTED
        return OperationStatus(state, "still a draft" if said.isDraft else "among the sent items")

    def _mime(self, email: Email, operation_id: str) -> tuple[bytes, tuple[str, ...]] | Refused:
        good, bad = mailboxes((*email.to, *email.cc))
        if not good:
            return Refused("; ".join(bad.values()) or "there is no recipient")
        if len(good) > MAX_RECIPIENTS:
            return Refused(f"more than {MAX_RECIPIENTS} recipients")
        return base64.b64encode(message_bytes(email, operation_id, self._sender)), tuple(bad)

    def _post(
        self, path: str, body: bytes, timeouts: Timeouts, type_: str, headers: dict[str, str] | None = None
    ) -> HttpResponse | Outcome:
        return self._request("POST", path, timeouts, {"Content-Type": type_, **(headers or {})}, body)

    def _request(
        self, method: str, path: str, timeouts: Timeouts, headers: dict[str, str], body: bytes | None
    ) -> HttpResponse | Outcome:
        began = time.monotonic()
        try:
            token = self._token()
        except Exception as error:  # noqa: BLE001 - an identity without a token, for whatever reason
            return Unavailable(f"nothing was sent: no token: {type(error).__name__}")
        if time.monotonic() - began > timeouts.connect:
            return Unavailable("nothing was sent: it took too long to get a token")
        known = {"Authorization": f"Bearer {token}", **headers}
        try:
            return self._door.send(method, self._url + path, timeouts, headers=known, body=body)
        except NothingSentError as error:
            return Unavailable(f"nothing was sent: {error}")
        except NoAnswerError as error:
            return Unknown(f"no answer: {error}")


def _taken(answer: HttpResponse | Outcome, status: HTTPStatus, refused: tuple[str, ...]) -> Outcome:
    if not isinstance(answer, HttpResponse):
        return answer
    return Accepted(refused, said=answers.words(answer)) if answer.status == status else _outcome(answer)


def _outcome(answer: HttpResponse) -> Outcome:
    """Return what a refusal means. A mailbox that is not there concerns all mail."""
    made = answers.outcome(answer)
    if isinstance(made, Gone):
        return Unavailable(made.reason)
    return Unknown(answers.words(answer)) if isinstance(made, Accepted) else made
