"""What a route, or a freeze, asks of an event. Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from shared.events.model import Cluster, Fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.events.model import Event


def _clusters(event: Event) -> tuple[Cluster, ...]:
    """Return the cluster that an event is about; of a fleet's, that of the member, where there is one."""
    member = Cluster.parse(event.run.member_id) if event.run else None
    found = event.subject if isinstance(event.subject, Cluster) else member
    return (found,) if found else ()


def _of_run(field: str) -> Callable[[Event], tuple[str, ...]]:
    return lambda event: (str(getattr(event.run, field)),) if event.run else ()


VALUES: Mapping[str, Callable[[Event], tuple[str, ...]]] = {
    "subscription": lambda event: tuple(
        subject.subscription for subject in (event.subject, *_clusters(event))
    ),
    "resource_group": lambda event: tuple(
        subject.resource_group for subject in (event.subject, *_clusters(event))
    ),
    "cluster": lambda event: tuple(cluster.name for cluster in _clusters(event)),
    "kind": lambda event: (event.upgrade,),
    "status": lambda event: (event.status,),
    # Azure writes a region as `westeurope`, people and some of its tools as `West Europe`.
    "region": lambda event: (event.region.replace(" ", ""),),
    "fleet": lambda event: (event.subject.name,) if isinstance(event.subject, Fleet) else (),
    "run": _of_run("name"),
    "stage": _of_run("stage"),
    "group": _of_run("group"),
    "member": _of_run("member"),
}
"""What a route can ask about, and where an event says it: any of the values will do."""


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
        if self.field == TAG:
            return event.tags.get(self.tag, "")
        return " or ".join(dict.fromkeys(filter(None, VALUES[self.field](event))))

    def holds(self, event: Event) -> bool:
        """Return whether the event meets it; a tag that is not there meets nothing."""
        if self.field == TAG:
            return self.tag in event.tags and self.matches(event.tags[self.tag])
        return any(map(self.matches, VALUES[self.field](event) or ("",)))

    def matches(self, value: str) -> bool:
        """Return whether a value is like one of the globs."""
        return any(fnmatchcase(value.lower(), glob) for glob in self.globs)
