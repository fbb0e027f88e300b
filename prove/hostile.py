"""Hostile input by the hundred thousand: what it came to, what took longest, and what broke.

    python -m prove.hostile [--inputs N] [--seed S] [--processes P]

The properties and the inputs are those of `tests/promises/test_hostile_input.py` and `testing/hostile`. The
same seed gives the same inputs. What breaks is shown as the smallest input that breaks in the same way, to be
pasted into a test. A kind of whose inputs hardly any came to what they are for breaks, too: it would prove
nothing. Exits 1 if anything did.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import math
import multiprocessing
import random
import signal
import sys
import time
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import HypothesisWarning

from bench import markdown
from testing.hostile.kinds import KINDS, InputKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

INPUTS = 100_000
BATCH = 2_000
"""Inputs drawn from one seed: hypothesis remembers all of a batch, so as not to draw any twice."""

HANG_SECONDS = 60.0
"""CPU seconds after which an input counts as one that never ends."""


ENOUGH = 500
"""Inputs from which on it counts as a breakage that too few of them came to what a kind's are to come to."""

MIN_SHARE = 0.1
"""The share that each such word has to have."""


class _HangsError(BaseException):
    """Ends an input that is still at it. No Exception: what is proved catches these."""


class Figures(msgspec.Struct):
    """What became of the inputs of a kind."""

    name: str
    inputs: int = 0
    words: Counter[str] = msgspec.field(default_factory=Counter)
    """What each thing in them came to: `read`, `refused`."""
    largest: int = 0
    """Bytes of the largest thing made from one, where that has a limit."""
    slowest: float = 0.0
    """CPU seconds of the slowest."""
    cpu: float = 0.0
    """CPU seconds of them all, making them included."""
    breakage: str = ""
    """The smallest input that breaks, and how it does, or what hardly any input came to; empty if none."""


def run(inputs: int = INPUTS, start: int = 0, processes: int = 2) -> list[Figures]:
    """Prove all kinds with so many inputs in all; at least one each."""
    wanted = [(kind.name, max(inputs * kind.share // 100, 1), start) for kind in KINDS]
    if processes == 1:
        return [_named(*one) for one in wanted]
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(_named, *zip(*wanted, strict=True)))


def _named(name: str, inputs: int, start: int) -> Figures:
    return prove(next(kind for kind in KINDS if kind.name == name), inputs, start)


def prove(kind: InputKind, inputs: int, start: int = 0) -> Figures:
    """Prove one kind, up to its first breakage."""
    figures = Figures(kind.name)
    began = time.process_time()
    with _alone():
        for batch in range(inputs):
            before = figures.inputs
            wanted = min(inputs - before, BATCH)
            if not wanted or figures.breakage:
                break
            _try(kind, wanted, random.Random(f"{start} {kind.name} {batch}").getrandbits(64), figures)
            if figures.inputs == before:  # there are no more
                break
    figures.cpu = time.process_time() - began
    if not figures.breakage and figures.inputs >= ENOUGH:
        figures.breakage = ", ".join(_rare(kind, figures.words))
    return figures


def _rare(kind: InputKind, words: Counter[str]) -> Iterator[str]:
    """Return which words hardly occur that have to."""
    for word in kind.words:
        share = words[word] / max(words.total(), 1)
        if share < MIN_SHARE:
            yield f"only {share:.1%} came to {word!r}"


def _try(kind: InputKind, inputs: int, start: int, figures: Figures) -> None:
    """Try a batch. The last input to break is the smallest: with that one hypothesis ends."""
    smallest: tuple[Any, Exception] | None = None

    @seed(start)
    @settings(
        max_examples=inputs,
        phases=(Phase.generate, Phase.shrink),
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(kind.inputs)
    def attempt(given_: object) -> None:
        nonlocal smallest
        gc.disable()  # what it does in between is for hypothesis, not for the input
        began = time.process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, HANG_SECONDS)
        try:
            verdict = kind.check(given_)
        except _HangsError as error:
            smallest = (given_, TimeoutError(str(error)))
            raise smallest[1] from None  # anything but an Exception would end hypothesis as well
        except Exception as error:
            smallest = (given_, error)
            raise
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            took = time.process_time() - began
            gc.enable()
        if smallest is None:
            figures.inputs += 1
            figures.words.update(verdict.words)
            figures.largest = max(figures.largest, verdict.size)
            figures.slowest = max(figures.slowest, took)

    try:
        attempt()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        broken, how = smallest or (None, error)
        figures.breakage = f"{kind.check.__name__}({pasted(broken)})  # {type(how).__name__}: {how}"


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Keep the log quiet, take warnings for errors, and end what never ends."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise _HangsError(f"still at it after {HANG_SECONDS:.0f} s")

    handler = signal.signal(signal.SIGVTALRM, end)
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", HypothesisWarning)
            yield
    finally:
        logging.disable(disabled)
        signal.signal(signal.SIGVTALRM, handler)


def pasted(value: object) -> str:
    """Write a value as Python would have it in a test."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    names = getattr(value, "__struct_fields__", None) or getattr(value, "_fields", None)
    if names:
        fields = ", ".join(f"{name}={pasted(getattr(value, name))}" for name in names)
        return f"{type(value).__name__}({fields})"
    if isinstance(value, tuple):
        return f"({''.join(f'{pasted(one)}, ' for one in value).strip()})"
    if isinstance(value, list):
        return f"[{', '.join(map(pasted, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{pasted(key)}: {pasted(one)}" for key, one in value.items()) + "}"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f"float('{value}')"
    return repr(value)


def table(found: Sequence[Figures]) -> str:
    """Write the figures as a table."""
    rows = [
        (
            one.name,
            f"{one.inputs:,}",
            str(int(bool(one.breakage))),
            ", ".join(f"{word} {number:,}" for word, number in one.words.most_common())
            + (f"; the largest {one.largest:,} bytes" if one.largest else ""),
            f"{one.slowest * 1_000:.0f} ms",
            f"{one.cpu:.0f} s",
        )
        for one in found
    ]
    broken = sum(bool(one.breakage) for one in found)
    slowest, cpu = max(one.slowest for one in found), sum(one.cpu for one in found)
    inputs = sum(one.inputs for one in found)
    rows.append(("in all", f"{inputs:,}", str(broken), "", f"{slowest * 1_000:.0f} ms", f"{cpu:.0f} s"))
    head = ("kind", "inputs", "broke", "what became of what was in them", "slowest, CPU", "all, CPU")
    return markdown.table(head, rows)


def breakages(found: Sequence[Figures]) -> list[str]:
    """Write what broke, each with the smallest input that breaks so."""
    return [f"{one.name} broke:\n{one.breakage}" for one in found if one.breakage]


def main(arguments: list[str] | None = None) -> int:
    """Prove, print, and tell whether all held."""
    parser = argparse.ArgumentParser(prog="python -m prove.hostile", description=__doc__.split("\n")[0])
    parser.add_argument("--inputs", type=int, default=INPUTS, help="how many in all (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="which ones (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="at once (default: %(default)s)")
    given_ = parser.parse_args(arguments)
    found = run(given_.inputs, given_.seed, given_.processes)
    broken = breakages(found)
    print("\n\n".join((table(found), *broken)))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
