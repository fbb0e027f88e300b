"""Making what is told fit: as much of it as one message has room for, and how many things go into one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from shared.messages import digest, plain, telling
from shared.messages.view import Digest, SizeBudget, View, sanitized
from shared.text import clean, clip, line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from shared.audience import Audience
    from shared.messages.branding import Branding
    from shared.notices.records import Mail, Row

T = TypeVar("T")

MAX_TITLE_CHARACTERS = 300
"""Characters of a chat message's title."""


def plain_words(
    mail: Mail, rows: Mapping[str, Row], audience: Audience, branding: Branding, why: str
) -> tuple[str, str]:
    """Return title and text of a mail for a chat, where composing raised; `why` says what did."""
    status, parts = plain.subject(mail, rows)
    title = clip(line(" · ".join((status, *parts))[:4_000]), MAX_TITLE_CHARACTERS)
    return title, clean(plain.text(mail, rows, audience, branding, why)).expandtabs(4)


def shown(view: View | Digest, budget: SizeBudget) -> View | Digest:
    """Return as much of it as there is room for, every text cleaned."""
    return sanitized(
        digest.trimmed(view, budget) if isinstance(view, Digest) else view.trimmed(budget), budget
    )


def fitted(budgets: Iterable[SizeBudget], make: Callable[[SizeBudget], T], fits: Callable[[T], bool]) -> T:
    """Return the first that fits of what is made with these budgets. Raises ValueError where none does."""
    for budget in budgets:
        made = make(budget)
        if fits(made):
            return made
    raise ValueError("it cannot be made small enough")


def count_fitting(
    mail: Mail,
    rows: Mapping[str, Row],
    audience: Audience,
    branding: Branding,
    *,
    budget: SizeBudget,
    fits: Callable[[Digest], bool],
) -> int:
    """Return how many of a mail's first members fit whole into one message, nothing cut.

    `fits` says it of a digest. At least 1, as a single thing is told however little of it fits. One try where
    all fit. Where telling would raise, all count as fitting: splitting does not mend that, and composing says
    what it is.
    """
    count = len(mail.members)
    if count <= 1:
        return count
    frame = telling.context(mail, audience, branding)
    try:
        told = digest.entries(mail.members, rows, frame)

        def fit(first: int) -> bool:
            return first <= budget.items and fits(digest.digest(told[:first], frame))

        if fit(count):
            return count
        few, many = 1, count  # few fit, many do not
        while many - few > 1:
            half = (few + many) // 2
            few, many = (half, many) if fit(half) else (few, half)
    except Exception:  # noqa: BLE001 - whatever it is, it will be met again where it can be told
        return count
    return few
