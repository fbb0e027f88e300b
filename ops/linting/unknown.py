"""What a plan or a template does not know yet: one value for it, and decoded JSON with and without it."""

from __future__ import annotations

from typing import Any


class _Unknown:
    """A value that is known only once the plan is applied, or the template deployed."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN = _Unknown()


def holds_unknown(value: object) -> bool:
    """Return whether something in decoded JSON is not known."""
    if isinstance(value, dict):
        return any(map(holds_unknown, value.values()))
    if isinstance(value, list):
        return any(map(holds_unknown, value))
    return value is UNKNOWN


def without_unknown(value: Any) -> Any:  # noqa: ANN401 - decoded JSON
    """Return decoded JSON without what is not known."""
    if isinstance(value, dict):
        return {key: without_unknown(item) for key, item in value.items() if item is not UNKNOWN}
    if isinstance(value, list):
        return [without_unknown(item) for item in value if item is not UNKNOWN]
    return value
