"""A piece of news as an event for PagerDuty: a trigger, the resolve that takes it back, or a change.

Triggers under a `dedup_key` that is open add to its alert; after a resolve the same key opens another one; a
resolve of what is not open is dropped (https://developer.pagerduty.com/docs/events-api-v2-overview).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared import keys
from shared.channels import fitting
from shared.messages import telling
from shared.messages.brief import brief
from shared.messages.presentation import Tone, presentation
from shared.messages.view import SizeBudget, View
from shared.notices.kinds import RESOLVING, Kind
from shared.notices.records import StoredEvent
from shared.text import clip, line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.audience import Audience
    from shared.events.model import Event
    from shared.messages.branding import Branding
    from shared.messages.brief import Brief
    from shared.notices.records import Mail, MailItem, Row

CLIENT = "AKS Maintenance Notifier"

MAX_SUMMARY_CHARACTERS = 1_024
_BUDGET = SizeBudget(raw=16_000, line=1_000, several=20)
_SEVERITY = {Tone.FAILED: "error", Tone.WARNING: "warning"}
_MAX_DETAIL_CHARACTERS = 400


def alert(mail: Mail, rows: Mapping[str, Row], audience: Audience, branding: Branding) -> dict[str, Any]:
    """Return the trigger, or the resolve, of a frozen mail with one member; without the routing key."""
    if mail.members[0].kind in RESOLVING:
        return _resolve(mail, rows)
    view = _view(mail, rows, audience, branding)
    told = brief(view)
    details = dict(told.facts)
    for section in (*told.first, *told.rest):
        lines = [*section.paragraphs, *section.items, *(f"{one.label}: {one.value}" for one in section.facts)]
        for step in section.steps:
            lines += [step.what, *([step.command] if step.command else [])]
        details[section.heading] = "\n".join(lines)
    return {**_trigger(mail, rows, _summary(view), view.tone, details), "links": _links(told)}


def change(mail: Mail, rows: Mapping[str, Row], audience: Audience, branding: Branding) -> dict[str, Any]:
    """Return the change event of a frozen mail with one member; without the routing key."""
    view = _view(mail, rows, audience, branding)
    told = brief(view)
    payload = {**_change(mail, rows, _summary(view)), "custom_details": dict(told.facts)}
    return {"payload": payload, "links": _links(told)}


def plain_alert(mail: Mail, rows: Mapping[str, Row], why: str) -> dict[str, Any]:
    """Return the alert whose words could not be made: that something is the matter is told."""
    kind = mail.members[0].kind
    if kind in RESOLVING:
        return _resolve(mail, rows)
    details = {"In plain form": clip(line(why[:2_000]), 500)}
    return _trigger(mail, rows, _plain_summary(mail, rows), presentation(kind).tone, details)


def plain_change(mail: Mail, rows: Mapping[str, Row]) -> dict[str, Any]:
    """Return the change whose words could not be made."""
    return {"payload": _change(mail, rows, _plain_summary(mail, rows))}


def _trigger(
    mail: Mail, rows: Mapping[str, Row], summary: str, tone: Tone, details: dict[str, str]
) -> dict[str, Any]:
    return {
        "event_action": "trigger",
        "dedup_key": dedup_key(mail.members[0], rows.get(mail.members[0].key)),
        "client": CLIENT,
        "payload": {
            "summary": summary,
            "severity": _SEVERITY.get(tone, "info"),
            **_about(mail, rows),
            "custom_details": details,
        },
    }


def _resolve(mail: Mail, rows: Mapping[str, Row]) -> dict[str, Any]:
    key = dedup_key(mail.members[0], rows.get(mail.members[0].key))
    return {"event_action": "resolve", "dedup_key": key}


def _change(mail: Mail, rows: Mapping[str, Row], summary: str) -> dict[str, Any]:
    about = _about(mail, rows)
    return {"summary": summary, "timestamp": about["timestamp"], "source": about["source"]}


def _links(told: Brief) -> list[dict[str, str]]:
    return [{"href": link.url, "text": link.label} for link in told.links]


def dedup_key(member: MailItem, row: Row | None) -> str:
    """Return the name of the alert: one for each maintenance of a cluster, whatever is told of it.

    Of an update run each gate and each member has its own: an answer to one says nothing of the others. A
    failure of a cluster that the run has told as its member's adds to the run's alert.
    """
    if not isinstance(row, StoredEvent):
        return f"aks/{keys.digest(member.key)[:16]}/{keys.digest(member.key)}"
    subject, about, run, part = row.event.subject.key, row.event.event_id, row.event.run, member.part
    if part is not None and part.has_failed and member.kind is Kind.FAILED:
        subject, about = part.fleet.lower(), f"{part.event_id} member {part.member}"
    if run is not None and (run.gate or run.member):
        about += f" gate {run.gate.name.lower()}" if run.gate else f" member {run.member}"
    return f"aks/{keys.digest(subject)[:16]}/{keys.event_id(about)}"


def _view(mail: Mail, rows: Mapping[str, Row], audience: Audience, branding: Branding) -> View:
    view = fitting.shown(telling.told(mail, rows, telling.context(mail, audience, branding)), _BUDGET)
    assert isinstance(view, View)
    return view


def _summary(view: View) -> str:
    return clip(f"{view.cluster}: {view.headline}" if view.cluster else view.headline, MAX_SUMMARY_CHARACTERS)


def _plain_summary(mail: Mail, rows: Mapping[str, Row]) -> str:
    status = presentation(mail.members[0].kind).status
    return clip(f"{status}: {_about(mail, rows)['source']}", MAX_SUMMARY_CHARACTERS)


def _about(mail: Mail, rows: Mapping[str, Row]) -> dict[str, str]:
    row = rows.get(mail.members[0].key)
    if not isinstance(row, StoredEvent):
        return {"source": CLIENT, "timestamp": mail.as_of.isoformat()}
    event: Event = row.event
    about = {
        "source": event.subject.id or CLIENT,
        "timestamp": event.updated.isoformat(),
        "component": ", ".join(event.pools),
        "group": event.subject.resource_group,
        "class": event.upgrade.value,
    }
    return {name: clip(line(value[:4_000]), _MAX_DETAIL_CHARACTERS) for name, value in about.items() if value}
