"""A view as an Adaptive Card for Teams: headline, facts, why, first step, links; the rest folded away.

Version 1.4 is what all of today's clients render. A TextBlock and a fact's value are Markdown (a subset), so
every text is escaped; there is no HTML. https://adaptivecards.io/explorer, and for Teams
https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from shared.messages.brief import brief
from shared.messages.presentation import Tone
from shared.messages.view import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.messages.view import DigestGroup, DigestItem, Section, Step, View

Element = dict[str, Any]

STYLES = {
    Tone.FAILED: "attention",
    Tone.WARNING: "warning",
    Tone.PLANNED: "accent",
    Tone.RUNNING: "accent",
    Tone.DONE: "good",
    Tone.QUIET: "emphasis",
}
"""Of the container around a headline. The status is there in words, too."""

MAX_ACTIONS = 6
"""Teams shows no more."""

_MARKS = re.compile(r"[\\`*_\[\]()#<>~]|&(?=#?\w+;)")
_BEGINNINGS = re.compile(r"^[^\S\n]*(?:\d{1,9}(?=\.)|(?=[-+=|:]))", re.MULTILINE)
"""What at the beginning of a line makes a list, a heading or a table: up to what has to be escaped."""
_INDENT = re.compile(r"^ +", re.MULTILINE)
"""Markdown makes code of an indented line, and drops lesser indents."""
_MORE = "more"


def message(card: Element) -> Element:
    """Return the message that a workflow's webhook takes."""
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def card(view: View | Digest) -> Element:
    """Return the card of a view whose texts are cleaned and cut."""
    body, actions = _digest(view) if isinstance(view, Digest) else _view(view)
    made: Element = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "fallbackText": escaped(view.headline),
        "body": body,
    }
    if actions:
        made["actions"] = actions[:MAX_ACTIONS]
    return made


def plain(title: str, lines: Iterable[str]) -> Element:
    """Return the card of a few lines."""
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": escaped(title),
        "body": [_text(title, weight="Bolder"), *(_text(line) for line in lines if line.strip())],
    }


def escaped(text: str) -> str:
    """Return a text as Markdown that shows it as it is."""
    shown = _BEGINNINGS.sub(r"\g<0>\\", _MARKS.sub(r"\\\g<0>", text.expandtabs(4)))
    return _INDENT.sub(lambda match: "\N{NO-BREAK SPACE}" * len(match[0]), shown)


def _view(view: View) -> tuple[list[Element], list[Element]]:
    told = brief(view)
    head = " · ".join(part for part in (view.cluster, view.status) if part)
    body = [
        *_notes(view.banner),
        _head(view.tone, _text(head, weight="Bolder"), _headline(view.headline)),
        _facts(told.facts),
        *(element for section in told.first for element in _section(section)),
    ]
    more = [element for section in told.rest for element in _section(section)]
    if view.raw:
        more += [_text(line, fontType="Monospace", spacing="None") for line in view.raw.split("\n")]
        more += _notes(view.raw_note)
    more += _notes(view.elsewhere)
    actions: list[Element] = []
    if more:
        body.append({"type": "Container", "id": _MORE, "isVisible": False, "items": more})
        actions.append(
            {"type": "Action.ToggleVisibility", "title": "Show or hide the rest", "targetElements": [_MORE]}
        )
    actions += [{"type": "Action.OpenUrl", "title": link.label, "url": link.url} for link in told.links]
    return body, actions


def _digest(view: Digest) -> tuple[list[Element], list[Element]]:
    body = [
        *_notes(view.banner),
        _head(view.tone, _headline(view.headline), _text(", ".join(view.counts))),
        *(_group(group) for group in view.groups),
    ]
    return body, []


def _group(group: DigestGroup) -> Element:
    items = [_text(group.heading, weight="Bolder")]
    for item in group.items:
        items += [_item(item), *([_command(item.command)] if item.command else [])]
    if group.more:
        items.append(_text(f"and {group.left} more: {', '.join(group.more)}", isSubtle=True))
    if group.step:
        items.append(_text(group.step, spacing="Small"))
    if group.command:
        items.append(_command(group.command))
    return {"type": "Container", "separator": True, "spacing": "Medium", "items": items}


def _item(item: DigestItem) -> Element:
    name = f"[{escaped(item.cluster)}]({item.url})" if item.url else escaped(item.cluster)
    words = " · ".join(escaped(part) for part in (item.details, item.when) if part)
    return {
        "type": "TextBlock",
        "wrap": True,
        "spacing": "Small",
        "text": f"{name}: {words}" if words else name,
    }


def _section(section: Section) -> Iterator[Element]:
    yield _text(section.heading, weight="Bolder", spacing="Medium")
    for paragraph in section.paragraphs:
        yield _text(paragraph, spacing="Small")
    for item in section.items:
        yield _text(f"• {item}", spacing="Small")
    if section.facts:
        yield _facts((fact.label, fact.value) for fact in section.facts)
    for step in section.steps:
        yield from _step(step)
    if section.note:
        yield _text(section.note, spacing="Small")
    if section.command:
        yield _command(section.command)


def _step(step: Step) -> Iterator[Element]:
    yield _text(step.what, spacing="Small")
    if step.command:
        yield _command(step.command)


def _command(command: str) -> Element:
    lines = [_text(line, fontType="Monospace", spacing="None") for line in command.split("\n")]
    return {"type": "Container", "style": "emphasis", "spacing": "Small", "items": lines}


def _head(tone: Tone, *items: Element) -> Element:
    return {"type": "Container", "style": STYLES[tone], "bleed": True, "items": list(items)}


def _headline(text: str) -> Element:
    return _text(text, size="Large", weight="Bolder", spacing="Small", style="heading")


def _facts(pairs: Iterable[tuple[str, str]]) -> Element:
    return {
        "type": "FactSet",
        "facts": [{"title": escaped(one), "value": escaped(two)} for one, two in pairs],
    }


def _notes(text: str) -> list[Element]:
    return [_text(text, isSubtle=True, spacing="Small")] if text else []


def _text(text: str, **style: object) -> Element:
    return {"type": "TextBlock", "wrap": True, **style, "text": escaped(text)}
