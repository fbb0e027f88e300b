"""Text as the reader of failures searches it: without its wrapping, in small letters."""

from __future__ import annotations

import html
import re

_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}

_TERMINAL = re.compile(r"\x1b(?:\[[0-9;?]{0,20}[ -/]?[@-~]|\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)|[@-_])")
_ENTITY = re.compile(r"&(?:#39|#x27|#34|quot|apos|amp|lt|gt|nbsp|#10|#13|#xA|#xD);", re.IGNORECASE)
_ESCAPED_CHARACTER = re.compile(r"(?<!\\)\\++u00(2[0-9a-f]|3[a-f]|60)(?=(.?))", re.IGNORECASE | re.DOTALL)
_BOX = re.compile(r"^(?:[ \t]*[\u2500-\u257f|](?:[ \t]|$))+|^[ \t]*[\u2500-\u257f]+[ \t]*$", re.MULTILINE)
_OF_CLOUD_PROVIDER = re.compile(r"\bRetriable: (?:true|false), RetryAfter: \d{1,6}s, (?=HTTPStatusCode: )")
"""What Kubernetes' cloud provider puts before the words of Azure: not AKS says whether to try again."""
_CARRIAGE_RETURN = re.compile(r"\r\n?")


def lower(text: str) -> str:
    """Return the text in small letters, every position unchanged."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.translate(_ASCII_LOWER)


def unwrapped(text: str) -> str:
    r"""Return a text without what tools put around its words, for searching.

    Taken off or resolved: escape sequences of terminals, the boxes that Terraform draws, HTML's entities
    (also those escaped twice), `\u0027`, and Windows line breaks. JSON stays JSON: an escaped quote or
    backslash is left to its decoder.
    """
    if "\x1b" in text:
        text = _TERMINAL.sub("", text)
    if "\r" in text:
        text = _CARRIAGE_RETURN.sub("\n", text)
    if "&" in text:
        for _ in range(2):
            text = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
    if "\\u00" in text:
        text = _ESCAPED_CHARACTER.sub(_plain, text)
    if "Retriable: " in text:
        text = _OF_CLOUD_PROVIDER.sub("", text)
    if any(mark in text for mark in "\u2502\u2577\u2575\u256d\u2570"):
        text = _BOX.sub("", text)
    return text


def _plain(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return match.group() if character in '"\\' else character
