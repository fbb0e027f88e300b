"""A whole notifier in this process: memory table, a clock that stands still, a mail service with a script."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared.app import Notifier, channel_context
from shared.channels.channel import Temper
from shared.channels.email.channel import EmailChannel
from shared.channels.outcomes import Accepted, OperationState, OperationStatus, Outcome, Timeouts
from shared.channels.registry import CHANNELS, open_channels
from shared.settings import load
from shared.store import codec
from testing.memory_table import MemoryTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.channels.channel import Channel
    from shared.channels.email.email import Email
    from shared.channels.outcomes import Mailer
    from shared.delivery.progress import SweepResult
    from shared.notices.records import SentMail
    from shared.settings import Settings
    from testing.scripted_channel import ScriptedChannels

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

SETTINGS = {
    "NOTIFIER_STORAGE": "UseDevelopmentStorage=true",
    "EMAIL_FOLDER": "unused",
    "EMAIL_FROM": "aks@example.com",
    "EMAIL_TO": "ops@example.com",
    "SWEEP_SCHEDULE": "0 * * * * *",
}
"""The least that the app is started with."""


class StoppedClock:
    """A clock that moves only when told to."""

    def __init__(self, now: datetime = NOW) -> None:
        self._start = self._now = now

    def now(self) -> datetime:
        """See Clock."""
        return self._now

    def monotonic(self) -> float:
        """See Clock."""
        return (self._now - self._start).total_seconds()

    def forward(self, **by: float) -> None:
        """Move on by so many `days`, `hours`, `minutes` or `seconds`."""
        self._now += timedelta(**by)


class ScriptedMailer:
    """A mail service in this process that answers truthfully about what it took.

    `script` holds what the next sends come to, beginning with the first; after that they are accepted. A step
    may be an outcome, or a callable that makes one. Honours no operation id: a mail sent twice arrives twice.
    """

    def __init__(self) -> None:
        self.script: deque[Outcome | Callable[[Email, str], Outcome]] = deque()
        self.answers: deque[OperationStatus] = deque()
        self.arrived: list[tuple[str, Email]] = []
        self.asked: list[str] = []
        self.timeouts: list[Timeouts] = []

    def send(self, email: Email, operation_id: str, timeouts: Timeouts) -> Outcome:
        """See Mailer."""
        self.timeouts.append(timeouts)
        step = self.script.popleft() if self.script else Accepted()
        outcome = step(email, operation_id) if callable(step) else step
        if isinstance(outcome, Accepted):
            self.take(email, operation_id)
        return outcome

    def status_of(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:
        """See Mailer."""
        self.asked.append(operation_id)
        if self.answers:
            return self.answers.popleft()
        taken = any(operation_id == id_ for id_, _ in self.arrived)
        return (
            OperationStatus(OperationState.ACCEPTED, "Running")
            if taken
            else OperationStatus(OperationState.NEVER_SEEN)
        )

    def take(self, email: Email, operation_id: str) -> None:
        """Take a mail, whatever is answered about it."""
        self.arrived.append((operation_id, email))

    @property
    def subjects(self) -> list[str]:
        """The subjects of what arrived, in order."""
        return [email.subject for _, email in self.arrived]


def email_channel(config: Settings, mailer: Mailer, temper: Temper = Temper.ASKABLE) -> EmailChannel:
    """Return the channel for email as set up, with another mail service behind."""
    return EmailChannel(
        lambda: mailer, temper=temper, limits=config.mail.limits, branding=channel_context(config).branding
    )


class World:
    """A notifier and everything around it."""

    def __init__(
        self,
        table: MemoryTable | None = None,
        channels: ScriptedChannels | None = None,
        temper: Temper = Temper.ASKABLE,
        /,
        **overrides: str,
    ) -> None:
        """`channels` are further ones, under `scripted` in the routes; `temper` is email's."""
        self.clock = StoppedClock()
        self.table = table or MemoryTable(self.clock.now)
        self.mailer = ScriptedMailer()
        registrations = {"scripted": channels.registration} if channels else {}
        self.config = load(SETTINGS | overrides, {**CHANNELS, **registrations})
        others = [target for target in self.config.routes.targets().values() if target.key]
        self._others = open_channels(others, channel_context(self.config), {**CHANNELS, **registrations})
        self._temper = temper
        self.notifier = self.instance()

    def instance(self, clock: StoppedClock | None = None) -> Notifier:
        """Start another instance of the app on the same table and mail service, maybe with another clock."""
        self.email = email_channel(self.config, self.mailer, self._temper)
        channels: dict[str, Channel] = {"": self.email, **self._others}
        return Notifier(self.config, self.table, channels, clock or self.clock)

    @property
    def statuses(self) -> list[str]:
        """What the subjects of the mails that arrived say in brackets, in order."""
        return [subject.partition("]")[0].removeprefix("[") for subject in self.mailer.subjects]

    @property
    def fates(self) -> list[SentMail]:
        """What became of all mails."""
        return [codec.sent(row) for row in self.table.query("sent:", "sent;").rows]

    def take(self, text: str) -> str:
        """Deliver one event; give the decision."""
        (decision,) = self.notifier.intake.take(text)
        return decision.value

    def sweep(self, **after: float) -> SweepResult:
        """Let time pass, and sweep."""
        self.clock.forward(**after)
        return self.notifier.delivery.sweep()

    def settle_down(self, minutes: int = 10) -> None:
        """Sweep every minute for a while."""
        for _ in range(minutes):
            self.sweep(minutes=1)
