"""What hostile input is made of: texts, values, and damage to what was whole. Kept lean: much is drawn."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any
from unicodedata import category

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

    Path = tuple[str | int, ...]
    Change = tuple[int, str, Any]

MARK = "zq7hostile"
"""Stands in texts that would do something if they were taken for more than text."""

COMMANDS = (
    f"$({MARK})",
    f"`{MARK}`",
    f"'; {MARK} #",
    f'" && {MARK} "',
    f"a\n{MARK}",
    f"-{MARK}",
    f"--{MARK}=1",
    f"a b|{MARK}>x",
    f"${{IFS}}{MARK}\\",
    f"~{MARK}*?[!x]",
)
"""What a shell would run, expand, or take for an option."""

MARKUP = (
    f"<script>{MARK}</script>",
    f"</td></table></body><h1>{MARK}</h1>",
    "</title><script>x</script>",
    f"<img src=x onerror={MARK}>",
    f'" onmouseover="{MARK}" x="',
    f"' style='{MARK}",
    f"javascript:{MARK}//",
    f"<a href=javascript:{MARK}>x</a>",
    f"<!-- {MARK}",
    f"]]> {MARK} <![endif]-->",
    f"&lt;{MARK}&gt;&#60;{MARK}&#x3e;",
    "{{ 7 * 7 }}{% raw %}${7*7}#{7}",
)
"""What a browser or a template engine would act upon."""

UNSEEN = (
    f"a\r\nBcc: {MARK}@example.com\r\n\r\nbody",
    "evil\u202egnp.exe\u2066x\u2069",
    "zero\u200bwidth\ufeff\u00adhyphen",
    "nul\x00escape\x1b[31mred\x1b]0;title\x07",
    "surrogate\ud800 end\udfff",
    "line\u2028separator\u2029next\x85done\x0b\x0c\x1c",
    "\U000e0041tag characters\U000e007f",
    "private\ue000 unassigned\u0378 last\U0010ffff\ufffe",
    "\u0130I\u0131\u00df\ufb01\u1e9e",
    "\xa0\u3000 \t \n ",
    f"=?utf-8?q?a=0D=0ABcc:_{MARK}=40example.com=0D=0A=0D=0Abody?=",
    "=?utf-8?b?4oCuDQpYLUV2aWw6IHg=?= =?x?=",
)
"""What works without being seen, or counts as white space, or changes its length with its case."""

SHORT = ("", " ", "0", "-", ".", "/", "a", "None", "null", "true", "\\", "'", '"', "%s%n", "..", "\U0001f600")
LONG = ("x" * 300, "<" * 3_000, "\u00e9 " * 1_500, "/" * 3_000, "\U0001f600" * 800, "a-" * 1_000)
NASTY = (*COMMANDS, *MARKUP, *UNSEEN, *SHORT, *LONG)

TIMES = (
    "0001-01-01T00:00:00",
    "0001-01-01T00:00:00+14:00",
    "1899-12-31T23:59:59Z",
    "1900-01-01T00:00:00+23:59",
    "2024-02-29T23:59:60Z",
    "2026-03-29T02:30:00+02:00",
    "2026-11-20T09:00:00.123456789Z",
    "2026-11-27 09:00",
    "2026-W47-5",
    "20261127T0900Z",
    "2027-02-29T00:00:00Z",
    "9998-12-31T23:59:59.9999999-14:00",
    "9999-12-31T23:59:59.9999999Z",
    "+2026-11-27T00:00:00Z",
    "2026-11-27T00:00:00+99:99",
)

TEXTS = st.sampled_from(NASTY) | st.text(max_size=12) | st.sampled_from(TIMES)
"""Short or long, with anything in it."""

SCALARS: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    10**30,
    -(10**400),
    1.5,
    -0.0,
    1e308,
    float("inf"),
    float("nan"),
)

SPLICES = {
    "\ue001deep\ue001": "[" * 700 + "]" * 700,
    "\ue001deeper\ue001": '{"a":' * 2_000 + "0" + "}" * 2_000,
    "\ue001huge\ue001": "9" * 5_000,
    "\ue001infinite\ue001": "-1e99999",
    "\ue001twice\ue001": '{"a":1,"a":[],"A ":"x"}',
    "\ue001escaped\ue001": '"\\ud800\\u0000\\udc00"',
}
"""JSON that no tree of values is written as; each stands for itself in a tree and is put in when written."""

_VALUES = st.sampled_from((*SCALARS, *SHORT, *SPLICES)) | TEXTS
VALUES = _VALUES | st.lists(_VALUES, max_size=3) | st.dictionaries(TEXTS, _VALUES, max_size=2)
"""Any value of JSON, most of them a single one."""


def one_of_many(texts: Sequence[str]) -> st.SearchStrategy[str]:
    """Draw one of these, which may be long: whoever prints the strategy does not print them all."""
    return st.integers(0, len(texts) - 1).map(lambda number: texts[number])


def is_on_one_line(text: str) -> bool:
    """Return whether a text has neither line breaks nor controls nor halves of characters."""
    return not any(category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text)


def written(tree: object, *, is_ascii: bool = True) -> str:
    """Write a tree as JSON, with what is spliced in."""
    text = json.dumps(tree, ensure_ascii=is_ascii)
    if "\ue001" in text or "\\ue001" in text:
        for mark, raw in SPLICES.items():
            text = text.replace(json.dumps(mark, ensure_ascii=is_ascii), raw)
    return text


def paths(value: object, here: Path = ()) -> list[Path]:
    """Return the paths of all values inside a tree."""
    entries: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        entries = list(value.items())
    elif isinstance(value, list):
        entries = list(enumerate(value))
    return [path for key, item in entries for path in ((*here, key), *paths(item, (*here, key)))]


@cache
def _paths(text: str) -> tuple[Path, ...]:
    return tuple(paths(json.loads(text)))


def cut(text: str, at: int, noise: str, *, is_cut: bool) -> str:
    """Put noise into a text, and leave out what follows where it is cut."""
    at %= len(text) + 1
    return text[:at] + noise + ("" if is_cut else text[at:])


HOW = ("replace", "replace", "delete", "rename", "add", "text", "list")


def changes(values: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[list[Change]]:
    """Draw changes to a tree: where, how, and the value for it."""
    return st.lists(st.tuples(st.integers(0, 999), st.sampled_from(HOW), values), max_size=most)


def damaged(text: str, made: Sequence[Change]) -> Any:
    """Return the tree of a JSON text with changes made to it.

    A change whose place is gone by then changes nothing.
    """
    tree: Any = json.loads(text)
    places = _paths(text)
    for number, how, value in made:
        *way, last = places[number % len(places)]
        at = tree
        for key in way:
            if not _has(at, key):
                break
            at = at[key]
        else:
            if _has(at, last):
                _change(at, last, how, value)
    return tree


def rewritten(text: str, made: Sequence[Change], *, is_ascii: bool = True) -> str:
    """Write a JSON text again with changes made to it."""
    return written(damaged(text, made), is_ascii=is_ascii)


def _has(at: Any, key: str | int) -> bool:
    if isinstance(at, dict):
        return key in at
    return isinstance(at, list) and isinstance(key, int) and key < len(at)


def _change(at: Any, key: str | int, how: str, value: Any) -> None:
    if how == "delete":
        del at[key]
    elif how == "rename" and isinstance(key, str):
        at[f"{key.upper()} " if isinstance(value, str) else key.lower()] = at.pop(key)
    elif how == "add" and isinstance(at, dict):
        at[str(value)[:300]] = value
    elif how == "add":
        at.append(value)
    elif how == "text":
        at[key] = json.dumps(at[key])
    elif how == "list":
        at[key] = [at[key], value]
    else:
        at[key] = value
