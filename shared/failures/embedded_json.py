"""JSON inside text: finding it, closing what was cut off, and resolving escapes that were left over."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_ATTEMPTS = 24
_MAX_WORD_CUT_OFF = 40
"""Of a number or a literal that the end of the text cuts."""

_ESCAPED_QUOTE = re.compile(r'(?<!\\)\\++(?=")')
_ESCAPED_BREAK = re.compile(r"(?<!\\)\\++(?:r\\++n|n|r(?![a-z]))")
_ESCAPED_TAB = re.compile(r"(?<!\\)\\++t(?![a-z])")
_WINDOWS_PATH = re.compile(r"\b[A-Za-z]:\\+\w")
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]|"', re.DOTALL)
_MAY_BE_JSON = re.compile(r'[{\[]\s*[{\["]|\{\s*\}')


def may_hold_json(text: str) -> bool:
    """Return whether looking for JSON is worth it, however often the text was escaped."""
    return _MAY_BE_JSON.search(text.replace("\\", "")) is not None


def json_spans(text: str) -> Iterator[tuple[int, int, object]]:
    """Find the JSON in a text: where it stands and what it holds. What was cut off is closed."""
    decoder = json.JSONDecoder(strict=False)
    at = 0
    for _ in range(_MAX_ATTEMPTS):
        start = _MAY_BE_JSON.search(text, at)
        if start is None:
            return
        at = start.start()
        try:
            value, end = decoder.raw_decode(text, at)
        except RecursionError:
            return
        except json.JSONDecodeError as error:
            value = _closed(text[at:]) if _is_cut_off(text, error) else None
            if isinstance(value, dict | list):
                yield at, len(text), value
                return
            at += 1
            continue
        yield at, end, value
        at = end


def _is_cut_off(text: str, error: json.JSONDecodeError) -> bool:
    """Return whether decoding failed because the text ends too early, not because it is wrong inside."""
    return error.msg.startswith("Unterminated string") or error.pos >= len(text) - _MAX_WORD_CUT_OFF


def _closed(text: str) -> object:
    """Decode JSON that was cut off, by closing what is open; None if that is not what is wrong with it."""
    open_: list[str] = []
    cut_string = False
    for match in _STRING_OR_BRACKET.finditer(text):
        mark = match.group()
        if mark == '"':
            cut_string = True
            break
        if mark in "{[":
            open_.append("}" if mark == "{" else "]")
            if len(open_) > 200:  # noqa: PLR2004 - no reason is nested that deep
                return None
        elif mark in "}]" and (not open_ or open_.pop() != mark):
            return None
    if not open_:
        return None
    closers = "".join(reversed(open_))
    if cut_string:
        body = re.sub(r"\\(?:u[0-9a-fA-F]{0,3})?\Z", "", text)
        attempts = [f'{body}"', f'{body}":null', f'{body}\\"']
    else:
        body = text.rstrip()
        cut_word = re.sub(r"[\w.+-]+\Z", "", body).rstrip()
        attempts = [body, f"{body}null", f"{body}:null", body.rstrip(","), f"{cut_word}null"]
        attempts.append(cut_word.rstrip(","))
    for attempt in attempts:
        try:
            value: object = json.loads(attempt + closers, strict=False)
        except (ValueError, RecursionError):
            continue
        return value
    return None


def unescape(text: str) -> str:
    """Resolve escapes that some layer left over: quotes, line breaks, tabs. Windows paths stay."""
    if "\\" not in text:
        return text
    text = _ESCAPED_QUOTE.sub("", text)
    if _WINDOWS_PATH.search(text):
        return text
    return _ESCAPED_TAB.sub("\t", _ESCAPED_BREAK.sub("\n", text))
