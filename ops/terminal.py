"""What every command has in common at a terminal: forms of output, and errors of one line.

Exit codes, unless a command's help says more: 0, done; 1, done, and the answer is no; 2, it could not be
done, or the command line is wrong.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tomllib
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.text import line

NO = 1
UNREADABLE = 2
"""Exit codes; the second is also that of a wrong command line."""

NOT_CONFIRMED = "Not confirmed: nothing was done."

_WIDTH = 120
"""Columns where nobody looks: a pipe, a file."""


class Output(StrEnum):
    """How most commands write what they found."""

    TABLE = "table"
    JSON = "json"


AsOutput = Annotated[Output, typer.Option("--output", help="How it is written.")]
AsJson = Annotated[bool, typer.Option("--json", help="Short for --output json.")]


def is_json(output: Output, *, as_json: bool) -> bool:
    """Return whether either option asks for JSON."""
    return as_json or output is Output.JSON


def moment(text: str) -> datetime:
    """Return the time of an option in ISO 8601; without a zone it is UTC. Raises typer.BadParameter."""
    try:
        time = datetime.fromisoformat(text.strip().upper())
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is not a time such as 2026-11-27T01:00Z") from None


def read(file: str) -> str:
    """Return the text of a file, or, for `-`, of standard input. Raises ValueError with a sentence."""
    name = named(file)
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{name} cannot be read: it is not UTF-8 text.") from None
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}.") from None


def named(file: str) -> str:
    """Return what a file is called in a sentence."""
    return "standard input" if file == "-" else file


def is_confirmed(question: str) -> bool:
    """Ask a person, and return whether the answer is yes; an end of input or Ctrl-C counts as no."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
    except (EOFError, KeyboardInterrupt):
        print()
        return False


def refused(sentence: object, code: int = UNREADABLE) -> typer.Exit:
    """Write an error as one line, and return the exit to raise."""
    complain(sentence)
    return typer.Exit(code)


def complain(sentence: object) -> None:
    """Write a line to standard error; what comes from outside cannot control the terminal."""
    if isinstance(sentence, OSError) and sentence.filename:
        sentence = f"{sentence.filename}: {sentence.strerror}."
    print(line(str(sentence)), file=sys.stderr)


def print_json(value: Any) -> None:  # noqa: ANN401 - any JSON
    """Write JSON, in ASCII throughout: what is in there cannot control a terminal."""
    print(json.dumps(value, indent=2).replace("\x7f", "\\u007f"))


def width() -> int:
    """Return the columns that a table may take."""
    return shutil.get_terminal_size((_WIDTH, 0)).columns if sys.stdout.isatty() else _WIDTH


def is_styled() -> bool:
    """Return whether a person looks at it who wants colours, bold letters and boxes."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def version() -> str:
    """Return the version of this checkout."""
    project = Path(__file__).resolve().parent.parent / "pyproject.toml"
    return str(tomllib.loads(project.read_text("utf-8"))["project"]["version"])
