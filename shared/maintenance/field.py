"""A value in decoded JSON that knows where it stands, so that what is wrong with it can be named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

_LONGEST = 80


class ConfigurationError(ValueError):
    """A maintenance configuration is malformed. The message names the field and what was expected.

    `field` is its path, such as `properties.maintenanceWindow.durationHours`, `found` the value there.
    """

    def __init__(self, field: str, expected: str, found: object) -> None:
        super().__init__(f"{field}: expected {expected}, found {_shown(found)}")
        self.field = field
        self.expected = expected
        self.found = found


class Field:
    """A value and its path. Its methods give it in the form asked for, or raise ConfigurationError."""

    def __init__(self, value: object, path: str = "") -> None:
        self.value = value
        self.path = path

    def __getitem__(self, name: str) -> Field:
        path = f"{self.path}.{name}" if self.path else name
        if self.value is None:
            return Field(None, path)
        value = self.object().value
        assert isinstance(value, dict)
        return Field(value.get(name), path)

    @property
    def is_null(self) -> bool:
        """Whether nothing is there: JSON's null, or no such key."""
        return self.value is None

    def error(self, expected: str, found: object = None) -> ConfigurationError:
        """Make the error that says what was expected here."""
        return ConfigurationError(
            self.path or "configuration", expected, self.value if found is None else found
        )

    def object(self) -> Field:
        """Return itself, an object."""
        if not isinstance(self.value, dict):
            raise self.error("an object")
        return self

    def items(self) -> list[Field]:
        """Return the elements of an array; none where there is no array."""
        if self.value is None:
            return []
        if not isinstance(self.value, list):
            raise self.error("an array")
        return [Field(value, f"{self.path}[{index}]") for index, value in enumerate(self.value)]

    def whole(self, low: int, high: int) -> int:
        """Return a whole number between the two, both included."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(f"a whole number from {low} to {high}")
        return value

    def choice(self, words: Sequence[str]) -> int:
        """Return the place of the word in the list; case does not matter, as nowhere in Azure."""
        lowered = [word.lower() for word in words]
        if not isinstance(self.value, str) or self.value.lower() not in lowered:
            raise self.error(f"one of {', '.join(words)}")
        return lowered.index(self.value.lower())

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
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
