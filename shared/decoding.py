"""JSON read into forms, safely by several threads at once.

msgspec 0.22 hands out what it knows of a `Struct` before that is complete: where two threads read into
one for the first time, a null pointer in its `convert` ends the process. An instance that starts with several
events in its hands is just that. So each form is worked out by one thread, before anybody reads into it.

Raises:
    msgspec.MsgspecError  what was read is no JSON, or not of this form
"""

from __future__ import annotations

from threading import Lock
from typing import Any, TypeVar

import msgspec

_T = TypeVar("_T")
_working_out = Lock()
_ready: set[Any] = set()


def from_json(text: str | bytes, form: type[_T], *, strict: bool = True) -> _T:
    """Return what a JSON text holds; if not `strict`, a number may stand as text."""
    _work_out(form)
    return msgspec.json.decode(text, type=form, strict=strict)


def from_values(values: Any, form: type[_T], *, strict: bool = True) -> _T:  # noqa: ANN401 - any JSON
    """Return lists, mappings and plain values in a form; if not `strict`, a number may stand as text."""
    _work_out(form)
    return msgspec.convert(values, form, strict=strict)


def as_object(value: object) -> dict[str, Any]:
    """Return decoded JSON that is an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return decoded JSON that is an array; an empty one for anything else."""
    return value if isinstance(value, list) else []


def _work_out(form: type[Any]) -> None:
    if form not in _ready:
        with _working_out:
            msgspec.json.Decoder(form)
        _ready.add(form)
