"""PagerDuty as a channel: events to one integration of a service. See Channel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from shared.audience import Target
from shared.channels import target_fields
from shared.channels.channel import Temper
from shared.channels.json_channel import JsonChannel
from shared.channels.limits import Limits
from shared.channels.registration import Registration
from shared.notices.kinds import ABOUT_CLUSTERS, RESOLVING, WATCHDOGS, Kind, kind_of
from shared.notices.records import StoredEvent
from shared.routes import fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.audience import Audience
    from shared.channels.json_message import JsonMessage
    from shared.channels.outcomes import Outcome, Timeouts
    from shared.notices.records import Mail, MailItem, Row
    from shared.routes.document import Field

NAME = "pagerduty"

_KEY = re.compile(r"[A-Za-z0-9]{32}")


class PagerDutyTarget(Target, frozen=True):
    """An integration, and what triggers there."""

    triggers: frozenset[str] = frozenset()
    """Values of Kind."""
    changes: bool = False
    """Whether all else makes change events."""


def read_targets(field: Field) -> tuple[Target, ...]:
    """Read `pagerduty: $NAME`, `pagerduty: {key, kinds, changes}`, or a list of them."""
    return target_fields.targets(field, "$NAME, or a mapping of key, kinds and changes", _target)


def _target(field: Field) -> Target:
    is_mapping = isinstance(field.value, dict)
    entries = field.mapping(("key", "kinds", "changes")) if is_mapping else {"key": field}
    name = target_fields.secret(field.required(entries, "key"), "an integration's key")
    triggers = fields.kinds(entries["kinds"]) if "kinds" in entries else frozenset({Kind.FAILED.value})
    if not triggers - RESOLVING:
        raise entries["kinds"].fault("none of these kinds opens an alert: they resolve one")
    changes = "changes" in entries and entries["changes"].choice(("true", "false")) == "true"
    kinds = frozenset(ABOUT_CLUSTERS) if changes else triggers | {kind.value for kind in RESOLVING}
    return PagerDutyTarget(
        NAME, f"${name}", kinds=kinds, secrets=(name,), triggers=triggers - RESOLVING, changes=changes
    )


def check_secret(target: Target, name: str, value: str, *, allows_loopback: bool) -> None:  # noqa: ARG001
    """Raise ValueError where a value is not an integration's key."""
    if not _KEY.fullmatch(value):
        raise ValueError("is not an integration's key, which has 32 letters and digits")


class PagerDutyChannel(JsonChannel):
    """See Channel."""

    name = NAME
    temper = Temper.COLLAPSES
    limits: Limits | None = Limits(120, 7_200)
    """Events of an integration, as PagerDuty's support says in its forum ("enforced per integration key")."""

    def compose(self, mail: Mail, rows: Mapping[str, Row], audience: Audience) -> JsonMessage:
        """See Channel."""
        from shared.channels.pagerduty import events

        is_alert = self._is_alert(mail.members[0], rows, self._said(audience))
        make = events.alert if is_alert else events.change
        return self._message(make(mail, rows, audience, self.branding))

    def compose_plain(self, mail: Mail, rows: Mapping[str, Row], audience: Audience, why: str) -> JsonMessage:
        """See Channel."""
        from shared.channels.pagerduty import events

        if not self._is_alert(mail.members[0], rows, self._said(audience)):
            return self._message(events.plain_change(mail, rows))
        return self._message(events.plain_alert(mail, rows, why))

    def tells(self, member: MailItem, rows: Mapping[str, Row], audience: Audience) -> bool:
        """See Choosy: what resolves is nothing to send where nothing was triggered, but for a change."""
        found = self._said(audience)
        return found.changes or self._is_alert(member, rows, found)

    def _is_alert(self, member: MailItem, rows: Mapping[str, Row], said: PagerDutyTarget) -> bool:
        """Return whether a notice opens or closes an alert; all else is a change.

        News of the app itself, which no audience can leave out, opens one. What watchdogs tell leaves no row:
        where they trigger, what ends a maintenance resolves without looking.
        """
        if member.kind in said.triggers or member.kind not in ABOUT_CLUSTERS:
            return True
        if member.kind not in RESOLVING:
            return False
        before = [
            row.event for key, row in rows.items() if isinstance(row, StoredEvent) and key != member.key
        ]
        told = {kind_of(event).value for event in before}
        return bool(said.triggers & (told | {kind.value for kind in WATCHDOGS}))

    def _said(self, audience: Audience) -> PagerDutyTarget:
        """Return what an audience says of this target, which others may have, too."""
        found = audience.target(self.target.key) or self.target
        assert isinstance(found, PagerDutyTarget)
        return found

    def _message(self, content: dict[str, object]) -> JsonMessage:
        from shared.channels.json_message import JsonMessage

        payload = content.get("payload")
        summary = payload["summary"] if isinstance(payload, dict) else f"resolve {content['dedup_key']}"
        return JsonMessage(subject=summary, recipients=(self.target.label,), content=content)

    def wire(self, message: JsonMessage, operation_id: str) -> dict[str, Any]:  # noqa: ARG002
        """See JsonChannel."""
        return {"routing_key": self.target.id, **message.content}

    def send(self, message: JsonMessage, operation_id: str, timeouts: Timeouts) -> Outcome:  # noqa: ARG002
        """See Channel."""
        from shared.channels.pagerduty import api

        base = self.context.settings.endpoints.pagerduty
        return api.enqueue(self.context.door(), base, self.secret(), message.content, timeouts)


REGISTRATION = Registration(PagerDutyChannel, read_targets, check_secret, "$PAGERDUTY")
