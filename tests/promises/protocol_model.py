"""The protocol as a model: every state that two workers and one event, to be told once, can get into.

A step is one transaction, request, answer, crash or end of a lease, any number of times. The states are
finite: etags and tokens are only compared with the row's, so one is fresh or not, the other that of a worker.

Presumed: the mail service forgets nothing and answers truthfully; by its own clock a worker neither begins a
send nor waits for one after its lease; but for `late_requests`, the service takes none then either. Left out:
pauses and pace, which delay; several notices in one mail; refusals and the last attempt, which end as failed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from testing.mail_endpoint import OperationIdMode

Bug = StrEnum("Bug", "NO_IF_MATCH SETTLE_BEFORE_SEND CONFLICT_IS_DONE NO_QUESTION")
Wrong = StrEnum("Wrong", "TWICE LOST STUCK")  # stuck: nothing that can happen leads to a good end
Row = StrEnum("Row", "NOTHING NOTICE LEASED OUT FREE SENT")  # LEASED, OUT (of its lease), FREE: a mail
Step = StrEnum("Step", "IDLE RECORD FREEZE READ TAKE READ_ON ASK LEAVE POST WAIT FREE SETTLE CHECK ANSWER")


class Worker(NamedTuple):
    """An invocation: a sweep, or a delivery of Event Grid."""

    step: Step = Step.IDLE  # what it does next
    fresh: bool = False  # the etag that it holds is the row's
    late: bool = False  # a lease has ended since it took its own
    owes: bool = False  # Event Grid waits for its answer


class State(NamedTuple):
    """The workers, the table, the mail service and Event Grid."""

    workers: tuple[Worker, ...] = (Worker(), Worker())
    row: Row = Row.NOTHING
    token: int = -1  # the worker that wrote the row last; none once that invocation is over
    delivered: int = 0  # how often; under HONOURS a repeat delivers nothing
    adrift: int = 0  # requests under way that nobody waits for any more
    answered: bool = False

    def put(self, me: int, **changes: Any) -> State:
        """Change a worker."""
        worker = self.workers[me]._replace(**changes)
        return self._replace(workers=(*self.workers[:me], worker, *self.workers[me + 1 :]))

    def at(self, me: int, step: Step) -> State:
        """Let a worker go on to a step, or be done: at ANSWER where it owes one, or else at IDLE."""
        if step is not Step.IDLE and step is not Step.ANSWER:
            return self.put(me, step=step)
        step = step if self.workers[me].owes else Step.IDLE
        after = self.put(me, step=step, fresh=False, late=False, owes=False)
        return after._replace(token=-1 if self.token == me else self.token)

    def write(self, me: int, row: Row) -> State:
        """Let a worker write the row: the etag that the other holds is stale then."""
        return self._replace(row=row, token=me).put(me, fresh=True, late=False).put(1 - me, fresh=False)


class Model(NamedTuple):
    """What can happen under a mode of the mail service, with a bug or without one."""

    mode: OperationIdMode
    bug: Bug | None = None
    late_requests: bool = False

    def steps(self, state: State) -> list[tuple[str, State]]:
        """Return whatever can happen next: its name, and the state that it leads to."""
        taken = state._replace(delivered=max(1, state.delivered + (self.mode is OperationIdMode.IGNORES)))
        steps = [*self._moves(state, 0, taken), *self._moves(state, 1, taken)]
        waiting = Step.WAIT in {worker.step for worker in state.workers}
        if state.row is Row.LEASED and not waiting and (self.late_requests or not state.adrift):
            steps.append(("the lease ends", state._replace(row=Row.OUT).put(0, late=True).put(1, late=True)))
        if state.adrift:
            steps.append(("a request adrift is taken", taken._replace(adrift=state.adrift - 1)))
            steps.append(("a request adrift is lost", state._replace(adrift=state.adrift - 1)))
        return steps

    def _moves(self, state: State, me: int, taken: State) -> list[tuple[str, State]]:
        """Return what a worker can do next: each line has step, a condition, a name and the step after."""
        (step, fresh, late, _), row, own, bug = state.workers[me], state.row, state.token == me, self.bug
        new, notice, mail = row is Row.NOTHING, row is Row.NOTICE, row in {Row.LEASED, Row.OUT, Row.FREE}
        held, asks = mail and (fresh or bug is Bug.NO_IF_MATCH), bug is not Bug.NO_QUESTION
        early = bug is Bug.SETTLE_BEFORE_SEND and row is not Row.SENT
        read = state.put(me, fresh=True)
        left = state._replace(adrift=min(2, state.adrift + (step is Step.WAIT)))
        transactions = [
            (Step.RECORD, new, "records a notice", Row.NOTICE, Step.ANSWER, Step.ANSWER),
            (Step.RECORD, new, "records a mail", Row.LEASED, Step.POST, Step.READ),
            (Step.FREEZE, notice, "freezes the mail", Row.LEASED, Step.POST, Step.READ),
            (Step.TAKE, held, "takes the mail over", Row.LEASED, Step.ASK, Step.READ_ON),
            (Step.LEAVE, held, "leaves the mail", Row.LEASED, Step.ANSWER, Step.ANSWER),
            (Step.FREE, held, "frees the mail", Row.FREE, Step.ANSWER, Step.ANSWER),
            (Step.SETTLE, held, "settles the mail", Row.SENT, Step.ANSWER, Step.CHECK),
        ]
        moves = [
            (Step.IDLE, not state.answered, "is given the event", state.put(me, owes=True), Step.RECORD),
            (Step.IDLE, notice, "finds the notice", state, Step.FREEZE),
            (Step.IDLE, row in {Row.OUT, Row.FREE}, "finds the mail", read, Step.TAKE),
            (Step.READ, own, "reads its own token", read, Step.POST),
            (Step.READ, not own, "reads another's token", state, Step.ANSWER),
            (Step.READ_ON, own, "reads its own token", read, Step.ASK),
            (Step.READ_ON, not own, "reads another's token", state, Step.ANSWER),
            (Step.ASK, not asks, "does not ask", state, Step.POST),
            (Step.ASK, asks and state.delivered, "asks: the mail is known", state, Step.SETTLE),
            (Step.ASK, asks and not state.delivered, "asks: the mail was never seen", state, Step.POST),
            (Step.ASK, asks, "asks, and gets no answer", state, Step.LEAVE),
            (Step.POST, late, "is too late to send", state, Step.ANSWER),
            (Step.POST, early and not late, "settles the mail", state.write(me, Row.SENT), Step.POST),
            (Step.POST, not late and not early, "sends the mail", state, Step.WAIT),
            (Step.WAIT, True, "gets a 202", taken, Step.SETTLE),
            (Step.WAIT, True, "gets a 5xx, the mail taken", taken, Step.ANSWER),
            (Step.WAIT, True, "gets a 429", state, Step.FREE),
            (Step.WAIT, True, "gets a 5xx or no answer", left, Step.ANSWER),
            (Step.CHECK, mail, "reads the mail's new etag", read, Step.SETTLE),
            (Step.CHECK, not mail, "reads that it is settled", state, Step.ANSWER),
            (Step.ANSWER, True, "answers Event Grid", state._replace(answered=True), Step.IDLE),
            (step, step is not Step.IDLE, "crashes", left, Step.IDLE),
        ]
        for at, can, name, write, then, unsure in (line for line in transactions if line[0] is step):
            after, lost = state.write(me, write), then if bug is Bug.CONFLICT_IS_DONE else unsure
            moves += [(at, can, name, after, then), (at, can, f"{name}, the answer lost", after, lost)]
            moves += [(at, not can, f"{name}: conflict", state, lost)]
        mine = [move[2:] for move in moves if move[0] is step and move[1]]
        return [(f"{'AB'[me]} {name}", after.at(me, then)) for name, after, then in mine]


def check(model: Model) -> tuple[Wrong | None, tuple[str, ...], list[State]]:
    """Search all states, breadth first; give what is wrong first, its shortest trace, and the states seen."""
    states, ends = [State()], list[State]()
    traces: dict[State, tuple[str, ...]] = {State(): ()}
    before: dict[State, set[State]] = {State(): set()}
    for state in states:
        steps = model.steps(state)
        ends += [] if steps else [state]
        if state.delivered > 1 or not (steps or (state.delivered and state.row is Row.SENT)):
            return Wrong.TWICE if state.delivered > 1 else Wrong.LOST, traces[state], states
        for name, after in steps:
            before.setdefault(after, set()).add(state)
            if after not in traces:
                traces[after] = (*traces[state], name)
                states.append(after)
    well = set(ends)
    for state in ends:
        ends += before[state] - well
        well |= before[state]
    stuck = next((state for state in states if state not in well), None)
    return (Wrong.STUCK, traces[stuck], states) if stuck else (None, (), states)
