"""A patch night through the real handlers, on a clock that the test moves.

Instances of the app on one table; the mail leaves over HTTP, through the real SDK, to an endpoint that
enforces the limits by the same clock. What was told is read from the mails that arrived.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from statistics import median
from threading import Barrier
from typing import TYPE_CHECKING, Any, Self

from azure.core.credentials import AzureKeyCredential

from shared import keys
from shared.app import Notifier
from shared.channels.email.acs import AcsMailer
from shared.notices.kinds import Decision, Kind
from shared.settings import load
from shared.store import codec
from testing.mail_endpoint import KEY, MailEndpoint
from testing.moving import CountedTable, MovingClock
from testing.quota import Quota
from testing.world import SETTINGS, email_channel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shared.notices.records import SentMail
    from shared.store.table import BrowsableTable, Stored
    from testing.samples.patch_night import Happening, Night

MAIL_SECONDS = 0.2
"""Seconds of the test's clock for a request to the mail service."""

AT_ONCE = 4
"""Deliveries of Event Grid under way at the same time."""

Told = Counter[tuple[str, Kind, str]]
"""How often what was told: the event's key, the kind of notice, the audience."""


class PatchNightRun:
    """Instances of the app, and everything around them: a context manager."""

    def __init__(
        self,
        night: Night,
        table: Callable[[MovingClock], BrowsableTable],
        *,
        sender: str = "aks@example.com",
        instances: int = 1,
    ) -> None:
        self.night = night
        self.clock = MovingClock(night.events[0].at)
        self.table = CountedTable(table(self.clock), self.clock)
        self._stack = ExitStack()
        self.endpoint = self._stack.enter_context(MailEndpoint())  # it has an address once it runs
        mail = {"EMAIL_FOLDER": "", "EMAIL_CONNECTION_STRING": self.endpoint.connection_string}
        config = load(SETTINGS | mail | {"EMAIL_FROM": sender, "EMAIL_TO": "", "ROUTES": night.routes})
        assert config.mail.limits is not None
        self.quota = Quota(self.clock, config.mail.limits, MAIL_SECONDS)
        self.endpoint.fault_for = self.quota
        self._mailer = AcsMailer(self.endpoint.url, AzureKeyCredential(KEY), sender)
        self.instances = [
            Notifier(config, self.table, {"": email_channel(config, self._mailer)}, self.clock)
            for _ in range(instances)
        ]
        self._decisions = _Decisions()

    def __enter__(self) -> Self:
        self._stack.callback(self._mailer.close)
        self._pool = self._stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        self._stack.enter_context(self._decisions)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def complaints(self) -> list[str]:
        """Warnings and errors that the app has logged."""
        return self._decisions.complaints

    def run(self, deliveries: Iterable[Happening], after: timedelta, every: int = 1) -> None:
        """Deliver everything at its time, sweep every minute, and go on for a while after the last.

        `every` is how many seconds of deliveries are under way at once.
        """
        waiting = sorted(deliveries, reverse=True)
        end = waiting[0].at + after
        minute = self.clock.now()
        while minute < end:
            for second in range(every, 61, every):
                until = minute + timedelta(seconds=second)
                due: list[Happening] = []
                while waiting and waiting[-1].at <= until:
                    due.append(waiting.pop())
                self.clock.until(until)
                if due:
                    list(self._pool.map(self._deliver, range(len(due)), due))
            minute += timedelta(minutes=1)
            self._sweep()

    def go_on(self, hours: int) -> None:
        """Sweep every hour for a while."""
        for _ in range(hours):
            self.clock.forward(hours=1)
            self._sweep()

    def _deliver(self, number: int, happening: Happening) -> None:
        self.instances[number % len(self.instances)].intake.take(happening.text)

    def _sweep(self) -> None:
        if len(self.instances) == 1:
            self.instances[0].delivery.sweep()
            return
        barrier = Barrier(len(self.instances))

        def sweep(instance: Notifier) -> None:
            barrier.wait()
            instance.delivery.sweep()

        list(self._pool.map(sweep, self.instances))

    # What came of it

    def fates(self) -> dict[str, SentMail]:
        """Return what the table says of each mail, by its operation id."""
        rows = self._rows("sent:", "sent;")
        return {row.key.removeprefix("sent:"): codec.sent(row) for row in rows}

    def told(self) -> Told:
        """Count what the mails that arrived have told, and to whom."""
        fates = self.fates()
        return Counter(
            (member.key, member.kind, fates[mail.operation_id].audience)
            for mail in self.endpoint.mails
            for member in fates[mail.operation_id].members
        )

    def superseded(self) -> Told:
        """Count what was not told since later news said it all, as the log has it."""
        return self._decisions.superseded

    def stale(self) -> set[str]:
        """Return the keys of events that came after what they announce."""
        return {row.key for row in self._rows("event:", "event;") if row.values["decision"] == Decision.STALE}

    def undone(self) -> Counter[str]:
        """Count what is still to be done, by kind."""
        return Counter(str(row.values["kind"]) for row in self._rows("work:1", "work;"))

    def delays(self) -> list[float]:
        """Return the seconds from each failure to each mail that told of it, the shortest first."""
        happened = {happening.key: happening.at for happening in self.night.events}
        return sorted(
            (self.quota.arrived(operation_id) - happened[member.key]).total_seconds()
            for operation_id, fate in self.fates().items()
            for member in fate.members
            if member.kind is Kind.FAILED
        )

    def after_the_last(self) -> float:
        """Return the seconds from the last event of the night to the last mail."""
        return (self.quota.last - self.night.events[-1].at).total_seconds()

    def figures(self) -> dict[str, Any]:
        """Sum it up."""
        mails, delays = self.endpoint.mails, self.delays()
        fates = self.fates()
        kinds = [[member.kind for member in fate.members] for fate in fates.values()]
        return {
            "clusters": len(self.night.hearing),
            "audiences": len({name for names in self.night.hearing.values() for name in names}),
            "events": len(self.night.events),
            "the night took, minutes": round(
                (self.night.events[-1].at - self.night.events[0].at).total_seconds() / 60
            ),
            "notices told": self.told().total(),
            "notices replaced by later news": self.superseded().total(),
            "mails": len(mails),
            "mails that tell of one failure": kinds.count([Kind.FAILED]),
            "requests refused": self.quota.refused,
            "most mails in a minute": self.quota.most.per_minute,
            "most mails in an hour": self.quota.most.per_hour,
            "last mail, minutes after the last event": round(self.after_the_last() / 60, 1),
            "failures told": len(delays),
            "failure told after, seconds, median": round(median(delays), 1),
            "failure told after, seconds, at most": round(delays[-1], 1),
            "largest HTML, bytes": max(html_size(mail.body) for mail in mails),
            "table round trips": {verb: self.table.trips[verb] for verb in sorted(self.table.trips)},
        }

    def _rows(self, first: str, last: str) -> list[Stored]:
        found: list[Stored] = []
        while first:
            page = self.table.uncounted.query(first, last)
            found += page.rows
            first = keys.following(page.last) if page.more else ""
        return found


def html_size(body: dict[str, Any]) -> int:
    """Return the size of a mail's HTML, in bytes."""
    return len(str(body["content"]["html"]).encode())


class _Decisions(logging.Handler):
    """Listens to what the app says of its decisions."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.superseded: Told = Counter()
        self.complaints: list[str] = []
        self._logger = logging.getLogger("notifier")
        self._level = self._logger.level

    def __enter__(self) -> Self:
        self._logger.addHandler(self)
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False  # tens of thousands of lines
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.setLevel(self._level)
        self._logger.propagate = True
        self._logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take note."""
        if record.levelno > logging.INFO:
            self.complaints.append(record.getMessage())
        found = _SUPERSEDED.match(record.getMessage())
        if found:
            key, kind, audience = found.groups()
            self.superseded[key, Kind(kind), audience] += 1


_SUPERSEDED = re.compile(r"decision=superseded about=(\S+) notice=(\S+) audience=(\S+)")
