"""A dry run of routes over stored events: who would have heard more, and who less."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from ops import event_words
from ops.text_table import table
from shared.text import line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.events.model import Event
    from shared.routes import Routes

_FEW = 20


class Rerouting:
    """What routes say of events, beside what other routes say."""

    def __init__(self, events: Iterable[Event], now: Routes, then: Routes) -> None:
        self.total = 0
        self.before: Counter[str] = Counter()
        self.after: Counter[str] = Counter()
        self.more: dict[str, list[str]] = defaultdict(list)
        self.less: dict[str, list[str]] = defaultdict(list)
        self.unrouted: list[str] = []
        for event in events:
            self.total += 1
            when = f"{event.time:%Y-%m-%d %H:%M}"
            about = line(f"{event_words.news(event)}: {event.subject.name}, {when}")
            old, new = _hear(event, now), _hear(event, then)
            self.before.update(old)
            self.after.update(new)
            for audience in new - old:
                self.more[audience].append(about)
            for audience in old - new:
                self.less[audience].append(about)
            if not then.is_routed(event):
                self.unrouted.append(about)

    def words(self) -> str:
        """Return a table of audiences, and below it the events that make the difference."""
        names = sorted({*self.before, *self.after})
        rows = (
            (
                name,
                str(self.before[name]),
                str(self.after[name]),
                str(len(self.more[name])),
                str(len(self.less[name])),
            )
            for name in names
        )
        parts = [f"{self.total} events."]
        if names:
            parts.append(table(("AUDIENCE", "HEARD OF", "WOULD HEAR OF", "MORE", "LESS"), rows))
        for what, found in (("more", self.more), ("less", self.less)):
            parts += [
                f"{name} would hear {what} of:\n" + "\n".join(f"  {each}" for each in events[:_FEW])
                for name, events in sorted(found.items())
                if events
            ]
        if self.unrouted:
            parts.append("Unrouted would be:\n" + "\n".join(f"  {each}" for each in self.unrouted[:_FEW]))
        return "\n\n".join(parts)

    def as_object(self) -> dict[str, Any]:
        """Return the same for JSON."""
        return {
            "events": self.total,
            "audiences": {
                name: {
                    "before": self.before[name],
                    "after": self.after[name],
                    "more": self.more[name],
                    "less": self.less[name],
                }
                for name in sorted({*self.before, *self.after})
            },
            "unrouted": self.unrouted,
        }


def _hear(event: Event, routes: Routes) -> set[str]:
    return {
        match.audience.id
        for match in routes.trace(event).matches
        if any(one.wanted for one in match.previews)
    }
