"""Figures: each a ratio to a floor of the same run, or a count; compared with those that are committed.

A ratio may be a fifth worse than the one committed, a count not at all. Times in milliseconds are shown
beside the ratios, but nothing is decided by them: they say as much of the machine as of the code.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BASELINE = Path(__file__).parent / "baseline.json"

TOLERANCE = 1.2
"""How many times the committed ratio a ratio may be."""

HANDLING_TARGET = 1.1
"""Handling an event, to the bare calls of the SDK that it cannot do without."""

IMPORT_TARGET = 1.15
"""Importing the app, to importing the SDKs."""

EVENT_TARGET = 1.3
"""The start of a process to its first event recorded, to the same with the SDKs alone."""

SWEEP_TARGET = 1.2
"""A sweep with nothing due, to the query that it consists of, however many rows are stored."""


class Figure(msgspec.Struct, frozen=True):
    """One result: what was measured, the value, and what it is compared with."""

    name: str
    """The same from run to run: the baseline is kept under it."""
    what: str
    value: float
    floor: str = ""
    """What the value is a ratio to; a count has none."""
    ours: str = ""
    """Our own side of the ratio, with its unit."""
    bare: str = ""
    """The floor's side of the ratio, with its unit."""
    target: float | None = None
    """What the value is to be at most."""
    compared: bool = True
    """Whether a worse value than the baseline's is a failure."""

    @property
    def exact(self) -> bool:
        """Return whether it is a count, the same in every run."""
        return not self.floor

    @property
    def shown(self) -> str:
        """The value as text."""
        if self.exact:
            return f"{self.value:g}"
        digits = 0 if self.value >= 100 else 2 if self.value >= 0.1 else 4
        return f"{self.value:,.{digits}f} x"


class Plot(msgspec.Struct, frozen=True):
    """A picture to draw: lines of points, or bars where `bars` is set."""

    name: str
    """Of the file, without its ending."""
    title: str
    across: str
    up: str
    lines: Mapping[str, Sequence[tuple[float, float]]] = {}
    bars: Mapping[str, Mapping[str, float]] = {}
    """What each bar is made of, in order."""
    log: bool = False
    """Whether both axes are logarithmic."""


class Section(msgspec.Struct, frozen=True):
    """What one benchmark has to say: text in Markdown, figures, other tables, pictures."""

    title: str
    text: str
    figures: tuple[Figure, ...]
    tables: tuple[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], ...] = ()
    """Head and rows of what is only to be looked at."""
    plots: tuple[Plot, ...] = ()
    left_out: bool = False
    """Whether it cannot be measured on this system."""


def worse(figures: Iterable[Figure], baseline: Mapping[str, float]) -> list[str]:
    """Return a sentence for each figure that is worse than the baseline allows; one that is new is not."""
    found = []
    for figure in figures:
        before = baseline.get(figure.name)
        if before is None or not figure.compared:
            continue
        most = before if figure.exact else before * TOLERANCE
        if figure.value > most:
            found.append(f"{figure.name}: {figure.value:.3g}, was {before:.3g}, may be {most:.3g}")
    return found


def missed(figures: Iterable[Figure]) -> list[str]:
    """Return a sentence for each figure that does not meet its target."""
    return [
        f"{figure.name}: {figure.value:.3g}, is to be at most {figure.target:g}"
        for figure in figures
        if figure.target is not None and figure.value > figure.target
    ]


def lost(sections: Mapping[str, Section], baseline: Mapping[str, float]) -> list[str]:
    """Return a sentence for each figure of the baseline that a run of all benchmarks did not find.

    What cannot be measured on this system is not lost.
    """
    found = {figure.name for section in sections.values() for figure in section.figures}
    excused = {name for name, section in sections.items() if section.left_out}
    return [
        f"{name}: in the baseline, and not found"
        for name in baseline
        if name not in found and name.partition(".")[0] not in excused
    ]


def faults(figures: Sequence[Figure], baseline: Mapping[str, float]) -> list[str]:
    """Return a sentence for each target missed, and for each figure worse than the baseline allows."""
    return [
        *(f"Target missed: {sentence}" for sentence in missed(figures)),
        *(f"Worse than the baseline: {sentence}" for sentence in worse(figures, baseline)),
    ]


def settled(measure: Callable[[], Section], baseline: Mapping[str, float]) -> Section:
    """Measure a section, and where anything is wrong with it once more; a fault is one that both runs show.

    What else runs on the machine may spoil a figure of one run; what has become slower is slow in both.
    """
    first = measure()
    faulty = {figure.name for figure in first.figures if faults([figure], baseline)}
    if not faulty:
        return first
    again = {figure.name: figure for figure in measure().figures}
    confirmed = [
        again.get(figure.name, figure) if figure.name in faulty else figure for figure in first.figures
    ]
    return msgspec.structs.replace(first, figures=confirmed)


def load(path: Path = BASELINE) -> dict[str, float]:
    """Read the baseline; empty where there is none."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, float]) if path.exists() else {}


def adopt(figures: Iterable[Figure], path: Path = BASELINE) -> None:
    """Write the figures down as the baseline, in place of what was there."""
    kept = {figure.name: float(f"{figure.value:.4g}") for figure in figures if figure.compared}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(dict(sorted(kept.items()))), indent=2) + b"\n")


def millis(seconds: float) -> str:
    """Write a time in milliseconds, with as many digits as mean something."""
    value = seconds * 1_000
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"


class Pair(msgspec.Struct, frozen=True):
    """Two actions, measured in turns: seconds of a call of each, and the median of the turns' ratios."""

    ours: float
    bare: float
    ratio: float


def in_turns(
    ours: Callable[[int], object],
    bare: Callable[[int], object],
    *,
    turns: int,
    calls: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> Pair:
    """Measure blocks of `calls` calls of the one and the other, in turns, the first in every other turn.

    Each is called with the number of the call, from 0, which is never the same twice. A first turn, with
    numbers of its own, is not counted. What disturbs the machine for longer than a block meets both alike.
    """
    times: list[tuple[float, float]] = []
    for turn in range(turns + 1):
        numbers = range(turn * calls, (turn + 1) * calls)
        if turn % 2:
            mine, theirs = _timed(ours, numbers, clock), _timed(bare, numbers, clock)
        else:
            theirs, mine = _timed(bare, numbers, clock), _timed(ours, numbers, clock)
        times.append((mine, theirs))
    counted = times[1:]
    return Pair(
        median(mine for mine, _ in counted) / calls,
        median(theirs for _, theirs in counted) / calls,
        median(mine / theirs for mine, theirs in counted),
    )


def _timed(action: Callable[[int], object], numbers: Iterable[int], clock: Callable[[], float]) -> float:
    began = clock()
    for number in numbers:
        action(number)
    return clock() - began
