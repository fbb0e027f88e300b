"""The reason as sent, made readable: JSON indented, JSON inside text unfolded, line breaks resolved."""

from __future__ import annotations

import json
from typing import Any

from shared.failures.embedded_json import unescape
from shared.text import encodable

_MAX_UNFOLDED_CHARACTERS = 200_000
_MAX_DEPTH = 40
_MAX_INNER_DEPTH = 8
_INDENT = "  "


def pretty(reason: str) -> str:
    """Return a reason made readable, nothing left out. Beyond 200,000 characters it stays as it is."""
    reason = encodable(reason).strip()
    if len(reason) > _MAX_UNFOLDED_CHARACTERS:
        return reason
    value = _json(reason)
    if value is None:
        return _unfolded(reason)
    lines: list[str] = []
    _write(value, 0, 0, "", lines)
    return encodable("\n".join(lines))


def _json(text: str) -> object:
    """Decode text that is JSON as a whole; None otherwise."""
    if text[:1] not in ("{", "["):
        return None
    try:
        value: object = json.loads(text, **_EXACT)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) and not _too_deep(value) else None


class _Verbatim(str):
    """A number as it was written: `1e400` and twenty digits stay what they are."""

    __slots__ = ()


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key comes twice, and only as text are both kept")
    return value


_EXACT: Any = {
    "strict": False,
    "parse_float": _Verbatim,
    "parse_int": _Verbatim,
    "object_pairs_hook": _once,
}


def _too_deep(value: object) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            item
            for parent in level
            if isinstance(parent, dict | list)
            for item in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return True


def _unfolded(text: str) -> str:
    """Text, with an object at its end (or all that follows its first brace) unfolded, escapes resolved."""
    start = text.find("{")
    if start > 0:
        try:
            value, end = json.JSONDecoder(**_EXACT).raw_decode(text, start)
        except (ValueError, RecursionError):
            value, end = None, 0
        if value and isinstance(value, dict) and not _too_deep(value):
            lines: list[str] = []
            _write(value, 0, 0, "", lines)
            parts = (unescape(text[:start]).rstrip(), "\n".join(lines), unescape(text[end:]).strip())
            return encodable("\n".join(filter(None, parts)))
    return unescape(text)


def _write(value: object, indent: int, depth: int, comma: str, lines: list[str], *, key: str = "") -> None:
    """Return a value as indented JSON whose texts keep their line breaks: for reading, not for parsing."""
    margin = _INDENT * indent
    if isinstance(value, str) and not isinstance(value, _Verbatim) and depth < _MAX_INNER_DEPTH:
        inner = _json(value.strip())
        if inner:
            value, depth = inner, depth + 1
    if isinstance(value, dict | list) and value:
        opens, closes = ("{", "}") if isinstance(value, dict) else ("[", "]")
        lines.append(f"{margin}{key}{opens}")
        items = list(value.items()) if isinstance(value, dict) else [("", item) for item in value]
        for at, (name, item) in enumerate(items, 1):
            label = f'"{name}": ' if isinstance(value, dict) else ""
            _write(item, indent + 1, depth, "," if at < len(items) else "", lines, key=label)
        lines.append(f"{margin}{closes}{comma}")
        return
    if isinstance(value, _Verbatim):
        lines.append(f"{margin}{key}{value}{comma}")
    elif isinstance(value, str):
        first, *rest = unescape(value).splitlines() or [""]
        text = "\n".join([first, *(f"{margin}{_INDENT}{line}" for line in rest)])
        lines.append(f'{margin}{key}"{text}"{comma}')
    else:
        lines.append(f"{margin}{key}{json.dumps(value)}{comma}")
