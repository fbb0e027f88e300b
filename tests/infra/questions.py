"""What several rules ask of the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.infra.bicep import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.infra.bicep import Declared, Infra, Template, Value


def settings_of(infra: Infra) -> dict[str, Value]:
    """Return the settings of the application that the deployment sets."""
    value = infra["main.bicep"].variables.get("settings")
    return value if isinstance(value, dict) else {}


def all_settings(template: Template) -> dict[str, Value]:
    """Return the settings that one file sets, the host's included."""
    found: dict[str, Value] = {}
    for name in ("settings", "hostSettings"):
        value = template.variables.get(name)
        found |= value if isinstance(value, dict) else {}
    return found


def made(infra: Infra) -> Iterator[tuple[str, Template, Declared]]:
    """Return every resource that is made, with its file."""
    for path, template in infra.items():
        for resource in template.resources:
            if not resource.existing:
                yield path, template, resource


def expect(resource: Declared, wanted: Mapping[str, Value]) -> Iterator[str]:
    """Compare what a resource holds at dotted paths."""
    for path, value in wanted.items():
        found = resource.at(path)
        if found != value or type(found) is not type(value):
            yield f"{resource.symbol}: {path} is {shown(found)}, not {shown(value)}"


def shown(value: Value) -> str:
    """Write a value as text: code as it is, literals in quotes."""
    return value.text if isinstance(value, Code) else repr(value)
