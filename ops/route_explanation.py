"""Routes in words: who hears of an event and why, and what routes say. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops import event_words
from ops.text_table import table
from shared.audience import DEFAULT_AUDIENCE
from shared.events.model import Upgrade
from shared.routes import Outcome
from shared.text import line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from shared.audience import Audience
    from shared.events.model import Event
    from shared.routes import Condition, Defaults, NoticePreview, Route, Routes, RouteStep, Trace


def explanation(event: Event, trace: Trace) -> str:
    """Return who hears of an event: the event, what became of each route, the audiences."""
    cluster = event.subject
    facts = [
        f"{event_words.news(event)}: cluster {cluster.name} in {cluster.resource_group}",
        f"subscription {cluster.subscription}",
        f"region {event.region}" if event.region else "no region",
    ]
    parts = [line(", ".join(facts))]
    if trace.steps:
        parts.append(table(("ROUTE", "", "WHY"), (_step(step, event) for step in trace.steps)))
    if trace.by_default:
        parts.append("No route matched: this is for the audience of EMAIL_TO.")
    if trace.matches:
        rows = (
            (
                _name(match.audience),
                _people(match.audience),
                _listed(match.previews, wanted=True),
                _listed(match.previews, wanted=False),
            )
            for match in trace.matches
        )
        parts.append(table(("AUDIENCE", "TO", "HEARS OF", "NOT OF"), rows))
    elif trace.routed:
        parts.append("Nobody hears of it: the route that matched leads to nobody.")
    else:
        parts.append("Unrouted: no route matched, and there is no default audience (EMAIL_TO).")
    return "\n\n".join(parts)


def as_object(event: Event, trace: Trace) -> dict[str, object]:
    """Return who hears of an event, and what became of each route, as JSON tells it."""
    return {
        "eventId": event.event_id,
        "cluster": event.subject.id,
        "what": event.upgrade,
        "status": event.status,
        "routed": trace.routed,
        "routes": [{"route": step.route.path, "outcome": step.outcome} for step in trace.steps],
        "audiences": [
            {
                "name": match.audience.id,
                "to": [*match.audience.to, *match.audience.cc],
                "hears": [f"{one.kind} {one.lead}".strip() for one in match.previews if one.wanted],
            }
            for match in trace.matches
        ],
    }


def _step(step: RouteStep, event: Event) -> tuple[str, str, str]:
    match step.outcome:
        case Outcome.NOT_MATCHED:
            why = "; ".join(_miss(condition, event) for condition in step.misses)
        case Outcome.MATCHED:
            why = _way(step.route)
        case Outcome.NOT_REACHED:
            why = "a route before it decided"
    return step.route.path, step.outcome, why


def _miss(condition: Condition, event: Event) -> str:
    found = condition.found(event)
    said = f"it is {found}" if found else "the event does not say"
    return f"asks for {_condition(condition)}, {said}"


def _listed(told: Iterable[NoticePreview], *, wanted: bool) -> str:
    each = (f"{one.kind} {one.lead}".strip() for one in told if one.wanted is wanted)
    return ", ".join(each) or "-"


def summary(loaded: Routes, defaults: Defaults) -> str:
    """Return what routes say, as tables, and what becomes of that which none of them matches."""
    audiences = (
        (
            _name(audience),
            _people(audience),
            audience.time_zone,
            ", ".join(lead.label for lead in audience.reminders(Upgrade.UNKNOWN)),
            audience.volume,
            ", ".join(sorted(audience.kinds)) or "all",
            f"{_written(defaults.wait if audience.wait is None else audience.wait)}, every "
            + _written(defaults.interval if audience.interval is None else audience.interval),
        )
        for audience in loaded.audiences.values()
    )
    head = ("AUDIENCE", "TO", "TIME ZONE", "REMINDERS", "VOLUME", "KINDS", "GROUPED")
    parts = [table(head, audiences)] if loaded.audiences else []
    if loaded.routes:
        rows = (
            (route.path, " and ".join(map(_condition, route.conditions)) or "everything", _way(route))
            for route in loaded.routes
        )
        parts.append(table(("ROUTE", "MATCHES", "GOES TO"), rows))
    parts.append(_rest(loaded))
    return "\n\n".join(parts)


def _rest(loaded: Routes) -> str:
    everything = next((route.path for route in loaded.routes if not route.conditions), "")
    if everything and DEFAULT_AUDIENCE in loaded.audiences:
        return f"{everything} matches everything: nothing is left over for the default audience."
    if everything:
        return f"{everything} matches everything."
    if DEFAULT_AUDIENCE in loaded.audiences:
        return "What no route matches goes to the default audience."
    return "What no route matches is unrouted: there is no default audience (EMAIL_TO)."


def _condition(condition: Condition) -> str:
    return f"{condition.field} {' or '.join(condition.globs)}"


def _way(route: Route) -> str:
    return (", ".join(route.audiences) or "nobody") + (", and goes on" if route.continues else "")


def _name(audience: Audience) -> str:
    return audience.name or audience.id


def _people(audience: Audience) -> str:
    people = (*audience.to, *audience.cc)
    few = 2
    return ", ".join(people[:few]) + (f" and {len(people) - few} more" if len(people) > few else "")


def _written(length: timedelta) -> str:
    """Return a duration as settings have it: `1h30m`."""
    seconds = int(length.total_seconds())
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"
