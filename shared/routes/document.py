"""Routes in YAML as values that know where they stand, so that what is wrong with one can be named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import documents
from shared.documents import DocumentError, near, shown
from shared.routes.defaults import RoutesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from shared.audience import Target

    TargetReader = Callable[["Field"], tuple[Target, ...]]


class Field(documents.Field):
    """A value of routes. Its methods return it in the form asked for, or raise RoutesError."""

    def fault(self, what: str) -> RoutesError:
        """Return the error that says what is wrong here."""
        return RoutesError(f"{self.path or 'routes file'} (line {self.line}): {what}.")

    def expected(self, what: str, hint: str = "") -> RoutesError:
        """Return the error that says what was expected here; `hint` goes at its end."""
        return self.fault(f"expected {what}, got {shown(self.value)}{hint}")

    def mapping(self, known: Iterable[str]) -> dict[str, Field]:
        """Return the fields of a mapping that has no other keys than the known ones."""
        known = tuple(known)
        if not isinstance(self.value, dict):
            raise self.expected(f"a mapping with some of {', '.join(known)}")
        fields = {key: self.child(key, node) for key, node in self.value.items()}
        for key, field in fields.items():
            if key not in known:
                listed = near(key, known) or f" (expected one of {', '.join(known)})"
                here = Field(self.value, self.path, field.line)
                raise here.fault(f"unknown key {shown(key)}{listed}")
        return fields

    def required(self, entries: Mapping[str, Field], key: str) -> Field:
        """Return one of the entries of this mapping, which has to be there."""
        if key not in entries:
            raise self.fault(f"expected `{key}`, which is missing")
        return entries[key]

    def items(self, what: str) -> list[Field]:
        """Return the elements of a list; `what` they are."""
        return super().items(f"a list of {what}")

    def text(self, what: str) -> str:
        """Return a text that is not empty, on one line, without the spaces around it."""
        value = self.value
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise self.expected(what)
        return value.strip()

    def texts(self, what: str) -> list[Field]:
        """Return the fields of several texts: of a list, or of one text with commas, as in a setting."""
        value = self.value
        if isinstance(value, list):
            return self.items(what)
        if not isinstance(value, str) or not value.strip():
            raise self.expected(f"{what}, or a list of such")
        return [Field(part.strip(), self.path, self.line) for part in value.split(",")]

    def word(self) -> str:
        """Return the text in lower case, without the spaces around it; empty where the value is no text."""
        return super().word().strip()


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
