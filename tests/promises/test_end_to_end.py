"""From event to email, everything real but the mail service: host process, Azurite, the SDKs over HTTP."""

from __future__ import annotations

import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from testing.mail_endpoint import Fault, OperationIdMode
from testing.processes import Azurite, Host, ProcessError
from testing.real_app import SETTINGS, RealWorld
from testing.samples.payloads import event, guid, scheduled

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

FIXTURES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    """Run Azurite."""
    with Azurite() as running:
        yield running


@pytest.fixture
def world(azurite: Azurite) -> Iterator[RealWorld]:
    """Lay out a table, a mail endpoint and the proxies."""
    with RealWorld(azurite) as laid_out:
        yield laid_out


def _now() -> datetime:
    return datetime.now(UTC)


def _sweep_after(host: Host, seconds: float) -> None:
    time.sleep(max(0.0, seconds))  # GROUP_WAIT and leases pass by the clock of the machine
    assert host.run("due_notices").status == 202


def test_documented_event_twice_is_one_email(world: RealWorld) -> None:
    """The documented CloudEvent posted twice gives 202 twice, one event row, one email after the sweep."""
    text = (FIXTURES / "started.cloudevent.json").read_text()
    with world.host() as host:
        assert [host.post_event(text).status for _ in range(2)] == [202, 202]
        assert world.keys("event:") == ["event:bbe82027-0444-4f73-897a-0bbfe3af66f1:Started"]
        assert world.mails == []
        _sweep_after(host, 1.1)
        _sweep_after(host, 1.1)
    (mail,) = world.mails
    assert mail.to == ("ops@example.com",)
    assert world.keys("sent:") == [f"sent:{mail.operation_id}"]
    assert world.keys("work:2") == []


@pytest.mark.parametrize("name", ["started.cloudevent.json", "started.eventgrid.captured.json"])
def test_ten_copies_at_once_are_one_email(world: RealWorld, name: str) -> None:
    """Ten copies at once, in either schema, give ten 202s, one event row and one email."""
    text = (FIXTURES / name).read_text()
    with world.host() as host, ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(host.post_event, [text] * 10))
        assert [answer.status for answer in answers] == [202] * 10
        _sweep_after(host, 1.1)
    assert len(world.keys("event:")) == 1
    assert len(world.mails) == 1


def test_mail_carries_its_operation_id(world: RealWorld) -> None:
    """Every mail arrives through the real SDK with its Operation-Id, which is the id of its row."""
    with world.host() as host:
        host.post_event(event("Failed", _now()))
    (post,) = world.endpoint.posts
    assert post.headers["operation-id" if "operation-id" in post.headers else "Operation-Id"]
    assert world.keys("sent:") == [f"sent:{post.operation_id}"]


def test_round_trips_over_http(world: RealWorld) -> None:
    """Over the real SDK each path costs the round trips that the design promises."""

    def trips() -> list[str]:
        seen = ["commit" if request.batch else "read" for request in world.table_proxy.requests]
        world.table_proxy.clear()
        return seen

    with world.host() as host:
        host.run("due_notices")  # makes the table
        trips()
        cases = [
            (event("Started", _now(), name="a"), ["commit"]),
            (event("Started", _now(), name="a", envelope="b"), ["commit", "read"]),
            (scheduled(_now(), timedelta(days=9), name="b"), ["read", "commit"]),
            (event("Failed", _now(), name="c"), ["read", "commit", "commit"]),
            (event("Failed", _now(), name="c"), ["read"]),
        ]
        for text, expected in cases:
            assert host.post_event(text).status == 202
            assert trips() == expected
        time.sleep(1.1)
        host.run("due_notices")
        assert trips() == ["read", "read", "read", "read", "commit", "commit"]
        host.run("due_notices")
        assert trips() == ["read"]


def test_raw_event_of_a_megabyte_is_kept(world: RealWorld) -> None:
    """An event of 1 MB that cannot be understood is read back from the table with the same SHA-256."""
    text = json.dumps({"padding": "x\N{SNOWMAN}" * 240_000}, separators=(",", ":"), ensure_ascii=False)
    assert 900_000 < len(text.encode()) < 1_000_000
    with world.host() as host:
        assert host.post_event(text).status == 202
    from shared.keys import digest
    from shared.store.codec import rejected

    (row,) = world.rows("rejected:").rows
    assert row.key == f"rejected:{digest(text)}"
    assert digest(rejected(row).raw) == digest(text)


def test_throttling_pauses_and_loses_nothing(world: RealWorld) -> None:
    """After a 429 nothing is posted until the time the service gave; then every mail leaves, once."""
    with world.host(GROUP_WAIT="0s") as host:
        for name in "abc":
            host.post_event(event("Started", _now(), name=name))
        world.endpoint.script(Fault(kind="429", retry_after="3"))
        posted: list[float] = []
        world.endpoint.hook = lambda _moment, _request: posted.append(time.monotonic())
        host.run("due_notices")
        host.run("due_notices")
        _sweep_after(host, 4.1)
    refused_before, refused_after, next_before = posted[:3]
    assert next_before - refused_after >= 3, refused_before
    assert sorted(world.told().values()) == [1, 1, 1]


def test_accepted_without_an_answer_arrives_once(azurite: Azurite) -> None:
    """A mail that was accepted without saying so is asked about after its lease, and arrives once."""

    def tell(way: tuple[OperationIdMode, str]) -> None:
        mode, kind = way
        with RealWorld(azurite, mode, LEASE="10s") as world, world.host() as host:
            world.endpoint.script(kind)
            assert host.post_event(event("Failed", _now())).status == 202
            assert len(world.keys("work:2")) == 1
            _sweep_after(host, 11.1)
            while world.keys("work:2"):  # a busy machine may let another lease run out
                _sweep_after(host, 2)
            assert world.endpoint.questions
            assert list(world.told().values()) == [1]

    modes = (OperationIdMode.HONOURS, OperationIdMode.IGNORES)
    with ThreadPoolExecutor(4) as pool:  # most of each is waiting
        list(pool.map(tell, itertools.product(modes, ("lost", "accept500"))))


def test_two_instances_at_once(world: RealWorld) -> None:
    """Two instances given the same events at once, and sweeping at once, tell each exactly once."""
    texts = [
        event(status, _now(), name=f"{status} {n}") for n in range(6) for status in ("Started", "Failed")
    ]
    expected = {
        f"{status.lower()} event:{guid(f'{status} {n}')}:{status}"
        for n in range(6)
        for status in ("Started", "Failed")
    }
    with world.host() as one, world.host() as two, ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda pair: pair[0].post_event(pair[1]), [(h, t) for t in texts for h in (one, two)])
        )
        assert {answer.status for answer in answers} == {202}
        told = 0
        while told < len(expected):
            told = sum(len(fate.members) for fate in world.fates)
            time.sleep(1.1)
            list(pool.map(lambda host: host.run("due_notices"), [one, two, one, two]))
    assert set(world.told()) == expected
    assert set(world.told().values()) == {1}


def test_reminder_falls_due(world: RealWorld) -> None:
    """A reminder becomes an email at its hour, and not before."""
    with world.host() as host:
        host.post_event(scheduled(_now(), timedelta(hours=24, seconds=5)))
        due = time.monotonic() + 5
        _sweep_after(host, 1.1)
        early = len(world.mails)
        assert early == 1 or time.monotonic() > due  # on a machine too busy to sweep before
        _sweep_after(host, due - time.monotonic() + 0.1)
        while len(world.mails) < 2:  # the group's interval
            _sweep_after(host, 1.1)
    assert [mail.subject.partition("]")[0] for mail in world.mails] == ["[Scheduled", "[Reminder"]


def test_table_that_does_not_answer_is_not_acknowledged(world: RealWorld) -> None:
    """An event that could not be recorded is answered with 500, so that Event Grid delivers again."""
    from testing.fault_proxy import CUT, Phase

    with world.host() as host:
        host.run("due_notices")
        world.table_proxy.on_request = lambda _n, phase, _request: CUT if phase is Phase.BEFORE else None
        text = event("Started", _now())
        assert host.post_event(text).status == 500
        world.table_proxy.on_request = None
        assert host.post_event(text).status == 202
    assert len(world.keys("event:")) == 1


def test_lost_answer_of_the_table_is_no_duplicate(world: RealWorld) -> None:
    """Where the table's answer gets lost, the event is recorded once and its failure mailed once, at once."""
    from testing.fault_proxy import CUT, Phase, Request

    lost: list[int] = []

    def lose_first_commit(number: int, phase: Phase, request: Request) -> object:
        if request.batch and phase is Phase.AFTER and not lost:
            lost.append(number)
            return CUT
        return None

    with world.host() as host:
        host.run("due_notices")
        world.table_proxy.on_request = lose_first_commit  # type: ignore[assignment]
        assert host.post_event(event("Failed", _now())).status == 202
        assert lost
        assert len(world.mails) == 1
    assert world.keys("work:2") == []


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("EMAIL_FROM", "", "Setting EMAIL_FROM is missing"),
        ("EMAIL_TO", "nobody", "Setting EMAIL_TO"),
        ("LEASE", "1s", "Setting LEASE"),
    ],
)
def test_wrong_setting_stops_the_start(setting: str, value: str, sentence: str) -> None:
    """A wrong setting stops the start with one sentence that names it."""
    settings = {
        "NOTIFIER_STORAGE": "UseDevelopmentStorage=true",
        "EMAIL_FOLDER": "unused",
        **SETTINGS,
        setting: value,
    }
    with pytest.raises(ProcessError, match=sentence), Host(settings):
        pass
