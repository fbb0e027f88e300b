"""A view for a chat: what is seen at first sight, and what stands behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from shared.messages.view import Link, Section

if TYPE_CHECKING:
    from shared.messages.view import View

FIRST_STEPS = 2
"""What reaches the cluster, and the first thing to look at."""


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a view, sorted for people who read in passing."""

    facts: tuple[tuple[str, str], ...]
    """Where and when, and what one asks first."""
    first: tuple[Section, ...]
    """Up to the first steps."""
    rest: tuple[Section, ...]
    links: tuple[Link, ...]
    """The cluster's page first, then guides and the runbook."""


def brief(view: View) -> Brief:
    """Sort a view's parts: everything up to the first section with steps is seen at first sight."""
    first: list[Section] = []
    rest = [replace(section, items=section.listed, table=None) for section in view.sections]
    while rest:
        section = rest.pop(0)
        later = section.steps[FIRST_STEPS:]
        first.append(replace(section, steps=section.steps[:FIRST_STEPS], links=()))
        if later:
            rest.insert(0, Section(heading="Further steps", steps=later))
        if section.steps:
            break
    if view.sent is not None:
        rest.append(view.sent)
    links = [view.portal] if view.portal else []
    links += [link for section in view.sections for link in section.links]
    facts = (
        ("Where", view.where),
        ("When", view.moment),
        ("AKS says", view.quote),
        *((fact.label, fact.value) for fact in view.first_screen),
    )
    return Brief(
        facts=tuple((label, value) for label, value in facts if label and value),
        first=tuple(section for section in first if section.says_something()),
        rest=tuple(section for section in rest if section.says_something()),
        # One without an address, and the whole card would be refused.
        links=tuple({link.url: link for link in reversed(links) if link.url}.values())[::-1],
    )
