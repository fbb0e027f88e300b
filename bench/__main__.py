"""All benchmarks, or some: `make bench`, `python -m bench --only handling --only trips`.

Ends with 1 where a figure is worse than the baseline allows. All of them together write `docs/performance.md`
and its pictures.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import figures, plots, report
from local import machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.figures import Section

NAMES = ("trips", "handling", "throughput", "sweeping", "starting", "cpu", "memory")

DOCS = Path(__file__).resolve().parent.parent / "docs"

PICTURES = "images"


def main() -> int:
    """Measure, print, compare, and write down what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Benchmarks, against their floors.")
    parser.add_argument("--only", action="append", choices=NAMES, help="measure this alone; may be repeated")
    parser.add_argument("--adopt", action="store_true", help="make the figures the baseline")
    given = parser.parse_args()
    baseline = figures.load()
    sections = {}
    for name in given.only or NAMES:
        began = time.perf_counter()
        print(f"\n{name} …", flush=True)
        sections[name] = importlib.import_module(f"bench.{name}").measure()
        _print(sections[name], time.perf_counter() - began)
    found = [figure for section in sections.values() for figure in section.figures]
    if not given.only:
        _write(sections)
    for sentence in figures.missed(found):
        print(f"Target missed: {sentence}")
    worse = figures.worse(found, baseline)
    for sentence in worse:
        print(f"Worse than the baseline: {sentence}")
    if given.adopt:
        figures.adopt(found, others=bool(given.only))
        return 0
    return 1 if worse else 0


def _print(section: Section, seconds: float) -> None:
    print(report.figures_table(section.figures))
    print(f"({seconds:.0f} s)")


def _write(sections: Mapping[str, Section]) -> None:
    """Write the page and its pictures."""
    drawn = {}
    for section in sections.values():
        for plot in section.plots:
            try:
                drawn[plot.name] = f"{PICTURES}/{plots.draw(plot, DOCS / PICTURES).name}"
            except ModuleNotFoundError as error:
                print(f"{plot.name} is not drawn: {error}", file=sys.stderr)
    (DOCS / "performance.md").write_text(report.page(sections, machine.facts(), drawn), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
