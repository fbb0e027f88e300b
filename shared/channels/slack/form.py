"""What messages for Slack look like, and how much of a mail goes into one."""

from __future__ import annotations

from shared.channels.chat_form import ChatForm
from shared.channels.slack import blocks
from shared.messages.view import SizeBudget

_BUDGETS = (
    SizeBudget(commands=30, items=60, line=1_000, several=20),
    SizeBudget(commands=10, items=40, line=600, several=10),
    SizeBudget(commands=4, items=15, line=300, several=5),
    SizeBudget(commands=2, items=6, line=150, several=3),
    SizeBudget(commands=0, items=0, line=80, several=2),
)

FORM = ChatForm(_BUDGETS, blocks.content, blocks.plain, blocks.fits)
