"""From a frozen mail to a message for Teams: pure, and the same bytes at any time on any machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channels import fitting
from shared.channels.json_message import JsonMessage, encoded
from shared.channels.teams import card
from shared.messages import telling
from shared.messages.view import SizeBudget
from shared.text import clip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.audience import Audience
    from shared.messages.branding import Branding
    from shared.messages.view import Digest
    from shared.notices.records import Mail, Row

MAX_BYTES = 20_000
"""Bytes: Teams takes 28 KB with everything around the card, and drops what is larger without a word."""

_ROOMS = (
    SizeBudget(raw=4_000, commands=30, items=60, line=1_000, several=20),
    SizeBudget(raw=1_500, commands=10, items=40, line=600, several=12),
    SizeBudget(raw=500, commands=4, items=20, line=300, several=6),
    SizeBudget(raw=1, commands=2, items=8, line=160, several=3),
    SizeBudget(raw=1, commands=0, items=0, line=100, several=2),
)
_MAX_PLAIN_CHARACTERS = 6_000


def compose(
    mail: Mail, rows: Mapping[str, Row], audience: Audience, look: Branding, *, recipient: str
) -> JsonMessage:
    """Make the message of a frozen mail. Raises where telling does."""
    view = telling.told(mail, rows, telling.context(mail, audience, look))
    made = fitting.fitted(
        _ROOMS,
        lambda room: card.message(card.card(fitting.shown(view, room))),
        lambda one: len(encoded(one)) <= MAX_BYTES,
    )
    return JsonMessage(
        subject=clip(view.headline, fitting.MAX_TITLE_CHARACTERS), recipients=(recipient,), content=made
    )


def compose_plain(
    mail: Mail, rows: Mapping[str, Row], audience: Audience, look: Branding, why: str, *, recipient: str
) -> JsonMessage:
    """Make the message that goes out when composing raised; `why` says what was wrong with the other one."""
    title, text = fitting.plain_words(mail, rows, audience, look, why)
    for most in (
        _MAX_PLAIN_CHARACTERS,
        _MAX_PLAIN_CHARACTERS // 4,
        _MAX_PLAIN_CHARACTERS // 16,
    ):  # the last one fits whatever is in it
        made = card.message(card.plain(title, clip(text, most).split("\n")))
        if len(encoded(made)) <= MAX_BYTES:
            break
    return JsonMessage(subject=title, recipients=(recipient,), content=made)


def count_fitting(mail: Mail, rows: Mapping[str, Row], audience: Audience, look: Branding) -> int:
    """Return how many of a mail's first members fit whole into one message."""

    def fits(told: Digest) -> bool:
        return len(encoded(card.message(card.card(fitting.shown(told, _ROOMS[0]))))) <= MAX_BYTES

    return fitting.count_fitting(mail, rows, audience, look, room=_ROOMS[0], fits=fits)
