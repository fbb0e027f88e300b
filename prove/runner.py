"""Many runs, over as many processes as there are cores; and what they came to, summed up."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

import msgspec

from prove.audiences import MailWay
from prove.fork_server import die_with_parent
from prove.run_record import tally
from prove.runs import Lab, Trial
from prove.verdict import Verdict, judge
from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.process import BaseProcess

    from prove.run_record import RunRecord

AT_ONCE = 20
"""Runs at the same time in one process: most of a run is waiting for leases to run out. More would find out
what Azurite does when it has too much to do, rather than what the app does under faults."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one run came to."""

    seed: int
    mail: MailWay = MailWay.HONOURS
    events: int = 0
    """Events accepted."""
    mails: int = 0
    """Mails settled."""
    digests: int = 0
    """Mails that told of several things."""
    failures: int = 0
    """Mails that told of nothing but a failure."""
    arrived: int = 0
    lives: int = 0
    """Processes started."""
    strikes: dict[str, int] = {}
    tally: dict[str, int] = {}
    """See `evidence.tally`."""
    verdict: Verdict = Verdict()
    error: str = ""
    """Why there is no verdict, where the run itself went wrong."""

    @property
    def is_good(self) -> bool:
        """Whether the run came to an end, and the promises were kept."""
        return not self.error and self.verdict.is_good

    @property
    def wrong(self) -> str:
        """What is wrong, in a few words."""
        verdict = self.verdict
        found = [("lost", verdict.lost), ("twice", verdict.twice), ("untrue", verdict.untrue)]
        return self.error or "; ".join(f"{name}: {', '.join(words)}" for name, words in found if words)


def try_one(lab: Lab, trial: Trial) -> Result:
    """Do one run, and judge it."""
    try:
        return summed_up(lab.run(trial))
    except Exception as error:  # noqa: BLE001 - a run that went wrong is told of like a broken promise
        return Result(seed=trial.seed, error=f"{type(error).__name__}: {error}")


def summed_up(evidence: RunRecord) -> Result:
    """Sum up what a run has left behind, with the verdict on it.

    What is left undone when patience ends is told apart from a loss: a machine under load comes to that, too.
    """
    if evidence.left:
        return Result(seed=evidence.schedule.seed, error=f"not done in time: {', '.join(evidence.left[:5])}")
    members = [fate.members for fate in evidence.fates.values()]
    return Result(
        seed=evidence.schedule.seed,
        mail=evidence.schedule.mail,
        events=len(evidence.accepted),
        mails=len(evidence.fates),
        digests=sum(len(each) > 1 for each in members),
        failures=sum([member.kind for member in each] == [Kind.FAILED] for each in members),
        arrived=len(evidence.arrived),
        lives=evidence.lives,
        strikes=dict(evidence.strikes),
        tally=dict(tally(evidence)),
        verdict=judge(evidence),
    )


def campaign(trials: Sequence[Trial], at_once: int = AT_ONCE, processes: int = 0) -> Iterator[Result]:
    """Do all runs, and give each one's result as it ends: in no order.

    `at_once` is for each of the processes, which are as many as there are cores unless told otherwise.
    """
    number = max(1, min(processes or os.cpu_count() or 1, len(trials)))
    context = multiprocessing.get_context("spawn")
    waiting: dict[Connection, tuple[BaseProcess, list[Trial]]] = {}
    for first in range(number):
        reader, writer = context.Pipe(duplex=False)
        share = list(trials[first::number])
        process = context.Process(target=_work, args=(share, at_once, writer))
        process.start()
        writer.close()  # so that the end of the worker is the end of the pipe
        waiting[reader] = (process, share)
    try:
        while waiting:
            for reader in [each for each in wait(list(waiting)) if isinstance(each, Connection)]:
                worker, share = waiting[reader]
                try:
                    result = msgspec.json.decode(reader.recv_bytes(), type=Result)
                except EOFError:
                    worker.join()
                    del waiting[reader]
                    why = f"its worker ended with {worker.exitcode}"
                    yield from (Result(seed=trial.seed, error=why) for trial in share)
                    continue
                share[:] = [trial for trial in share if trial.seed != result.seed]
                yield result
    finally:
        for worker, _ in waiting.values():
            worker.terminate()
            worker.join()


def _work(trials: Sequence[Trial], at_once: int, results: Connection) -> None:
    """Do one process's share. What ends its parent ends it."""
    die_with_parent()
    lock = threading.Lock()

    def put(result: Result) -> None:
        with lock:
            results.send_bytes(msgspec.json.encode(result))

    with Lab() as lab, ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda trial: put(try_one(lab, trial)), trials))


class Total(msgspec.Struct):
    """The sum of many results."""

    runs: int = 0
    events: int = 0
    mails: int = 0
    digests: int = 0
    failures: int = 0
    arrived: int = 0
    lives: int = 0
    lost: int = 0
    twice: int = 0
    untrue: int = 0
    beyond: int = 0
    errors: int = 0
    strikes: Counter[str] = msgspec.field(default_factory=Counter)
    tally: Counter[str] = msgspec.field(default_factory=Counter)
    bad: list[Result] = msgspec.field(default_factory=list)

    def add(self, result: Result) -> None:
        """Add a result."""
        self.runs += 1
        for name in ("events", "mails", "digests", "failures", "arrived", "lives"):
            setattr(self, name, getattr(self, name) + getattr(result, name))
        for name in ("lost", "twice", "untrue", "beyond"):
            setattr(self, name, getattr(self, name) + len(getattr(result.verdict, name)))
        self.errors += bool(result.error)
        self.strikes.update(result.strikes)
        self.tally.update(result.tally)
        if not result.is_good:
            self.bad.append(result)


def total(
    trials: Sequence[Trial], told: Callable[[Total, Result], Any] = lambda *_: None, **how: int
) -> Total:
    """Do all runs, and sum them up; `told` hears of each."""
    summed = Total()
    for result in campaign(trials, **how):
        summed.add(result)
        told(summed, result)
    return summed


def first_caught(bug: str, most: int, batch: int = 20, **how: int) -> Result | None:
    """Run seeds with a bug planted until one shows it; give that result.

    The seeds are those of the real proof, from 0 on, a batch at the same time; instances sweep at the same
    moments, since some mistakes show only where they meet. It counts only where the same seed without the
    bug is clean: what a machine under load does would count as well, otherwise.
    """
    for begin in range(0, most, batch):
        seeds = range(begin, min(most, begin + batch))
        for result in campaign([Trial(seed, bug=bug, together=True) for seed in seeds], **how):
            if result.error or result.is_good:
                continue
            (clean,) = campaign([Trial(result.seed, together=True)], **how)
            if clean.is_good:
                return result
    return None
