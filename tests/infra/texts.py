"""What every file of Bicep has to be, whatever it is about."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tests.infra.bicep import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.bicep import Declared, Infra, Template, Value

_NAMESPACES = {"az", "sys"}


def parses(infra: Infra) -> Iterator[str]:
    """Check that every file parses, from its first line to its last."""
    for path, template in infra.items():
        yield from (f"{path}: {error}" for error in template.errors)
        if not template.text.strip():
            yield f"{path}: is empty"


def names(infra: Infra) -> Iterator[str]:
    """Check that every name is declared once, and every parameter and variable used."""
    for path, template in infra.items():
        declared = set(template.declared)
        yield from (f"{path}: {name} is not declared" for name in set(template.used) - declared - _NAMESPACES)
        twice = {name for name in declared if template.declared.count(name) > 1}
        yield from (f"{path}: {name} is declared twice" for name in twice)
        waiting = {*template.parameters, *template.variables}
        yield from (f"{path}: {name} is never used" for name in waiting - set(template.used))


def modules(infra: Infra) -> Iterator[str]:
    """Check that every module exists, gets exactly its parameters, and gives the outputs that are read."""
    called = set()
    for path, template in infra.items():
        for module in template.modules:
            target = (PurePosixPath(path).parent / module.kind).as_posix()
            target = re.sub(r"[^/]+/\.\./", "", target)
            called.add(target)
            if target not in infra:
                yield f"{path}: {module.symbol}: there is no {module.kind}"
                continue
            yield from (
                f"{path}: {module.symbol}: {words}" for words in _call(template, module, infra[target])
            )
        for symbol, output in set(re.findall(r"\b(\w+)\.outputs\.(\w+)", template.text)):
            target_path = next((one.kind for one in template.modules if one.symbol == symbol), "")
            target = re.sub(r"[^/]+/\.\./", "", (PurePosixPath(path).parent / target_path).as_posix())
            if target in infra and output not in infra[target].outputs:
                yield f"{path}: {target} has no output {output}"
    entries = {"main.bicep", "eventing.bicep"}
    yield from (f"{path}: no file uses it" for path in set(infra) - called - entries)


def _call(caller: Template, module: Declared, target: Template) -> Iterator[str]:
    given = module.body.get("params")
    given = given if isinstance(given, dict) else {}
    required = {name for name, parameter in target.parameters.items() if parameter.required}
    yield from (f"the parameter {name} is missing" for name in required - set(given))
    for name, value in given.items():
        parameter = target.parameters.get(name)
        if parameter is None:
            yield f"there is no parameter {name}"
        elif not _fits(value, parameter.type):
            yield f"the parameter {name} is no {parameter.type}"
    if caller.scope == "subscription" and "scope" not in module.body:
        yield "has no scope"
    if caller.scope != "subscription" and target.scope == "subscription" and "scope" not in module.body:
        yield "belongs to a subscription"


def _fits(value: Value, kind: str) -> bool:
    wanted: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "int": int,
        "bool": bool,
        "array": list,
        "object": dict,
    }
    if isinstance(value, Code):
        return True
    if kind == "int" and isinstance(value, bool):
        return False
    return isinstance(value, wanted.get(kind, object))
