"""What has become of a message, by what a service answered over HTTP; each channel adds what its own says.

Importing this module imports `requests`: import it where something is about to be sent.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from shared.channels.http import HttpResponse, NoAnswerError, NothingSentError
from shared.channels.outcomes import Accepted, Gone, Outcome, Refused, Throttled, Unavailable, Unknown
from shared.channels.retry_after import retry_after
from shared.masking import masked
from shared.text import clip, line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.channels.http import Door
    from shared.channels.outcomes import Timeouts

_CONCERNS_THE_SENDER = frozenset({401, 402, 403, 405, 407})
_CONCERNS_THE_TARGET = frozenset({404, 410})
_CONCERNS_THE_MESSAGE = frozenset({400, 411, 413, 414, 415, 422, 431})
_REDIRECTS = range(300, 400)
_MAX_SAID_CHARACTERS = 300


def post(
    door: Door,
    url: str,
    body: bytes,
    timeouts: Timeouts,
    headers: Mapping[str, str],
    *,
    secrets: tuple[str, ...] = (),
) -> HttpResponse | Outcome:
    """Post a body; return the answer with no secret in it, or what became of a request without one."""
    try:
        answer = door.send("POST", url, timeouts, headers=headers, body=body)
    except NothingSentError as error:
        return Unavailable(f"nothing was sent: {error}")
    except NoAnswerError as error:
        return Unknown(f"no answer: {error}")
    return HttpResponse(answer.status, answer.headers, masked(answer.text, url, *secrets))


def outcome(answer: HttpResponse) -> Outcome:
    """Return what an answer says by its status alone. A 5xx leaves open whether the message was taken."""
    said = words(answer)
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return Accepted(said=said)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(retry_after(answer.headers), said)
    if answer.status in _CONCERNS_THE_TARGET:
        return Gone(said)
    if answer.status in _CONCERNS_THE_MESSAGE:
        return Refused(said)
    if answer.status in _CONCERNS_THE_SENDER:
        return Unavailable(said)
    if answer.status in _REDIRECTS:
        return Unavailable(f"{said}: it sends elsewhere, which is not followed")
    return Unknown(said)


def words(answer: HttpResponse) -> str:
    """Return status and text of an answer in one line."""
    return clip(line(f"{answer.status} {answer.text[:2_000]}"), _MAX_SAID_CHARACTERS)
