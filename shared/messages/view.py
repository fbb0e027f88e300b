"""What a mail shows: the facts and words that the HTML and the text are both made from.

Templates only lay these out. Whatever a view holds, both show; so a fact in one is in the other. It is one
module because it is one vocabulary: all that a message can consist of.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from shared.audience import Audience
from shared.messages import time_phrases
from shared.messages.branding import Branding
from shared.messages.presentation import Tone
from shared.text import clean, clip, line

_Part = TypeVar("_Part", bound=msgspec.Struct)


class RenderContext(msgspec.Struct, frozen=True):
    """From where a mail is written: the moment, the audience and its time zone, the look."""

    as_of: datetime
    zone: tzinfo
    audience: Audience
    branding: Branding
    target: str = ""
    """The key of the audience's target that it is for; email is ""."""
    namesakes: frozenset[str] = frozenset()
    """Names that several of the clusters told of have."""

    def short(self, time: datetime) -> str:
        """Return a time for a subject: `Fri 27 Nov 02:00`, or `Fri 27 Nov 01:00 UTC`."""
        return time_phrases.short(time, self.zone, self.as_of)

    def here(self, time: datetime) -> str:
        """Return a time for a sentence: `Fri 27 Nov 02:00 Berlin (UTC+1)`."""
        return time_phrases.here(time, self.zone, self.as_of)

    def beside(self, time: datetime) -> str:
        """Return a time for a panel: `Fri 27 Nov 02:00 Berlin (UTC+1) · 01:00 UTC`."""
        return time_phrases.beside(time, self.zone, self.as_of)

    def away(self, time: datetime) -> str:
        """Return how far away a time is: `in 7 days`."""
        return time_phrases.away(time, self.as_of)


class Fact(msgspec.Struct, frozen=True):
    """A label and its value."""

    label: str
    value: str


def said_facts(*pairs: tuple[str, str]) -> tuple[Fact, ...]:
    """Return labels and their values, where there are some."""
    return tuple(Fact(label, value) for label, value in pairs if value)


class Step(msgspec.Struct, frozen=True):
    """Something to do, and the command for it where there is one."""

    what: str
    command: str = ""


class Link(msgspec.Struct, frozen=True):
    """A link; its address is shown in the text part."""

    label: str
    url: str


class ViewTable(msgspec.Struct, frozen=True):
    """Several things of one kind: the names of the columns, and a row each."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A heading and what stands under it, in this order."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    table: ViewTable | None = None
    steps: tuple[Step, ...] = ()
    note: str = ""
    command: str = ""
    """What the note speaks of, to be copied."""
    links: tuple[Link, ...] = ()

    @property
    def listed(self) -> tuple[str, ...]:
        """The items, and each row of the table as one, for what has no tables."""
        rows = self.table.rows if self.table else ()
        return (*self.items, *(" · ".join(cell for cell in row if cell) for row in rows))

    def says_something(self) -> bool:
        """Return whether there is anything under the heading."""
        return bool(self.paragraphs or self.items or self.facts or self.table or self.steps or self.links)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever is on call asks first about a failure, and the answers."""

    now: str
    """Whether anything is down; worded as likely where the facts are inference."""
    urgency: str
    """How soon to act: `Act now`, `Today, in working hours`, `Can wait for the next window`, `Not known`."""
    whose: str
    """Whose problem it is."""
    blocked_by: tuple[str, ...] = ()
    """Names of what stands in the way: three of them at most, and how many more there are."""

    def facts(self) -> tuple[Fact, ...]:
        """Return the same as labels and values."""
        return said_facts(
            ("Now", self.now),
            ("Urgency", self.urgency),
            ("Whose", self.whose),
            ("Blocked by", ", ".join(self.blocked_by)),
        )


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A mail about one thing."""

    status: str
    tone: Tone
    subject: tuple[str, ...]
    """What follows the status: the cluster, then reason or time, then the rest; joined with dots."""
    preheader: str
    """What an inbox shows beside the subject: what the subject does not say."""
    headline: str
    cluster: str = ""
    where: str = ""
    moment: str = ""
    """When it happened: in the reader's zone, in UTC, and after how long."""
    quote: str = ""
    """AKS's own sentence, cut, where nobody knows more than it says."""
    verdict: Verdict | None = None
    """Of a failure."""
    panel: tuple[Fact, ...] = ()
    """What the reader asks first, and the answers: of anything but a failure."""
    sections: tuple[Section, ...] = ()
    portal: Link | None = None
    elsewhere: str = ""
    """Where else to look, in words."""
    sent: Section | None = None
    """What was sent, last: a heading and the fields worth a line."""
    raw: str = ""
    raw_note: str = ""
    banner: str = ""
    """On top of everything: that this mail went to somebody else, or may have come before."""
    notes: tuple[str, ...] = ()
    """The foot of the mail: who gets it and why."""

    @property
    def first_screen(self) -> tuple[Fact, ...]:
        """What the reader asks first, and the answers."""
        return (*(self.verdict.facts() if self.verdict else ()), *self.panel)

    def trimmed(self, budget: SizeBudget) -> View:
        """Return the view with as much of the raw text as there is room for; it says how much is left out."""
        left = len(self.raw) - budget.raw
        if left <= 0:
            return self
        return replace(
            self, raw_note=f"{left:,} more characters are left out here; they are kept with the event."
        )


class DigestItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing told in a digest: a row."""

    cluster: str
    sort: str = "cluster"
    """What that is, as it is counted: `cluster` or `fleet`."""
    group: str = ""
    """The resource group, where clusters share a name."""
    url: str = ""
    what: str = ""
    """Empty where the heading of its group says it."""
    when: str = ""
    is_time: bool = False
    """Whether `when` is a point in time and nothing else."""
    title: str = ""
    command: str = ""

    @property
    def name(self) -> str:
        """The cluster, told apart from others of its name."""
        return f"{self.cluster} ({self.group})" if self.group else self.cluster

    @property
    def details(self) -> str:
        """What there is to say beside the name and the time."""
        return " · ".join(part for part in (self.group, self.what, self.title) if part)


class DigestGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Things of one kind in a digest."""

    heading: str
    tone: Tone
    items: tuple[DigestItem, ...]
    step: str = ""
    """What to do first, where that is the same for all of them."""
    command: str = ""
    """What to run, where that is the same for all of them."""
    more: tuple[str, ...] = ()
    """Clusters told of by name only: of what is routine, or where there is no room for more."""
    left: int = 0
    """How many things those are."""


class DigestRow(msgspec.Struct, frozen=True, kw_only=True):
    """One thing told in a digest, as a row of the table that travels with it."""

    cluster: str
    resource_group: str = ""
    subscription: str = ""
    kind: str
    status: str = ""
    time_utc: str = ""
    """`2026-11-20T01:47:00Z`."""
    time_local: str = ""
    """The same in the audience's zone, with its offset."""
    reason: str = ""


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """A mail about several things."""

    status: str
    tone: Tone
    subject: tuple[str, ...]
    preheader: str
    headline: str
    """The news: how many of how many, and why."""
    counts: tuple[str, ...]
    """`2 failed`, `3 completed`: all of what is told."""
    groups: tuple[DigestGroup, ...]
    times: str = ""
    """Whose clock the times of its rows are of, where they do not say it."""
    listing: tuple[DigestRow, ...] = ()
    """All of it as a table, a row for everything told."""
    banner: str = ""
    """On top of everything: that this mail went to somebody else, or may have come before."""
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """What stands below the headline: the counts, where there are several, and whose times these are."""
        return " · ".join((*(self.counts if len(self.counts) > 1 else ()), *filter(None, (self.times,))))


class SizeBudget(msgspec.Struct, frozen=True):
    """How much of everything a mail may show."""

    line: int = 2_000
    several: int = 40
    raw: int = 16_000
    commands: int = 97
    items: int = 97


def sanitized(part: _Part, budget: SizeBudget) -> _Part:
    """Return a copy in which every text is cleaned and no longer than there is room for."""
    most = budget.several if isinstance(part, Section) else None
    values = {
        name: _sanitized_value(name, getattr(part, name), budget, most) for name in part.__struct_fields__
    }
    return type(part)(**values)


def _sanitized_value(
    name: str,
    value: Any,  # noqa: ANN401 - any field of a view
    budget: SizeBudget,
    most: int | None,
) -> Any:  # noqa: ANN401
    if isinstance(value, StrEnum):
        return value
    if isinstance(value, str):
        return _text(name, value, budget)
    if isinstance(value, msgspec.Struct):
        return sanitized(value, budget)
    if isinstance(value, tuple):
        return tuple(_sanitized_value(name, one, budget, most) for one in value[:most])
    return value


def _text(name: str, value: str, budget: SizeBudget) -> str:
    if name == "raw":
        return clip(clean(value[: budget.raw + 1]), budget.raw)
    if name in {"url", "command"}:
        # Half an address leads astray, and half a command does something else: whole or not at all.
        return clean(value) if len(value) <= _MAX_WHOLE_CHARACTERS else ""
    return clip(line(value[: 4 * budget.line]), budget.line)


_MAX_WHOLE_CHARACTERS = 1_500
