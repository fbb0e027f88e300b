"""`notifier list` and `show`: what came in, what was told and why, what waits."""

from __future__ import annotations

import json
from contextlib import nullcontext, redirect_stderr
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from ops.__main__ import main as command
from ops.surroundings import Surroundings
from shared import keys
from shared.channels.channel import Temper
from shared.channels.outcomes import Accepted, Refused, Throttled, Unknown
from shared.delivery import reports
from shared.store.table import Operation, Verb
from testing.samples import payloads
from testing.samples.payloads import event, guid, scheduled
from testing.world import NOW, World

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., str]

WIDTH = 120


@pytest.fixture
def world() -> World:
    """Make a world in which everything has happened that a table can show."""
    world = World(EMAIL_PER_MINUTE="1000", EMAIL_PER_HOUR="1000", EMAIL_TO="ops@example.com,b@example.com")
    world.take(scheduled(NOW, timedelta(days=8), name="planned", cluster="prod-1"))
    world.take(event("Started", NOW, name="begun", cluster="dev-1"))
    world.mailer.script.append(Accepted(refused=("b@example.com",)))
    world.take(event("Failed", NOW, name="broken", cluster="prod-2"))
    world.take('{"x": 1}')
    world.settle_down(2)
    world.mailer.script.append(Refused("550 no such mailbox"))
    world.take(event("Failed", world.clock.now(), name="refused", cluster="prod-3"))
    return world


class NotDoneError(Exception):
    """What a command has written to standard error."""


def run(world: World, *arguments: str) -> int:
    """Run a command on what is stored. Raises NotDoneError for any exit code but 0."""
    around = Surroundings(clock=world.clock, open_table=lambda _: nullcontext(world.table))
    with redirect_stderr(StringIO()) as complaint:
        code = command(list(arguments), around)
    if code:
        raise NotDoneError(complaint.getvalue())
    return code


def told(world: World, state: str) -> list[str]:
    """Return the operation ids of the mails in this state."""
    rows = world.table.query("sent:", "sent;").rows
    return [row.key.removeprefix("sent:") for row in rows if row.values["state"] == state]


@pytest.fixture
def out(world: World, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command that succeeds, and give what it prints."""

    def run_(*arguments: str) -> str:
        capsys.readouterr()
        assert run(world, *arguments) == 0
        return capsys.readouterr().out

    return run_


def test_overview(out: Run) -> None:
    """Without a word it shows all four, with counts and the latest few, no wider than a terminal."""
    text = out("list")
    assert "CAME IN: 4 in the last 7d (Failed 2, Scheduled 1, Started 1)" in text
    assert "TOLD: 3 in the last 7d (failed 1, sent 2)" in text
    assert "WAITS: " in text
    assert "REJECTED: 1 in the last 7d" in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_events(out: Run) -> None:
    """What came in: when, which cluster, what, its status, and what was decided; the latest first."""
    lines = out("list", "events").splitlines()
    assert "prod-3" in lines[2]
    planned = next(line for line in lines if "prod-1" in line)
    for fact in ("2026-11-20 09:00", "node-os", "Scheduled", "new", "2026-11-28 09:00", guid("planned")[:8]):
        assert fact in planned


def test_sent(out: Run, world: World) -> None:
    """What was told: to whom, of how much, why it failed, whom the service refused, what was reported."""
    (failed,) = told(world, "failed")
    report = {"messageId": failed, "recipient": "b@example.com", "status": "Bounced"}
    body = json.dumps({"type": reports.EVENT_TYPE, "data": report})
    reports.take(world.notifier.store, world.clock, body)
    text = out("list", "sent")
    assert "550 no such mailbox" in text
    assert "refused: b@example.com" in text
    assert "ops@example.com +1" in out("list", "sent", "--cluster", "prod-1")
    shown = out("show", failed)
    assert "Bounced" in shown
    assert "ops@example.com, b@example.com" in shown


def test_in_doubt(capsys: pytest.CaptureFixture[str]) -> None:
    """What went again with a doubt is *in doubt* to people, and *doubtful* to machines."""
    world = World(None, None, Temper.BLIND)
    world.mailer.script.append(Unknown("no answer"))
    world.take(event("Failed", NOW, cluster="prod-4"))
    world.settle_down()
    (id_,) = told(world, "doubtful")
    for said in (["list", "sent"], ["show", id_], ["why", "prod-4"]):
        run(world, *said)
        assert "in doubt" in capsys.readouterr().out
    run(world, "show", id_, "--json")
    assert json.loads(capsys.readouterr().out)["state"] == "doubtful"


def test_work(out: Run, world: World) -> None:
    """What waits: when it is due, of which kind, for whom, about which cluster; how much was sent of late."""
    world.mailer.script.append(Unknown("no answer"))
    world.take(event("Failed", world.clock.now(), name="doubtful", cluster="prod-4"))
    text = out("list", "work")
    assert "Mail may go. Sent in the last minute: 3, in the last hour: 4." in text
    for line in ("2026-11-21 09:00  check", "reminder 7d", "reminder 24h", "mail    failed"):
        assert line in text
    assert "prod-4" in text
    assert "is due" in text


def test_pause(out: Run, world: World) -> None:
    """A pause is shown with its end and its reason."""
    world.mailer.script.append(Throttled(1_800, "too many requests"))
    world.take(event("Failed", world.clock.now(), name="throttled"))
    assert "No mail before 2026-11-20 09:32: too many requests." in out("list", "work")


def test_rejected(out: Run) -> None:
    """What was rejected: its size, and why it could not be understood."""
    assert "8      no event type" in out("list", "rejected")


@pytest.mark.parametrize(("pattern", "shown"), [("PROD-*", True), ("*/rg-prod/*", True), ("test-*", False)])
def test_cluster(out: Run, pattern: str, shown: bool) -> None:
    """--cluster chooses by name, in any case, or by resource ID: events, mails, and work."""
    text = out("list", "--cluster", pattern)
    for part in text.split("\n\n"):
        assert ("prod-" in part) is shown
    assert "REJECTED" not in text


def test_cluster_of_long_ago(out: Run, world: World) -> None:
    """What waits and what was told is chosen by cluster also where its event is older than --since."""
    world.clock.forward(days=2)
    text = out("list", "--cluster", "prod-1", "--since", "1d")
    assert "CAME IN: nothing" in text
    assert "reminder 24h" in text


def test_since_and_limit(out: Run, world: World) -> None:
    """--since leaves out what is older, --limit what is more; the counts say so."""
    assert "(3 more; --limit N shows more)" in out("list", "events", "--limit", "1")
    world.clock.forward(days=8)
    assert out("list", "events") == "CAME IN: nothing in the last 7d\n"
    assert "CAME IN: 4 in the last 9d" in out("list", "events", "--since", "9d")


def test_json(out: Run) -> None:
    """--json gives everything whole, as one object with an array for each kind."""
    found = json.loads(out("list", "--json"))
    assert {name: len(found[name]) for name in ("events", "sent", "rejected")} == {
        "events": 4,
        "sent": 3,
        "rejected": 1,
    }
    assert {row["type"] for row in found["work"]} == {"check", "notice"}
    assert found["gate"]["sends"]
    assert found["events"][0]["eventId"] == guid("refused")
    assert found["sent"][0]["members"][0]["key"].startswith("event:")
    assert [*json.loads(out("list", "events", "--json"))] == ["events"]


def test_nothing_stored(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty table is said to be empty."""
    assert run(World(), "list") == 0
    assert capsys.readouterr().out.count("nothing") == 4


def test_show_event(out: Run, world: World) -> None:
    """An event is shown with its whole history, the mails that told of it, and what still waits for it."""
    world.take(scheduled(world.clock.now(), timedelta(days=9), name="planned", cluster="prod-1"))
    text = out("show", guid("planned"))
    parts = {part.partition("\n")[0]: part for part in text.split("\n\n")}
    assert f"event:{guid('planned')}:Scheduled:1" in parts["CAME IN"]
    assert "rescheduled" in parts["CAME IN"]
    assert "ops@example.com" in parts["TOLD"]
    assert "reminder 24h" in parts["WAITS"]
    assert "revision 1" in text
    assert "revision 1" not in out("show", f"event:{guid('planned')}:Scheduled")


def test_show_mail(out: Run, world: World) -> None:
    """A mail is shown with its members and its outcome, by its whole id or the beginning of it."""
    (failed,) = told(world, "failed")
    text = out("show", failed[:8])
    assert text == out("show", failed) == out("show", f"sent:{failed}")
    for fact in ("550 no such mailbox", "prod-3", f"event:{guid('refused')}:Failed", "ops@example.com"):
        assert fact in text


def test_show_as_json(out: Run, world: World) -> None:
    """An entry is JSON for programs, too: a maintenance, a mail, what waits, and any other row."""
    (failed,) = told(world, "failed")
    planned = json.loads(out("show", guid("planned"), "--json"))
    assert [one["status"] for one in planned["history"]] == ["Scheduled"]
    assert planned["told"]
    assert {one["type"] for one in planned["waits"]} == {"check"}
    mail = json.loads(out("show", failed, "--output", "json"))
    assert (mail["operationId"], mail["repeatedBy"]) == (failed, [])
    for key in (world.table.keys("rejected:")[0], world.table.keys("work:")[-1]):
        assert json.loads(out("show", key, "--json"))["key"] == key
    again = json.loads(out("resend", failed, "--yes", "--json"))
    assert json.loads(out("show", again["operationId"], "--json"))["repeats"] == again["repeats"] == failed


def test_show_dissolved(out: Run, world: World) -> None:
    """A digest that was dissolved names the mails that it went out in."""
    for name in "ab":
        world.take(event("Started", world.clock.now(), name=name))
    world.mailer.script.append(Refused("too large"))
    world.settle_down(8)
    (dissolved,) = told(world, "dissolved")
    singles = out("show", dissolved).partition("DISSOLVED INTO\n")[2].split()
    assert len(singles) >= 2
    assert set(singles) <= set(told(world, "sent"))


def test_show_waiting_mail(out: Run, world: World) -> None:
    """A mail that has not been settled is shown with its members and whose turn it is."""
    world.mailer.script.append(Unknown("no answer"))
    world.take(event("Failed", world.clock.now(), name="doubtful", cluster="prod-4"))
    row = next(row for row in world.table.query("work:", "work;").rows if row.values["kind"] == "mail")
    text = out("show", row.key.rpartition(":")[2])
    assert "being sent, or its sender gone, attempt 1" in text
    assert "prod-4" in text


@pytest.mark.parametrize("prefix", ["rejected:", "audience:", "work:0", "told:"])
def test_show_any_row(out: Run, world: World, prefix: str) -> None:
    """Any other row is shown as it is."""
    key = world.table.keys(prefix)[0]
    assert key in out("show", key)


def test_raw(out: Run, world: World) -> None:
    """--raw gives what was received, byte for byte, and nothing else."""
    sent = event("Started", NOW, name="raw", details="\u00e4\u2028\x7f \\ud83d\r\n", cluster="x")
    world.take(sent)
    assert out("show", guid("raw"), "--raw") == sent
    assert out("show", world.table.keys("rejected:")[0], "--raw") == '{"x": 1}'


def test_raw_of_several(world: World) -> None:
    """Of a maintenance with several events --raw wants to know which one."""
    world.take(event("Completed", NOW, name="begun", cluster="dev-1"))
    with pytest.raises(NotDoneError, match=f"event:{guid('begun')}:Completed"):
        run(world, "show", guid("begun"), "--raw")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("show", "0000"), "no entry"),
        (("show", "sent:"), "3 entries"),
        (("show", "abc"), "too short"),
        (("show", "audience:default", "--raw"), "nothing that was received"),
    ],
)
def test_no_such_entry(world: World, arguments: tuple[str, ...], why: str) -> None:
    """A name that is nobody's, or several's, is refused with a sentence."""
    with pytest.raises(NotDoneError, match=why):
        run(world, *arguments)


def test_foreign_ids(out: Run, world: World) -> None:
    """An eventId that is no GUID is found by itself, though its key holds a hash."""
    text = json.loads(event("Started", NOW, cluster="odd"))
    text["data"]["resourceInfo"]["properties"]["eventId"] = "weekly/2026 #1"
    world.take(json.dumps(text))
    assert "odd" in out("show", "weekly/2026 #1")


def test_hostile_text(out: Run, world: World) -> None:
    """Text from outside controls no terminal, forges no lines, and stays within the width."""
    hostile = "\x1b[2J\u202e\r\nFORGED" + "x" * 5_000
    body: Any = json.loads(payloads.event("Failed", NOW, name="evil", details=hostile))
    body["data"]["resourceInfo"]["properties"] |= {"description": hostile, "eventSource": hostile}
    world.mailer.script.append(Refused(hostile))
    world.take(json.dumps(body))
    world.take('{"type": "' + "\u202e" * 300 + '\x7f"}')
    (mail,) = [id_ for id_ in told(world, "failed") if "FORGED" in out("show", id_)]
    lists, shown = out("list"), out("show", guid("evil")) + out("show", mail)
    for text in (lists, shown, out("list", "--json")):
        assert not set("\x1b\x7f\u202e\r") & set(text)
    assert max(map(len, lists.splitlines())) <= WIDTH
    assert not any(line.startswith("FORGED") for line in (lists + shown).splitlines())


def test_unreadable_rows(out: Run, world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A row that cannot be read is named, and hides no other; of an event, what its key tells is shown."""
    values = {"kind": "event", "eventId": "E", "status": "Started", "cluster": "", "facts": "{"}
    later = keys.work(NOW, "bad")
    bad = {f"event:{guid('bad')}:Started": values, "sent:bad": {"kind": "sent"}, later: {"kind": "?"}}
    world.table.commit([Operation(Verb.INSERT, key, row) for key, row in bad.items()])
    text = out("list")
    assert "CAME IN: 5" in text
    assert "cannot be read whole" in text
    assert "TOLD: 3" in text
    assert all(key in caplog.text for key in bad)
    assert "cannot be read whole" in out("show", guid("bad"))


def test_looking_changes_nothing(out: Run, world: World) -> None:
    """Looking writes nothing."""
    before = [world.table.get(key) for key in world.table.keys("")]
    world.table.trips.clear()
    out("list")
    out("show", guid("planned"))
    assert "commit" not in world.table.trips
    assert [world.table.get(key) for key in world.table.keys("")] == before
