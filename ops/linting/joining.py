"""What several files, or several items of one, say about the same clusters, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ops.linting.model import ListedCluster, Listing
from shared.maintenance import linked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shared.maintenance import Configuration, SharedWindow


def join(listings: Iterable[Listing]) -> Listing:
    """Put together what several files say about the same clusters. What has no id stays by itself."""
    clusters: dict[object, ListedCluster] = {}
    shared: dict[str, ListedCluster] = {}
    unread: tuple[str, ...] = ()
    for listing in listings:
        for listed in listing.clusters:
            key = listed.cluster.key if listed.cluster else object()
            clusters[key] = joined(clusters[key], listed) if key in clusters else listed
        shared |= {shared_key(listed): listed for listed in listing.shared}
        unread += listing.unread
    return with_shared_windows(Listing(tuple(clusters.values()), tuple(shared.values()), unread))


def with_shared_windows(listing: Listing) -> Listing:
    """Return clusters whose linked configurations have the schedules of their shared windows."""
    shared = {listed.shared.key: listed.shared for listed in listing.shared if listed.shared}
    return msgspec.structs.replace(
        listing, clusters=tuple(_with_windows(listed, shared) for listed in listing.clusters)
    )


def _with_windows(listed: ListedCluster, shared: Mapping[str, SharedWindow]) -> ListedCluster:
    if not any(found.window_id for found in listed.configurations):
        return listed
    keys = dict.fromkeys(found.window_id.lower() for found in listed.configurations)
    return msgspec.structs.replace(
        listed,
        configurations=tuple(linked(found, shared) for found in listed.configurations),
        windows=tuple(shared[key] for key in keys if key in shared),
    )


def joined(one: ListedCluster, other: ListedCluster) -> ListedCluster:
    """Return what both say about a cluster; where they differ, what the first says."""
    return msgspec.structs.replace(
        one,
        location=one.location or other.location,
        channel=other.channel if one.channel is None else one.channel,
        os_channel=other.os_channel if one.os_channel is None else one.os_channel,
        power=one.power or other.power,
        is_complete=one.is_complete or other.is_complete,
        configurations=_latest(one, other),
        malformed=one.malformed + other.malformed,
        not_known_yet=one.not_known_yet | other.not_known_yet,
        pools=one.pools or other.pools,
        budgets=one.budgets or other.budgets,
        addresses={**one.addresses, **other.addresses},
        files={**one.files, **other.files},
    )


def _latest(one: ListedCluster, other: ListedCluster) -> tuple[Configuration, ...]:
    """Put configurations together; a cluster has one of each name, and the last word on it counts."""
    both = one.configurations + other.configurations
    if one.cluster is None:
        return both
    return tuple({configuration.name: configuration for configuration in both}.values())


def shared_key(listed: ListedCluster) -> str:
    """Return what tells shared windows apart: the ID, or, where there is none, the name."""
    if listed.shared is not None:
        return listed.shared.key or listed.shared.name.lower()
    return f"malformed {listed.malformed[0].name.lower()} {listed.malformed[0].body.get('id')}"
