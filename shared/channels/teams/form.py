"""What messages for Teams look like, and how much of a mail goes into one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from shared.channels.chat_form import ChatForm
from shared.channels.teams import card
from shared.messages.view import SizeBudget
from shared.text import clip

if TYPE_CHECKING:
    from shared.messages.view import Digest, View

MAX_BYTES = 20_000
"""Teams takes 28 KB with everything around the card, and drops what is larger without a word."""

_BUDGETS = (
    SizeBudget(raw=4_000, commands=30, items=60, line=1_000, several=20),
    SizeBudget(raw=1_500, commands=10, items=40, line=600, several=12),
    SizeBudget(raw=500, commands=4, items=20, line=300, several=6),
    SizeBudget(raw=1, commands=2, items=8, line=160, several=3),
    SizeBudget(raw=1, commands=0, items=0, line=100, several=2),
)
_PLAIN_CHARACTERS = (6_000, 1_500, 375)
"""From plenty to little: the last fits whatever is in it."""


def _content(view: View | Digest) -> dict[str, Any]:
    return card.message(card.card(view))


def _plain(title: str, text: str) -> dict[str, Any]:
    made = (card.message(card.plain(title, clip(text, most).split("\n"))) for most in _PLAIN_CHARACTERS)
    return next(filter(_fits, made))


def _fits(message: dict[str, Any]) -> bool:
    return len(msgspec.json.encode(message)) <= MAX_BYTES


FORM = ChatForm(_BUDGETS, _content, _plain, _fits)
