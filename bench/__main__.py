"""All benchmarks, or some: `make bench`, `python -m bench --only handling --only trips`.

Ends with 1 where a target is missed, a figure is worse than the baseline allows, or one of the baseline is
not found any more; a section with a fault is measured once more before that. All of them together write
`docs/performance.md` and its pictures, unless something is wrong: a run that fails leaves the page as it is.
The soak takes longer than all others, so it is measured by name only, and writes its own section of the page.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import figures, machine, plots, report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench.figures import Section

NAMES = (
    "trips",
    "handling",
    "throughput",
    "pages",
    "sweeping",
    "backlog",
    "asking",
    "starting",
    "deployed",
    "cpu",
    "memory",
)

SOAK = "soak"

DOCS = Path(__file__).resolve().parent.parent / "docs"

PICTURES = "images"


def _measure(name: str) -> Section:
    return importlib.import_module(f"bench.{name}").measure()  # type: ignore[no-any-return]


def main(
    arguments: Sequence[str] | None = None,
    measure: Callable[[str], Section] = _measure,
    baseline: Path = figures.BASELINE,
    docs: Path = DOCS,
) -> int:
    """Measure, print, compare, and write down what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Benchmarks, against their floors.")
    parser.add_argument(
        "--only", action="append", choices=(*NAMES, SOAK), help="measure this alone; may be repeated"
    )
    parser.add_argument("--adopt", action="store_true", help="measure all, and make the figures the baseline")
    given = parser.parse_args(arguments)
    if given.adopt and given.only:
        parser.error("--adopt is for all of them: page and baseline are written from the same run")
    before = {} if given.adopt else figures.load(baseline)
    sections = {name: _section(name, measure, before) for name in given.only or NAMES}
    found = [figure for section in sections.values() for figure in section.figures]
    faults = figures.faults(found, before)
    if not given.only:
        faults += figures.lost(sections, before)
    if given.adopt:
        faults += [f"{name}: cannot be measured here" for name, one in sections.items() if one.left_out]
    for sentence in faults:
        print(sentence)
    if faults:
        print("Nothing is written.")
        return 1
    if given.adopt:
        figures.adopt(found, baseline)
    page = docs / "performance.md"
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    soak = report.part(text, "Soak")
    if not given.only:
        page.write_text(_page(sections, docs, soak), encoding="utf-8")
    elif soak and SOAK in sections and not sections[SOAK].left_out:
        page.write_text(text.replace(soak, report.section(sections[SOAK], {})), encoding="utf-8")
    return 0


def _section(name: str, measure: Callable[[str], Section], baseline: Mapping[str, float]) -> Section:
    """Measure one section and print it, each time that it is measured."""

    def once() -> Section:
        print(f"\n{name} …", flush=True)
        began = time.perf_counter()
        section = measure(name)
        print(report.figures_table(section.figures))
        print(f"({time.perf_counter() - began:.0f} s)", flush=True)
        return section

    return figures.settled(once, baseline)


def _page(sections: Mapping[str, Section], docs: Path, soak: str) -> str:
    """Draw the pictures of the page, and return its text."""
    drawn = {}
    for section in sections.values():
        for plot in section.plots:
            try:
                drawn[plot.name] = f"{PICTURES}/{plots.draw(plot, docs / PICTURES).name}"
            except ModuleNotFoundError as error:
                print(f"{plot.name} is not drawn: {error}", file=sys.stderr)
    return report.page(sections, machine.facts(), drawn, soak)


if __name__ == "__main__":
    sys.exit(main())
