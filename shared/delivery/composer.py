"""What goes into a mail, and the message that its channel makes of it, before it is handed over."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from shared.channels.channel import Choosy, Switchable
from shared.notices.records import Mail
from shared.store import codec
from shared.store.protocol import MAX_MEMBERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from shared.audience import Audience, Destination
    from shared.channels.channel import Channel, Message
    from shared.notices.records import Binding, MailItem, Row
    from shared.routes import Routes
    from shared.store.reader import Reader


log = logging.getLogger("notifier")


class Composer:
    """Says what a mail to an audience on a target holds, and has it composed. Writes nothing. Thread-safe."""

    def __init__(
        self, channels: Mapping[str, Channel], routes: Routes, bind: Callable[[Audience], Binding]
    ) -> None:
        """`channels` are by the targets' keys; `bind` returns what a mail to an audience is bound to now."""
        self._channels = channels
        self._routes = routes
        self._bind = bind

    def bound(self, mail: Mail) -> Mail:
        """Return a mail with what it is bound to if it is handed over now."""
        bound = self._bind(self._routes.audience(mail.audience))
        channel = self._channels.get(mail.target)
        if isinstance(channel, Switchable):
            bound = msgspec.structs.replace(bound, service=channel.service)
        return msgspec.structs.replace(mail, bound=bound)

    def ordered(self, members: tuple[MailItem, ...], target: str, reader: Reader) -> tuple[MailItem, ...]:
        """Put members into the order in which a digest tells them, failures first."""
        if len(members) == 1:
            return members
        try:
            return self._channels[target].ordered(members, reader.rows_named(members))
        except Exception:
            log.exception("members stay in the order in which they fell due")
            return members

    def tells(self, member: MailItem, to: Destination, reader: Reader) -> bool:
        """Return whether there is anything to send of a notice on its target."""
        channel: object = self._channels.get(to.target)
        if not isinstance(channel, Choosy):
            return True
        return channel.tells(member, reader.rows_named([member]), self._routes.audience(to.audience))

    def first_fitting(
        self, members: tuple[MailItem, ...], to: Destination, as_of: datetime, reader: Reader
    ) -> tuple[MailItem, ...]:
        """Return the first members that fit whole into one mail, and into its row: at least one."""
        part = members[:MAX_MEMBERS]
        while len(part) > 1 and not codec.fits(part):
            part = part[: max(1, len(part) * 3 // 4)]
        if len(part) == 1:
            return part
        mail = Mail(operation_id="", audience=to.audience, target=to.target, as_of=as_of, members=part)
        audience = self._routes.audience(to.audience)
        try:
            fit = self._channels[to.target].count_fitting(mail, reader.rows_of(mail), audience)
        except Exception:
            log.exception("a digest cannot be measured; it goes out as it is")
            return part
        return part[: max(1, fit)]

    def compose(self, mail: Mail, rows: Mapping[str, Row]) -> Message:
        """Return what the channel of a mail's target sends of it; the plain form where composing fails."""
        channel = self._channels[mail.target]
        audience = self._routes.audience(mail.audience)
        bound = mail.bound
        if bound is not None:
            audience = msgspec.structs.replace(
                audience, to=bound.to, cc=bound.cc, reply_to=bound.reply_to, time_zone=bound.time_zone
            )
        try:
            return channel.compose(mail, rows, audience)
        except Exception as error:
            log.exception("mail %s goes out plain: it could not be rendered", mail.operation_id)
            return channel.compose_plain(mail, rows, audience, f"{type(error).__name__}: {error}")
