"""The protocol as a small model: what holds in every order of steps, and what breaks without a safeguard.

The model is `protocol_model`, beside this; a planted bug takes one safeguard away, and the search has to find
what comes of it. A trace is the shortest way to what is wrong, told by the two workers, A and B.
"""

from __future__ import annotations

from functools import cache

import pytest

from testing.mail_endpoint import OperationIdMode
from tests.promises.protocol_model import Bug, Model, State, Step, Wrong, check

pytestmark = pytest.mark.slow

MODES = pytest.mark.parametrize("mode", OperationIdMode)

CAUGHT = [
    (Bug.NO_IF_MATCH, OperationIdMode.HONOURS, None),
    (Bug.NO_IF_MATCH, OperationIdMode.IGNORES, Wrong.TWICE),
    (Bug.SETTLE_BEFORE_SEND, OperationIdMode.HONOURS, Wrong.LOST),
    (Bug.SETTLE_BEFORE_SEND, OperationIdMode.IGNORES, Wrong.LOST),
    (Bug.CONFLICT_IS_DONE, OperationIdMode.HONOURS, None),
    (Bug.CONFLICT_IS_DONE, OperationIdMode.IGNORES, Wrong.TWICE),
    (Bug.NO_QUESTION, OperationIdMode.HONOURS, None),
    (Bug.NO_QUESTION, OperationIdMode.IGNORES, Wrong.TWICE),
]

TRACES = {
    Bug.NO_IF_MATCH: """
        A is given the event
        A records a mail
        A crashes
        the lease ends
        A finds the mail
        B finds the mail
        A takes the mail over
        A asks: the mail was never seen
        A sends the mail
        B takes the mail over
        B asks: the mail was never seen
        A gets a 202
        B sends the mail
        B gets a 202
    """,
    Bug.SETTLE_BEFORE_SEND: """
        A is given the event
        A records a notice
        A answers Event Grid
        A finds the notice
        A freezes the mail
        A settles the mail
        A crashes
    """,
    Bug.CONFLICT_IS_DONE: """
        A is given the event
        A records a mail
        A sends the mail
        A gets a 202
        B is given the event
        B records a mail: conflict
        B sends the mail
        B gets a 202
    """,
    Bug.NO_QUESTION: """
        A is given the event
        A records a mail
        A sends the mail
        A gets a 202
        the lease ends
        B finds the mail
        B takes the mail over
        B does not ask
        B sends the mail
        B gets a 202
    """,
}

LATE = """
    A is given the event
    A records a mail
    A sends the mail
    A gets a 5xx or no answer
    the lease ends
    B finds the mail
    B takes the mail over
    B asks: the mail was never seen
    B sends the mail
    B gets a 202
    a request adrift is taken
"""


class Mute(Model):
    """What can happen where the mail service answers no question."""

    def steps(self, state: State) -> list[tuple[str, State]]:
        """See Model."""
        return [(name, after) for name, after in super().steps(state) if "asks: " not in name]


@cache
def _checked(mode: OperationIdMode) -> tuple[Wrong | None, tuple[str, ...], list[State]]:
    return check(Model(mode))


def _lines(trace: tuple[str, ...]) -> str:
    return "".join(f"\n{name}" for name in trace)


def _lines_of(text: str) -> str:
    return _lines(tuple(line.strip() for line in text.strip().splitlines()))


@MODES
def test_a_notice_is_never_delivered_twice_and_never_lost(mode: OperationIdMode) -> None:
    """Whatever two workers run into: no second mail, and a way on to one that is delivered and settled."""
    wrong, trace, states = _checked(mode)
    assert wrong is None, _lines(trace)
    assert len(states) > 4_000


@MODES
def test_two_requests_are_never_under_way_at_once(mode: OperationIdMode) -> None:
    """Both workers may be at any two steps, but never both waiting, nor one while the other settles."""
    _, _, states = _checked(mode)
    met = {tuple(worker.step for worker in state.workers) for state in states}
    never = {frozenset({one, other}) for one in Step for other in Step if (one, other) not in met}
    assert never == {frozenset({Step.WAIT, other}) for other in (Step.WAIT, Step.SETTLE, Step.CHECK)}


@MODES
def test_the_search_meets_every_conflict_and_every_lost_answer(mode: OperationIdMode) -> None:
    """Each transaction goes through, meets a conflict, and loses its answer, in some order of steps."""
    _, _, states = _checked(mode)
    names = {name for state in states for name, _ in Model(mode).steps(state)}
    transactions = {
        "records a notice",
        "records a mail",
        "freezes the mail",
        "takes the mail over",
        "leaves the mail",
        "frees the mail",
        "settles the mail",
    }
    assert names >= {f"{who} {what}" for who in "AB" for what in transactions}
    assert names >= {f"{who} {what}, the answer lost" for who in "AB" for what in transactions}
    assert {name[2:] for name in names if ": conflict" in name} == {
        f"{what}: conflict" for what in transactions
    }


@pytest.mark.parametrize(("bug", "mode", "expected"), CAUGHT)
def test_each_planted_bug_is_caught_unless_the_mail_service_makes_up_for_it(
    bug: Bug, mode: OperationIdMode, expected: Wrong | None
) -> None:
    """A settling before the send loses mail; every other bug sends twice where the id is not honoured."""
    wrong, trace, _ = check(Model(mode, bug))
    assert wrong is expected, _lines(trace)
    assert _lines(trace) == (_lines_of(TRACES[bug]) if expected else "")


def test_a_request_taken_after_its_senders_lease_sends_twice_where_the_id_is_ignored() -> None:
    """This is where promise 2 ends: nobody can ask about a request that has not arrived yet."""
    wrong, trace, _ = check(Model(OperationIdMode.IGNORES, late_requests=True))
    assert wrong is Wrong.TWICE
    assert _lines(trace) == _lines_of(LATE)


def test_a_request_taken_after_its_senders_lease_does_no_harm_where_the_id_is_honoured() -> None:
    """With a mail service that honours the operation id, promise 2 presumes nothing about requests."""
    wrong, trace, states = check(Model(OperationIdMode.HONOURS, late_requests=True))
    assert wrong is None, _lines(trace)
    assert len(states) > 10_000


@MODES
def test_where_no_question_is_ever_answered_the_search_finds_what_is_stuck(mode: OperationIdMode) -> None:
    """A state that leads to no good end is wrong, even if something can always happen in it."""
    wrong, trace, _ = check(Mute(mode))
    assert wrong is Wrong.STUCK
    assert trace == ("A is given the event", "A records a mail", "A crashes")
