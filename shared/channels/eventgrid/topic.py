"""Publishing to an Event Grid topic, over its real SDK.

Importing this module imports the SDK: import it where something is about to be published. Its retries are
off: one call is one request. What is answered 200 is durable
(https://learn.microsoft.com/azure/event-grid/post-to-custom-topic).
"""

from __future__ import annotations

import logging
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
)
from azure.eventgrid import EventGridPublisherClient

from shared import deadlines
from shared.channels.outcomes import Accepted, Gone, Outcome, Refused, Throttled, Unavailable, Unknown
from shared.channels.retry_after import retry_after
from shared.masking import masked
from shared.text import clip, line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure.core.credentials import TokenCredential

    from shared.channels.outcomes import Timeouts

_CONCERNS_THE_EVENT = frozenset({400, 413, 415, 422})
_MAX_SAID_CHARACTERS = 300

# Its model of an event is given the options of `send`, too, and warns of each, each time.
logging.getLogger("azure.eventgrid").setLevel(logging.ERROR)


class Topic:
    """One topic. Safe to share between threads."""

    def __init__(self, endpoint: str, credential: TokenCredential) -> None:
        self._client = EventGridPublisherClient(endpoint, credential)

    def publish(self, content: dict[str, Any], timeouts: Timeouts) -> Outcome:
        """Publish one CloudEvent, with one request and no retry, in time for all of it.

        The client takes no transport of ours, and so looks names up and reads answers without a bound.
        """
        send = partial(
            self._client.send,
            content,
            retry_total=0,
            permit_redirects=False,
            connection_timeout=timeouts.connect,
            read_timeout=timeouts.read,
        )
        try:
            deadlines.within(timeouts.connect + timeouts.read, send)
        except TimeoutError:
            return Unknown("it took too long")
        except ResourceNotFoundError as error:  # without a status, and in words about namespaces
            return Gone(f"404 the topic is not there: {_body(error)}".rstrip(": "))
        except HttpResponseError as error:
            return _outcome(error)
        except ServiceRequestError as error:
            return Unavailable(f"nothing was sent: {_words(error)}")
        except AzureError as error:
            return Unknown(_words(error))
        return Accepted(said="200, published")


def _outcome(error: HttpResponseError) -> Outcome:
    status, reason = error.status_code, f"{error.status_code or ''} {_body(error) or _words(error)}".strip()
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    if status is None or isinstance(error, ClientAuthenticationError):
        return Unavailable(reason)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(retry_after(headers), reason)
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return Gone(reason)
    if status in _CONCERNS_THE_EVENT:
        return Refused(reason)
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(reason)
    return Unknown(reason)


def _body(error: HttpResponseError) -> str:
    """Return what the service says."""
    text = error.response.text() if error.response is not None else ""
    return clip(line(masked(text[:2_000])), _MAX_SAID_CHARACTERS)


def _words(error: AzureError) -> str:
    return clip(line(masked(str(error.message))), _MAX_SAID_CHARACTERS)
