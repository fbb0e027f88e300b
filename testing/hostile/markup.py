"""HTML as a mail program reads it: nothing in it that the templates do not make."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from msgspec.structs import replace

from shared.channels.email.compose import Branding, compose, compose_plain
from testing.samples import mails

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_VOID = frozenset({"meta", "br"})
_FREE = frozenset({"href", "aria-label"})
"""Attributes whose values come from what is told; all others have one of a few that the templates give."""
_INDENT = re.compile(r"padding-left: \d+px")
"""How far a line of JSON is indented, which is as free."""


class Parts(HTMLParser):
    """Collects what a document is made of, texts left out. Raises AssertionError where tags do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[tuple[str, str, str]] = set()
        """Tag, attribute, value; without the value where it is free."""
        self.others: set[str] = set()
        self.links: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element."""
        self.elements.add((tag, "", ""))
        for name, value in attrs:
            self.elements.add((tag, name, "" if name in _FREE else _INDENT.sub("indented", value or "")))
            if name == "href":
                self.links.append(value or "")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """See that it ends what was opened last."""
        assert self._open, f"</{tag}> ends nothing"
        assert self._open.pop() == tag, f"</{tag}> ends something else"

    def handle_decl(self, decl: str) -> None:
        """Take a declaration."""
        self.others.add(decl)

    def handle_comment(self, data: str) -> None:
        """Take a comment (Outlook acts upon some), an instruction, or what is left."""
        self.others.add(data)

    handle_pi = unknown_decl = handle_comment


def parts(html: str) -> Parts:
    """Take a document apart."""
    found = Parts()
    found.feed(html)
    found.close()
    assert not found._open, "something is never closed"
    return found


class KnownMarkup(NamedTuple):
    """What the templates make."""

    elements: frozenset[tuple[str, str, str]]
    others: frozenset[str]


@cache
def known() -> KnownMarkup:
    """Gather what the templates make of harmless mails of every kind, each in its plain form as well."""
    elements: set[tuple[str, str, str]] = set()
    others: set[str] = set()
    shadow = Branding(only_to=("shadow@example.com",))
    for story in mails.stories():
        for branding in (Branding(), shadow):
            for made in (
                compose(story.mail, story.rows, mails.TEAM, branding),
                compose(
                    replace(story.mail, members=story.mail.members * 2), story.rows, mails.TEAM, branding
                ),
                compose_plain(story.mail, story.rows, mails.TEAM, branding, "a test"),
            ):
                found = parts(made.html)
                elements |= found.elements
                others |= found.others
    return KnownMarkup(frozenset(elements), frozenset(others))


def check_markup(html: str, hosts: AbstractSet[str]) -> None:
    """Check that there is only what the templates make, and that links lead to web pages of these hosts."""
    found, right = parts(html), known()
    assert found.elements <= right.elements, found.elements - right.elements
    assert found.others <= right.others, found.others - right.others
    for link in found.links:
        address = urlsplit(link)
        assert (address.scheme, address.username, address.port) == ("https", None, None), link
        assert address.hostname in hosts, link
        assert link.isascii()
        assert link.isprintable()
