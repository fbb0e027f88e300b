"""The weekly report: what is coming, what happened, what is open, and that the app is alive.

One message an audience and run of its schedule: a run that is repeated within the hour sends nothing.
"""

from __future__ import annotations

import logging
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared import keys
from shared.audience import DEFAULT_AUDIENCE
from shared.events.model import Cluster, Status
from shared.events.observation import PUSHED_WITHIN, ClusterRemark, Coming, WeeklyReport
from shared.notices.kinds import Kind
from shared.notices.records import latest_announcement
from shared.rounds.inventory_reading import KEY as INVENTORY
from shared.rounds.inventory_reading import InventoryMemory
from shared.rounds.reconcile_memory import RunState
from shared.rounds.uncovered import listed, uncovered

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shared.notices.records import StoredEvent
    from shared.rounds.teller import Teller
    from shared.store.ledger import Ledger
    from shared.store.meta import Meta
    from shared.store.present import ClusterRow, PresentState

log = logging.getLogger("notifier")

WEEK = timedelta(days=7)
AHEAD = timedelta(days=14)
MIN_APART = timedelta(hours=1)
"""A run that comes sooner after another is that one, repeated."""

_MAX_LISTED = 20
_KEY = keys.meta("report")
_RESOLVED = frozenset({Status.COMPLETED, Status.CANCELED})


class WeeklyReportMemory(msgspec.Struct, omit_defaults=True):
    """When the last report was made."""

    last: datetime | None = None


def report(meta: Meta, present: PresentState, ledger: Ledger, teller: Teller, now: datetime) -> bool:
    """Tell the week to whoever wants it; False where that was done within the hour. Raises TableError."""
    memory = meta.load(_KEY, WeeklyReportMemory)
    if memory.last is not None and now - memory.last < MIN_APART:
        return False
    rows, _ = present.clusters()
    coming = sorted(_coming(rows, now), key=lambda one: one.start or now + AHEAD)
    found = uncovered(meta, present, now)
    changes = tuple(_changes(rows, now - WEEK))
    inventory, run = meta.load(INVENTORY, InventoryMemory), meta.load(keys.RECONCILED, RunState)
    mails = Counter(mail.state for mail in ledger.mails(now - WEEK) if mail.at >= now - WEEK)
    counts = (count for at, count in run.counts.items() if datetime.fromisoformat(at) >= now - WEEK)
    facts = WeeklyReport(
        since=now - WEEK,
        clusters=found.clusters or len(rows),
        subscriptions=len(inventory.names),
        coming=tuple(coming[:_MAX_LISTED]),
        coming_count=len(coming),
        happened=_happened(rows, now - WEEK),
        open=tuple(_open(rows)),
        uncovered=listed(found.uncovered, _MAX_LISTED),
        uncovered_count=len(found.uncovered),
        changes=changes[:_MAX_LISTED],
        changes_count=len(changes),
        last_event=max((one.at for one in ledger.pushed(now - PUSHED_WITHIN)), default=None),
        last_reconcile=run.last,
        missed=sum(counts),
        sent=mails["sent"],
        undelivered=mails["failed"],
        doubtful=mails["doubtful"],
        silenced=ledger.silenced(now - WEEK),
    )
    audiences = (teller.routes.audience(DEFAULT_AUDIENCE).id, *teller.routes.reporting)
    id_ = f"report {now.isoformat(timespec='hours')}"
    teller.announce(Kind.REPORT, facts, id_, now, "the weekly report", tuple(dict.fromkeys(audiences)))
    meta.save({_KEY: WeeklyReportMemory(now)})
    log.info("weekly report: told")
    return True


def _histories(rows: Iterable[ClusterRow]) -> Iterable[Sequence[StoredEvent]]:
    """Yield the news of each maintenance of each cluster."""
    for row in rows:
        found: dict[str, list[StoredEvent]] = {}
        for told in row.news:
            found.setdefault(told.event.event_id, []).append(told)
        yield from found.values()


def _coming(rows: Iterable[ClusterRow], now: datetime) -> Iterable[Coming]:
    for history in _histories(rows):
        last = latest_announcement(history)
        if last is None or any(row.event.status != Status.SCHEDULED for row in history):
            continue
        start = last.event.start
        is_ahead = now <= start <= now + AHEAD if start else now - last.event.time <= WEEK
        if is_ahead:
            yield Coming(name=last.event.subject.name, what=last.event.upgrade, start=start)


def _happened(rows: Iterable[ClusterRow], since: datetime) -> dict[str, int]:
    statuses = (Status.STARTED, Status.COMPLETED, Status.FAILED, Status.CANCELED)
    counts = Counter(told.event.status for row in rows for told in row.news if told.event.updated >= since)
    return {str(status): counts[status] for status in statuses if counts[status]}


def _open(rows: Iterable[ClusterRow]) -> Iterable[ClusterRemark]:
    """Yield the clusters of which the last maintenance failed, and was not put right since."""
    for row in rows:
        ended = [told for told in row.news if told.event.status in {*_RESOLVED, Status.FAILED}]
        last = max(ended, key=lambda told: told.event.updated, default=None)
        if last is None or last.event.status != Status.FAILED:
            continue
        cluster = last.event.subject
        if isinstance(cluster, Cluster):
            yield ClusterRemark(
                cluster=cluster.id,
                name=cluster.name,
                subscription=row.known.subscription_name if row.known else "",
                words=("failed",),
                at=last.event.updated,
            )


def _changes(rows: Iterable[ClusterRow], since: datetime) -> Iterable[ClusterRemark]:
    for row in rows:
        new = [change for change in row.known.changes if change.read >= since] if row.known else []
        if row.known and new:
            yield ClusterRemark(
                cluster=row.known.cluster.id,
                name=row.known.cluster.name,
                subscription=row.known.subscription_name,
                words=tuple(f"{one.what} {one.before} → {one.after}" for one in new),
            )
