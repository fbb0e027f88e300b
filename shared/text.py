"""Text from outside: made visible, made harmless, cut to length. All that cleans such text stands here.

Whoever can name a resource or word an error writes into these mails. Escaping for HTML is the templates'
task; here go the characters that work without being seen: controls, terminal escapes, overrides of the
writing direction, zero-width letters. They are shown instead of dropped, so that nothing passes unnoticed.
"""

from __future__ import annotations

import json
import re

_BREAKS = re.compile(r"\r\n?|[\x85\u2028\u2029]")
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5"
    r"\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0"
    r"\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SPACES = re.compile(r"\s+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_APART = re.compile(r"""[ ="']""")
_SURROGATES = re.compile(r"[\ud800-\udfff]")

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

MAX_JSON_CHARACTERS = 65_536
"""JSON longer than this is shown as it is: only its beginning will fit into a mail anyway."""


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:  # noqa: PLR2004 - C0: Unicode has a picture of each
        return chr(0x2400 + code)
    if code == 0x7F:  # noqa: PLR2004 - DEL
        return "\N{SYMBOL FOR DELETE}"
    if 0xD800 <= code <= 0xDFFF or code in {0xFFFE, 0xFFFF}:  # noqa: PLR2004 - not characters at all
        return "\N{REPLACEMENT CHARACTER}"
    return f"[U+{code:04X}]"


def clean(text: str) -> str:
    r"""Return the text with every invisible or controlling character shown; tabs and line breaks stay.

    All kinds of line breaks become `\n`. Cleaning twice changes nothing.
    """
    return _HIDDEN.sub(_visible, _BREAKS.sub("\n", text))


def line(text: str) -> str:
    """Return the cleaned text on one line, each run of white space as one space."""
    return _SPACES.sub(" ", clean(text)).strip()


def clip(text: str, limit: int) -> str:
    """Cut to `limit` characters, the last of them an ellipsis where something was cut.

    Words stay whole where that costs few characters.
    """
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    end = cut.rfind(" ") if text[limit - 1] != " " else -1
    return (cut[:end] if end >= max(limit - _WORD_CHARACTERS, limit // 2) else cut).rstrip(" ,;:·(") + "…"


_WORD_CHARACTERS = 20
"""Characters that may go with a word that was cut."""


def encodable(text: str) -> str:
    """Return the text with a replacement for each half of a character: UTF-8 has none for them."""
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)


def fact(text: str) -> str:
    """Return a value as facts are stored: encodable, each run of control characters as one blank."""
    if text.isascii() and text.isprintable():  # as nearly every one is
        return text.strip()
    return _CONTROLS.sub(" ", encodable(text)).strip()


def header(text: str) -> str:
    """Return the text as a header may hold it: on one line, whatever else is not printable left out.

    Every kind of line break counts to the email package, U+2028 included.
    """
    printable = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(printable.encode("utf-8", "replace").decode("utf-8").split())


def searchable(text: str) -> str:
    """Return the text on one line without the characters that are not seen, each run of blanks as one."""
    if not (text.isascii() and text.isprintable()):
        text = _HIDDEN.sub(" ", _BREAKS.sub(" ", text))
    return " ".join(text.split())


def printable(value: object, limit: int) -> str:
    """Return at most `limit` characters of a text; nothing for a text with characters that do not show.

    Line breaks and halves of characters count as well: what is left can be stored and logged.
    """
    return value[:limit] if isinstance(value, str) and value.isprintable() else ""


def loggable(value: object) -> str:
    """Return a value for a log line, quoted where it could be taken for more than one value."""
    text = str(value)
    plain = text.isprintable() and not _APART.search(text)
    return text if plain and text else repr(text)


def readable(text: str) -> str:
    """Return details as people can read them: JSON indented, anything else as it is."""
    if len(text) <= MAX_JSON_CHARACTERS and text.lstrip()[:1] in {"{", "["}:
        try:
            return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    return text
