"""The exit code of a node's bootstrap in a failure's words."""

from __future__ import annotations

import re

_BOOTSTRAP = re.compile(
    r"\bcse\b|vmsscse|vmextension|processing extension|windows_cse|enable failed|command terminated",
    re.IGNORECASE,
)
_EXTENSION = re.compile(r"processing extension\W{1,6}([\w.-]{2,80})", re.IGNORECASE)
_EXIT = re.compile(r"\bexit (?:status|code)\W{1,6}(\d{1,5})\b|\bexitcode\W{1,6}(\d{1,5})\b", re.IGNORECASE)
_WINDOWS = re.compile(r"windows_cse|windows cse", re.IGNORECASE)


def exit_code(text: str) -> tuple[str, int] | None:
    """Return the exit code of a node's bootstrap as ("linux" or "windows", code); None without one."""
    if not _BOOTSTRAP.search(text):
        return None
    extension = _EXTENSION.search(text)
    if extension and "cse" not in extension[1].lower() and not extension[1].lower().startswith("aks"):
        # Other extensions (monitoring, antivirus) number their errors in their own ways.
        return None
    match = _EXIT.search(text)
    if match is None:
        return None
    return ("windows" if _WINDOWS.search(text) else "linux"), int(match[1] or match[2])
