"""The exit code in a failure's words, and whose it is.

The same number means one thing from the node's bootstrap on Linux, another on Windows, and a third from each
VM extension: 53 is a name that was not found, and an environment variable that a monitoring agent missed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from shared.failures.speakers import Speaker, speakers_in
from shared.failures.text import lower

_BOOTSTRAP = re.compile(
    r"\bcse\b|vmsscse|vmextension|processing extension|windows_cse|enable failed|command terminated",
    re.IGNORECASE,
)
_OF_WINDOWS = re.compile(r"\bexitcode: ?\|(\d{1,5})\|", re.IGNORECASE)
"""As the bootstrap on Windows says it, whatever its wrapper ended with."""
_EXIT = re.compile(
    r"\b(?:exit (?:status|code)(?: of)?|exitcode|connection check code)\W{1,6}(\d{1,5})\b", re.IGNORECASE
)


class ExitCode(NamedTuple):
    """An exit code: whose it is, and where it stands."""

    speaker: Speaker
    number: int
    start: int
    end: int


def exit_code(text: str) -> ExitCode | None:
    """Return whose exit code a text tells, the bootstrap's or an extension's, and which; None without one."""
    match = _OF_WINDOWS.search(text) or _EXIT.search(text)
    if match is None or not _BOOTSTRAP.search(text):
        return None
    number = int(match[1])
    speakers = speakers_in(text, lower(text))
    for speaker in (Speaker.EXTENSION, Speaker.WINDOWS):
        if speaker in speakers:
            return ExitCode(speaker, number, match.start(), match.end())
    return ExitCode(Speaker.LINUX, number, match.start(), match.end())
