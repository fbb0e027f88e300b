"""The direction of imports: the house has floors, and nothing looks upstairs."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHARED = Path(__file__).parents[2] / "shared"


@cache
def _modules(tree: str) -> dict[str, Path]:
    """Return the modules of a folder of the repository, by name."""
    return {
        ".".join(path.relative_to(SHARED.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (SHARED.parent / tree).rglob("*.py")
    }


MODULES = _modules("shared")

FLOORS = (
    {
        "addresses", "base_addresses", "clock", "connections", "deadlines", "decision_log", "decoding",
        "dialing", "documents", "durations",
        "identity", "ids", "keys", "masking", "ncrontab", "setting_forms", "setting_reader", "text",
        "timestamps", "web_addresses",
    },
    {"events", "snapshot"},
    {"maintenance", "failures"},
    {"notices"},
    {"audience"},
    {"routes", "store", "messages", "sources"},
    {"clusters", "channels"},
    {"delivery", "pages"},
    {"rounds"},
    {"settings"},
    {"app"},
)  # fmt: skip
"""From the ground up: a floor may import what stands below it; what is on the ground, also each other."""


@cache
def _imports(path: Path, tree: str = "shared") -> set[str]:
    """Return the modules of a folder that a file imports anywhere: at the top, deferred, or for types."""
    known = _modules(tree).keys()
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names} & known
            found |= inside if len(inside) == len(node.names) else {*inside, node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith(f"{tree}.")}


def _room(module: str) -> str:
    return module.split(".")[1]


def test_every_room_has_a_floor() -> None:
    """Each package and module of the application stands on one floor."""
    rooms = {_room(module) for module in MODULES if module != "shared"}
    named = [room for floor in FLOORS for room in floor]
    assert sorted(named) == sorted(rooms)


def test_one_direction() -> None:
    """No module imports what stands above it or beside it; imports put off and for types count."""
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    upwards = {
        (module, name)
        for module in set(MODULES) - {"shared"}
        for name in _imports(MODULES[module])
        if (_room(name) != _room(module) and floor[_room(name)] >= floor[_room(module)] > 0)
        or (floor[_room(module)] == 0 and floor[_room(name)] > 0)
    }
    assert upwards == set()


@pytest.mark.parametrize("tree", ["shared", "ops", "local", "prove", "bench", "testing"])
def test_no_circle_of_modules(tree: str) -> None:
    """No module needs itself, by however many steps: parts of one package import in one direction too."""
    modules = _modules(tree)
    needs = {module: _imports(path, tree) & modules.keys() for module, path in modules.items()}
    order: list[str] = []
    while left := [module for module in needs if module not in order]:
        free = [module for module in left if needs[module] <= {*order, module}]
        assert free, f"a circle among {sorted(left)}"
        order += free


def test_one_style_of_doors() -> None:
    """A package's door holds nothing, or lists all that it holds, and nobody imports that by another way."""
    doors = [path for path in MODULES.values() if path.name == "__init__.py" and path.parent != SHARED]
    handed_on: dict[tuple[str, str], Path] = {}
    for path in doors:
        body = ast.parse(path.read_text("utf-8")).body
        inside = {pair: path.parent for pair in _names(body) if pair[0].startswith("shared.")}
        made = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        listed = re.search(r"^__all__ = (\[.*?\])", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        assert set(ast.literal_eval(listed[1]) if listed else ()) == made | {name for _, name in inside}, path
        own = f"shared.{path.parent.name}."
        handed_on |= {pair: room for pair, room in inside.items() if pair[0].startswith(own)}
    past = {
        (str(path), *pair)
        for path in (*SHARED.rglob("*.py"), *(SHARED.parent / "ops").rglob("*.py"))
        for pair in _names(ast.walk(ast.parse(path.read_text("utf-8"))))
        if pair in handed_on and handed_on[pair] not in path.parents
    }
    assert past == set()


def _names(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """Yield what is imported, as module and name."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)
