"""CPU time of what is pure: an email rendered, a failure explained, a window computed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import yaml
from jinja2 import Environment

from bench.figures import Figure, Plot, Section, millis
from shared.channels.email.compose import Branding, compose
from shared.failures import explain, load_catalogue
from shared.failures.catalogue import OWN_FILE
from shared.failures.explanation import Context
from shared.maintenance import next_window, parse
from shared.messages import failed
from testing.samples import mails

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.maintenance import Configuration

ROUNDS = 9
ROUND_SECONDS = 0.02
"""Seconds that a round takes at least, for each side."""

AFTER = datetime(2026, 11, 20, tzinfo=UTC)

KINDS = ("failed", "scheduled", "digest-many", "digest-storm")
"""The emails whose figures are compared; the others are in the table."""

LENGTHS = (1_000, 3_000, 10_000, 30_000, 100_000)
YEARS = {"a month": 1 / 12, "200 years": 200}

_TEXT = f"""\
CPU of one process, once warm, the best of {ROUNDS} rounds. The unit is a table of 100 rows rendered by
Jinja2, escaped: work of the same kind, in the same process, in turns with what is measured. A digest explains
each of its failures anew, as it does in a process that has not told of them before. A failure is explained
from a text of that many characters, one reason of a drain repeated until it is as long, not many different
ones; a window is the next of a fortnightly schedule that began so long ago."""

_UNIT = """\
<table>{% for row in rows %}<tr class="{{ loop.cycle('odd', 'even') }}"><td>{{ row.name }}</td>
<td>{% if row.number > 50 %}{{ row.number }}{% else %}{{ row.text | upper }}{% endif %}</td></tr>
{% endfor %}</table>"""


class Cost(msgspec.Struct, frozen=True):
    """CPU seconds of one call, and of one unit measured in turns with it."""

    own: float
    unit: float

    @property
    def units(self) -> float:
        """The cost in units."""
        return self.own / self.unit


def measure() -> Section:
    """Measure what each of the three costs."""
    unit = _unit()
    emails = {}
    branding = Branding(domain="example.com")
    for story in mails.stories():
        emails[story.name] = cost(partial(_composed, story, branding), unit)
    failures = {length: cost(_explaining(length), unit) for length in LENGTHS}
    windows = {
        name: cost(partial(next_window, _configuration(years), AFTER), unit) for name, years in YEARS.items()
    }
    catalogue = cost(load_catalogue, _catalogue_read)
    plot = Plot(
        "explaining",
        "A failure explained",
        "characters",
        "ms of CPU",
        lines={"explained": [(length, one.own * 1_000) for length, one in failures.items()]},
        log=True,
    )
    figures = (*_emails(emails), *_failures(failures), _loading(catalogue), *_windows(windows))
    return Section("CPU", _TEXT, figures, tables=(_table(emails),), plots=(plot,))


def _composed(story: mails.Story, branding: Branding) -> None:
    """Compose an email of failures that nothing is remembered of."""
    failed._in_brief.cache_clear()  # noqa: SLF001 - what a digest remembers from one call to the next
    compose(story.mail, story.rows, mails.TEAM, branding)


def cost(action: Callable[[], object], unit: Callable[[], object]) -> Cost:
    """Measure an action and the unit in turns; the best round of each."""
    sides = [(each, _times(each)) for each in (action, unit)]
    best = [_round(*side) for side in sides]
    for _ in range(ROUNDS - 1):
        best = [min(known, _round(*side)) for known, side in zip(best, sides, strict=True)]
    return Cost(*best)


def _times(action: Callable[[], object]) -> int:
    """Find how many calls make a round; warms up, too."""
    action()
    began = time.process_time()
    action()
    return max(1, round(ROUND_SECONDS / max(time.process_time() - began, 1e-6)))


def _round(action: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        action()
    return (time.process_time() - began) / times


def _unit() -> Callable[[], object]:
    """Return the unit of work."""
    rows = [{"name": f"<row {number}>", "number": number, "text": "a & b"} for number in range(100)]
    return partial(Environment(autoescape=True).from_string(_UNIT).render, rows=rows)


def _explaining(length: int) -> Callable[[], object]:
    reason = (mails.REASON + "\n") * (length // len(mails.REASON) + 1)
    return partial(explain, reason[:length], Context(cluster="prod-weu-1", resource_group="rg-prod"))


def _configuration(years: float) -> Configuration:
    """Return a fortnightly schedule that began so many years ago."""
    return parse(
        {
            "name": "aksManagedNodeOSUpgradeSchedule",
            "properties": {
                "maintenanceWindow": {
                    "schedule": {"weekly": {"intervalWeeks": 2, "dayOfWeek": "Sunday"}},
                    "durationHours": 4,
                    "utcOffset": "-08:00",
                    "startDate": (AFTER - timedelta(days=365 * years)).date().isoformat(),
                    "startTime": "01:00",
                }
            },
        }
    )


def _figure(name: str, what: str, one: Cost) -> Figure:
    return Figure(
        f"cpu.{name}", what, one.units, floor="the unit", ours=millis(one.own), bare=millis(one.unit)
    )


def _emails(emails: Mapping[str, Cost]) -> list[Figure]:
    mean = Cost(
        sum(one.own for one in emails.values()) / len(emails),
        sum(one.unit for one in emails.values()) / len(emails),
    )
    return [
        _figure("emails", f"an email rendered, the mean of {len(emails)} kinds", mean),
        *(_figure(f"email-{kind}", f"an email rendered: {kind}", emails[kind]) for kind in KINDS),
    ]


def _failures(failures: Mapping[int, Cost]) -> list[Figure]:
    short, long = failures[LENGTHS[0]], failures[LENGTHS[-1]]
    growth = Cost(long.own, short.own)
    return [
        *(
            _figure(f"failure-{length}", f"a failure explained, {length:,} characters", failures[length])
            for length in (LENGTHS[0], LENGTHS[-1])
        ),
        Figure(
            "cpu.failure-growth",
            f"a failure explained, {LENGTHS[-1]:,} characters",
            growth.units,
            floor=f"{LENGTHS[0]:,} characters",
            ours=millis(growth.own),
            bare=millis(growth.unit),
            target=LENGTHS[-1] / LENGTHS[0],
        ),
    ]


def _catalogue_read() -> None:
    yaml.load(OWN_FILE.read_text("utf-8"), Loader=yaml.CSafeLoader)


def _loading(catalogue: Cost) -> Figure:
    return Figure(
        "cpu.catalogue",
        "the catalogue of failures loaded, by the first failure that a process explains",
        catalogue.units,
        floor="its YAML read",
        ours=millis(catalogue.own),
        bare=millis(catalogue.unit),
    )


def _windows(windows: Mapping[str, Cost]) -> list[Figure]:
    first, *_, last = windows
    growth = Cost(windows[last].own, windows[first].own)
    return [
        _figure("window", f"the next window computed, begun {first} ago", windows[first]),
        Figure(
            "cpu.window-growth",
            f"the same, begun {last} ago",
            growth.units,
            floor=f"begun {first} ago",
            ours=millis(growth.own),
            bare=millis(growth.unit),
        ),
    ]


def _table(emails: Mapping[str, Cost]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return what each kind of email costs."""
    rows = [(name, millis(one.own), f"{one.units:.2f}") for name, one in emails.items()]
    return ("Email", "CPU", "units"), tuple(rows)
