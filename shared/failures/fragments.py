"""Taking a failure's reason apart, whatever shape it comes in: one `Fragment` for each failure it speaks of.

AKS hands reasons through several layers, and each wraps the one before in its own way: ARM's JSON with
`details`, JSON as text in another JSON's message, Go's `Code="X" Message="Y"`, the CLI's `(X) message`,
records of `SubCode: X; OrginalError: …`. Often the text is cut off somewhere. So nothing here insists on a
form: what parses as JSON is walked, what was cut off is closed and tried again, the rest is read as text.

Work is bounded: see the limits below. The text of a fragment keeps its lines; blanks within them are single.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from shared.failures.codes import NO_WORDS, codes_in, without_codes
from shared.failures.embedded_json import json_spans, may_hold_json, unescape
from shared.failures.records import records_in
from shared.failures.text import unwrapped
from shared.text import encodable

MAX_READ_CHARACTERS = 64_000
"""How many characters are searched; reasons in the wild have a few thousand."""

_MAX_FRAGMENTS = 120
_MAX_OUTER_CHARACTERS = 4_000
_MAX_DEPTH = 30


class Fragment(NamedTuple):
    """One failure: its words, the codes around and in it (outermost first), and the words around it."""

    text: str
    codes: tuple[str, ...] = ()
    outer: str = ""


class _Part(NamedTuple):
    text: str
    codes: tuple[str, ...] = ()
    outer: str = ""
    is_error: bool = False


_CODE_KEYS = frozenset({"code", "errorcode"})
_SUBCODE_KEYS = frozenset({"subcode", "internalerrorcode", "suberrorcode"})
_SILENT_KEYS = frozenset({"message", "details", "error", "innererror", "properties"})

_BLANKS = re.compile(r"[^\S\n]{2,}|[^\S\n ]")
_BREAKS = re.compile(r" ?\n\s*")
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.]{2,79}(?:/[A-Za-z][A-Za-z0-9_]{2,40})?\Z")


def fragments(reason: str) -> list[Fragment]:
    """Take a reason apart; at least one fragment, unless there is nothing but blanks. Never raises."""
    parts = _text(unwrapped(reason[:MAX_READ_CHARACTERS]), 0)
    if len(reason) > MAX_READ_CHARACTERS:
        # The end of a long text is where an innermost cause is said once more, if anywhere.
        parts += _text(unwrapped(reason[-MAX_READ_CHARACTERS // 8 :]), _MAX_DEPTH)
    found = []
    for part in parts:
        # Codes that JSON has taken out of the words stand for all of them: these are not divided at codes.
        spoken = not part.codes or set(part.codes) <= set(codes_in(part.text))
        opening, records = records_in(part.text, at_codes=spoken)
        codes = part.codes
        if opening and records:
            # The codes around a list of failures are theirs; words before the list may be one themselves.
            inside = codes_in(opening)
            if NO_WORDS.fullmatch(without_codes(opening)):
                codes = (*codes, *inside)
            else:
                found.append(Fragment(_tidy(opening), tuple(inside), _tidy(part.outer)))
        around = _tidy("\n".join(filter(None, (part.outer, opening)))[:_MAX_OUTER_CHARACTERS])
        for text in records or [opening]:
            own = tuple(dict.fromkeys((*codes, *codes_in(text))))
            found.append(Fragment(_tidy(text), own, around if records else _tidy(part.outer)))
        if len(found) >= _MAX_FRAGMENTS:
            break
    return [fragment for fragment in found[:_MAX_FRAGMENTS] if fragment.text or fragment.codes]


def _text(text: str, depth: int) -> list[_Part]:
    """Read text, with or without JSON inside."""
    text = text.strip()
    if not text:
        return []
    if depth < _MAX_DEPTH and text[0] == '"' == text[-1]:
        try:
            inner = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            inner = None
        if isinstance(inner, str) and inner != text:
            return _text(unwrapped(inner), depth + 1)
    if depth < _MAX_DEPTH and may_hold_json(text):
        spans = list(json_spans(text))
        if spans:
            return _mixed(text, spans, depth)
        resolved = unescape(text)
        if resolved != text:
            return _text(resolved, depth + 1)
    return [_Part(unescape(text))]


def _mixed(text: str, spans: list[tuple[int, int, object]], depth: int) -> list[_Part]:
    """Put JSON that stands in a text back into it as plain words, unless it speaks of several failures.

    Words that lead up to an error ("Upgrade failed, error: {…}") are about that error; words that stand for
    themselves, before or after it, are a failure of their own: each keeps its codes and names to itself.
    """
    groups: list[list[_Part]] = []
    words: list[str] = []
    errors: list[_Part] = []
    codes: list[str] = []
    is_error = False

    def close() -> None:
        nonlocal words, errors, codes, is_error
        own = "\n".join(filter(None, words))
        if errors:
            around = [
                error._replace(outer=f"{own}\n{error.outer}"[:_MAX_OUTER_CHARACTERS]) for error in errors
            ]
            groups.append(([_Part(own, tuple(codes))] if own else []) + around)
        elif own or codes:
            groups.append([_Part(own, (*codes_in(own), *codes), is_error=is_error)])
        words, errors, codes, is_error = [], [], [], False

    at = 0
    for start, end, value in spans:
        between = _beside(text, at, start)
        if (errors or is_error) and _stands_alone(between):
            close()
        words.append(between)
        at = end
        inner = _value(value, depth + 1, "")
        of_inner = sum(part.is_error for part in inner)
        ends = text[:start].rstrip(" \t").endswith("\n") or _ENDS_SENTENCE.search(between)
        if of_inner and _stands_alone(between) and ends and not _INTRODUCES.search(between):
            close()
        is_same = _SAME_ERROR.fullmatch(between) is not None
        if of_inner > 1 or (of_inner and (errors or is_error) and not is_same):
            if is_error:
                close()
            errors += inner
        else:
            words += [part.text for part in inner]
            codes += [code for part in inner for code in part.codes]
            is_error = is_error or bool(of_inner)
    rest = _beside(text, at, len(text))
    if (errors or is_error) and _stands_alone(rest):
        close()
        return [part for group in groups for part in group] + _text(rest, depth + 1)
    words.append(rest)
    close()
    return [part for group in groups for part in group]


_ENDS_SENTENCE = re.compile(r"(?:[.;!?\"')\]]|\bRetriable: ?(?:true|false))\s*\Z")
_INTRODUCES = re.compile(
    r"(?:[:=,(\[]|-{5,}|\b(?:error|errors|message|messages|details|body|response|reason|failed|with))\s*\Z",
    re.IGNORECASE,
)


def _beside(text: str, start: int, end: int) -> str:
    """Return the words beside JSON, without the quotes that JSON stood in."""
    if start and text[start : start + 1] in {'"', "'"}:
        start += 1
    if end < len(text) and text[end - 1 : end] in {'"', "'"}:
        end -= 1
    return unescape(text[start:end]).strip(" \t")


_SAME_ERROR = re.compile(r"\W{0,9}inner ?error\W{0,9}", re.IGNORECASE)
"""Between two objects of one error, as the Go SDK writes it: `Details=[{…}] InnerError={…}`."""
_MIN_WORDS_ALONE = 5
_CLOSING = re.compile(
    r"\W*(?:please |try |see |for more |at \d|correlation|operation id|request id|timestamp)", re.IGNORECASE
)


def _stands_alone(words: str) -> bool:
    """Return whether words beside JSON say something by themselves."""
    return len(words) > 30 and len(words.split()) >= _MIN_WORDS_ALONE and not _CLOSING.match(words)  # noqa: PLR2004


def _value(value: object, depth: int, name: str) -> list[_Part]:
    if depth > _MAX_DEPTH:
        return [_Part(_flat(value))]
    if isinstance(value, str):
        return _text(value, depth)
    if isinstance(value, list):
        return [part for item in value[:_MAX_FRAGMENTS] for part in _value(item, depth + 1, name)][
            :_MAX_FRAGMENTS
        ]
    if isinstance(value, dict):
        return _object(value, depth, name)
    return []


def _object(value: dict[str, object], depth: int, name: str) -> list[_Part]:
    """Read an object. A chain of errors inside each other is one failure; those side by side are several."""
    codes: list[str] = []
    subcodes: list[str] = []
    lines: list[str] = []
    inner: list[_Part] = []
    is_error = False
    for key, item in value.items():
        kind = key.strip().lower()
        if isinstance(item, str) and kind in _CODE_KEYS | _SUBCODE_KEYS and _CODE.match(item):
            (codes if kind in _CODE_KEYS else subcodes).append(item)
            is_error = True
            continue
        is_error = is_error or kind == "message"
        label = "" if kind in _SILENT_KEYS else f"{name}.{key}" if name else key
        if isinstance(item, dict | list):
            inner += _value(item, depth + 1, "" if kind in _SILENT_KEYS else key)
        elif isinstance(item, str):
            parts = _text(item, depth + 1)
            if len(parts) == 1 and label:
                parts = [parts[0]._replace(text=f"{label}: {parts[0].text}")]
            # A message goes before what is nested beside it, in whatever order the keys come.
            inner[:0] = parts if kind == "message" else []
            inner += parts if kind != "message" else []
        elif item is not None:
            lines.append(f"{label or key}: {json.dumps(item)}")
    own_codes = (*codes, *subcodes)
    errors = [part for part in inner if part.is_error]
    rest = "\n".join([*(part.text for part in inner if not part.is_error), *lines])
    if len(errors) <= 1:
        text = "\n".join([*(part.text for part in inner), *lines])
        nested = tuple(code for part in inner for code in part.codes)
        return [_Part(text, (*own_codes, *nested), is_error=is_error or bool(errors))]
    wrapped = [
        part._replace(codes=(*own_codes, *part.codes), outer=f"{rest}\n{part.outer}"[:_MAX_OUTER_CHARACTERS])
        for part in errors
    ]
    return ([_Part(rest, own_codes, is_error=False)] if rest else []) + wrapped


def _flat(value: object) -> str:
    try:
        return unescape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    except RecursionError:
        return ""


def _tidy(text: str) -> str:
    text = _BLANKS.sub(" ", encodable(text))
    return (_BREAKS.sub("\n", text) if "\n" in text else text).strip()
