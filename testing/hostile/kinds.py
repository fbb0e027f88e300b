"""The kinds of hostile input: how each is made, what must hold of it, and how much of a proof it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from testing.hostile import chats, emails, events, failures, intake, routes, windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

    from testing.hostile import InputVerdict


class InputKind(NamedTuple):
    """A kind of hostile input."""

    name: str
    inputs: SearchStrategy[Any]
    check: Callable[[Any], InputVerdict]
    share: int
    """Inputs of a hundred."""
    words: tuple[str, ...] = ()
    """What has to become of at least a tenth of what is in the inputs: else they would prove little."""


KINDS = (
    InputKind("emails", emails.LETTERS, emails.check_letter, 4, ("single", "digest", "plain")),
    InputKind("chats", emails.LETTERS, chats.check_letter, 2, ("single", "digest")),
    InputKind("events", events.DELIVERIES, events.check_delivery, 44, ("read", "rejected")),
    InputKind("failures", failures.FAILURES, failures.check_failure, 16, ("explained", "unknown")),
    InputKind("routes", routes.QUESTIONS, routes.check_question, 14, ("accepted", "refused")),
    InputKind("intake", intake.COURSES, intake.check_course, 6, ("new", "rejected")),
    InputKind("windows", windows.QUESTIONS, windows.check_question, 14, ("computed", "refused")),
)
"""Those that take longest come first."""
