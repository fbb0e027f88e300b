"""Service Health's advisories about AKS: one notice for each tracking id, and for each change of its dates.

The same advisory stands there once for each subscription that it concerns; keys differ in case between
sources, and the summary is HTML from outside, of which the text is kept.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from shared import timestamps
from shared.decoding import as_list
from shared.events.model import Subscription
from shared.events.observation import Advisory
from shared.events.scheduled_event import mapping, short_text
from shared.notices.kinds import Kind
from shared.sources.arm import ArmError
from shared.sources.resource_graph import scopes
from shared.text import encodable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from shared.rounds.teller import Teller
    from shared.sources.resource_graph import ResourceGraph

log = logging.getLogger("notifier")

_SERVICE = "azure kubernetes service"
_MAX_SUMMARY_CHARACTERS = 6_000
_MAX_LISTED = 40
_BLOCKS = frozenset({"p", "br", "li", "div", "ul", "ol", "tr", "h1", "h2", "h3", "h4"})
_UNSEEN = frozenset({"script", "style", "head", "title"})


def tell(graph: ResourceGraph, teller: Teller, names: Mapping[str, str], now: datetime) -> int:
    """Tell what Service Health says about AKS in these subscriptions; return how many advisories there are.

    `names` are those of the subscriptions, by id. Raises TableUnavailable.
    """
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for scope in scopes(sorted(names)):
        try:
            for row in graph.rows("advisories", scope):
                said = mapping(row.get("properties"))
                tracking = short_text(said.get("trackingid") or row.get("name"), 64)
                if tracking and _is_about_aks(said):
                    found[tracking].append({**said, "subscription": str(row.get("subscriptionId")).lower()})
        except ArmError as error:
            log.error("advisories: %s", error)  # noqa: TRY400 - it says all there is to know
    for tracking, rows in found.items():
        _tell(teller, tracking, rows, names, now)
    return len(found)


def _tell(
    teller: Teller, tracking: str, rows: Sequence[Mapping[str, Any]], names: Mapping[str, str], now: datetime
) -> None:
    said = max(rows, key=lambda row: str(row.get("lastupdatetime") or ""))
    status = short_text(said.get("status"), 32)
    starts = timestamps.parse(said.get("impactstarttime"))
    ends = timestamps.parse(said.get("impactmitigationtime"))
    subscriptions = sorted({row["subscription"] for row in rows})
    audiences = {
        audience: None
        for id_ in subscriptions
        for audience in teller.audiences_of(Kind.ADVISORY, Subscription(id_), now)
    }
    title = short_text(said.get("title")) or tracking
    facts = Advisory(
        tracking_id=tracking,
        title=title,
        summary=as_text(str(said.get("summary") or said.get("header") or "")),
        status=status,
        type=short_text(said.get("eventsubtype") or said.get("eventtype"), 64),
        starts=starts,
        ends=ends,
        regions=tuple(_regions(rows))[:_MAX_LISTED],
        subscriptions=tuple(names.get(id_) or id_ for id_ in subscriptions)[:_MAX_LISTED],
    )
    times = " ".join(time.isoformat() if time else "-" for time in (starts, ends))
    teller.announce(
        Kind.ADVISORY,
        facts,
        f"advisory {tracking} {status} {times}",
        timestamps.parse(said.get("lastupdatetime")) or now,
        title,
        tuple(audiences),
    )


def _is_about_aks(said: Mapping[str, Any]) -> bool:
    return any(_SERVICE in short_text(one.get("impactedservice")).lower() for one in _impacts(said))


def _impacts(said: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return map(mapping, as_list(said.get("impact")))


def _regions(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    found: dict[str, None] = {}
    for said in rows:
        for impact in _impacts(said):
            for region in map(mapping, as_list(impact.get("impactedregions"))):
                found[short_text(region.get("impactedregion"), 64)] = None
    return sorted(filter(None, found))


class _Text(HTMLParser):
    """Gathers the text of HTML, a line for each block."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - as inherited
        self._unseen += tag in _UNSEEN
        if tag in _BLOCKS:
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0
        if tag in _BLOCKS:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.lines[-1] += data


def as_text(html: str) -> str:
    """Return the text of HTML from outside, without markup, scripts and styles; a line a paragraph."""
    parser = _Text()
    parser.feed(html[: 10 * _MAX_SUMMARY_CHARACTERS])
    parser.close()
    lines = (" ".join(line.split()) for line in parser.lines)
    return encodable("\n".join(line for line in lines if line))[:_MAX_SUMMARY_CHARACTERS]
