"""What is installed: the demo, `make run` and `./notifier` need nothing that only tests bring."""

from __future__ import annotations

import ast
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
OURS = {"local", "ops", "testing", "shared", "function_app"}
FOR_DEVELOPERS = {"local/fleet_demo.py"}
"""The Makefile installs what tests need before it starts these."""


def _imports(path: Path) -> set[str]:
    """Return the modules that a file imports when it runs, now or later; for types alone does not count."""
    found: set[str] = set()
    todo: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        todo += ast.iter_child_nodes(node)
    return found


def _file(module: str) -> Path | None:
    place = ROOT.joinpath(*module.split("."))
    return next((each for each in (place.with_suffix(".py"), place / "__init__.py") if each.is_file()), None)


def _installed() -> set[str]:
    """Return the distributions that requirements-local.txt names, and what they need in turn."""
    lines = [
        line
        for name in ("requirements.txt", "requirements-local.txt")
        for line in (ROOT / name).read_text("utf-8").splitlines()
        if re.match(r"\w", line)
    ]
    todo, found = [Requirement(line) for line in lines], set[str]()
    while todo:
        one = todo.pop()
        name = re.sub(r"[-_.]+", "-", one.name).lower()
        if name not in found and (one.marker is None or one.marker.evaluate({"extra": ""})):
            found.add(name)
            todo += map(Requirement, metadata.requires(name) or ())
    return found


@pytest.mark.slow
def test_the_demo_and_the_command_need_what_is_installed_for_them() -> None:
    """All that local/ and ops/ import, by whatever way, is in requirements-local.txt."""
    starts = {path for folder in ("local", "ops") for path in (ROOT / folder).rglob("*.py")}
    todo = [
        ROOT / "function_app.py",
        *(path for path in starts if str(path.relative_to(ROOT)) not in FOR_DEVELOPERS),
    ]
    seen: set[Path] = set()
    outside: dict[str, Path] = {}
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        for module in _imports(path):
            top = module.partition(".")[0]
            if top in OURS:
                todo += [file] if (file := _file(module)) else []
            elif top not in sys.stdlib_module_names:
                outside.setdefault(top, path.relative_to(ROOT))
    brought = metadata.packages_distributions()
    installed = _installed()
    missing = {
        top: str(path)
        for top, path in outside.items()
        if not any(re.sub(r"[-_.]+", "-", each).lower() in installed for each in brought.get(top, ()))
    }
    assert missing == {}
