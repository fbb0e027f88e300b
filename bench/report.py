"""The report of a run: a page of the documentation, and the tables on the terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bench.figures import EVENT_TARGET, HANDLING_TARGET, IMPORT_TARGET, TOLERANCE
from bench.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.figures import Figure, Section

HEAD = ("What", "Against", "Ours", "Floor", "Value", "Target")

_INTRODUCTION = """\
# Performance

What the app costs, each figure beside a floor that was measured in the same run: `make bench` measures,
writes this page and its pictures, and fails where a target is missed, a ratio is more than {percent:.0f} %
worse than the one in `bench/baseline.json`, a count is higher at all, or a figure of the baseline is not
found any more. A part with a fault is measured once more before it fails, and the better run is taken. A run
that fails leaves this page as it is. `make bench ADOPT=1` measures and makes its figures the baseline. The
soak is measured by itself: `python -m bench --only soak`.

Ratios are what to go by. Times are those of one small machine, on which other things may have run at the same
time, so blocks of the one and the other are measured in turns, and what is shown is the median or the best of
many, as each part says."""

_TARGETS = """\
The targets: handling an event takes at most {handling:g} times the SDK calls that it cannot do without, bare;
a new process has recorded its first event within {event:g} times what the SDKs take for that, and is imported
within {load:g} times their own import; a sweep with nothing due costs what its query costs, however many rows
are stored; and no path takes more round trips than promised."""

_LIMITS = """\
## What the figures do not say

* Azurite stands in for Table Storage, on the same machine. Its times are not those of Azure: it answers
  faster than a service over a network, slower under load, and its queries take longer the more rows are
  stored. What holds in Azure as well are round trips and, about, ratios of the client's own CPU time and of
  imports.
* The 10 ms put in are put on every request, not on opening a connection, and there is no TLS.
* The worker of Azure Functions is not there: what it adds to a start and to an invocation is on neither
  side.
* Azurite gives its certificate and the stand-in its token at once; in Azure a first token takes longer, with
  the app and without it.
* A file that is not in the page cache yet, as on a new instance, makes a start several times as long.
* The CPUs, and Python 3.11, are not those of a Flex Consumption plan with Python 3.13."""


def page(
    sections: Mapping[str, Section],
    facts: Sequence[tuple[str, str]],
    pictures: Mapping[str, str],
    measured_apart: str = "",
) -> str:
    """Write the page; `pictures` are links to plots by their names, relative to the page.

    `measured_apart` is a section of an earlier run.
    """
    parts = [_INTRODUCTION.format(percent=(TOLERANCE - 1) * 100), _targets(sections.values())]
    parts += [section(one, pictures) for one in sections.values()]
    parts += [measured_apart] if measured_apart else []
    parts += [_LIMITS, "## Measured on", table(("", ""), facts)]
    return "\n\n".join(parts) + "\n"


def section(given: Section, pictures: Mapping[str, str]) -> str:
    """Write one section of the page."""
    parts = [f"## {given.title}", given.text]
    parts += [figures_table(given.figures)] if given.figures else []
    parts += [f"![{plot.title}]({pictures[plot.name]})" for plot in given.plots if plot.name in pictures]
    parts += [table(head, cells) for head, cells in given.tables]
    return "\n\n".join(parts)


def part(page: str, title: str) -> str:
    """Return a section of a page as it stands there; empty where it has none of this title."""
    found = re.search(rf"^## {title}\n.*?(?=\n\n## |\n?\Z)", page, re.DOTALL | re.MULTILINE)
    return found[0] if found else ""


def figures_table(figures: Sequence[Figure]) -> str:
    """Write a table of figures; counts have no floor to be shown."""
    if all(figure.exact for figure in figures):
        counts = [(figure.what, figure.shown, _target(figure)) for figure in figures]
        return table(("What", "Count", "Target"), counts)
    return table(HEAD, _rows(figures))


def _rows(figures: Iterable[Figure]) -> list[tuple[str, ...]]:
    return [
        (figure.what, figure.floor, figure.ours, figure.bare, figure.shown, _target(figure))
        for figure in figures
    ]


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    verdict = "met" if figure.value <= figure.target else "**missed**"
    return f"≤ {figure.target:g}, {verdict}"


def _targets(sections: Iterable[Section]) -> str:
    """Return in one place what the targets are, and which are missed."""
    text = _TARGETS.format(handling=HANDLING_TARGET, event=EVENT_TARGET, load=IMPORT_TARGET)
    aimed = [figure for section in sections for figure in section.figures if figure.target is not None]
    late = [figure for figure in aimed if figure.target is not None and figure.value > figure.target]
    if not late:
        return f"{text} All of them are met."
    lines = [
        f"* {figure.what}{', against ' * bool(figure.floor)}{figure.floor}: {figure.shown},"
        f" to be at most {figure.target:g}"
        for figure in late
    ]
    return "\n".join([f"{text} **Missed** are:", "", *lines])
