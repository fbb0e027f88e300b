"""What importing takes, module by module, as `python -X importtime` tells it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUNS = 3

_GROUPS = {
    "azure.functions": ("azure.functions", "azurefunctions"),
    "azure.data.tables": ("azure.data",),
    "azure.core": ("azure",),
    "requests, urllib3": ("requests", "urllib3", "certifi", "idna", "charset_normalizer", "chardet"),
    "msgspec": ("msgspec",),
    "PyYAML": ("yaml", "_yaml"),
    "shared, function_app": ("shared", "function_app"),
}
"""Modules by what they belong to, the first that fits."""

OTHERS, STANDARD = "other packages", "standard library"

NAMES = (*_GROUPS, OTHERS, STANDARD)


def breakdown(program: Sequence[str], environment: Mapping[str, str]) -> dict[str, float]:
    """Return the milliseconds that the imports of a program take, by what the modules belong to.

    Each module's own time, without what it imports in turn; the best of a few processes, since the times are
    to be looked at, not compared.
    """
    best = min((_imports(program, environment) for _ in range(RUNS)), key=Counter.total)
    return {name: best[name] / 1_000 for name in NAMES}


def _imports(program: Sequence[str], environment: Mapping[str, str]) -> Counter[str]:
    """Import once; return microseconds by group."""
    told = subprocess.run(program, env=environment, stderr=subprocess.PIPE, text=True, check=True).stderr
    found: Counter[str] = Counter()
    for line in told.splitlines():
        parts = line.removeprefix("import time:").split("|")
        if len(parts) == 3 and parts[0].strip().isdigit():
            found[_group(parts[2].strip())] += int(parts[0])
    return found


def _group(module: str) -> str:
    fits = (name for name, prefixes in _GROUPS.items() if any(_within(module, one) for one in prefixes))
    return next(fits, STANDARD if module.partition(".")[0] in sys.stdlib_module_names else OTHERS)


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def table(
    sides: Mapping[str, Mapping[str, float]],
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the breakdown as a table."""
    rows = [(name, *(f"{side[name]:.1f} ms" for side in sides.values())) for name in NAMES]
    total = ("together", *(f"{sum(side.values()):.1f} ms" for side in sides.values()))
    return ("Imports, each module's own time", *sides), (*rows, total)
