"""A patch night to watch: `make demo STORM=1`.

Two hundred clusters of twelve teams are announced, start, and complete or fail, in less than a minute; the
app groups the news by team, and tells failures at once. A line a second says how far it is. At the end what
was told is compared with what happened; where they differ, it says so and ends with 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from local.sandbox import PATIENCE_SECONDS, Sandbox, complain, play
from shared.channels.email.compose import MAX_BYTES
from shared.notices.kinds import Kind
from testing.samples.patch_night import Course, patch_night

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.notices.records import SentMail
    from testing.samples.patch_night import Happening, Night

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "out" / "storm"

SETTINGS = {
    "GROUP_WAIT": "2s",
    "GROUP_INTERVAL": "5s",
    # As much as twelve teams need that are mailed every 5 seconds.
    "EMAIL_PER_MINUTE": "300",
    "EMAIL_PER_HOUR": "18000",
}

MAX_AT_ONCE = 25
"""Events in one delivery."""


ACCEPTED = 202

_TOLD = (Kind.SCHEDULED, Kind.STARTED, Kind.COMPLETED, Kind.FAILED)


@dataclass
class Tally:
    """What has been told so far: to whom, of which event, as what, and how long after it."""

    counts: Counter[tuple[str, str, Kind]]
    """By audience, the event's key, and the kind of notice."""
    delays: list[float]
    """Of failures, in seconds."""
    mails: Counter[str]
    """By audience."""


class PatchNightDemo:
    """A night in a sandbox."""

    def __init__(self, sandbox: Sandbox, night: Night) -> None:
        self._sandbox = sandbox
        self._night = night
        self._waiting = list(reversed(night.events))
        self._happened = {happening.key: happening.at for happening in night.events}
        self._came = 0

    def watch(self) -> None:
        """Let the night pass, with a line a second, until everything is told or patience is at its end."""
        print("\n  time      events in     waiting  emails  failures told, after at most")
        last = self._night.events[-1].at
        while True:
            self._line()
            over = (datetime.now(UTC) - last).total_seconds()
            if over > PATIENCE_SECONDS or (not self._waiting and over > 1 and not self._undone()):
                return
            self._deliver(time.monotonic() + 1)

    def wrong(self) -> list[str]:
        """Compare what was told with what happened."""
        sent = self._sandbox.sent()
        told = self._told(sent)
        wrong = [
            f"{kind} was told twice: {key}, to {name}"
            for (name, key, kind), n in told.counts.items()
            if n > 1
        ]
        expected = set(_expected(self._night))
        wrong += [
            f"{kind} was told to {name}, of all: {key}" for name, key, kind in told.counts.keys() - expected
        ]
        final = set(_expected(self._night, replaceable=False))
        wrong += [f"{kind} was not told: {key}, to {name}" for name, key, kind in final - told.counts.keys()]
        wrong += [f"mail {id_} is {mail.state}" for id_, mail in sent.items() if mail.state != "sent"]
        if sent.keys() != self._sandbox.written():
            wrong.append(f"{len(sent)} emails in the table, {len(self._sandbox.written())} in the folder")
        large = [path.stem for path in self._sandbox.mail.glob("*-*.html") if path.stat().st_size > MAX_BYTES]
        wrong += [f"mail {id_} is too large" for id_ in large]
        if undone := self._undone():
            wrong.append(f"{undone} notices and mails are left undone")
        if self._waiting:
            wrong.append(f"{len(self._waiting)} events were not taken")
        return wrong

    def table(self) -> None:
        """Print what each audience was told."""
        told = self._told(self._sandbox.sent())
        heads = "".join(f"{kind:>12}" for kind in _TOLD)
        print(f"\n  {'audience':<12}{'clusters':>10}{heads}{'emails':>10}")
        clusters = Counter(name for names in self._night.hearing.values() for name in names)
        kinds = Counter({(name, kind): 0 for name in clusters for kind in _TOLD})
        kinds.update((name, kind) for name, _, kind in told.counts)
        for name, count in sorted(clusters.items()):
            line = "".join(f"{kinds[name, kind]:>12}" for kind in _TOLD)
            print(f"  {name:<12}{count:>10}{line}{told.mails[name]:>10}")
        sums = "".join(f"{sum(kinds[name, kind] for name in clusters):>12}" for kind in _TOLD)
        print(f"  {'':<12}{len(self._night.hearing):>10}{sums}{told.mails.total():>10}")
        replaced = len(set(_expected(self._night)) - told.counts.keys())
        print(
            f"\n  {self._came} events; {told.counts.total()} notices told in {told.mails.total()} emails,",
            end="",
        )
        print(f" {replaced} replaced by later news before they were.")
        delays = sorted(told.delays)
        if delays:
            middle = delays[len(delays) // 2]
            print(
                f"  {len(delays)} failures told, after {middle:.1f} s (median), {delays[-1]:.1f} s at most."
            )

    def _deliver(self, until: float) -> None:
        """Deliver what has happened, as Event Grid does: several at once, and again what is not taken."""
        while (left := until - time.monotonic()) > 0:
            batch: list[Happening] = []
            now = datetime.now(UTC)
            while self._waiting and self._waiting[-1].at <= now and len(batch) < MAX_AT_ONCE:
                batch.append(self._waiting.pop())
            if not batch:
                time.sleep(min(0.1, left))
                continue
            events = json.dumps([json.loads(happening.text) for happening in batch])
            if self._sandbox.host.post_event(events).status == ACCEPTED:
                self._came += len(batch)
            else:
                self._waiting += reversed(batch)

    def _line(self) -> None:
        sent = self._sandbox.sent()
        told = self._told(sent)
        after = f", {max(told.delays):.1f} s" if told.delays else ""
        share = f"{self._came} of {len(self._night.events)}"
        print(
            f"  {datetime.now(UTC):%H:%M:%S}  {share:<12}{self._undone():>9}{len(sent):>8}"
            f"  {len(told.delays)}{after}",
            flush=True,
        )

    def _undone(self) -> int:
        undone = self._sandbox.undone()
        return undone["notice"] + undone["mail"]

    def _told(self, sent: dict[str, SentMail]) -> Tally:
        told = Tally(Counter(), [], Counter())
        for mail in sent.values():
            told.mails[mail.audience] += 1
            for member in mail.members:
                told.counts[mail.audience, member.key, member.kind] += 1
                if member.kind is Kind.FAILED and member.key in self._happened:
                    told.delays.append((mail.at - self._happened[member.key]).total_seconds())
        return told


def _expected(night: Night, *, replaceable: bool = True) -> Iterator[tuple[str, str, Kind]]:
    """Return what is to be told to whom; without what later news may replace: announcements and starts."""
    for happening in night.events:
        if replaceable or happening.kind not in {Kind.SCHEDULED, Kind.STARTED}:
            for name in night.hearing[happening.cluster]:
                yield name, happening.key, happening.kind


def run(out: Path, clusters: int, audiences: int, seconds: float) -> int:
    """Let a night pass, with its emails under `out`; 0 if all was told as it happened, else 1."""
    course = Course()
    takes = course.announced_within + timedelta(minutes=5) + course.started_within + 2 * course.takes[1]
    course = Course(speed=takes.total_seconds() / seconds)
    routes = patch_night(datetime.now(UTC), clusters, audiences, course).routes
    with Sandbox(out, {**SETTINGS, "ROUTES": routes}) as sandbox:
        night = patch_night(datetime.now(UTC) + timedelta(seconds=1), clusters, audiences, course)
        print(f"  {clusters} clusters, {audiences} audiences, {len(night.events)} events in {seconds:g} s.")
        storm = PatchNightDemo(sandbox, night)
        storm.watch()
        time.sleep(2.5)  # two sweeps: should anything be sent twice, now it would be
        wrong = storm.wrong()
        storm.table()
    print(f"\nThe emails: {sandbox.gallery}")
    return complain(wrong)


def main() -> int:
    """Run the storm as a command."""
    parser = argparse.ArgumentParser(
        prog="python -m local.patch_night_demo", description="A patch night to watch."
    )
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the emails and the host's log")
    parser.add_argument("--clusters", type=int, default=200)
    parser.add_argument("--audiences", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=45, help="how long the night takes")
    given = parser.parse_args()
    return play(lambda: run(given.out.resolve(), given.clusters, given.audiences, given.seconds))


if __name__ == "__main__":
    sys.exit(main())
