"""What reading one setting asks for, and what is raised where it is missing or wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")


class SettingsError(ValueError):
    """A setting is missing or wrong. The message is one sentence that names it."""
