"""Hostile input of every kind, a little of each: `python -m prove.hostile` tries a hundred thousand."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import shlex
import warnings
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prove import hostile
from shared import audience, durations, keys
from shared.channels.email.compose import Branding
from shared.delivery import intake as delivery_intake
from shared.delivery.batch import Batch
from shared.events import envelope, scheduled_event
from shared.failures import pretty, templates
from shared.maintenance import parsing, recurrence
from shared.messages import commands, portal, view
from shared.notices import kinds, records
from shared.notices.kinds import Kind
from shared.notices.records import RejectedInput
from shared.routes import Routes
from shared.store import codec
from shared.store.protocol import Store
from shared.store.table import Conflict, Operation, Verb
from testing.hostile import InputVerdict, emails, events, failures, intake, routes, windows
from testing.hostile.kinds import KINDS, InputKind
from testing.samples import mails

if TYPE_CHECKING:
    from collections.abc import Callable

    from testing.hostile.emails import ReadEmail
    from testing.hostile.events import Delivery
    from testing.hostile.failures import Failure
    from testing.hostile.intake import Course

pytestmark = pytest.mark.slow

MANY = settings(max_examples=max(settings().max_examples, 200))
EVENT = mails.event("Started", mails.NOW)
FEW = settings(max_examples=max(settings().max_examples, 30))


@MANY
@given(events.DELIVERIES)
def test_events(delivery: Delivery) -> None:
    """Whatever is delivered is read, refused with a reason, or ignored as not of AKS, and blocks nothing."""
    events.check_delivery(delivery)


@FEW
@given(intake.COURSES)
def test_intake(course: Course) -> None:
    """Whatever is delivered, the intake does not raise, and what says that it is ours is in the table."""
    intake.check_course(course)


@MANY
@given(failures.FAILURES)
def test_failures(failure: Failure) -> None:
    """Any reason is explained, in bounded words, and nothing in it gets out of a command's quotes."""
    failures.check_failure(failure)


@MANY
@given(routes.QUESTIONS)
def test_routes(question: routes.Question) -> None:
    """Any text is routes or one sentence, and routes lead any event to audiences that there are."""
    routes.check_question(question)


@MANY
@given(windows.QUESTIONS)
def test_windows(question: windows.Question) -> None:
    """Any configuration is refused by a field's name, or has windows that are in order and not over."""
    windows.check_question(question)


@FEW
@given(emails.LETTERS)
def test_emails(letter: ReadEmail) -> None:
    """Any mixture of news makes a mail that holds text and nothing else, bounded and the same every time."""
    emails.check_letter(letter)


@pytest.mark.parametrize("bomb", routes.BOMBS, ids=range(len(routes.BOMBS)))
def test_bombs_in_routes(bomb: str) -> None:
    """What costs time or more when it is loaded as YAML is refused or harmless, like any other text."""
    routes.check_question(routes.Question(bomb, EVENT))


# What a proof says

UNQUOTED = SimpleNamespace(quote=str, split=shlex.split)
"""Stands in for `shlex` in one module, and in no other."""


def rejecting_quietly(store: Store, rejected: RejectedInput, _: records.Notice) -> bool:
    """Keep what was rejected, and tell nobody."""
    try:
        store._table.commit([Operation(Verb.INSERT, rejected.key, codec.rejected_values(rejected))])
    except Conflict:
        return False
    return True


MISTAKES: list[tuple[str, Any, str, Any]] = [
    ("events", envelope, "_piecemeal", lambda *_: []),
    ("events", scheduled_event, "_why_not_ours", lambda *_: "not for us"),
    ("events", keys, "event_id", str),
    ("intake", delivery_intake, "reject", lambda *_: kinds.Decision.REJECTED),
    ("intake", Batch, "_member", lambda *_: None),
    ("intake", Store, "reject", rejecting_quietly),
    ("failures", templates, "shlex", UNQUOTED),
    ("failures", pretty, "pretty", lambda reason: reason[:60]),
    ("routes", Routes, "_addressed", lambda *_: frozenset({"default"})),
    ("windows", recurrence, "_steps", lambda begin, _, first: count(max(begin, first))),
    ("windows", parsing, "_utc_offset", lambda _: dt.timedelta(hours=99)),
    ("emails", view, "line", str),
    ("emails", commands, "shlex", UNQUOTED),
    ("emails", portal, "quote", lambda text, **_: text),
]


@pytest.mark.parametrize(
    ("name", "place", "attribute", "mistake"),
    MISTAKES,
    ids=[f"{place.__name__}.{attribute}" for _, place, attribute, _ in MISTAKES],
)
def test_mistakes_are_found(
    name: str, place: Any, attribute: str, mistake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proof finds what it is there to find: a mistake that is planted breaks its property."""
    monkeypatch.setattr(place, attribute, mistake)
    kind = next(kind for kind in KINDS if kind.name == name)
    assert hostile.prove(kind, 1_000).breakage


NUMBERS = InputKind("numbers", st.integers(0, 1_000), lambda _: InputVerdict(("tried",), 7), 100)


def test_a_proof_tries_every_kind() -> None:
    """A proof tries inputs of every kind, each by its share, and the same for the same seed."""
    assert sum(kind.share for kind in KINDS) == 100
    found = hostile.run(100, 3, processes=1)
    assert {one.name: one.inputs for one in found} == {kind.name: kind.share for kind in KINDS}
    assert hostile.breakages(found) == []
    again = hostile.run(100, 3, processes=1)
    assert [(one.words, one.largest) for one in again] == [(one.words, one.largest) for one in found]
    assert [(one.words, one.largest) for one in hostile.run(100, 4, processes=1)] != [
        (one.words, one.largest) for one in found
    ]
    assert hostile.table(found).splitlines()[-1].startswith("| in all   |    100 |     0 |")


def test_a_proof_ends_where_there_are_no_more_inputs() -> None:
    """Where a kind has fewer inputs than are wanted, all there are of a seed are tried, and no more."""
    few = NUMBERS._replace(inputs=st.booleans())
    found = hostile.prove(few, 5)
    assert (found.inputs, found.words, found.largest) == (5, {"tried": 5}, 7)


def test_what_breaks_is_shown_at_its_smallest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What breaks is shown as the smallest input that does, ready for a test; the proof fails by it."""

    def check(number: int) -> InputVerdict:
        if number >= 17:
            raise ValueError("too many")
        return InputVerdict(("few",))

    monkeypatch.setattr(hostile, "KINDS", (NUMBERS._replace(check=check), NUMBERS._replace(name="others")))
    assert hostile.main(["--inputs", "300", "--processes", "1"]) == 1
    said = capsys.readouterr().out
    assert said.endswith("numbers broke:\ncheck(17)  # ValueError: too many\n")
    assert "| others " in said


@pytest.mark.parametrize(
    ("how", "error"),
    [
        (lambda: warnings.warn("odd", FutureWarning, stacklevel=1), "FutureWarning: odd"),
        (lambda: int("x"), "ValueError: invalid literal for int() with base 10: 'x'"),
    ],
)
def test_whatever_is_raised_breaks(how: Callable[[], Any], error: str) -> None:
    """Any exception is a breakage, and so is a warning."""
    found = hostile.prove(NUMBERS._replace(check=lambda _: how() or InputVerdict(())), 10)
    assert found.breakage.endswith(f"(0)  # {error}")


def test_what_never_ends_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """An input that is never done with is ended, and shown, even where the code catches every exception."""

    def check(number: int) -> InputVerdict:
        with contextlib.suppress(Exception):
            while number >= 0:
                pass
        return InputVerdict(())

    monkeypatch.setattr(hostile, "HANG_SECONDS", 0.01)
    assert hostile.prove(NUMBERS._replace(check=check), 10).breakage.startswith("check(0)  # TimeoutError")


def test_a_proof_needs_inputs_of_every_sort() -> None:
    """A kind of whose inputs hardly any come to what they are for breaks: it would prove nothing."""
    kind = NUMBERS._replace(
        check=lambda number: InputVerdict(("few" if number < 20 else "many",)), words=("few", "many")
    )
    found = hostile.prove(kind, hostile.ENOUGH)
    assert re.fullmatch(r"only \d\.\d% came to 'few'", found.breakage)
    assert not hostile.prove(kind._replace(words=("many",)), hostile.ENOUGH).breakage
    assert not hostile.prove(kind, hostile.ENOUGH - 1).breakage


def test_inputs_are_written_as_python_has_them() -> None:
    """An input is written so that it can be pasted: what Python makes of it is the same again."""
    row = RejectedInput("rejected:0", "no \ud800", "'\n", mails.NOW)
    told = (emails.ToldRow(Kind.REJECTED, row), emails.ToldRow(Kind.FAILED, mails.recorded(EVENT)))
    letter = emails.ReadEmail(told, mails.NOW, mails.TEAM, Branding(), "why")
    names = {
        **vars(emails),
        **vars(kinds),
        **vars(records),
        **vars(audience),
        **vars(durations),
        "datetime": dt,
    }
    for given_ in (letter, {"a": [1.5, None, float("inf")], "b": ()}):
        assert eval(hostile.pasted(given_), names) == given_
