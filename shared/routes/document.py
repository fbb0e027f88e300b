"""Routes in YAML as values that know where they stand, so that what is wrong with one can be named."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shared import documents
from shared.documents import DocumentError, Node, shown
from shared.routes.defaults import RoutesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from shared.audience import Target

    TargetReader = Callable[["Field"], tuple[Target, ...]]

_MAX_SHOWN = 60
_MAX_LISTED = 15
"""Words that a sentence lists; a typo has its hint besides."""


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
    try:
        tree = documents.parse(text)
    except DocumentError as error:
        line = f" (line {error.line})" if error.line else ""
        raise RoutesError(f"routes file{line}: {error}.") from None
    return None if tree is None else Field(tree)


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
