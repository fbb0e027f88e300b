"""A channel of any temper whose service follows a script; each name in the routes is a target."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

import msgspec

from shared.audience import Target
from shared.channels.channel import Temper
from shared.channels.outcomes import Accepted, OperationState, OperationStatus
from shared.channels.registration import Registration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.audience import Audience
    from shared.channels.context import ChannelContext
    from shared.channels.limits import Limits
    from shared.channels.outcomes import Outcome, Timeouts
    from shared.notices.records import Mail, MailItem, Row
    from shared.routes.document import Field


class Note(msgspec.Struct, frozen=True):
    """A message of this channel: what it tells, to whom, and whether it may be a repeat."""

    subject: str
    recipients: tuple[str, ...]
    is_repeat: bool


class ScriptedChannels:
    """The scripted channel, as the routes name it.

    `script` holds, by target, what the next sends come to; after that they are accepted. A step may be an
    outcome, or a callable that makes one. A service that collapses repeats takes an operation id once.
    """

    def __init__(self, temper: Temper, *, is_grouped: bool = True, limits: Limits | None = None) -> None:
        self.temper = temper
        self.is_grouped = is_grouped
        self.limits = limits
        self.script: defaultdict[str, deque[Outcome | Callable[[Note, str], Outcome]]] = defaultdict(deque)
        self.arrived: list[tuple[str, str, Note]] = []
        """Target, operation id and message."""

    @property
    def registration(self) -> Registration:
        """What the app knows of it."""

        def read(field: Field) -> tuple[Target, ...]:
            names = [each.text("a name") for each in field.texts("names")]
            return tuple(Target("scripted", name) for name in names)

        return Registration(lambda target, context: ScriptedChannel(self, target, context), read)

    def has(self, operation_id: str) -> bool:
        """Return whether a message has arrived."""
        return any(operation_id == id_ for _, id_, _ in self.arrived)

    def take(self, target: str, message: Note, operation_id: str) -> None:
        """Take a message, whatever is answered about it."""
        if not (self.temper is Temper.COLLAPSES and self.has(operation_id)):
            self.arrived.append((target, operation_id, message))

    def subjects(self, target: str) -> list[str]:
        """Return what arrived at a target, in order."""
        return [note.subject for name, _, note in self.arrived if name == target]


class ScriptedChannel:
    """See Channel."""

    name = "scripted"

    def __init__(self, service: ScriptedChannels, target: Target, context: ChannelContext) -> None:
        self.temper = service.temper
        self.is_grouped = service.is_grouped
        self.limits = service.limits
        self._service = service
        self._target = target.id
        self._portal = context.branding.portal

    def compose(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> Note:
        """See Channel."""
        told = [f"{member.kind} {rows[member.key].key}" for member in mail.members]
        return Note(", ".join(told), (f"{audience.id} on {self._target}",), mail.is_repeat)

    def compose_plain(self, mail: Mail, rows: Mapping[str, Row], audience: Audience, why: str) -> Note:
        """See Channel."""
        return Note(why, (audience.id, f"{len(rows)} rows"), mail.is_repeat)

    def ordered(self, members: tuple[MailItem, ...], rows: Mapping[str, Row]) -> tuple[MailItem, ...]:
        """See Channel."""
        return tuple(sorted(members, key=lambda member: rows[member.key].key))

    def count_fitting(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> int:
        """See Channel."""
        return len(mail.members)

    def send(self, message: Note, operation_id: str, timeouts: Timeouts) -> Outcome:
        """See Channel."""
        script = self._service.script[self._target]
        step = script.popleft() if script else Accepted()
        outcome = step(message, operation_id) if callable(step) else step
        if isinstance(outcome, Accepted):
            self._service.take(self._target, message, operation_id)
        return outcome

    def ask(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:
        """See Channel."""
        is_known = self._service.has(operation_id)
        return OperationStatus(OperationState.ACCEPTED if is_known else OperationState.NEVER_SEEN)
