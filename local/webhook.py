"""The Event Grid endpoint of the Functions host: what it answers to which request.

As read in the source of the host's Event Grid extension (3.4.4, `HttpRequestProcessor.ProcessAsync`).
"""

from __future__ import annotations

import json
import re
import typing
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from local.functions import EVENT_GRID, Function

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future

PATH = "/runtime/webhooks/EventGrid"

ORIGINS = frozenset(
    {
        "eventgrid.azure.net",
        "eventgrid.azure.us",
        "eventgrid.azure.cn",
        "eventgrid.azure.eaglex.ic.gov",
        "eventgrid.azure.microsoft.scloud",
    }
)
"""Who may ask for the CloudEvents handshake."""

_STRING_OR_SPACE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|\s+')


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status, text and further headers."""

    status: int
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "text/plain; charset=utf-8"


def json_answer(value: object) -> Answer:
    """Answer 200 with this value as JSON."""
    return Answer(200, json.dumps(value), content_type="application/json; charset=utf-8")


class EventGridWebhook:
    """Answers requests to `/runtime/webhooks/EventGrid`; each event is one invocation, all in parallel."""

    def __init__(
        self, functions: Iterable[Function], invoke: Callable[[Function, str], Future[None]]
    ) -> None:
        self._functions = {each.name: each for each in functions if each.kind == EVENT_GRID}
        self._invoke = invoke

    def answer(self, method: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the host's answer; comes back when all invocations have ended."""
        # Names of query parameters have no case in .NET, names of functions do.
        names = {key.lower(): value for key, value in parse_qsl(query, keep_blank_values=True)}
        name = names.get("functionname", "")
        function = self._functions.get(name)
        if function is None:
            return Answer(404, f"cannot find function: '{name}'")
        if method == "OPTIONS":
            origin = headers.get("WebHook-Request-Origin", "").lower()
            allowed = origin if origin in ORIGINS else "eventgrid.azure.net"
            return Answer(200, headers={"Webhook-Allowed-Origin": allowed})
        kind = headers.get("aeg-event-type", "").lower()
        if kind == "unsubscribe":
            return Answer(202)
        if kind not in {"subscriptionvalidation", "notification"}:
            return Answer(400)
        try:
            text = body.decode("utf-8-sig", "replace")
            if kind == "subscriptionvalidation":
                return json_answer({"validationResponse": _validation_code(text)})
            return self._notify(function, events(text))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            return Answer(500, f"The request is not what Event Grid sends: {error}")

    def _notify(self, function: Function, texts: list[str]) -> Answer:
        futures = [self._invoke(function, text) for text in texts]
        # Asking each for its exception waits for all of them: the host answers when the last one has ended.
        failures = [error for future in futures if (error := future.exception())]
        return failed(failures[0]) if failures else Answer(202)


def failed(error: BaseException) -> Answer:
    """Answer 500 with the exception's message."""
    return Answer(500, str(error) or type(error).__name__)


def events(text: str) -> list[str]:
    """Split a notification into its events, each as the compact JSON text that a function gets.

    Numbers keep their spelling, text outside ASCII is not escaped. Raises `ValueError` for anything but
    a JSON object or an array of them.
    """
    value = json.loads(text)
    if isinstance(value, dict):
        return [_compact(text)]
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ValueError("neither a JSON object nor an array of objects")
    compact, position, parts = _compact(text), 1, []
    decoder = json.JSONDecoder()
    for _ in value:
        end = decoder.raw_decode(compact, position)[1]
        parts.append(compact[position:end])
        position = end + 1
    return parts


def _compact(text: str) -> str:
    """Drop white space between the tokens of valid JSON, and needless escapes in its strings."""
    compact = _STRING_OR_SPACE.sub(lambda token: _unescaped(token[0]), text)
    # On its way to the worker the text is UTF-8, where half a surrogate pair cannot be.
    return compact.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unescaped(token: str) -> str:
    if not token.startswith('"'):
        return ""
    return json.dumps(json.loads(token), ensure_ascii=False) if "\\" in token else token


def _validation_code(text: str) -> str:
    value = json.loads(text)
    data = value[0]["data"] if isinstance(value, list) else value["data"]
    if isinstance(data, str):
        # The event of a CloudEvents subscription carries its data as JSON in a string.
        data = json.loads(data)
    return str(data["validationCode"])
