"""From a frozen mail to a message for a chat: pure, and the same bytes at any time on any machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from shared.channels import fitting
from shared.channels.json_message import JsonMessage
from shared.messages import telling
from shared.messages.run_history import is_of_a_run
from shared.notices.kinds import URGENT
from shared.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.audience import Audience
    from shared.messages.branding import Branding
    from shared.messages.view import Digest, SizeBudget, View
    from shared.notices.records import Mail, Row


class ChatForm(NamedTuple):
    """What messages of one chat look like, and how much of a mail goes into one."""

    budgets: tuple[SizeBudget, ...]
    """From plenty to little: the first whose message fits is taken."""
    content: Callable[[View | Digest], dict[str, Any]]
    """Returns the message of a view whose texts are cleaned and cut."""
    plain: Callable[[str, str], dict[str, Any]]
    """Returns the message of a title and a text, as much of it as fits."""
    fits: Callable[[dict[str, Any]], bool]
    """Returns whether the chat takes a message."""

    def compose(
        self, mail: Mail, rows: Mapping[str, Row], audience: Audience, branding: Branding, *, recipient: str
    ) -> JsonMessage:
        """Return the message of a frozen mail. Raises where telling does."""
        view = telling.told(mail, rows, telling.context(mail, audience, branding))
        return JsonMessage(
            subject=clip(view.headline, fitting.MAX_TITLE_CHARACTERS),
            recipients=(recipient,),
            content=fitting.fitted(
                self.budgets, lambda budget: self.content(fitting.shown(view, budget)), self.fits
            ),
            is_urgent=not URGENT.isdisjoint(telling.kinds(mail)),
            is_aside=is_of_a_run(rows.get(mail.members[0].key)) or mail.members[0].part is not None,
        )

    def compose_plain(
        self,
        mail: Mail,
        rows: Mapping[str, Row],
        audience: Audience,
        branding: Branding,
        why: str,
        *,
        recipient: str,
    ) -> JsonMessage:
        """Return the message that goes out when composing raised; `why` says what was wrong."""
        title, text = fitting.plain_words(mail, rows, audience, branding, why)
        return JsonMessage(subject=title, recipients=(recipient,), content=self.plain(title, text))

    def count_fitting(
        self, mail: Mail, rows: Mapping[str, Row], audience: Audience, branding: Branding
    ) -> int:
        """Return how many of a mail's first members fit whole into one message."""
        budget = self.budgets[0]

        def fits(told: Digest) -> bool:
            return self.fits(self.content(fitting.shown(told, budget)))

        return fitting.count_fitting(mail, rows, audience, branding, budget=budget, fits=fits)
