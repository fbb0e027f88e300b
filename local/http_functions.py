"""Functions that answer HTTP: their routes, the request that they get, the response that they give.

Routes are those of ASP.NET, without case, under the prefix of `host.json` (`extensions.http.routePrefix`,
`api` where it says nothing): `{name}`, `{name?}`, `{*rest}` and the constraints below. Keys are not asked
for, as by Microsoft's own host on a workstation.
"""

from __future__ import annotations

import json
import re
import typing

import azure.functions as func
from azure.functions.meta import Datum
from werkzeug import Response

from local.functions import HTTP, Function, LoadError
from local.webhook import failed

if typing.TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from werkzeug import Request

    from local.functions import Run

HOST_FILE = "host.json"
_CONSTRAINTS = {
    "": "[^/]+",
    "int": "-?[0-9]+",
    "long": "-?[0-9]+",
    "alpha": "[a-z]+",
    "guid": "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}
_PLACE = re.compile(r"/?\{(?P<rest>\*{0,2})(?P<name>\w+)(?::(?P<constraint>\w+))?(?P<optional>\?)?\}")


class HttpFunctions:
    """Finds the function for a request, and turns what it returns into the answer."""

    def __init__(self, functions: Iterable[Function], run: Run, prefix: str) -> None:
        """Raise `LoadError` for a route that cannot be served here."""
        self._run = run
        self.routes = {each.name: route_of(each, prefix) for each in functions if each.kind == HTTP}
        self._served = [
            (_pattern(each.name, self.routes[each.name]), frozenset(each.trigger.get("methods") or ()), each)
            for each in functions
            if each.kind == HTTP
        ]

    def answer(self, request: Request) -> Response:
        """Return the function's answer, 404 where no function has this route and method."""
        for pattern, methods, function in self._served:
            if (match := pattern.fullmatch(request.path)) and (not methods or request.method in methods):
                values = {name: value for name, value in match.groupdict().items() if value is not None}
                try:
                    # In the server's thread: to hand it to another costs more than a page that is kept.
                    result = self._run(function, _datum(request, values))
                except Exception:  # noqa: BLE001 - logged with the invocation
                    return failed(function)
                return _response(result)
        return Response(status=404)


def route_prefix(folder: Path) -> str:
    """Return the prefix of all routes of the app in this folder. Raises `LoadError`."""
    path = folder / HOST_FILE
    try:
        settings = json.loads(path.read_text("utf-8-sig")) if path.exists() else {}
        return str(settings.get("extensions", {}).get("http", {}).get("routePrefix", "api")).strip("/")
    except (OSError, ValueError, AttributeError) as error:
        raise LoadError(f"{path} cannot be read: {error}.") from error


def route_of(function: Function, prefix: str) -> str:
    """Return the whole route of a function, from the slash on."""
    given = function.trigger.get("route")
    route = function.name if given is None else str(given).strip("/")
    return "/" + "/".join(part for part in (prefix, route) if part)


def _pattern(name: str, route: str) -> re.Pattern[str]:
    pattern, end = "", 0
    for place in _PLACE.finditer(route):
        constraint = place["constraint"] or ""
        if constraint not in _CONSTRAINTS:
            raise LoadError(f"Function '{name}': the local host does not know {constraint!r} in {route!r}.")
        pattern += re.escape(route[end : place.start()])
        slash = "/" if place[0].startswith("/") else ""
        value = f"{slash}(?P<{place['name']}>{'.*' if place['rest'] else _CONSTRAINTS[constraint]})"
        pattern += f"(?:{value})?" if place["optional"] or place["rest"] else value
        end = place.end()
    rest = re.escape(route[end:])
    if "{" in rest or "}" in rest:
        raise LoadError(f"Function '{name}': the local host cannot read the route {route!r}.")
    return re.compile(f"{pattern}{rest}/?", re.IGNORECASE | re.ASCII)


def _datum(request: Request, values: dict[str, str]) -> Datum:
    def texts(pairs: Iterable[tuple[str, str]]) -> dict[str, Datum]:
        return {name: Datum(value, "string") for name, value in pairs}

    return Datum(
        {
            "method": Datum(request.method, "string"),
            "url": Datum(f"{request.scheme}://{request.host}{request.environ['REQUEST_URI']}", "string"),
            "headers": texts((name.lower(), value) for name, value in request.headers.items()),
            "query": texts(request.args.items()),
            "params": texts(values.items()),
            "body": Datum(request.get_data(), "bytes"),
        },
        "http",
    )


def _response(result: object) -> Response:
    if not isinstance(result, func.HttpResponse):
        return Response("" if result is None else str(result))
    kind = result.headers.get("Content-Type")
    if kind is None:
        charset = f"; charset={result.charset}" if result.mimetype.startswith("text/") else ""
        kind = result.mimetype + charset
    return Response(result.get_body(), int(result.status_code), result.headers, content_type=kind)
