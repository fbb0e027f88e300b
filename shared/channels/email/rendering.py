"""Views into HTML and text. Templates are compiled once per process; nothing is changed afterwards.

Jinja2 and css-inline are imported when the first mail is made: an invocation that mails nothing does not pay
for them.
"""

from __future__ import annotations

import functools
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from shared.messages.presentation import Tone

if TYPE_CHECKING:
    from css_inline import CSSInliner
    from jinja2 import Environment

    from shared.messages.view import Digest, View

TEMPLATES = Path(__file__).parent / "templates"

COLOURS = {
    Tone.FAILED: "#b42318",
    Tone.WARNING: "#a15c07",
    Tone.PLANNED: "#175cd3",
    Tone.RUNNING: "#5925dc",
    Tone.DONE: "#067647",
    Tone.QUIET: "#475467",
}
"""Each bears white text at a contrast of 5:1 or more."""

DARK_EDGES = {
    Tone.FAILED: "#f97066",
    Tone.WARNING: "#f5b04d",
    Tone.PLANNED: "#84adff",
    Tone.RUNNING: "#b4a7ff",
    Tone.DONE: "#6ce9a6",
    Tone.QUIET: "#98a2b3",
}
"""The same beside what is dark: at a contrast of 3:1 or more."""

MAX_COLUMNS = 76
"""Columns of the text part. Commands and details are never wrapped: they are there to be copied."""


class Rendered(msgspec.Struct, frozen=True):
    """The two parts of a mail."""

    html: str
    text: str

    @property
    def size(self) -> int:
        """Bytes of the larger part, in UTF-8."""
        return max(len(self.html.encode()), len(self.text.encode()))


def render(view: View | Digest, subject: str) -> Rendered:
    """Lay out a view as HTML with its styles inlined, and as text."""
    name = type(view).__name__.lower()
    html = _environment().get_template(f"{name}.html").render(view=view, subject=subject)
    text = _environment().get_template(f"{name}.txt").render(view=view, subject=subject)
    return Rendered(_inliner().inline(html), text)


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    environment = Environment(
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        loader=FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        auto_reload=False,
    )
    environment.globals["colour"] = COLOURS.__getitem__
    environment.globals["dark_edges"] = tuple(DARK_EDGES.items())
    environment.filters |= {"wrapped": _wrapped, "indented": _indented, "depth": _depth}
    return environment


@functools.cache
def _inliner() -> CSSInliner:
    from css_inline import CSSInliner

    # At-rules (dark mode) cannot be inlined and would be dropped by default.
    return CSSInliner(keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False)


def _wrapped(text: str, indent: str = "", first: str | None = None) -> str:
    """Wrap a paragraph; words, however long, stay whole."""
    return textwrap.fill(
        text,
        MAX_COLUMNS,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _indented(text: str, indent: str = "    ") -> str:
    """Indent every line, so that text from outside cannot pass for a heading of ours."""
    return "\n".join(indent + line for line in text.split("\n"))


def _depth(line: str) -> int:
    """Return by how many blanks a line is indented."""
    return min(len(line) - len(line.lstrip(" ")), _MAX_INDENT_COLUMNS)


_MAX_INDENT_COLUMNS = 20
"""Blanks: a phone has room for no more."""
