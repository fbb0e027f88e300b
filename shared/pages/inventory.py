"""What clusters there are: what auditors ask for, as rows for a table, CSV and a page. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from shared.events.model import Cluster
from shared.maintenance.node_images import oldest
from shared.maintenance.support_calendar import ends as support_ends
from shared.messages import phrases, time_phrases
from shared.pages.maintenance_state import OVER, MaintenancePhase, MaintenanceState, states
from shared.pages.windows import expected

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from shared.maintenance.inventory import ClusterInfo
    from shared.pages.board import Board
    from shared.store.present import ClusterRow

ENDED = OVER | {MaintenancePhase.FAILED}

HEAD = (
    "Cluster",
    "Resource group",
    "Region",
    "Version",
    "Supported until",
    "Upgrade channel",
    "Node OS channel",
    "Oldest node image",
    "Days old",
    "Next window",
    "Last upgrade",
    "It ended",
)


LONG = {"Resource group", "Next window", "Last upgrade"}
"""Columns whose cells may break over lines."""


class InventoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster. What is not known is empty; times are in UTC."""

    cluster: Cluster
    region: str = ""
    version: str = ""
    supported_until: str = ""
    channel: str = ""
    os_channel: str = ""
    node_image: str = ""
    """When the oldest node image was released, as far as it is known."""
    node_image_days: int | None = None
    """How old that image is."""
    window: str = ""
    last_upgrade: str = ""
    outcome: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return what stands under HEAD."""
        return (
            self.cluster.name,
            self.cluster.resource_group,
            self.region,
            self.version,
            self.supported_until,
            self.channel,
            self.os_channel,
            self.node_image,
            "" if self.node_image_days is None else str(self.node_image_days),
            self.window,
            self.last_upgrade,
            self.outcome,
        )

    def as_object(self) -> dict[str, Any]:
        """Return it as JSON tells it."""
        names = msgspec.structs.fields(self)
        values = {field.name: getattr(self, field.name) for field in names if field.name != "cluster"}
        return {"id": self.cluster.id, "name": self.cluster.name, **values}


def rows(shown: Board, stored: Iterable[ClusterRow], now: datetime) -> list[InventoryRow]:
    """Return the clusters of a board, in the order of their names."""
    wanted = {cluster.key for cluster in shown.clusters}
    return [row for row in all_rows(stored, now) if row.cluster.key in wanted]


def all_rows(stored: Iterable[ClusterRow], now: datetime) -> list[InventoryRow]:
    """Return all clusters that something is known or told of, in the order of their names."""
    found = [row for one in stored if (row := _row(one, now)) is not None]
    return sorted(found, key=lambda row: (row.cluster.name.lower(), row.cluster.key))


def _row(one: ClusterRow, now: datetime) -> InventoryRow | None:
    told = states(one.news, now)
    cluster = one.known.cluster if one.known else told[0].cluster if told else None
    if cluster is None:
        return None
    image = oldest(one.known.images.values()) if one.known else None
    coming = [each.window for each in expected(one.known, told, now)] if one.known else []
    ended = [each for each in told if each.phase in ENDED]
    last = max(ended, key=lambda each: each.ended or each.changed, default=None)
    return InventoryRow(
        cluster=cluster,
        region=one.known.location if one.known else next((each.region for each in told if each.region), ""),
        version=one.known.version if one.known else "",
        supported_until=_supported_until(one.known, told),
        channel=one.known.channel if one.known else "",
        os_channel=one.known.os_channel if one.known else "",
        node_image=image.isoformat() if image else "",
        node_image_days=(now.date() - image).days if image else None,
        window=time_phrases.utc(min(window.start for window in coming)) if coming else "",
        last_upgrade=_said(last) if last else "",
        outcome=last.phase.value if last else "",
    )


def _supported_until(known: ClusterInfo | None, told: Iterable[MaintenanceState]) -> str:
    """Return the last day: by the version and its plan or, where that is not known, as announced."""
    by_version = support_ends(known.version, known.support_plan) if known else None
    announced = [
        facts.date.date() for each in told if (facts := each.event.event.end_of_support) and facts.date
    ]
    found = by_version or min(announced, default=None)
    return found.isoformat() if found else ""


def _said(one: MaintenanceState) -> str:
    return f"{phrases.WHAT[one.upgrade]}, {time_phrases.utc(one.ended or one.changed)}"
