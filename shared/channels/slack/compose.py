"""From a frozen mail to a message for Slack: pure, and the same bytes at any time on any machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channels import fitting
from shared.channels.json_message import JsonMessage
from shared.channels.slack import blocks
from shared.messages import telling
from shared.messages.run_history import is_of_a_run
from shared.messages.view import SizeBudget
from shared.notices.kinds import URGENT
from shared.text import clip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.audience import Audience
    from shared.messages.branding import Branding
    from shared.messages.view import Digest
    from shared.notices.records import Mail, Row

_ROOMS = (
    SizeBudget(commands=30, items=60, line=1_000, several=20),
    SizeBudget(commands=10, items=40, line=600, several=10),
    SizeBudget(commands=4, items=15, line=300, several=5),
    SizeBudget(commands=2, items=6, line=150, several=3),
    SizeBudget(commands=0, items=0, line=80, several=2),
)


def compose(
    mail: Mail, rows: Mapping[str, Row], audience: Audience, look: Branding, *, recipient: str
) -> JsonMessage:
    """Make the message of a frozen mail. Raises where telling does."""
    view = telling.told(mail, rows, telling.context(mail, audience, look))
    made = fitting.fitted(_ROOMS, lambda room: blocks.content(fitting.shown(view, room)), blocks.fits)
    is_urgent = not URGENT.isdisjoint(telling.kinds(mail))
    return JsonMessage(
        subject=clip(view.headline, fitting.MAX_TITLE_CHARACTERS),
        recipients=(recipient,),
        content=made,
        is_urgent=is_urgent,
        is_aside=is_of_a_run(rows.get(mail.members[0].key)) or mail.members[0].part is not None,
    )


def compose_plain(
    mail: Mail, rows: Mapping[str, Row], audience: Audience, look: Branding, why: str, *, recipient: str
) -> JsonMessage:
    """Make the message that goes out when composing raised; `why` says what was wrong with the other one."""
    title, text = fitting.plain_words(mail, rows, audience, look, why)
    made = blocks.plain(title, clip(text, blocks.MAX_TEXT_CHARACTERS).split("\n"))
    return JsonMessage(subject=title, recipients=(recipient,), content=made)


def count_fitting(mail: Mail, rows: Mapping[str, Row], audience: Audience, look: Branding) -> int:
    """Return how many of a mail's first members fit whole into one message."""

    def fits(told: Digest) -> bool:
        return blocks.fits(blocks.content(fitting.shown(told, _ROOMS[0])))

    return fitting.count_fitting(mail, rows, audience, look, room=_ROOMS[0], fits=fits)
