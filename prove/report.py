"""What was proved, as tables: for the terminal, and for docs/proof.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from local import machine, markdown
from prove.faults import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prove.campaigns import Result, Total

LEAST_STRIKES = 50
"""How often each kind has to strike before its being survived says anything."""

MOST_SEEDS = 200
"""Within how many seeds a planted bug has to show."""

_OTHERS = (
    "SIGKILL: before a request to the table",
    "SIGKILL: after a request to the table",
    "SIGKILL: before sending a mail",
    "SIGKILL: after sending a mail",
    "SIGKILL: before asking about a mail",
    "SIGKILL: after asking about a mail",
    "event delivered again",
    "event delivered out of order",
    "delivery not accepted, made again",
    "two instances sweeping at once",
)

NAMES = (*(kind.name for kind in KINDS), *_OTHERS)
"""Every kind of fault, in the order of the report."""


class Caught(NamedTuple):
    """How long a planted bug went unnoticed; no result where it did to the end."""

    bug: str
    seeds: int
    result: Result | None


def faults(total: Total) -> str:
    """Tell what struck, and what came of it."""
    rows = [(name, f"{total.strikes[name]:,}") for name in NAMES]
    sums = [
        ("schedules", f"{total.runs:,}"),
        ("processes started", f"{total.lives:,}"),
        ("events accepted", f"{total.events:,}"),
        ("mails settled", f"{total.mails:,}"),
        ("of these digests", f"{total.digests:,}"),
        ("of these a failure alone", f"{total.failures:,}"),
        ("**lost**", f"**{total.lost}**"),
        ("**twice**", f"**{total.twice}**"),
        ("table says what is not so", f"{total.untrue}"),
        ("schedules that did not end", f"{total.errors}"),
    ]
    return "\n\n".join(
        [markdown.table(("what", "how many"), sums), markdown.table(("fault", "struck"), rows)]
    )


def rare(total: Total) -> list[str]:
    """Name the kinds that struck too rarely."""
    return [name for name in NAMES if total.strikes[name] < LEAST_STRIKES]


def bad(results: Sequence[Result]) -> str:
    """Name what went wrong, with the seed that does it again; nothing where nothing did."""
    return "\n".join(f"* seed {result.seed} ({result.temper}): {result.wrong}" for result in results)


def bugs(caught: Sequence[Caught]) -> str:
    """Tell how soon each planted bug showed, and how."""
    rows = []
    for bug, seeds, result in caught:
        how = "**not caught**"
        if result is not None:
            verdict = result.verdict
            kinds = (("lost", verdict.lost), ("twice", verdict.twice), ("untrue table", verdict.untrue))
            how = ", ".join(name for name, words in kinds if words)
        rows.append((bug, str(seeds), how))
    return markdown.table(("planted bug", "seeds until caught", "seen as"), rows)


def document(parts: Mapping[str, str]) -> str:
    """Write docs/proof.md. `parts` are `faults`, `bugs`, `beyond` and `hostile`: tables, with a text."""
    facts = markdown.table(("on", ""), machine.facts())
    return "\n\n".join(
        (
            _HEAD,
            facts,
            _FAULTS,
            parts["faults"],
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

Nothing is lost, nothing is sent twice, and nothing that comes from outside breaks anything: shown by
figures. `make prove` makes this page anew; it takes about three quarters of an hour on two cores, and
needs Linux. A short version of it is among the tests."""

_FAULTS = """\
## Faults

Each schedule is made from its seed: some maintenances with their events, delivered again and out of
order, to two instances of the app that sweep at the same time; which requests go wrong, and how; at which
of its requests an instance dies. Everything is real but the mail service: processes of the local host,
ended by SIGKILL and started anew; Azurite; the Azure SDKs over HTTP through a proxy before the table and
one before the mail. The stand-in mail service honours operation ids in one half of the schedules; in the
other it ignores them, and answers truthfully when asked. After the storm what is left is done in peace,
and then it is judged by what arrived at the mail service and by what was delivered to the app, not by
what the app says of itself:

* lost: an event was accepted and is not in the table, news that nobody was told (nor what has overtaken
  it), a reminder that did not come, or work left undone;
* twice: a mail that left twice, or the same news told twice to the same audience;
* untrue: the table says of a mail that it was sent, or was not, and it is not so.

`make prove SEED=7` does one schedule again. A seed fixes what is done to the app; how the steps of
processes fall between each other is up to the machine."""

_BUGS = """\
## Planted bugs

The same schedules, with a mistake planted into the app: a proof that would not find these would prove
nothing."""

_BEYOND = """\
## Beyond the promise

Where the mail service ignores operation ids, the promise holds as long as no request reaches it after the
lease of its sender (`LEASE`, two minutes by default). Here requests are held up for longer than that, on
purpose:"""

_HOSTILE = """\
## Hostile input

Texts and values made by hypothesis, from nonsense to documents that are nearly right, and the properties
that must hold of any of them ([tests/support/hostile](../tests/support/hostile)):"""

_END = """\
## What this does not show

The mail service and the table are stand-ins: what Azure Communication Services does with an operation id
that it has seen before is not documented, hence both tempers. Azurite has one server, whose clock is the
machine's. The stand-in for the Functions host is the repository's own.

A small model of the protocol, checked exhaustively, is beside the tests:
[tests/support/model.py](../tests/support/model.py).
"""
