"""A sample event reaches the app as one of Event Grid's does, and can be made a new one."""

from __future__ import annotations

import io
import json
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ops import send, webhook
from ops.__main__ import main as command
from shared.events import envelope, model, scheduled_event
from testing.services.stand_in import Got, Reply, StandIn
from tests.infra import code

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STARTED = str(code.ROOT / "samples" / "started.cloudevent.json")
SAMPLES = sorted((code.ROOT / "samples").glob("*.json"))


class Endpoint(StandIn):
    """Takes whatever comes, and answers with `status`."""

    status = 202

    def answer(self, got: Got) -> Reply:
        """See StandIn."""
        return Reply(self.status)

    @property
    def came(self) -> list[tuple[str, dict[str, str], Any]]:
        """Path, headers in lower case, and JSON of each, in order."""
        return [(f"{got.path}?{got.query}", got.headers, got.json) for got in self.requests]


@pytest.fixture
def app() -> Iterator[Endpoint]:
    """Serve something that takes events."""
    with Endpoint() as endpoint:
        yield endpoint


def test_sends_to_a_function_app(app: Endpoint, capsys: pytest.CaptureFixture[str]) -> None:
    """The file goes to maintenance_events byte for byte, as a notification of Event Grid's."""
    assert command(["send", "--to", app.url, STARTED]) == 0
    ((path, headers, body),) = app.came
    assert path == "/runtime/webhooks/EventGrid?functionName=maintenance_events"
    assert headers["aeg-event-type"] == "Notification"
    assert "x-functions-key" not in headers
    assert body == json.loads(Path(STARTED).read_text("utf-8"))
    assert "accepted (202)" in capsys.readouterr().out


def test_key_comes_from_a_file_or_standard_input(
    app: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key travels in a header, never in the address, where logs would keep it."""
    (tmp_path / "key").write_text("k3y\n", "utf-8")
    assert command(["send", "--to", app.url, "--key-file", str(tmp_path / "key"), STARTED]) == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("other\n"))
    assert command(["send", "--to", app.url, "--key-file", "-", STARTED]) == 0
    assert [headers["x-functions-key"] for _, headers, _ in app.came] == ["k3y", "other"]
    assert all("code=" not in path for path, _, _ in app.came)


def test_sends_to_a_topic(app: Endpoint, tmp_path: Path) -> None:
    """A topic's endpoint gets the event through azure-eventgrid, in its own schema."""
    (tmp_path / "key").write_text("k3y", "utf-8")
    to = f"{app.url}/api/events"
    assert command(["send", "--to", to, "--key-file", str(tmp_path / "key"), "--new", STARTED]) == 0
    ((path, headers, body),) = app.came
    assert path.startswith("/api/events?api-version=")
    assert headers["content-type"].startswith("application/cloudevents-batch+json")
    assert headers["aeg-sas-key"] == "k3y"
    assert body[0]["type"] == scheduled_event.EVENT_TYPE


@pytest.mark.parametrize(
    ("status", "words"), [(401, "eventgrid_extension"), (404, "no such function"), (500, "500")]
)
def test_says_why_it_was_not_taken(
    app: Endpoint, capsys: pytest.CaptureFixture[str], status: int, words: str
) -> None:
    """An answer other than 2xx is exit code 1, with what to do about it."""
    app.status = status
    assert command(["send", "--to", app.url, STARTED]) == 1
    assert words in capsys.readouterr().err


def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    """An app that does not answer is said so."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert command(["send", "--to", f"http://127.0.0.1:{port}", STARTED]) == 1
    assert f"no answer from http://127.0.0.1:{port}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", [["--to", "ftp://x", STARTED], ["--to", "http://127.0.0.1:1", "missing.json"]]
)
def test_wrong_command_line(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be sent at all is exit code 2, with the reason."""
    assert command(["send", *wrong]) == 2
    assert capsys.readouterr().err


def test_endpoint_keeps_what_the_address_names() -> None:
    """A function's own address stays as it is; a bare app's is completed."""
    whole = "https://a.example/runtime/webhooks/EventGrid?functionName=other&code=c"
    assert webhook.endpoint(whole) == whole
    assert webhook.endpoint("https://a.example/") == (
        "https://a.example/runtime/webhooks/EventGrid?functionName=maintenance_events"
    )


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_new_reads_as_the_same_event_of_now(sample: Path) -> None:
    """A renewed event is one that the app has not seen, and says the same otherwise, all of it of now."""
    body = json.loads(sample.read_text("utf-8"))
    (old,) = envelope.parse(json.dumps(body), NOW)
    (new,) = envelope.parse(json.dumps(send.renewed(body, NOW)), NOW)
    assert type(new.reading) is type(old.reading)
    if isinstance(old.reading, model.Event) and isinstance(new.reading, model.Event):
        assert new.reading.row_key() != old.reading.row_key()
        assert new.reading.envelope_id != old.reading.envelope_id
        assert abs(new.reading.time - NOW) < timedelta(milliseconds=1)
        assert (new.reading.status, new.reading.subject) == (old.reading.status, old.reading.subject)
        if old.reading.start is not None and new.reading.start is not None:
            far = old.reading.start - old.reading.time
            assert abs(new.reading.start - new.reading.time - far) < timedelta(milliseconds=1)
        assert (new.reading.start is None) == (old.reading.start is None)


def test_new_keeps_a_story_together() -> None:
    """Events of one maintenance are of one maintenance afterwards, in the same order and distance."""
    body = json.loads(Path(STARTED).read_text("utf-8"))
    later = json.loads(json.dumps(body))
    later["time"] = "2099-01-01T00:00:00Z"
    later["data"]["resourceInfo"]["properties"]["eventStatus"] = "Completed"
    first, second = envelope.parse(json.dumps(send.renewed([body, later], NOW)), NOW)
    assert isinstance(first.reading, model.Event)
    assert isinstance(second.reading, model.Event)
    assert first.reading.event_id == second.reading.event_id
    assert first.reading.time < second.reading.time
    assert abs(second.reading.time - NOW) < timedelta(seconds=1)


@pytest.mark.parametrize("body", [None, 7, "x", [], [None], {}, {"data": []}, {"data": {"resourceInfo": 1}}])
def test_new_takes_anything(body: object) -> None:
    """What is no event goes out as it is: the app has to cope with it, too."""
    renewed = send.renewed(body, NOW)
    assert isinstance(renewed, type(body))
