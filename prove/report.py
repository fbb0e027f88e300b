"""What was proved, as tables: for the terminal, and for docs/proof.md."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from bench import machine, markdown
from prove.faults import DOWN, KINDS, SIDES, STOPS
from prove.schedules import Way

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prove.hours import HoursVerdict
    from prove.runner import Result, Total
    from prove.verdict import Verdict

MIN_STRIKES = 50
"""How often each kind has to strike before its being survived says anything."""

MAX_SEEDS = 200
"""Within how many seeds a planted bug has to show."""

_OTHERS = (
    *(f"SIGKILL: {when} {what}" for what in SIDES.values() for when in ("before", "after")),
    *STOPS,
    "event delivered again",
    "event delivered out of order",
    "delivery not accepted, made again",
    "two instances sweeping at once",
    DOWN,
    *(f"event {way}" for way in (Way.BOTH, Way.WITHHELD)),
)

NAMES = (*(kind.name for kind in KINDS), *_OTHERS)
"""Every kind of fault, in the order of the report."""


class Caught(NamedTuple):
    """At which seed a planted bug was caught, and how it showed; no seed where it was not."""

    bug: str
    seed: int | None
    how: str


def faults(total: Total) -> str:
    """Return what struck, and what came of it."""
    rows = [(name, f"{total.strikes[name]:,}") for name in NAMES]
    sums = [
        ("schedules", f"{total.runs:,}"),
        ("processes started", f"{total.lives:,}"),
        ("events accepted", f"{total.events:,}"),
        ("mails and messages settled", f"{total.mails:,}"),
        ("of these digests", f"{total.digests:,}"),
        ("of these a failure alone", f"{total.failures:,}"),
        *((name, f"{total.tally[name]:,}") for name in sorted(total.tally)),
        ("**lost**", f"**{total.lost}**"),
        ("**twice**", f"**{total.twice}**"),
        ("untrue", f"{total.untrue}"),
        ("beyond the promise: twice, after a request held up", f"{total.beyond}"),
        ("schedules that did not end", f"{total.errors}"),
    ]
    return "\n\n".join(
        [markdown.table(("what", "how many"), sums), markdown.table(("fault", "struck"), rows)]
    )


def rare(total: Total) -> list[str]:
    """Name the kinds that struck too rarely."""
    return [name for name in NAMES if total.strikes[name] < MIN_STRIKES]


def bad(results: Sequence[Result]) -> str:
    """Name what went wrong, with the seed that does it again; nothing where nothing did."""
    return "\n".join(f"* seed {result.seed} ({result.mail}): {result.wrong}" for result in results)


def bugs(caught: Sequence[Caught]) -> str:
    """Return how soon each planted bug showed, and how."""
    rows = [
        (bug, "" if seed is None else str(seed), how if seed is not None else "**not caught**")
        for bug, seed, how in caught
    ]
    return markdown.table(("planted bug", "caught at seed", "seen as"), rows)


def seen_as(verdict: Verdict | HoursVerdict) -> str:
    """Name what a verdict found wrong."""
    kinds = (("lost", verdict.lost), ("twice", verdict.twice), ("untrue table", verdict.untrue))
    return ", ".join(name for name, words in kinds if words)


def hours(verdicts: Sequence[HoursVerdict]) -> str:
    """Return what struck in runs of days, and what came of it."""
    struck: Counter[str] = Counter()
    for verdict in verdicts:
        struck.update(verdict.struck)
    sums = [
        ("runs of days", f"{len(verdicts):,}"),
        ("events accepted", f"{sum(verdict.events for verdict in verdicts):,}"),
        ("mails settled", f"{sum(verdict.mails for verdict in verdicts):,}"),
        ("**lost**", f"**{sum(len(verdict.lost) for verdict in verdicts)}**"),
        ("**twice**", f"**{sum(len(verdict.twice) for verdict in verdicts)}**"),
        ("untrue", str(sum(len(verdict.untrue) for verdict in verdicts))),
        ("runs whose end came too soon", str(sum(bool(verdict.unfinished) for verdict in verdicts))),
    ]
    rows = [(name, f"{number:,}") for name, number in sorted(struck.items())]
    return "\n\n".join(
        [markdown.table(("what", "how many"), sums), markdown.table(("trouble", "struck"), rows)]
    )


def document(parts: Mapping[str, str]) -> str:
    """Write docs/proof.md. `parts` has a table and a text for each of the proof's parts."""
    facts = markdown.table(("on", ""), machine.facts())
    return "\n\n".join(
        (
            _HEAD,
            facts,
            _FAULTS,
            parts["faults"],
            _HOURS,
            parts["hours"],
            _GATES,
            parts["gates"],
            _BUGS,
            parts["bugs"],
            _BEYOND,
            parts["beyond"],
            _HOSTILE,
            parts["hostile"],
            _END,
        )
    )


_HEAD = """\
# Proof

Nothing is lost, nothing is sent twice, and nothing that comes from outside breaks anything: shown by figures.
`make prove` makes this page anew; it needs Linux, and the times below. A short version is among the tests."""

_FAULTS = """\
## Faults

Each schedule is made from its seed: some maintenances with their events, delivered again and out of
order, to two instances of the app, each of which sweeps at its own pace; which requests go wrong, and
how; at which of its requests an instance dies, or stands still for a while. The instances are processes
of the local host, forks of one that has read the modules already; SIGKILL ends them. They reach Azurite
and stand-ins for the services with their own libraries, through proxies: each by one of its own before
Azurite and before the other channels, all by one before the mail service, whose address tells it from others.
The storm lasts 7 or 24 seconds; after it what is left is done in peace.

Mail leaves in five ways, a fifth of the schedules each: by Communication Services that honours operation ids,
or ignores them and answers truthfully when asked; by Graph with drafts, which can be asked about, or without;
by an SMTP relay. Two audiences are told at one or two further places each: a webhook and PagerDuty, which
take a repeat for what it is, Teams and Slack, which nobody can ask. In a quarter of the schedules one of
these places takes nothing (429) until all work for the others is done: that it ever is shows that nobody
waits for it.

In a third of the schedules the instances reconcile as well, one at a time: what is told even if it comes
late is in Azure's record alone, or comes both ways, in any order.

Then it is judged. What was told is read from the mails as they arrived: to whom, which kind of news, of which
cluster. What was to be told follows from what was delivered.

* lost: an event was accepted and is not in the table; news that was not told to somebody who had to hear it,
  nor was what has overtaken it; a reminder that did not come, though its announcement had arrived before its
  hour and nothing had begun;
* twice: a mail that left twice, or the same news told twice to the same audience at one place; apart from
  that, where the machine was so busy that a request reached the service after its lease; an alert that is
  opened after it was closed, or left open;
* untrue: the table says of a message that it was sent, to whom, or what it tells, and it is not so; one that
  was handed over in two forms; one that says it may be a repeat, which the service could have been asked
  about; one given up although the service had not refused it and been asked.

What may be a repeat is judged by the place. Where repeats collapse they are counted, and have to be the same
to the byte. Where nobody can be asked, a failure and what lies ahead has to arrive, and may come again if all
copies but one say that they may be repeats, and the table says *doubtful*; what is routine never comes again,
and may be left in doubt, which is counted. Everywhere else neither is allowed.

A schedule whose work is not done when patience ends did not end, and proves nothing: a machine under load
comes to that, too. A mail that the service refuses (400) fails and is not told; that is told to the default
audience instead. `make prove SEED=7` does one schedule again. A seed fixes what is done to the app; how the
steps of processes fall between each other is up to the machine."""

_HOURS = """\
## Hours and days

Storms of seconds on one clock show nothing of what takes hours. Here the app runs in one process, over a
table in memory, on the table's own clock, which nobody waits for: four days of trouble and two of peace in
each run. Two instances whose clocks are off by minutes, hours, months, and jump; outages of the mail service
and of the table for hours; backlogs of hundreds and thousands of events; other settings under way; rows that
nobody can read, gates among them; slow storage; instances that die at their writes; requests that outlive
their lease.

It is judged as above, with the table's word for what a mail told. Work that a run's end has cut short is
counted apart: it is no loss, and no proof."""

_GATES = """\
## Gates of update runs

The same troubles for thirty hours, and seventy of peace, with gates: what tells that one waits, is answered,
skipped or gone comes in any order, late, again, or not at all; Resource Graph, asked over HTTP now and then,
shows how its run stands. It is judged that people are asked, and once; are reminded after 4, 8, 16 hours,
in peace to the hour, and not once the end is known; and that the end is told to whom was asked, once, and to
nobody else. What is wrong counts as lost."""

_BUGS = """\
## Planted bugs

The same schedules and runs, with a mistake planted into the app, and with instances that sweep at the same
moments, since some mistakes show only where they meet: a proof that would not find these would prove
nothing. A bug counts as caught only where the same seed without it is clean. The last three are looked for in
hours and days."""

_BEYOND = """\
## Beyond the promise

Where the mail service ignores operation ids, the promise holds as long as no request reaches it after the
lease of its sender (`LEASE`, two minutes by default). Here requests are held up for longer, on purpose:"""

_HOSTILE = """\
## Hostile input

Texts and values made by hypothesis, from nonsense to documents that are nearly right, and the properties that
must hold of any of them ([testing/hostile](../testing/hostile)):"""

_END = """\
## What this does not show

The mail service is a stand-in: what Azure Communication Services does with an operation id that it has seen
before is not documented, hence both modes. It forgets nothing here. Azurite has one server, whose clock is
the machine's, and the host is the repository's own stand-in. Leases are the shortest (10 s); watchdogs are
off; the limits of the services are out of reach, which the storm tests see to. An Event Grid topic,
rescheduled maintenances, delivery reports and housekeeping are left to the tests.

A small model of the protocol, checked exhaustively, is beside the tests:
[tests/promises/protocol_model.py](../tests/promises/protocol_model.py).
"""
