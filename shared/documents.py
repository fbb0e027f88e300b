"""Documents of people and of Azure, as values that know where they stand, so that errors can name them.

YAML is bounded, and nothing in it is guessed: it is read event by event instead of loaded. That keeps lines
and texts as they were written: a subscription `0123` stays a text, `no` stays a word. And libyaml's own tree
building, which recurses in C, is left out: a text of a hundred thousand brackets would end the process.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from shared.masking import masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, Self

MAX_CHARACTERS = 262_144
"""Characters of YAML; ninety audiences with fifty recipients each and their routes are fewer."""

MAX_DEPTH = 10
"""Levels of nesting; what is asked for has five."""

_MAX_SHOWN_CHARACTERS = 60
_MAX_LISTED_WORDS = 15
"""Words that a sentence lists; a typo has its hint besides."""
_MAX_MASKED_CHARACTERS = 4_000
_TRUTHS = {"true": True, "false": False}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class DocumentError(ValueError):
    """A document that cannot be read; `line` is where, or 0 for all of it."""

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.line = line


class Node(NamedTuple):
    """A text, a list, a mapping or nothing, and the line where it begins."""

    value: str | list[Node] | dict[str, Node] | None
    line: int
    is_bare: bool = False
    """Whether a text stands without quotes, so that it may be a number or a truth."""


class Field:
    """A value of a document and its path; `line` is 0 where lines are not known, as in decoded JSON.

    Its methods return it in the form asked for, or raise what `expected` makes: the kind of document
    decides that.
    """

    def __init__(self, value: Any, path: str = "", line: int = 0) -> None:  # noqa: ANN401 - what is in there
        self.value: Any = value.value if isinstance(value, Node) else value
        self.line = value.line if isinstance(value, Node) else line
        self.path = path

    def expected(self, what: str, hint: str = "") -> ValueError:
        """Return the error that says what was expected here; `hint` goes at its end."""
        raise NotImplementedError

    def child(self, name: str, value: object) -> Self:
        """Return a value of this mapping as a field."""
        return type(self)(value, f"{self.path}.{name}" if self.path else name, self.line)

    def items(self, what: str) -> list[Self]:
        """Return the elements of a list."""
        if not isinstance(self.value, list):
            raise self.expected(what)
        return [
            type(self)(value, f"{self.path}[{index}]", self.line) for index, value in enumerate(self.value)
        ]

    def word(self) -> str:
        """Return the text in lower case; empty where the value is no text."""
        return self.value.lower() if isinstance(self.value, str) else ""

    def choice(self, allowed: Iterable[str], hints: Mapping[str, str] | None = None) -> str:
        """Return the one of the allowed words that this is; case does not matter."""
        allowed = tuple(allowed)
        word = self.word()
        for each in allowed:
            if each.lower() == word:
                return str(each)
        listed = ", ".join(allowed[:_MAX_LISTED_WORDS])
        more = f" or {len(allowed) - _MAX_LISTED_WORDS} others" if len(allowed) > _MAX_LISTED_WORDS else ""
        raise self.expected(f"one of {listed}{more}", (hints or {}).get(word) or near(word, allowed))


def near(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` if one of the known words is nearly this one, else nothing."""
    from difflib import get_close_matches

    lowered = {each.lower(): each for each in known}
    word = word.strip().lower()[:_MAX_SHOWN_CHARACTERS]
    alike = get_close_matches(word, lowered, n=1)
    part = [each for each in lowered if len(word) > 2 and (word in each or each in word)]  # noqa: PLR2004
    found = alike or part
    return f" (did you mean '{lowered[found[0]]}'?)" if found else ""


def parse(text: str) -> Node | None:
    """Read one YAML document; None if there is nothing in it. Raises DocumentError."""
    if not text.strip():
        return None
    if len(text) > MAX_CHARACTERS:
        raise DocumentError(f"longer than {MAX_CHARACTERS} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DocumentError("holds characters that are none (lone surrogates)") from None
    # An import of its own: an app without routes never needs it.
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        tree = _Builder(yaml.parse(text, Loader=loader)).document()
    except yaml.YAMLError as error:
        raise _not_yaml(error, text) from None
    return None if tree is None or tree.value is None else tree


def plain(node: Node) -> Any:  # noqa: ANN401 - texts, and lists and mappings of them
    """Return a node as a value: lists, mappings and texts, and, where no quotes are, numbers and truths."""
    if isinstance(node.value, list):
        return [plain(each) for each in node.value]
    if isinstance(node.value, dict):
        return {key: plain(each) for key, each in node.value.items()}
    if node.is_bare and isinstance(node.value, str):
        if node.value.lower() in _TRUTHS:
            return _TRUTHS[node.value.lower()]
        for form in (int, float):
            with suppress(ValueError):
                return form(node.value)
    return node.value


def shown(value: object) -> str:
    """Return a value as errors show it: cut, and without what looks like a secret."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        value = masked(value[:_MAX_MASKED_CHARACTERS])
        return repr(value if len(value) <= _MAX_SHOWN_CHARACTERS else value[:_MAX_SHOWN_CHARACTERS] + "…")
    return "a list" if isinstance(value, list) else "a mapping"


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
            node = Node(None if is_null else event.value, line, is_bare=event.implicit[0])
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


def _at(event: Any, what: str) -> DocumentError:  # noqa: ANN401 - PyYAML's events have no useful types
    return DocumentError(what, event.start_mark.line + 1)


def _not_yaml(error: Any, text: str) -> DocumentError:  # noqa: ANN401 - see above
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
    before = text[: getattr(error, "position", 0)]  # of a character that is not allowed
    line = 1 + (before.count("\n") if mark is None else mark.line)
    hint = ""
    if "alphabetic or numeric" in problem:  # what libyaml says about a lone * or &
        hint = " (put a glob that begins with * in quotes)"
    return DocumentError(f"not YAML: {problem}{hint}", line)
