"""Plain text as both parts of a mail: no templates, nothing that odd data could break."""

from __future__ import annotations

from html import escape
from string import Template

from shared.channels.email.rendering import Rendered


def parts(title: str, words: str) -> Rendered:
    """Lay the text out as both parts of a mail."""
    return Rendered(_HTML.substitute(subject=escape(title), text=escape(words)), words)


_HTML = Template(
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>$subject</title></head>\n'
    '<body><pre style="white-space:pre-wrap;overflow-wrap:anywhere">$text</pre></body></html>\n'
)
