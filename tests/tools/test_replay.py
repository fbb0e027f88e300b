"""Dead letters go through the same intake again, one by one, from a folder or a container."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug import Request, Response

from ops import dead_letters, replay
from ops.__main__ import main as command
from shared import settings
from shared.app import open_table
from shared.store.table import TableUnavailable
from testing.world import SETTINGS
from tests.infra import code
from tests.tools.test_send import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_httpserver import HTTPServer

    from testing.processes import Azurite

STARTED = json.loads((code.ROOT / "samples" / "started.cloudevent.json").read_text("utf-8"))
REPORT = {"id": "r", "eventType": "Microsoft.Communication.EmailDeliveryReportReceived", "data": {}}
WHY = {"deadletterreason": "MaxDeliveryAttemptsExceeded", "lastdeliveryoutcome": "TimedOut"}
SAS = "sv=2023-11-03&sig=s%2Fg"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder of downloaded dead letters: two files, three events."""
    (tmp_path / "TOPIC" / "2026").mkdir(parents=True)
    (tmp_path / "TOPIC" / "2026" / "a.json").write_text(json.dumps([{**STARTED, **WHY}]), "utf-8")
    (tmp_path / "TOPIC" / "2026" / "b.json").write_text(
        json.dumps([REPORT, {**STARTED, "id": "again"}]), "utf-8"
    )
    return tmp_path


@pytest.fixture
def app() -> Iterator[Endpoint]:
    """Serve something that takes events."""
    with Endpoint() as endpoint:
        yield endpoint


def container(server: HTTPServer, blobs: dict[str, str]) -> str:
    """Serve a blob container that lists its blobs two a page, and wants the SAS; return its URL."""
    names = list(blobs)

    def answer(request: Request) -> Response:
        if request.args.get("sig") != "s/g" or "x-ms-version" not in request.headers:
            return Response("<Error/>", 403)
        if request.args.get("comp") != "list":
            name = request.path.removeprefix("/account/dead/")
            return Response(blobs[name]) if name in blobs else Response(status=404)
        start = int(request.args["marker"] or 0)
        page = "".join(f"<Blob><Name>{name}</Name></Blob>" for name in names[start : start + 2])
        following = str(start + 2) if start + 2 < len(names) else ""
        return Response(
            f"\ufeff<EnumerationResults><Blobs>{page}</Blobs>"
            f"<NextMarker>{following}</NextMarker></EnumerationResults>"
        )

    server.expect_request(re.compile("/account/dead"), method="GET").respond_with_handler(answer)
    return server.url_for("/account/dead")


def test_to_an_app(folder: Path, app: Endpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each event goes by itself to the function that it was meant for, with what Event Grid said of it."""
    (tmp_path / "key").write_text("k3y", "utf-8")
    arguments = [str(folder / "TOPIC"), "--to", app.url, "--key-file", str(tmp_path / "key")]
    assert command(["replay", *arguments]) == 0
    functions = [path.partition("functionName=")[2] for path, _, _ in app.came]
    assert functions == ["maintenance_events", "email_reports", "maintenance_events"]
    assert [body["id"] for _, _, body in app.came] == [STARTED["id"], "r", "again"]
    assert all(headers["x-functions-key"] == "k3y" for _, headers, _ in app.came)
    assert "3 events: 3 taken, 0 not taken" in capsys.readouterr().out


def test_one_that_is_not_taken_holds_up_no_other(
    folder: Path, app: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not taken is named, counted, and the exit code."""
    app.status = 500
    assert command(["replay", str(folder), "--to", app.url]) == 1
    assert len(app.came) == 3
    assert "0 taken, 3 not taken" in capsys.readouterr().out


def test_lists(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--list shows where each is and why, sends nothing, and lets nothing control the terminal."""
    (folder / "c.json").write_text(json.dumps({"subject": "a\x1b[2Jb"}), "utf-8")
    assert command(["replay", str(folder), "--list"]) == 0
    out = capsys.readouterr().out
    assert "MaxDeliveryAttemptsExceeded, TimedOut" in out
    assert "4 events" in out
    assert "\x1b" not in out
    assert command(["replay", str(folder), "--list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 4


def test_from_a_container(httpserver: HTTPServer, app: Endpoint, capsys: pytest.CaptureFixture[str]) -> None:
    """A container is read page by page, names quoted, with the SAS of its URL."""
    blobs = {f"TOPIC/a b+{number}.json": json.dumps([{**STARTED, "id": str(number)}]) for number in range(5)}
    assert command(["replay", f"{container(httpserver, blobs)}?{SAS}", "--to", app.url]) == 0
    assert sum(request.method == "GET" for request, _ in httpserver.log) == 3 + 5
    assert [body["id"] for _, _, body in app.came] == ["0", "1", "2", "3", "4"]
    assert "sig=" not in capsys.readouterr().out


def test_container_says_no(httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]) -> None:
    """No right to read is said, with the role that is wanted, and without the SAS."""
    assert command(["replay", f"{container(httpserver, {})}?sv=1&sig=wrong", "--list"]) == 2
    err = capsys.readouterr().err
    assert "Storage Blob Data Reader" in err
    assert "sig=" not in err


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe\xfd"])
def test_unreadable(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    """A file that holds no JSON is named, and what lies behind it is read all the same."""
    (tmp_path / "a.bin").write_bytes(content)
    (tmp_path / "b.json").write_text('[{"id": "1", "subject": "behind"}]', "utf-8")
    assert command(["replay", str(tmp_path), "--list"]) == 2
    said = capsys.readouterr()
    assert "behind" in said.out
    assert "a.bin" in said.err


def test_nothing_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not there is an error; an empty one is not."""
    assert command(["replay", str(tmp_path / "none"), "--list"]) == 2
    assert command(["replay", str(tmp_path), "--list"]) == 0
    assert "0 events" in capsys.readouterr().out


def test_here(
    folder: Path, azurite: Azurite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --to this process takes them, with the app's settings: once new, then duplicates."""
    environment = SETTINGS | {
        "NOTIFIER_STORAGE": azurite.connection_string,
        "NOTIFIER_TABLE": "replayed",
        "EMAIL_FOLDER": str(folder / "mail"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)  # no local.settings.json here
    table = open_table(settings.load(environment))
    table._client.create_table()
    try:
        assert command(["replay", str(folder / "TOPIC")]) == 0
        first = capsys.readouterr().out
        assert "taken: new" in first
        assert "taken: ignored" in first
        assert "taken: duplicate" in first
        assert command(["replay", str(folder / "TOPIC")]) == 0
        assert "taken: new" not in capsys.readouterr().out
    finally:
        table._client.close()


def test_here_with_wrong_settings(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With wrong settings nothing is taken here, and it says which one is wrong."""
    monkeypatch.setenv("SWEEP_SCHEDULE", "now and then")
    assert command(["replay", str(folder / "TOPIC")]) == 2
    assert "SWEEP_SCHEDULE" in capsys.readouterr().err


def test_table_that_does_not_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """An event that could not be recorded is not taken, and the next one is tried all the same."""
    seen: list[Any] = []

    def take(letter: dead_letters.DeadLetter) -> tuple[bool, str]:
        seen.append(letter)
        return False, str(TableUnavailable("no answer"))

    found = [dead_letters.DeadLetter("a", {}, ""), dead_letters.DeadLetter("b", {}, "")]
    assert replay.hand_over(found, take) == 1
    assert len(seen) == 2
    assert "NOT TAKEN: no answer" in capsys.readouterr().out
