"""A value of a maintenance configuration, and what is said where it is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shared import documents

if TYPE_CHECKING:
    import re

_MAX_SHOWN_CHARACTERS = 80


class ConfigurationError(ValueError):
    """A maintenance configuration is malformed. The message names the field and what was expected.

    `field` is its path, such as `properties.maintenanceWindow.durationHours`, `found` the value there.
    """

    def __init__(self, field: str, expected: str, found: object) -> None:
        super().__init__(f"{field}: expected {expected}, found {_shown(found)}")
        self.field = field
        self.expected = expected
        self.found = found


class Field(documents.Field):
    """A value of a configuration, returned in the form asked for. Its methods raise ConfigurationError."""

    def __getitem__(self, name: str) -> Field:
        return self.child(name, None if self.value is None else self.object().value.get(name))

    @property
    def is_null(self) -> bool:
        """Whether nothing is there: JSON's null, or no such key."""
        return self.value is None

    def expected(self, what: str, hint: str = "") -> ConfigurationError:  # noqa: ARG002 - no hints
        """See documents.Field."""
        return self.error(what)

    def error(self, expected: str, found: object = None) -> ConfigurationError:
        """Return the error that says what was expected here, and what was found if not the value itself."""
        return ConfigurationError(
            self.path or "configuration", expected, self.value if found is None else found
        )

    def object(self) -> Field:
        """Return itself, an object."""
        if not isinstance(self.value, dict):
            raise self.error("an object")
        return self

    def items(self, what: str = "an array") -> list[Field]:
        """Return the elements of an array; none where there is no array."""
        return [] if self.value is None else super().items(what)

    def whole(self, low: int, high: int) -> int:
        """Return a whole number between the two, both included."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(f"a whole number from {low} to {high}")
        return value

    def match(self, pattern: re.Pattern[str], expected: str) -> re.Match[str]:
        """Return the match of the whole text."""
        match = pattern.fullmatch(self.value) if isinstance(self.value, str) else None
        if match is None:
            raise self.error(expected)
        return match

    def text_or_empty(self) -> str:
        """Return a text that can be stored and logged; empty where there is none.

        Line breaks and half characters, which JSON can name and UTF-8 cannot hold, are no part of one.
        """
        if self.value is None:
            return ""
        if not isinstance(self.value, str) or not self.value.isprintable():
            raise self.error("a text")
        return self.value


def _shown(found: object) -> str:
    if found is None:
        return "nothing"
    shown = json.dumps(found, default=str)
    return shown if len(shown) <= _MAX_SHOWN_CHARACTERS else f"{shown[:_MAX_SHOWN_CHARACTERS]}…"
