"""Bicep files as values: parsed with tree-sitter, their literals as Python's, everything else as `Code`.

No compiler is needed, and none is replaced: the rules in `policy` ask about what is written.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import tree_sitter
import tree_sitter_bicep

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tree_sitter import Node

_LANGUAGE = tree_sitter.Language(tree_sitter_bicep.language())
_COMMENTS = {"comment", "diagnostic_comment"}
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True)
class Code:
    """An expression that is not a literal: its text, with every run of white space as one space."""

    text: str


Value: TypeAlias = "str | int | bool | list[Value] | dict[str, Value] | Code | None"


@dataclass(frozen=True)
class Parameter:
    """A parameter; `required` if it has no default. `notes` are its decorators, by name, as text."""

    name: str
    type: str
    default: Value
    required: bool
    notes: Mapping[str, str]


@dataclass(frozen=True)
class Declared:
    """A resource or a module: `kind` is a resource's type or a module's path."""

    symbol: str
    kind: str
    version: str
    existing: bool
    condition: str
    loop: str
    body: dict[str, Value]

    def at(self, path: str) -> Value:
        """Return what the body holds at a dotted path; None where there is nothing."""
        value: Value = self.body
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value


@dataclass
class Template:
    """One Bicep file."""

    text: str
    scope: str = "resourceGroup"
    parameters: dict[str, Parameter] = field(default_factory=dict)
    variables: dict[str, Value] = field(default_factory=dict)
    resources: list[Declared] = field(default_factory=list)
    modules: list[Declared] = field(default_factory=list)
    outputs: dict[str, Value] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)
    """Names that expressions mention, those of functions and loop variables left out."""
    declared: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    """What does not parse, by line."""

    def only(self, kind: str) -> Declared:
        """Return the one resource of a type that this file makes."""
        (found,) = self.of(kind)
        return found

    def of(self, kind: str) -> list[Declared]:
        """Return the resources of a type that this file makes."""
        return [one for one in self.resources if one.kind.lower() == kind.lower() and not one.existing]


Infra = dict[str, Template]
"""All files, by their path in the folder."""


def sources(folder: Path) -> dict[str, str]:
    """Read the text of all Bicep files of a folder, by their path in it."""
    paths = sorted(folder.rglob("*.bicep"))
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths}


def read(texts: Mapping[str, str]) -> Infra:
    """Parse all files."""
    return {path: parse(text) for path, text in texts.items()}


def parse(text: str) -> Template:
    """Parse one file. Never raises for what a file holds: see `errors`."""
    root = tree_sitter.Parser(_LANGUAGE).parse(text.encode()).root_node
    template = Template(text)
    template.errors += _errors(root)
    notes: dict[str, str] = {}
    for node in root.named_children:
        if node.type == "decorators":
            notes = dict(_note(decorator) for decorator in node.named_children)
            continue
        _declare(template, node, notes)
        if node.type not in _COMMENTS:
            notes = {}
    template.used.update(_names(root, frozenset()))
    return template


def _declare(template: Template, node: Node, notes: Mapping[str, str]) -> None:
    parts = _parts(node)
    if node.type == "target_scope_assignment":
        template.scope = str(_value(parts[0]))
    elif node.type == "parameter_declaration":
        name = _text(parts[0])
        given = any(child.type == "=" for child in node.children)
        kind = _text(next(part for part in parts if part.type == "type"))
        default = _value(parts[-1]) if given else None
        template.parameters[name] = Parameter(name, kind, default, not given, notes)
        template.declared.append(name)
    elif node.type == "variable_declaration":
        template.variables[_text(parts[0])] = _value(parts[-1])
        template.declared.append(_text(parts[0]))
    elif node.type == "output_declaration":
        template.outputs[_text(parts[0])] = _value(parts[-1])
    elif node.type in {"resource_declaration", "module_declaration"}:
        made = _made(node, parts)
        template.declared.append(made.symbol)
        (template.resources if node.type == "resource_declaration" else template.modules).append(made)


def _made(node: Node, parts: list[Node]) -> Declared:
    condition = loop = ""
    body = parts[-1]
    while body.type in {"if_statement", "for_statement"}:
        inner = _parts(body)
        if body.type == "if_statement":
            condition = _text(inner[0])
        else:
            loop = _text(inner[1])
        body = inner[-1]
    kind, _, version = str(_value(parts[1])).partition("@")
    value = _value(body)
    existing = any(child.type == "existing" or child.text == b"existing" for child in node.children)
    fields = value if isinstance(value, dict) else {}
    return Declared(_text(parts[0]), kind, version, existing, condition, loop, fields)


def _errors(node: Node) -> Iterator[str]:
    line = node.start_point.row + 1
    if node.is_missing:
        yield f"line {line}: {node.type} is missing"
    elif node.type == "ERROR":
        yield f"line {line}: unexpected {_text(node)[:40]!r}"
    before: Node | None = None
    for child in node.children:
        yield from _errors(child)
        if child.type in _COMMENTS:
            continue
        # The grammar takes `{ a: 1 b: 2 }`; Bicep wants a comma or a new line between.
        together = before is not None and before.is_named and before.end_point.row == child.start_point.row
        if node.type in {"object", "array"} and child.is_named and together:
            yield f"line {child.start_point.row + 1}: a comma or a new line is missing"
        before = child


def _note(decorator: Node) -> tuple[str, str]:
    call = _parts(decorator)[0]
    parts = _parts(call)
    arguments = _parts(parts[1]) if len(parts) > 1 else []
    value = _value(arguments[0]) if arguments else ""
    return _text(parts[0]), value if isinstance(value, str) else _text(arguments[0])


def _names(node: Node, shadowed: frozenset[str]) -> Iterator[str]:
    """Return the names that are used as values: not of properties, functions, types and declarations."""
    parts = node.named_children
    if node.type == "for_statement":
        variables = {_text(part) for part in _parts(parts[0])} or {_text(parts[0])}
        shadowed |= variables
        parts = parts[1:]
    elif node.type.endswith("_declaration") or (node.type == "object_property" and len(parts) > 1):
        parts = [part for part in parts[1:] if part.type != "type"]
        if node.type == "object_property" and node.named_children[0].type == "string":
            yield from _names(node.named_children[0], shadowed)
    elif node.type == "call_expression":
        parts = parts[1:]
    elif node.type == "identifier":
        if _text(node) not in shadowed:
            yield _text(node)
        return
    for part in parts:
        yield from _names(part, shadowed)


def _value(node: Node) -> Value:
    match node.type:
        case "string" if not any(child.type == "interpolation" for child in node.children):
            return _literal(_text(node))
        case "number":
            return int(_text(node))
        case "boolean":
            return _text(node) == "true"
        case "null":
            return None
        case "array":
            return [_value(part) for part in _parts(node)]
        case "object":
            pairs = [_parts(part) for part in _parts(node) if part.type == "object_property"]
            return {_key(pair[0]): _value(pair[-1]) for pair in pairs}
    return Code(" ".join(_text(node).split()))


def _key(node: Node) -> str:
    value = _value(node)
    return value if isinstance(value, str) else _text(node)


def _literal(text: str) -> str:
    if text.startswith("'''"):
        return text[3:-3].removeprefix("\n")
    return _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1])


def _parts(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type not in _COMMENTS]


def _text(node: Node) -> str:
    return (node.text or b"").decode()
