"""A view as Slack's blocks: headline, facts, why, first steps, links.

Text from outside is `plain_text` or `rich_text`, where nothing is read as markup: in mrkdwn a name like
`<!channel>` would call everybody. Only the fallback text is mrkdwn, so that one is escaped.

Limits: 50 blocks, 150 characters in a header, 3,000 in a section's text, 2,000 in a context's
(https://docs.slack.dev/reference/block-kit/blocks), and about 13,200 characters in all blocks together, which
is undocumented (https://github.com/slackapi/bolt-js/issues/2509).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.messages.brief import brief
from shared.messages.presentation import Tone
from shared.messages.view import Digest
from shared.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.messages.view import DigestGroup, DigestItem, Link, Section, View

Block = dict[str, Any]

MAX_BLOCKS = 50
MAX_CHARACTERS = 10_000
MAX_TEXT_CHARACTERS = 3_000
_MAX_HEADER_CHARACTERS = 150
_MAX_CONTEXT_CHARACTERS = 2_000
_MAX_FALLBACK_CHARACTERS = 1_000

MARKS = {
    Tone.FAILED: "🔴",
    Tone.WARNING: "🟠",
    Tone.PLANNED: "🔵",
    Tone.RUNNING: "🟣",
    Tone.DONE: "🟢",
    Tone.QUIET: "⚪",
}
"""Before a headline. The status is there in words, too."""


def content(view: View | Digest) -> Block:
    """Return text and blocks of a view whose texts are cleaned and cut."""
    blocks = list(_digest(view) if isinstance(view, Digest) else _view(view))
    return {"text": fallback(_title(view)), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def plain(title: str, text: str) -> Block:
    """Return text and blocks of a title and a text."""
    blocks = [_header(title), {"type": "section", "text": _plain(clip(text, MAX_TEXT_CHARACTERS) or "-")}]
    return {"text": fallback(title), "blocks": blocks}


def fits(made: Block) -> bool:
    """Return whether Slack takes these blocks."""
    return len(made["blocks"]) <= MAX_BLOCKS and characters(made["blocks"]) <= MAX_CHARACTERS


def characters(part: object) -> int:
    """Return how many characters the texts and addresses in some blocks have together."""
    if isinstance(part, dict):
        return sum(
            len(value) if name in {"text", "url"} and isinstance(value, str) else characters(value)
            for name, value in part.items()
        )
    return sum(map(characters, part)) if isinstance(part, list) else 0


def fallback(text: str) -> str:
    """Return a text as mrkdwn that shows it as it is: for notifications and screen readers."""
    return (
        clip(text, _MAX_FALLBACK_CHARACTERS).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    )


def _title(view: View | Digest) -> str:
    cluster = "" if isinstance(view, Digest) else view.cluster
    return f"{cluster}: {view.headline}" if cluster else view.headline


def _view(view: View) -> Iterator[Block]:
    told = brief(view)
    if view.banner:
        yield _context(view.banner)
    yield _header(f"{MARKS[view.tone]} {_title(view)}")
    if told.facts:
        facts = [_fact(label, value) for label, value in told.facts]
        yield {"type": "rich_text", "elements": list(_apart(facts))}
    for section in told.first:
        yield from _told(section)
    if told.links:
        yield _links(told.links)
    yield _context(f"{view.status} · AKS Maintenance Notifier")


def _digest(view: Digest) -> Iterator[Block]:
    if view.banner:
        yield _context(view.banner)
    yield _header(f"{MARKS[view.tone]} {view.headline}")
    yield _context(", ".join(view.counts))
    for group in view.groups:
        yield {"type": "rich_text", "elements": list(_group(group))}


def _group(group: DigestGroup) -> Iterator[Block]:
    yield _run(_words(f"{MARKS[group.tone]} {group.heading}", bold=True))
    waiting: list[Block] = []
    for item in group.items:
        waiting.append(_run(*_item(item)))
        if item.command:
            yield from _bullets(waiting)
            waiting.clear()
            yield _code(item.command)
    yield from _bullets(waiting)
    if group.more:
        yield _run(_words(f"and {group.left} more: {', '.join(group.more)}"))
    if group.step:
        yield _run(_words(group.step))
    if group.command:
        yield _code(group.command)


def _item(item: DigestItem) -> Iterator[Block]:
    if item.url:
        yield {"type": "link", "url": item.url, "text": item.cluster}
    else:
        yield _words(item.cluster)
    words = " · ".join(part for part in (item.details, item.when) if part)
    if words:
        yield _words(f": {words}")


def _told(section: Section) -> Iterator[Block]:
    elements = [_run(_words(section.heading, bold=True))]
    elements += [_run(_words(paragraph)) for paragraph in section.paragraphs]
    elements += _bullets([_run(_words(item)) for item in section.items])
    elements += [_fact(fact.label, fact.value) for fact in section.facts]
    for step in section.steps:
        elements.append(_run(_words(step.what)))
        if step.command:
            elements.append(_code(step.command))
    if section.note:
        elements.append(_run(_words(section.note)))
    if section.command:
        elements.append(_code(section.command))
    yield {"type": "rich_text", "elements": list(_apart(elements))}


def _bullets(items: list[Block]) -> list[Block]:
    return [{"type": "rich_text_list", "style": "bullet", "elements": list(items)}] if items else []


def _apart(elements: list[Block]) -> Iterator[Block]:
    """Begin each paragraph on a line of its own: Slack joins sections that follow each other."""
    before = ""
    for element in elements:
        is_joined = element["type"] == before == "rich_text_section"
        before = element["type"]
        yield {**element, "elements": [_words("\n"), *element["elements"]]} if is_joined else element


def _links(links: Iterable[Link]) -> Block:
    parts: list[Block] = []
    for link in links:
        parts += [*([_words(" · ")] if parts else []), {"type": "link", "url": link.url, "text": link.label}]
    return {"type": "rich_text", "elements": [_run(*parts)]}


def _header(text: str) -> Block:
    return {"type": "header", "text": _plain(clip(text, _MAX_HEADER_CHARACTERS))}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_plain(clip(text, _MAX_CONTEXT_CHARACTERS))]}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _run(*elements: Block) -> Block:
    return {"type": "rich_text_section", "elements": list(elements)}


def _fact(label: str, value: str) -> Block:
    return _run(_words(f"{label}: ", bold=True), _words(value or "-"))


def _words(text: str, *, bold: bool = False) -> Block:
    return {"type": "text", "text": text, **({"style": {"bold": True}} if bold else {})}


def _code(command: str) -> Block:
    return {"type": "rich_text_preformatted", "elements": [_words(command)]}
