"""Ctrl-C, wherever a command is: no traceback, and exit code 130.

A package that has commands asks for it as it is imported, which is before the command's own module, and so
before what that imports in turn.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

INTERRUPTED = 130
"""What a shell says of a program that Ctrl-C ended."""


def end_commands_silently() -> None:
    """See to it where a module is run by `python -m`; what only imports the package keeps its own ways."""
    if sys.argv[0] == "-m":  # as it is until the module has been found
        sys.excepthook = _told


def _told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        raise SystemExit(INTERRUPTED)  # by now all is closed that was open
    sys.__excepthook__(kind, error, trace)
