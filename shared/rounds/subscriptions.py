"""The subscriptions that are looked after: which of them can be read, and what they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from shared.sources.arm import ArmError
from shared.sources.resource_graph import Scope, scopes

if TYPE_CHECKING:
    from shared.sources.resource_graph import ResourceGraph


class Watched(msgspec.Struct, frozen=True):
    """What is looked after: subscriptions by id, and management groups by name, with all below them."""

    subscriptions: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class Readable(msgspec.Struct):
    """What Resource Graph says of them."""

    names: dict[str, str] = {}
    """By the ids of the subscriptions that can be read, or of which nobody knows."""
    asked: dict[str, bool] = {}
    """Of each subscription of the settings: whether it can be read."""
    groups: dict[str, bool] = {}
    """Of each management group: whether a subscription below it can be."""
    troubles: list[str] = []
    """Why some are not known, in sentences."""


def read(graph: ResourceGraph, watched: Watched) -> Readable:
    """Return which subscriptions can be read: what an identity may not read is missing, without an error."""
    found = Readable()
    for scope in (*scopes(watched.subscriptions), *(Scope(management_group=one) for one in watched.groups)):
        try:
            names = {
                str(row.get("subscriptionId", "")).lower(): str(row.get("name", ""))[:200]
                for row in graph.rows("subscriptions", scope)
            }
        except ArmError as error:
            found.troubles.append(f"which subscriptions can be read is not known: {error}")
            # Whatever is in them is asked for all the same.
            found.names |= dict.fromkeys(scope.subscriptions, "")
            continue
        found.names |= names
        if scope.management_group:
            found.groups[scope.management_group] = bool(names)
        found.asked |= {one: one in names for one in scope.subscriptions}
    return found
