"""The Event Grid endpoint of the Functions host: what it answers to which request.

As read in the source of the host's Event Grid extension (3.4.4, `HttpRequestProcessor.ProcessAsync`) and
held against what version 3.3.0 answered. Where the host answers with an exception's page, the text here is
a shorter one of its own; where a stray element ends an array, the answer waits for the events before it.
"""

from __future__ import annotations

import json
import typing

from werkzeug import Response

from local import host_json
from local.functions import EVENT_GRID, Function

if typing.TYPE_CHECKING:
    from collections.abc import Iterable

    from werkzeug import Request

    from local.functions import Invoke

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


class EventGridWebhook:
    """Answers requests to `/runtime/webhooks/EventGrid`; each event is one invocation, all in parallel.

    Dates are handed on as they came, as since extension 3.4.3, or rewritten as before.
    """

    def __init__(self, functions: Iterable[Function], invoke: Invoke, *, rewrite_dates: bool = False) -> None:
        self._functions = {each.name: each for each in functions if each.kind == EVENT_GRID}
        self._invoke = invoke
        self._rewrite_dates = rewrite_dates

    def answer(self, request: Request) -> Response:
        """Return the host's answer; comes back when all invocations have ended."""
        # Names of query parameters have no case in .NET, names of functions do; values of a name are joined.
        given = request.args.items(multi=True)
        name = ",".join(value for key, value in given if key.lower() == "functionname")
        function = self._functions.get(name)
        if function is None:
            return Response(f"cannot find function: '{name}'", 404)
        if request.method == "OPTIONS":
            origin = request.headers.get("WebHook-Request-Origin", "").lower()
            allowed = origin if origin in ORIGINS else "eventgrid.azure.net"
            return Response(headers={"Webhook-Allowed-Origin": allowed})
        kind = request.headers.get("aeg-event-type", "").lower()
        if kind == "unsubscribe":
            return Response(status=202)
        if kind not in {"subscriptionvalidation", "notification"}:
            return Response(status=400)
        try:
            value = host_json.read(request.get_data().decode("utf-8-sig", "replace"))
            if kind == "subscriptionvalidation":
                return Response(host_json.write({"validationResponse": _validation_code(value)}))
            return self._notify(function, value)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            return Response(f"The request is not what Event Grid sends: {error}", 500)

    def text(self, event: object) -> str:
        """Return the text that a function gets of an event. Raises TypeError if it is no JSON object."""
        if not isinstance(event, dict):
            raise TypeError("neither a JSON object nor an array of objects")
        return host_json.write(event, rewrite_dates=self._rewrite_dates)

    def _notify(self, function: Function, value: object) -> Response:
        futures, stray = [], None
        for event in value if isinstance(value, list) else [value]:
            try:
                futures.append(self._invoke(function, self.text(event)))
            except TypeError as error:
                stray = error
                break
        # Asking each for its exception waits for all of them: the host answers when the last one has ended.
        failures = [future.exception() for future in futures]
        if stray:
            raise stray
        return failed(function) if any(failures) else Response(status=202)


def failed(function: Function) -> Response:
    """Answer 500 with the function's name: what its exception says stays in the log."""
    return Response(f"Exception while executing function: {function.name}", 500)


def _validation_code(value: typing.Any) -> str:  # noqa: ANN401 - any JSON
    data = value[0]["data"] if isinstance(value, list) else value["data"]
    if isinstance(data, str):
        # The event of a CloudEvents subscription carries its data as JSON in a string.
        data = json.loads(data)
    return str(data["validationCode"])
