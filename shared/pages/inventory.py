"""What clusters there are: what auditors ask for, as rows for a table, CSV and a page. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from shared.events.model import Cluster
from shared.messages import phrases, time_phrases
from shared.pages.standing import OVER, Phase, Standing, standings
from shared.pages.windows import expected

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from shared.pages.board import Board
    from shared.store.present import ClusterRow

ENDED = OVER | {Phase.FAILED}

HEAD = (
    "Cluster",
    "Resource group",
    "Region",
    "Version",
    "Supported until",
    "Upgrade channel",
    "Node OS channel",
    "Node images",
    "Next window",
    "Last upgrade",
    "It ended",
)


class InventoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster. What is not known is empty; times are in UTC."""

    cluster: Cluster
    region: str = ""
    version: str = ""
    supported_until: str = ""
    channel: str = ""
    os_channel: str = ""
    node_images: str = ""
    """The oldest image's age, as far as it is known."""
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
            self.node_images,
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
    told = standings(one.news, now)
    cluster = one.known.cluster if one.known else told[0].cluster if told else None
    if cluster is None:
        return None
    ends = [facts.date for each in told if (facts := each.event.event.end_of_support) and facts.date]
    coming = [each.window for each in expected(one.known, told, now)] if one.known else []
    ended = [each for each in told if each.phase in ENDED]
    last = max(ended, key=lambda each: each.ended or each.changed, default=None)
    return InventoryRow(
        cluster=cluster,
        region=one.known.location if one.known else next((each.region for each in told if each.region), ""),
        version=one.known.version if one.known else "",
        supported_until=min(ends).date().isoformat() if ends else "",
        channel=one.known.channel if one.known else "",
        os_channel=one.known.os_channel if one.known else "",
        window=time_phrases.utc(min(window.start for window in coming)) if coming else "",
        last_upgrade=_said(last) if last else "",
        outcome=last.phase.value if last else "",
    )


def _said(one: Standing) -> str:
    return f"{phrases.WHAT[one.upgrade]}, {time_phrases.utc(one.ended or one.changed)}"
