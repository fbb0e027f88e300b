"""Email as a channel: composes mails, and sends them by the mail service that is set up.

The templates are imported for the first mail that is composed, the service's SDK for the first that is sent.
"""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from shared.audience import EMAIL_CHANNEL
from shared.channels.outcomes import OperationState, OperationStatus, Unavailable
from shared.channels.registration import Registration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.audience import Audience, Target
    from shared.channels.channel import Temper
    from shared.channels.context import ChannelContext
    from shared.channels.email.email import Email
    from shared.channels.limits import Limits
    from shared.channels.outcomes import Mailer, Outcome, Timeouts
    from shared.messages.branding import Branding
    from shared.notices.records import Mail, MailItem, Row

log = logging.getLogger("notifier")


def open_channel(target: Target, context: ChannelContext) -> EmailChannel:  # noqa: ARG001 - there is one
    """Return the channel for email as set up. No round trip."""
    mail = context.mail
    kind = DraftingEmailChannel if getattr(mail.service, "is_drafted", False) else EmailChannel
    previous = mail.previous
    return kind(
        lambda: mail.service.open(mail.sender, context.credential),
        temper=mail.service.temper,
        limits=mail.limits,
        branding=context.branding,
        service=mail.service.name,
        former={previous.name: lambda: previous.open(mail.sender, context.credential)} if previous else {},
    )


class EmailChannel:
    """See Channel. Makes its mailer when the first mail is sent. Thread-safe."""

    name = EMAIL_CHANNEL
    is_grouped = True

    def __init__(
        self,
        open_mailer: Callable[[], Mailer],
        *,
        temper: Temper,
        limits: Limits | None,
        branding: Branding,
        service: str = "",
        former: Mapping[str, Callable[[], Mailer]] | None = None,
    ) -> None:
        """`service` names the mail service, `former` opens those before it, by their names."""
        self.temper = temper
        self.limits = limits
        self.service = service
        self._openers = {**(former or {}), service: open_mailer}
        self._branding = branding
        self._mailers: dict[str, Mailer] = {}
        self._lock = Lock()

    def compose(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> Email:
        """See Channel."""
        from shared.channels.email import compose

        return compose.compose(mail, rows, audience, self._branding_of(mail))

    def compose_plain(self, mail: Mail, rows: Mapping[str, Row], audience: Audience, why: str) -> Email:
        """See Channel."""
        from shared.channels.email import compose

        return compose.compose_plain(mail, rows, audience, self._branding_of(mail), why)

    def ordered(self, members: tuple[MailItem, ...], rows: Mapping[str, Row]) -> tuple[MailItem, ...]:
        """See Channel."""
        from shared.messages import digest

        return digest.ordered(members, rows)

    def count_fitting(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> int:
        """See Channel."""
        from shared.channels.email import compose

        return compose.count_fitting(mail, rows, audience, self._branding)

    def send(self, message: Email, operation_id: str, timeouts: Timeouts) -> Outcome:
        """See Channel."""
        try:
            mailer = self._open(self.service)
        except Exception as error:
            # Nothing was handed over: that does not count as an attempt, and concerns all mail.
            log.exception("the mailer cannot be opened")
            return Unavailable(f"the mailer cannot be opened: {error!r}")
        return mailer.send(message, operation_id, timeouts)

    def ask(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:
        """See Channel."""
        return self._ask(self.service, operation_id, timeouts)

    def ask_former(self, service: str, operation_id: str, timeouts: Timeouts) -> OperationStatus | None:
        """See Switchable."""
        if not service:
            service = next((name for name in self._openers if name != self.service), "")
        return self._ask(service, operation_id, timeouts) if service in self._openers else None

    def _ask(self, service: str, operation_id: str, timeouts: Timeouts) -> OperationStatus:
        try:
            mailer = self._open(service)
        except Exception as error:
            log.exception("the mailer cannot be opened")
            return OperationStatus(OperationState.NO_ANSWER, f"the mailer cannot be opened: {error!r}")
        return mailer.status_of(operation_id, timeouts)

    def _branding_of(self, mail: Mail) -> Branding:
        """Return the branding for a mail, as it is bound."""
        if mail.bound is None:
            return self._branding
        domain = mail.bound.sender.rpartition("@")[2]
        return replace(self._branding, portal=mail.bound.portal, only_to=mail.bound.only_to, domain=domain)

    def _open(self, service: str) -> Mailer:
        with self._lock:
            if service not in self._mailers:
                self._mailers[service] = self._openers[service]()
            return self._mailers[service]


class DraftingEmailChannel(EmailChannel):
    """See Drafting: mail of a service that keeps drafts."""

    def draft(self, message: Email, operation_id: str, timeouts: Timeouts) -> str | Outcome:
        """See Drafting."""
        mailer: Any = self._open(self.service)
        made: str | Outcome = mailer.draft(message, operation_id, timeouts)
        return made

    def send_draft(self, draft_id: str, timeouts: Timeouts) -> Outcome:
        """See Drafting."""
        mailer: Any = self._open(self.service)
        outcome: Outcome = mailer.send_draft(draft_id, timeouts)
        return outcome

    def ask(self, operation_id: str, timeouts: Timeouts) -> OperationStatus:
        """See Channel; the operation is a draft."""
        mailer: Any = self._open(self.service)
        status: OperationStatus = mailer.status_of_draft(operation_id, timeouts)
        return status


REGISTRATION = Registration(open_channel)
