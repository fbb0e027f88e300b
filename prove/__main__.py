"""`python -m prove`: all of it, or one part; see docs/proof.md for what it is about.

What a part came to is kept in out/proof/; the page is made of the last of each, so that one part can be done
again without the others.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prove import gate_hours, hostile, hours, report, runner
from prove.bugs import LONG, Bug
from prove.runner import Total, total
from prove.runs import Lab, Trial
from prove.schedules import Part
from testing.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from prove.runner import Result

PAGE = ROOT / "docs" / "proof.md"
KEPT = ROOT / "out" / "proof"
PARTS = ("faults", "hours", "gates", "bugs", "beyond", "hostile")


def main() -> int:
    """Prove; 0 where all promises held and all planted bugs were caught."""
    options = _options()
    if options.seed is not None:
        return _again(Trial(options.seed, Part(options.part), options.bug, bool(options.bug)))
    parts: dict[str, Callable[[], tuple[str, list[str]]]] = {
        "faults": lambda: _faults(options.seeds, options.at_once),
        "hours": lambda: _hours(options.hours, hours.run),
        "gates": lambda: _hours(options.gates, gate_hours.run),
        "bugs": lambda: _bugs(options.at_once),
        "beyond": lambda: _beyond(options.beyond, options.at_once),
        "hostile": lambda: _hostile(options.inputs),
    }
    KEPT.mkdir(parents=True, exist_ok=True)
    wrong: list[str] = []
    for part in options.only:
        began = time.monotonic()
        text, problems = parts[part]()
        wrong += problems
        minutes = max(1, round((time.monotonic() - began) / 60))
        text += f"\n\nThis took {minutes} min, on {datetime.now(UTC).date().isoformat()}."
        (KEPT / f"{part}.md").write_text(text, encoding="utf-8")
        print(f"\n{text}", flush=True)
    _write()
    print("\n".join(wrong) or "all promises held")
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m prove", description="Proves the promises by figures.")
    parser.add_argument("--seeds", type=int, default=2_000, help="schedules of faults (default: 2000)")
    parser.add_argument("--beyond", type=int, default=100, help="schedules beyond the promise (default: 100)")
    parser.add_argument("--hours", type=int, default=1_000, help="runs of days (default: 1000)")
    parser.add_argument(
        "--at-once",
        type=int,
        default=runner.AT_ONCE,
        help=f"schedules at a time for each core: fewer on a busy machine (default: {runner.AT_ONCE})",
    )
    parser.add_argument("--gates", type=int, default=100, help="runs of days with gates (default: 100)")
    parser.add_argument(
        "--inputs", type=int, default=100_000, help="inputs that are hostile (default: 100000)"
    )
    parser.add_argument("--only", type=_parts, default=PARTS, help=f"some of the parts: {','.join(PARTS)}")
    parser.add_argument("--seed", type=int, help="one schedule, again")
    parser.add_argument("--bug", default="", choices=["", *Bug], help="with --seed: a bug to plant")
    parser.add_argument("--part", default=Part.WITHIN, choices=list(Part), help="with --seed: of which part")
    return parser.parse_args()


def _write() -> None:
    """Write the page, where every part has been done; also where something went wrong: it says what."""
    kept = {part: KEPT / f"{part}.md" for part in PARTS}
    if all(file.exists() for file in kept.values()):
        told = {part: file.read_text("utf-8") for part, file in kept.items()}
        PAGE.write_text(report.document(told), encoding="utf-8")
        print(f"written: {PAGE.relative_to(ROOT)}")


def _parts(text: str) -> tuple[str, ...]:
    parts = tuple(text.split(","))
    if not set(parts) <= set(PARTS):
        raise argparse.ArgumentTypeError(f"{text!r} names something else than {', '.join(PARTS)}")
    return parts


def _again(trial: Trial) -> int:
    """Do one schedule again, and say what came of it."""
    with Lab() as lab:
        result = runner.try_one(lab, trial)
    summed = Total()
    summed.add(result)
    print(report.faults(summed))
    print(f"\n{report.bad(summed.bad) or f'seed {trial.seed}: all promises held'}")
    return 0 if result.is_good else 1


def _faults(seeds: int, at_once: int) -> tuple[str, list[str]]:
    summed = total([Trial(seed) for seed in range(seeds)], _progress, at_once=at_once)
    rare = report.rare(summed)
    wrong = [report.bad(summed.bad)] if summed.bad else []
    if rare:
        wrong.append(f"struck fewer than {report.MIN_STRIKES} times: {', '.join(rare)}")
    return "\n\n".join([report.faults(summed), *wrong]), wrong


def _hours(seeds: int, one: Callable[[int], hours.HoursVerdict]) -> tuple[str, list[str]]:
    verdicts = []
    for verdict in hours.runs(range(seeds), one=one):
        verdicts.append(verdict)
        if verdict.is_bad:
            print(f"* seed {verdict.seed}: {verdict.wrong}", flush=True)
    wrong = [f"* seed {verdict.seed}: {verdict.wrong}" for verdict in verdicts if verdict.is_bad]
    return "\n\n".join([report.hours(verdicts), *wrong]), wrong


def _bugs(at_once: int) -> tuple[str, list[str]]:
    caught = []
    for bug in Bug:
        if bug in LONG:
            shown = hours.caught(bug, range(report.MAX_SEEDS))
            found = (shown.seed, report.seen_as(shown)) if shown else (None, "")
        else:
            result = runner.first_caught(bug, report.MAX_SEEDS, at_once=at_once)
            found = (result.seed, report.seen_as(result.verdict)) if result else (None, "")
        caught.append(report.Caught(bug, *found))
        print(f"  {bug}: {'not caught' if found[0] is None else f'caught at seed {found[0]}'}", flush=True)
    wrong = [f"not caught: {each.bug}" for each in caught if each.seed is None]
    return report.bugs(caught), wrong


def _beyond(seeds: int, at_once: int) -> tuple[str, list[str]]:
    summed = total([Trial(seed, Part.BEYOND) for seed in range(seeds)], _progress, at_once=at_once)
    held_up = summed.strikes["mail: taken after the lease"]
    words = (
        f"{summed.runs} schedules, {summed.arrived:,} mails taken, {held_up:,} requests held up for longer"
        f" than the lease: **{summed.beyond} mails left twice**, each of them after such a request; lost"
        f" {summed.lost}, twice without such a request {summed.twice}."
    )
    wrong = [report.bad(summed.bad)] if summed.bad else []
    return "\n\n".join([words, *wrong]), wrong


def _hostile(inputs: int) -> tuple[str, list[str]]:
    kinds = hostile.run(inputs)
    return hostile.table(kinds), hostile.breakages(kinds)


def _progress(summed: Total, result: Result) -> None:
    if not result.is_good:
        print(report.bad([result]), flush=True)
    if summed.runs % 100 == 0:
        print(
            f"  {summed.runs} schedules, {summed.events:,} events, {summed.mails:,} mails:"
            f" lost {summed.lost}, twice {summed.twice}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
