"""Events from a file, to see an email: sent to a function app, or to a topic that delivers to it."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit
from uuid import uuid4

import typer

from ops import storage, surroundings, terminal
from ops.event_outcome import Watch
from ops.webhook import WebhookResponse, endpoint, post
from shared.setting_reader import SettingsError
from shared.store.ledger import Ledger
from shared.store.table import TableError
from shared.text import line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.event_outcome import EventOutcome

LOCAL = "http://127.0.0.1:7071"
"""Where `make run` listens."""

TOPIC_PATH = "/api/events"

_GATES = "microsoft.containerservice/fleets/gates"
_TIMES = ("scheduledTime", "startTime", "lastUpdateTime")
_VERSION = re.compile(r"(?P<minor>\d+\.\d+)\.\d+")
_ZERO_YEARS = 1900


def send(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="An event or an array of them; - for standard input.")
    ],
    to: Annotated[str, typer.Option(metavar="URL", help="A function app, or a topic's endpoint.")] = LOCAL,
    key_file: Annotated[
        str,
        typer.Option(metavar="FILE|-", help="The app's system key eventgrid_extension, or a topic's key."),
    ] = "",
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
    new: Annotated[bool, typer.Option("--new", help="Send it as another maintenance, of now.")] = False,
) -> None:
    """Send events to an app, and say what became of them.

    They go as Event Grid sends them; what became of them is read from the table. The app tells nobody twice:
    see --new. A topic is reached with your own identity, such as that of `az login`, or with a key. Exit code
    1: not taken.
    """
    if file == key_file == "-":
        raise typer.BadParameter(
            "only one of event and key can come from standard input", param_hint="--key-file"
        )
    try:
        text = terminal.read(file)
        body = _json(file, text)
        key = terminal.read(key_file).strip() if key_file else ""
        if new:
            body = renewed(body, surroundings.of(context).clock.now())
            text = json.dumps(body)
        address = to if is_topic(to) else endpoint(to)
    except (OSError, ValueError) as error:
        raise terminal.refused(error) from None
    with _watching(context, text, account, table, is_wanted=not is_topic(to)) as watch:
        answer = _publish(to, body, key) if is_topic(to) else post(address, text, key)
        if not answer.is_taken:
            why = f"not taken: {answer.status or ''} {answer.why}".replace("  ", " ")
            if not answer.status:
                hint = "make run starts the app" if to == LOCAL else answer.why.removeprefix("no answer: ")
                why = f"not taken: no answer from {to}: {hint}"
            raise terminal.refused(why, terminal.NO)
        outcomes = list(_outcomes(watch))
    if terminal.is_json(output, as_json=as_json):
        terminal.print_json({"status": answer.status, "events": outcomes})
        return
    told = ":" if outcomes else "; what became of it cannot be read from here"
    print(f"accepted ({answer.status}){told}")
    for outcome in outcomes:
        print(f"  {line(str(outcome['said']))}")


@contextmanager
def _watching(
    context: typer.Context, text: str, account: str, table: str, *, is_wanted: bool
) -> Iterator[Watch | None]:
    """Look at the table of the settings, or of an account, where it can be read; None where it cannot."""
    with ExitStack() as stack:
        watch = None
        if is_wanted:
            with suppress(TableError, SettingsError, ValueError):
                around = surroundings.of(context)
                rows = stack.enter_context(around.open_table(storage.location(account, table)))
                watch = Watch(Ledger(rows), text, around.clock.now())
        yield watch


def _outcomes(watch: Watch | None) -> Iterator[EventOutcome]:
    with suppress(TableError):
        yield from watch.outcomes() if watch else ()


def _json(file: str, text: str) -> Any:  # noqa: ANN401 - whatever JSON the file holds
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{terminal.named(file)} is not JSON: {error}") from None


def is_topic(url: str) -> bool:
    """Return whether an address is a topic's endpoint, and not a function app's."""
    return urlsplit(url).path.rstrip("/").lower() == TOPIC_PATH


def renewed(body: Any, now: datetime) -> Any:  # noqa: ANN401 - whatever JSON the file holds
    """Make events of another maintenance out of some: new ids, and all times moved so that they are of now.

    Events with the same eventId keep having the same one, and times keep their distances. What is no event
    is left as it is.
    """
    events = body if isinstance(body, list) else [body]
    times = [time for event in events if isinstance(event, dict) and (time := _time_of(event))]
    shift = now - max(times) if times else timedelta()
    ids: dict[str, str] = {}
    made = [_renewed(event, now, shift, ids) if isinstance(event, dict) else event for event in events]
    return made if isinstance(body, list) else made[0]


def _renewed(event: dict[str, Any], now: datetime, shift: timedelta, ids: dict[str, str]) -> dict[str, Any]:
    event = {**event, "id": str(uuid4())}
    for name in ("time", "eventTime"):
        if name in event:
            event[name] = _moved(event[name], shift) if _time(event[name]) else _written(now)
    data = event.get("data")
    info = data.get("resourceInfo") if isinstance(data, dict) else None
    properties = info.get("properties") if isinstance(info, dict) else None
    if isinstance(data, dict) and info is None:
        return {**event, "data": _of_other_news(data)}
    if not isinstance(data, dict) or not isinstance(info, dict) or not isinstance(properties, dict):
        return event
    if str(info.get("type")).lower() == _GATES and (name := str(info.get("name") or "")):
        # A gate is known by its own name, which its resource ID and the event's subject repeat.
        named = ids.setdefault(name, str(uuid4()))
        event = json.loads(json.dumps(event).replace(name, named))
        data, info = event["data"], event["data"]["resourceInfo"]
        properties = info["properties"]
    properties = dict(properties)
    if "eventId" in properties:
        properties["eventId"] = ids.setdefault(str(properties["eventId"]), str(uuid4()))
    for name in _TIMES:
        if name in properties:
            properties[name] = _moved(properties[name], shift)
    if isinstance(target := properties.get("target"), dict):
        properties["target"] = _of_another_run(target, ids)
    return {**event, "data": {**data, "resourceInfo": {**info, "properties": properties}}}


def _of_other_news(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of a cluster's own event, of another version or pool: that is what it is known by."""
    renewed_data = dict(data)
    for name, value in data.items():
        if name.lower() == "nodepoolname" and value:
            renewed_data[name] = f"{str(value)[:8]}{uuid4().hex[:4]}"
        elif isinstance(value, str) and (version := _VERSION.fullmatch(value)):
            renewed_data[name] = f"{version['minor']}.{100 + uuid4().int % 900}"
    return renewed_data


def _of_another_run(target: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """Return the target of a fleet's gate in another update run, which is what gates are known by."""
    before, slash, name = str(target.get("id", "")).rpartition("/")
    name = ids.setdefault(name, f"{name}-{uuid4().hex[:4]}")
    run = target.get("updateRunProperties")
    renewed_run = {**run, "name": name} if isinstance(run, dict) else run
    return {**target, "id": before + slash + name, "updateRunProperties": renewed_run}


def _time_of(event: dict[str, Any]) -> datetime | None:
    return _time(event.get("time")) or _time(event.get("eventTime"))


def _moved(value: object, shift: timedelta) -> object:
    time = _time(value)
    return value if time is None else _written(time + shift)


def _time(value: object) -> datetime | None:
    """Return the time that a text says; None where it says no time, or .NET's zero time."""
    try:
        time = datetime.fromisoformat(str(value).strip())
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)) if time.year > _ZERO_YEARS else None


def _written(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _publish(url: str, body: Any, key: str) -> WebhookResponse:  # noqa: ANN401 - whatever JSON the file holds
    """Publish to a topic, with the SDK for it."""
    try:
        from azure.eventgrid import EventGridPublisherClient
    except ImportError:
        raise ValueError("publishing to a topic takes azure-eventgrid: pip install azure-eventgrid") from None
    from azure.core.credentials import AzureKeyCredential
    from azure.core.exceptions import AzureError, HttpResponseError
    from azure.identity import DefaultAzureCredential

    credential = AzureKeyCredential(key) if key else DefaultAzureCredential()
    try:
        with EventGridPublisherClient(url, credential) as client:
            client.send(body)
    except HttpResponseError as error:
        return WebhookResponse(error.status_code or 0, error.message)
    except AzureError as error:
        return WebhookResponse(0, str(error))
    return WebhookResponse(200)
