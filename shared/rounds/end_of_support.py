"""Versions that leave support, told 60, 30 and 7 days ahead: once a version and audience, with its clusters.

A cluster of which AKS's own notice came of late is left out. After several steps at once the nearest alone is
told; what had been reached before the first reading is not.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared import keys
from shared.events.model import Upgrade
from shared.events.observation import ClusterRemark, SupportEnding
from shared.maintenance.support_calendar import LTS_PLAN, ends, minor, support
from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shared.maintenance.inventory import ClusterInfo
    from shared.notices.records import StoredEvent
    from shared.rounds.teller import Teller
    from shared.store.meta import Meta

STEPS = (7, 30, 60)
"""Days ahead, the nearest first."""

OWN_NOTICE_WITHIN = timedelta(days=35)
"""AKS's own notices come at most this far apart; one that came so lately is that of this step."""

_KEY = keys.meta("support")
_MAX_LISTED = 40


class EndOfSupportMemory(msgspec.Struct, omit_defaults=True):
    """What is remembered: the nearest step told, by version and plan."""

    first: datetime | None = None
    steps: dict[str, int] = {}


def step_reached(end: date, today: date) -> int:
    """Return the nearest step that is reached; 0 where none is, or support is over."""
    days = (end - today).days
    return next((step for step in STEPS if 0 <= days <= step), 0)


def tell(
    meta: Meta, teller: Teller, clusters: Iterable[tuple[ClusterInfo, Sequence[StoredEvent]]], now: datetime
) -> int:
    """Tell the steps that are reached; return how many versions have reached one, told or not.

    Raises TableUnavailable.
    """
    memory = meta.load(_KEY, EndOfSupportMemory)
    before = msgspec.json.encode(memory)
    reached: dict[str, list[tuple[ClusterInfo, Sequence[StoredEvent]]]] = defaultdict(list)
    for known, news in clusters:
        end = ends(known.version, known.support_plan)
        if end is not None and step_reached(end, now.date()):
            reached[f"{minor(known.version)} {_plan(known)}"].append((known, news))
    for what, those in reached.items():
        end = ends(those[0][0].version, those[0][0].support_plan)
        step = step_reached(end, now.date()) if end else 0
        is_new = step < memory.steps.get(what, STEPS[-1] + 1)
        memory.steps[what] = min(step, memory.steps.get(what, step))
        if is_new and end and memory.first is not None:
            unheard = [known for known, news in those if not _is_told(news, now)]
            _tell(teller, what, end, step, unheard, now)
    if memory.first is None:
        memory.first = now
    if msgspec.json.encode(memory) != before:
        meta.save({_KEY: memory})
    return len(reached)


def _tell(  # noqa: PLR0917 - what one notice is made of
    teller: Teller, what: str, end: date, step: int, clusters: Sequence[ClusterInfo], now: datetime
) -> None:
    by_audience: dict[str, list[ClusterInfo]] = defaultdict(list)
    for known in clusters:
        for audience in teller.audiences_of(Kind.SUPPORT_ENDING, known, now, Upgrade.END_OF_SUPPORT):
            by_audience[audience].append(known)
    for audience, those in by_audience.items():
        version = minor(those[0].version)
        found = support(version)
        is_lts = what.endswith(LTS_PLAN)
        facts = SupportEnding(
            version=version,
            date=datetime.combine(end, time(), UTC),
            lts=datetime.combine(found.lts, time(), UTC) if found and not is_lts else None,
            clusters=tuple(
                ClusterRemark(
                    cluster=one.cluster.id, name=one.cluster.name, subscription=one.subscription_name
                )
                for one in those[:_MAX_LISTED]
            ),
            count=len(those),
        )
        teller.announce(
            Kind.SUPPORT_ENDING,
            facts,
            f"support {what} {end.isoformat()} {step} for {audience}",
            now,
            f"Kubernetes {version} leaves support on {end.isoformat()}",
            (audience,),
        )


def _is_told(news: Iterable[StoredEvent], now: datetime) -> bool:
    """Return whether AKS's own notice of the end of support came of late."""
    return any(
        row.event.end_of_support is not None and now - row.event.time <= OWN_NOTICE_WITHIN for row in news
    )


def _plan(known: ClusterInfo) -> str:
    return LTS_PLAN if known.support_plan.lower() == LTS_PLAN else "community"
