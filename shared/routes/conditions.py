"""What a route, or a freeze, asks of an event. Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from shared.events.model import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.events.model import Event


VALUES: Mapping[str, Callable[[Event], str]] = {
    "subscription": lambda event: event.subject.subscription,
    "resource_group": lambda event: event.subject.resource_group,
    "cluster": lambda event: event.subject.name if isinstance(event.subject, Cluster) else "",
    "kind": lambda event: event.upgrade,
    "status": lambda event: event.status,
    # Azure writes a region as `westeurope`, people and some of its tools as `West Europe`.
    "region": lambda event: event.region.replace(" ", ""),
}
"""What a route can ask about, and where an event says it."""


TAG = "tag"
"""What a route can ask about that no event says: a tag of the cluster, or of its group."""


class Condition(msgspec.Struct, frozen=True):
    """One thing that a route asks for: that a value is like one of some globs. Case does not matter."""

    field: str
    """A key of VALUES, or TAG."""
    globs: tuple[str, ...]
    """In lower case."""
    tag: str = ""
    """The name of the tag that is asked for, in lower case, where the field is TAG."""

    def found(self, event: Event) -> str:
        """Return what the event says about it; empty where it says nothing."""
        return event.tags.get(self.tag, "") if self.field == TAG else VALUES[self.field](event)

    def holds(self, event: Event) -> bool:
        """Tell whether the event meets it; a tag that is not there meets nothing."""
        if self.field == TAG and self.tag not in event.tags:
            return False
        return self.matches(self.found(event))

    def matches(self, value: str) -> bool:
        """Return whether a value is like one of the globs."""
        return any(fnmatchcase(value.lower(), glob) for glob in self.globs)
