"""Send events from a file, to see an email: to a function app, or to an Event Grid topic that delivers to it.

    python -m ops.send_event --to http://127.0.0.1:7071 --new samples/started.cloudevent.json
    python -m ops.send_event --to https://APP.azurewebsites.net --key-file - --new EVENT.json
    python -m ops.send_event --to https://TOPIC.REGION-1.eventgrid.azure.net/api/events EVENT.json

EVENT.json is what Event Grid delivers: one event or an array, in either schema; `-` is standard input. The
app tells nobody twice: --new makes it another maintenance, of now. A function app asks for its system key
eventgrid_extension, from --key-file (`-`: standard input); a topic is reached with your own identity, such
as that of `az login`, or with the key in --key-file.

Exit code 0: taken. 1: not taken. 2: the file or the command line is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from ops.webhook import Answer, endpoint, post

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC_PATH = "/api/events"

_TIMES = ("scheduledTime", "startTime", "lastUpdateTime")
_ZERO_YEARS = 1900


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for; give the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.send_event",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("event", help="a file with an event or an array of events, or - for standard input")
    parser.add_argument("--to", required=True, metavar="URL", help="a function app, or a topic's endpoint")
    parser.add_argument("--new", action="store_true", help="send it as another maintenance, of now")
    parser.add_argument("--key-file", metavar="FILE", help="a file with the key, or - for standard input")
    chosen = parser.parse_args(arguments)
    if chosen.event == chosen.key_file == "-":
        parser.error("only one of event and key can come from standard input")
    try:
        text = _read(chosen.event)
        body = json.loads(text)
        key = _read(chosen.key_file).strip() if chosen.key_file else ""
        if chosen.new:
            body = renewed(body, datetime.now(UTC))
            text = json.dumps(body)
        answer = (
            _publish(chosen.to, body, key) if is_topic(chosen.to) else post(endpoint(chosen.to), text, key)
        )
    except (OSError, ValueError) as error:
        print(f"ops.send_event: {error}", file=sys.stderr)
        return 2
    if not answer.is_taken:
        print(f"not taken: {answer.status or ''} {answer.why}".replace("  ", " "), file=sys.stderr)
        return 1
    print(
        f"taken ({answer.status}): the email follows after GROUP_WAIT, with the next sweep; a failure at once"
    )
    return 0


def is_topic(url: str) -> bool:
    """Tell a topic's endpoint from a function app's address."""
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
    if not isinstance(data, dict) or not isinstance(info, dict) or not isinstance(properties, dict):
        return event
    properties = dict(properties)
    if "eventId" in properties:
        properties["eventId"] = ids.setdefault(str(properties["eventId"]), str(uuid4()))
    for name in _TIMES:
        if name in properties:
            properties[name] = _moved(properties[name], shift)
    return {**event, "data": {**data, "resourceInfo": {**info, "properties": properties}}}


def _time_of(event: dict[str, Any]) -> datetime | None:
    return _time(event.get("time")) or _time(event.get("eventTime"))


def _moved(value: object, shift: timedelta) -> object:
    time = _time(value)
    return value if time is None else _written(time + shift)


def _time(value: object) -> datetime | None:
    """Read a time; None for what is none, .NET's zero time included."""
    try:
        time = datetime.fromisoformat(str(value).strip())
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)) if time.year > _ZERO_YEARS else None


def _written(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _publish(url: str, body: Any, key: str) -> Answer:  # noqa: ANN401 - whatever JSON the file holds
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
        return Answer(error.status_code or 0, error.message)
    except AzureError as error:
        return Answer(0, str(error))
    return Answer(200)


def _read(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    return Path(file).read_text("utf-8-sig")


if __name__ == "__main__":
    sys.exit(main())
