"""Which event goes to which audience: routes, tried one after the other. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from shared.audience import DEFAULT_AUDIENCE, Audience, Destination
from shared.notices.kinds import AHEAD, Kind, kinds_of
from shared.routes.conditions import Condition

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import timedelta

    from shared.audience import Target
    from shared.durations import Lead
    from shared.events.model import Event
    from shared.routes.freezes import Freeze  # noqa: TC004 - calendars and zones; nothing decodes this


class Route(msgspec.Struct, frozen=True):
    """Sends the events that meet all of its conditions to its audiences; without audiences, to nobody."""

    path: str
    """Where it stands in the file: `routes[0]`."""
    conditions: tuple[Condition, ...]
    audiences: tuple[str, ...]
    continues: bool = False
    """Whether the routes after it are tried as well."""
    from_tag: str = ""
    """The tag whose value names the audience, in lower case; where it names none, `audiences` hear."""

    def audiences_of(self, event: Event, known: Collection[str]) -> tuple[str, ...]:
        """Return the audiences that an event goes to by this route, of those that are known."""
        named = event.tags.get(self.from_tag, "").strip().lower() if self.from_tag else ""
        return (named,) if named in known else self.audiences

    def misses(self, event: Event) -> tuple[Condition, ...]:
        """Return the conditions that an event does not meet; none if the route matches."""
        return tuple(condition for condition in self.conditions if not condition.holds(event))


class Outcome(StrEnum):
    """What became of a route when an event was held against it."""

    MATCHED = "matched"
    NOT_MATCHED = "did not match"
    NOT_REACHED = "not reached"
    """A route before it had matched, and did not go on."""


class RouteStep(msgspec.Struct, frozen=True):
    """A route, what became of it, and which of its conditions the event does not meet."""

    route: Route
    outcome: Outcome
    misses: tuple[Condition, ...] = ()


class NoticePreview(msgspec.Struct, frozen=True):
    """A notice that an event gives rise to, now or later, and whether an audience wants it."""

    kind: Kind
    lead: str
    wanted: bool


class AudienceMatch(msgspec.Struct, frozen=True):
    """An audience that an event goes to, and what it hears of it."""

    audience: Audience
    previews: tuple[NoticePreview, ...]


class Trace(msgspec.Struct, frozen=True):
    """Why an event goes where it goes."""

    steps: tuple[RouteStep, ...]
    matches: tuple[AudienceMatch, ...]
    by_default: bool
    """No route matched, so the default audience hears of it."""
    routed: bool
    """Whether anything decides about the event: a route, even one to nobody, or the default audience."""


class Routes(msgspec.Struct, frozen=True):
    """Audiences, and the routes to them."""

    audiences: Mapping[str, Audience]
    """By id, in the order of the file."""
    routes: tuple[Route, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    """In the order of their starts."""
    quiet: frozenset[str] = frozenset()
    """Values of Kind that nobody hears of."""

    def freeze(self, event: Event) -> Freeze | None:
        """Return the freeze that an event's planned start lies in; the first of several, None if in none."""
        start = event.start
        if start is None:
            return None
        return next((found for found in self.freezes if found.covers(start) and found.is_for(event)), None)

    def audiences_for(self, event: Event, kind: Kind, lead: str = "") -> tuple[str, ...]:
        """Return the ids of the audiences that hear of this: in the order of the file, none of them twice.

        For a check (a reminder, a watchdog) `event` is the one that it follows from: a Scheduled event for a
        reminder, a Started one for what is still running. Where this is empty, `is_routed` tells whether that
        was meant.
        """
        addressed = self._addressed(self._steps(event), event)
        # What is planned into a freeze asks for a decision, whoever hears of the essential alone.
        is_pressing = kind in AHEAD and self.freeze(event) is not None
        return tuple(
            name
            for name, audience in self.audiences.items()
            if name in addressed and audience.wants(kind, event.upgrade, lead, is_pressing=is_pressing)
        )

    def destinations(self, audiences: Iterable[str], kind: Kind) -> tuple[Destination, ...]:
        """Return the targets on which these audiences hear of a kind of notice, in their order."""
        if kind in self.quiet:
            return ()
        return tuple(
            Destination(name, target.key)
            for name in audiences
            for target in self.audiences[name].targets
            if not target.kinds or kind in target.kinds
        )

    def labels(self, told: Iterable[Destination]) -> tuple[str, ...]:
        """Return what people call these."""
        return tuple(dict.fromkeys(self.audiences[to.audience].label(to.target) for to in told))

    def audience(self, name: str) -> Audience:
        """Return an audience by its id; one that is not configured any more falls to the default audience."""
        first = next(iter(self.audiences.values()))
        return self.audiences.get(name) or self.audiences.get(DEFAULT_AUDIENCE, first)

    def destination(self, audience: str, target: str) -> Destination:
        """Return where a notice goes: what is not configured any more falls to the default audience."""
        found = self.audiences.get(audience)
        if found is not None and found.target(target) is not None:
            return Destination(audience, target)
        default = self.audience(DEFAULT_AUDIENCE)
        return Destination(default.id, target if default.target(target) else default.targets[0].key)

    def sharing(self, target: str) -> int:
        """Return how many audiences are told on a target."""
        return sum(audience.target(target) is not None for audience in self.audiences.values())

    def targets(self) -> dict[str, Target]:
        """Return the targets of all audiences by their keys."""
        return {target.key: target for audience in self.audiences.values() for target in audience.targets}

    @property
    def reporting(self) -> tuple[str, ...]:
        """The audiences that asked for the weekly report."""
        return tuple(name for name, audience in self.audiences.items() if audience.gets_report)

    @property
    def tags(self) -> tuple[str, ...]:
        """The names of the tags that routes use, in lower case."""
        asked = [one.tag for route in self.routes for one in route.conditions if one.tag]
        return tuple(dict.fromkeys((*asked, *(route.from_tag for route in self.routes if route.from_tag))))

    def is_routed(self, event: Event) -> bool:
        """Return whether anything decides on an event: a route, even one to nobody, or the default audience.

        If not, nobody hears of it because nobody thought of it; otherwise because that is wanted.
        """
        return DEFAULT_AUDIENCE in self.audiences or any(not route.misses(event) for route in self.routes)

    def all_leads(self) -> tuple[Lead, ...]:
        """Return the leads of all audiences, longest first; leads of the same length are one."""
        by_length: dict[timedelta, Lead] = {}
        for audience in self.audiences.values():
            for lead in audience.leads:
                by_length.setdefault(lead.ahead, lead)
        return tuple(by_length[ahead] for ahead in sorted(by_length, reverse=True))

    def trace(self, event: Event) -> Trace:
        """Explain where an event goes: what became of each route, and who hears what."""
        steps = self._steps(event)
        addressed = self._addressed(steps, event)
        return Trace(
            steps=steps,
            matches=tuple(
                AudienceMatch(audience, _told(event, audience, is_frozen=self.freeze(event) is not None))
                for name, audience in self.audiences.items()
                if name in addressed
            ),
            by_default=DEFAULT_AUDIENCE in addressed and not _any_matched(steps),
            routed=self.is_routed(event),
        )

    def _steps(self, event: Event) -> tuple[RouteStep, ...]:
        steps: list[RouteStep] = []
        ended = False
        for route in self.routes:
            if ended:
                steps.append(RouteStep(route, Outcome.NOT_REACHED))
                continue
            misses = route.misses(event)
            steps.append(RouteStep(route, Outcome.NOT_MATCHED if misses else Outcome.MATCHED, misses))
            ended = not misses and not route.continues
        return tuple(steps)

    def _addressed(self, steps: tuple[RouteStep, ...], event: Event) -> frozenset[str]:
        if not _any_matched(steps):
            return frozenset({DEFAULT_AUDIENCE} & self.audiences.keys())
        return frozenset(
            name
            for step in steps
            if step.outcome is Outcome.MATCHED
            for name in step.route.audiences_of(event, self.audiences)
        )


def _any_matched(steps: tuple[RouteStep, ...]) -> bool:
    return any(step.outcome is Outcome.MATCHED for step in steps)


def _told(event: Event, audience: Audience, *, is_frozen: bool) -> tuple[NoticePreview, ...]:
    told: list[NoticePreview] = []
    for kind in kinds_of(event):
        leads = [lead.label for lead in audience.leads] if kind is Kind.REMINDER else []
        for lead in leads or [""]:
            wanted = audience.wants(kind, event.upgrade, lead, is_pressing=is_frozen and kind in AHEAD)
            told.append(NoticePreview(kind, lead, wanted))
    return tuple(told)
