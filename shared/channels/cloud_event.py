"""One piece of news as a CloudEvent 1.0, for machines: what webhooks and topics are sent.

Types are `aks.maintenance.{kind}`. docs/events.md says what each field means, docs/schemas/ has the schema:
`data.version` grows where a consumer would have to know; fields may be added within one.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

import msgspec

from shared.channels import fitting
from shared.events.envelope import OWN_TYPES
from shared.events.model import Cluster
from shared.events.run import Gate, RunFacts
from shared.messages import failed, fleet_run, telling
from shared.messages.history import read_history
from shared.messages.run_history import read_run
from shared.messages.view import SizeBudget, View
from shared.notices.kinds import URGENT, Kind
from shared.notices.records import StoredEvent
from shared.text import clip, line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from shared.audience import Audience
    from shared.events.model import Event
    from shared.messages.branding import Branding
    from shared.messages.view import RenderContext, Section
    from shared.notices.records import Mail, MailItem, Row

VERSION = "1.0"
"""Of `data`."""

SOURCE = "/aks-maintenance-notifier"
"""Of news of the app itself."""

MAX_BYTES = 20_000
"""Bytes: what Standard Webhooks advises; Event Grid takes more."""

_BUDGETS = (
    SizeBudget(raw=6_000, items=60, line=1_000, several=20),
    SizeBudget(raw=2_000, items=30, line=500, several=10),
    SizeBudget(raw=500, items=12, line=250, several=5),
    SizeBudget(raw=1, items=4, line=120, several=3),
)
_MAX_CHARACTERS = 400
_MAX_POOLS = 50


def cloud_event(
    mail: Mail, rows: Mapping[str, Row], audience: Audience, branding: Branding, *, plain: str = ""
) -> dict[str, Any]:
    """Return the event of a frozen mail with one member: the same at any time on any machine.

    `plain` says why the words are left out, where they could not be made.
    """
    member = mail.members[0]
    row = rows.get(member.key)
    event = row.event if isinstance(row, StoredEvent) else None
    frame = telling.context(mail, audience, branding)

    def made(budget: SizeBudget) -> dict[str, Any]:
        if plain:
            headline = _long(plain) or member.kind.value
            return _envelope(mail, event, {"headline": headline, **_facts(member, rows)})
        told = _words(mail, rows, frame, budget)
        return _envelope(mail, event, {**told, **_facts(member, rows), **_failure(member, rows, frame)})

    return fitting.fitted(_BUDGETS, made, lambda one: len(msgspec.json.encode(one)) <= MAX_BYTES)


def _envelope(mail: Mail, event: Event | None, told: dict[str, Any]) -> dict[str, Any]:
    kind = mail.members[0].kind
    data = {
        "version": VERSION,
        "kind": kind.value,
        "urgent": kind in URGENT,
        "audience": mail.audience,
        **told,
    }
    return {
        "specversion": "1.0",
        "id": mail.operation_id,
        "source": (_short(event.subject.id) if event else "") or SOURCE,
        "type": f"{OWN_TYPES}{kind.value}",
        "subject": (_short(event.subject.name) if event else "") or kind.value,
        "time": _time(mail.as_of),
        "datacontenttype": "application/json",
        "data": data,
    }


def _facts(member: MailItem, rows: Mapping[str, Row]) -> dict[str, Any]:
    """Return what is known of the maintenance and what it is about; nothing of news of the app itself."""
    row = rows.get(member.key)
    if not isinstance(row, StoredEvent):
        return {}
    event = row.event
    told: dict[str, Any] = {
        "resource": _present(
            type=type(event.subject).__name__.lower(),
            id=_short(event.subject.id),
            name=_short(event.subject.name),
            resourceGroup=_short(event.subject.resource_group),
            subscription=_short(event.subject.subscription),
            region=_short(event.region),
        )
    }
    maintenance = _present(
        eventId=_short(event.event_id),
        status=_short(event.status),
        updated=_time(event.updated),
        start=_time(event.start),
        upgrade=event.upgrade.value,
        nodePools=[_short(pool) for pool in event.pools[:_MAX_POOLS]],
        description=_short(event.description),
        source=_short(event.source),
        reminder=member.lead,
    )
    if isinstance(event.subject, Cluster):
        story = read_history(member, rows)
        told["resource"] |= _present(region=_short(story.region))
        maintenance |= _present(
            upgrade=story.upgrade.value,
            announced=_time(story.announced),
            start=_time(story.planned),
            started=_time(story.started),
            nodePools=[_short(pool) for pool in story.pools[:_MAX_POOLS]],
        )
    run, part = event.run, member.part
    if part is not None:
        run = RunFacts(
            name=part.run, stage=part.stage, group=part.group, member=part.member, member_id=event.subject.id
        )
    return {**told, "maintenance": maintenance, **({"run": _run(run)} if run else {})}


def _run(run: RunFacts) -> dict[str, Any]:
    """Return where in an update run of a fleet it was, and the gate that it is about."""
    gate = run.gate or Gate("")
    return _present(
        name=_short(run.name),
        stage=_short(run.stage),
        group=_short(run.group),
        member=_short(run.member),
        cluster=_short(run.member_id),
        profile=_short(run.profile),
        target=_short(run.target),
        gate=_present(
            name=_short(gate.name),
            title=_short(gate.title),
            type=_short(gate.type),
            timing=_short(gate.timing),
        ),
        stages=[
            _present(
                name=_short(stage.name),
                state=_short(stage.state),
                members=stage.members,
                done=stage.done,
                failed=stage.failed,
                skipped=stage.skipped,
                waiting=stage.waiting,
            )
            for stage in run.stages
        ],
    )


def _failure(member: MailItem, rows: Mapping[str, Row], frame: RenderContext) -> dict[str, Any]:
    """Return why it failed, as far as that is read out of what AKS sent."""
    if member.kind is Kind.MEMBER_FAILED:
        story = fleet_run.as_maintenance(read_run(member, rows))
    elif member.kind is Kind.FAILED:
        story = read_history(member, rows)
    else:
        return {}
    first, *others = failed.explain(story, frame).findings
    return {
        "failure": _present(
            reason=first.entry,
            code=_short(first.code),
            title=_long(first.title),
            summary=_long(first.summary),
            owner=first.owner.value,
            urgency=first.urgency.value if first.urgency else "",
            guide=first.link,
            others=[_long(one.title) for one in others[:_MAX_POOLS]],
        )
    }


def _words(mail: Mail, rows: Mapping[str, Row], frame: RenderContext, budget: SizeBudget) -> dict[str, Any]:
    """Return what people are told, in the same words."""
    view = fitting.shown(telling.told(mail, rows, frame), budget)
    assert isinstance(view, View)
    links = [*([view.portal] if view.portal else []), *(one for each in view.sections for one in each.links)]
    return _present(
        status=view.status,
        headline=view.headline,
        summary=view.preheader,
        when=view.moment or next((fact.value for fact in view.panel), ""),
        facts=[{"label": fact.label, "value": fact.value} for fact in view.first_screen],
        sections=[_section(section) for section in view.sections],
        links=[{"label": link.label, "url": link.url} for link in links if link.url],
        details=view.raw,
    )


def _section(section: Section) -> dict[str, Any]:
    return _present(
        heading=section.heading,
        paragraphs=list(section.paragraphs),
        items=list(section.listed),
        facts=[{"label": fact.label, "value": fact.value} for fact in section.facts],
        steps=[_present(what=step.what, command=step.command) for step in section.steps],
        note=section.note,
        command=section.command,
    )


def _present(**values: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return what there is: fields without a value are left out."""
    return {name: value for name, value in values.items() if value not in ("", None, [], {})}


def _time(value: datetime | None) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else ""


def _short(text: str) -> str:
    return clip(line(text[:4_000]), _MAX_CHARACTERS)


def _long(text: str) -> str:
    return clip(line(text[:4_000]), 1_000)
