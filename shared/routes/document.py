"""YAML as values that know where they stand, so that what is wrong with one can be named.

It is read event by event instead of loaded. That keeps lines and texts as they were written: a subscription
`0123` stays a text, `no` stays a word. And libyaml's own tree building, which recurses in C, is left out: a
text of a hundred thousand brackets would end the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shared.masking import masked
from shared.routes.defaults import RoutesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from shared.audience import Target

    TargetReader = Callable[["Field"], tuple[Target, ...]]

MAX_LENGTH = 262_144
"""Characters of YAML; ninety audiences with fifty recipients each and their routes are fewer."""

MAX_DEPTH = 10
"""Levels of nesting; what is asked for has five."""

_MAX_SHOWN = 60
_MAX_LOOKED_AT = 4_000
_MAX_LISTED = 15
"""Words that a sentence lists; a typo has its hint besides."""
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class Node(NamedTuple):
    """A text, a list, a mapping or nothing, and the line where it begins."""

    value: str | list[Node] | dict[str, Node] | None
    line: int


class Field(NamedTuple):
    """A node and its path. Its methods give it in the form asked for, or raise RoutesError."""

    node: Node
    path: str = ""

    def fault(self, what: str) -> RoutesError:
        """Make the error that says what is wrong here."""
        return RoutesError(f"{self.path or 'routes file'} (line {self.node.line}): {what}.")

    def expected(self, what: str, hint: str = "") -> RoutesError:
        """Make the error that says what was expected here; `hint` goes at its end."""
        return self.fault(f"expected {what}, got {shown(self.node.value)}{hint}")

    def mapping(self, known: Iterable[str]) -> dict[str, Field]:
        """Return the fields of a mapping that has no other keys than the known ones."""
        value = self.node.value
        known = tuple(known)
        if not isinstance(value, dict):
            raise self.expected(f"a mapping with some of {', '.join(known)}")
        fields = {key: Field(node, f"{self.path}.{key}" if self.path else key) for key, node in value.items()}
        for key, field in fields.items():
            if key not in known:
                listed = near(key, known) or f" (expected one of {', '.join(known)})"
                here = Field(Node(value, field.node.line), self.path)
                raise here.fault(f"unknown key {shown(key)}{listed}")
        return fields

    def items(self, what: str) -> list[Field]:
        """Return the elements of a list."""
        value = self.node.value
        if not isinstance(value, list):
            raise self.expected(f"a list of {what}")
        return [Field(node, f"{self.path}[{index}]") for index, node in enumerate(value)]

    def text(self, what: str) -> str:
        """Return a text that is not empty, on one line, without the spaces around it."""
        value = self.node.value
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise self.expected(what)
        return value.strip()

    def texts(self, what: str) -> list[Field]:
        """Return the fields of several texts: those of a list, or of one text with commas,as in a setting."""
        value = self.node.value
        if isinstance(value, list):
            return self.items(what)
        if not isinstance(value, str) or not value.strip():
            raise self.expected(f"{what}, or a list of such")
        return [Field(Node(part.strip(), self.node.line), self.path) for part in value.split(",")]

    def choice(self, allowed: Iterable[str], hints: Mapping[str, str] | None = None) -> str:
        """Return the one of the allowed words that this is; case does not matter."""
        allowed = tuple(allowed)
        value = self.node.value
        word = value.strip().lower() if isinstance(value, str) else ""
        for each in allowed:
            if each.lower() == word:
                return str(each)
        hint = (hints or {}).get(word) or near(word, allowed)
        listed = ", ".join(allowed[:_MAX_LISTED])
        more = f" or {len(allowed) - _MAX_LISTED} others" if len(allowed) > _MAX_LISTED else ""
        raise self.expected(f"one of {listed}{more}", hint)


def parse(text: str) -> Field | None:
    """Read one YAML document; None if there is nothing in it. Raises RoutesError."""
    if not text.strip():
        return None
    if len(text) > MAX_LENGTH:
        raise RoutesError(f"routes file: longer than {MAX_LENGTH} characters.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RoutesError("routes file: holds characters that are none (lone surrogates).") from None
    # An import of its own: an app without routes never needs it.
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        tree = _Builder(yaml.parse(text, Loader=loader)).document()
    except yaml.YAMLError as error:
        raise _not_yaml(error, text) from None
    return None if tree is None or tree.value is None else Field(tree)


def read(path: str, base: Path) -> str:
    """Read a file of the app as text. Raises RoutesError."""
    if not path:
        raise RoutesError(
            "'@' names no file: expected @ and a path in the app's folder, such as @routes.yaml."
        )
    named = shown(f"@{path}")
    try:
        return (base / path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RoutesError(f"{named} cannot be read: there is no such file in the app's folder.") from None
    except UnicodeDecodeError:
        raise RoutesError(f"{named} cannot be read: it is not UTF-8 text.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no path of a file"
        raise RoutesError(f"{named} cannot be read: {reason[:1].lower()}{reason[1:]}.") from None


def near(word: str, known: Iterable[str]) -> str:
    """Write ` (did you mean 'x'?)` if one of the known words is nearly this one, else nothing."""
    from difflib import get_close_matches

    lowered = {each.lower(): each for each in known}
    word = word.strip().lower()[:_MAX_SHOWN]
    alike = get_close_matches(word, lowered, n=1)
    part = [each for each in lowered if len(word) > 2 and (word in each or each in word)]  # noqa: PLR2004
    found = alike or part
    return f" (did you mean '{lowered[found[0]]}'?)" if found else ""


class _Builder:
    """Builds the tree out of the parser's events, as deep as it may be and no deeper."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, Node] = {}

    def document(self) -> Node | None:
        tree: Node | None = None
        for event in self._events:
            name = type(event).__name__
            if name == "DocumentStartEvent":
                if tree is not None:
                    raise _at(event, "expected one YAML document, here begins another")
                tree = self._node(next(self._events), MAX_DEPTH)
        return tree

    def _node(self, event: Any, depth: int) -> Node:  # noqa: ANN401 - PyYAML's events have no useful types
        name = type(event).__name__
        if name == "AliasEvent":
            if event.anchor not in self._anchors:
                raise _at(
                    event, f"'*{event.anchor}' is a YAML alias: put a glob that begins with * in quotes"
                )
            return self._anchors[event.anchor]
        if not depth:
            raise _at(event, f"nested more than {MAX_DEPTH} deep")
        if event.tag is not None:
            raise _at(event, f"expected a plain value, got the YAML tag {shown(event.tag)}")
        line, anchor = event.start_mark.line + 1, event.anchor
        if name == "ScalarEvent":
            is_null = event.implicit[0] and event.value in _NULLS
            node = Node(None if is_null else event.value, line)
        elif name == "SequenceStartEvent":
            items: list[Node] = []
            while type(event := next(self._events)).__name__ != "SequenceEndEvent":
                items.append(self._node(event, depth - 1))
            node = Node(items, line)
        else:
            node = Node(self._pairs(depth), line)
        if anchor:
            self._anchors[anchor] = node
        return node

    def _pairs(self, depth: int) -> dict[str, Node]:
        pairs: dict[str, Node] = {}
        lines: dict[str, int] = {}
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            key = self._node(event, depth - 1)
            if not isinstance(key.value, str):
                raise _at(event, f"expected a word as a key, got {shown(key.value)}")
            if key.value in pairs:
                raise _at(
                    event, f"the key {shown(key.value)} is there twice, first in line {lines[key.value]}"
                )
            lines[key.value] = key.line
            pairs[key.value] = self._node(next(self._events), depth - 1)
        return pairs


def _at(event: Any, what: str) -> RoutesError:  # noqa: ANN401 - see above
    return RoutesError(f"routes file (line {event.start_mark.line + 1}): {what}.")


def _not_yaml(error: Any, text: str) -> RoutesError:  # noqa: ANN401 - see above
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
    before = text[: getattr(error, "position", 0)]  # of a character that is not allowed
    line = 1 + (before.count("\n") if mark is None else mark.line)
    hint = ""
    if "alphabetic or numeric" in problem:  # what libyaml says about a lone * or &
        hint = " (put a glob that begins with * in quotes)"
    return RoutesError(f"routes file (line {line}): not YAML: {problem}{hint}.")


def shown(value: object) -> str:
    """Return a value as errors show it: cut, and without what looks like a secret."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        value = masked(value[:_MAX_LOOKED_AT])
        return repr(value if len(value) <= _MAX_SHOWN else value[:_MAX_SHOWN] + "…")
    return "a list" if isinstance(value, list) else "a mapping"
