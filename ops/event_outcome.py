"""What became of events that were sent: read from the table, as far as it tells."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ops import event_words
from shared import keys
from shared.events.envelope import parse
from shared.events.model import Event, Ignored
from shared.store.codec import refers_to, text
from shared.store.rows import CheckRow, MailRow, NoticeRow, SendGate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.store.ledger import Ledger

EventOutcome = dict[str, str | None]
"""Of one event: `decision`, `about`, `due` (when its mail is, in ISO 8601) and a sentence."""


class Watch:
    """Looks at the table before events are sent and after it."""

    def __init__(self, ledger: Ledger, body: str, now: datetime) -> None:
        """Raise TableError where the table cannot be read."""
        self._ledger = ledger
        self._now = now
        self._items = list(parse(body, now))
        events = [item.reading for item in self._items if isinstance(item.reading, Event)]
        self._before = {event.event_id: self._keys(event) for event in events}

    def outcomes(self) -> Iterator[EventOutcome]:
        """Yield what became of each event, in their order; nothing of what the table does not know."""
        for item in self._items:
            match item.reading:
                case Event() as event:
                    outcome = self._outcome(event)
                    if outcome:
                        yield outcome
                case Ignored(reason):
                    said = f"ignored: {reason}. No mail follows."
                    yield {"decision": "ignored", "about": None, "due": None, "said": said}
                case rejected:
                    said = f"not understood: {rejected.reason}. It is kept, and told once a day."
                    yield {"decision": "rejected", "about": None, "due": None, "said": said}

    def _outcome(self, event: Event) -> EventOutcome | None:
        after = self._keys(event)
        new = [key for key in after if key not in self._before[event.event_id]]
        about = f"{event.status}, {event.subject.name}"
        if not after:
            return None
        if not new:
            said = (
                f"{about}: a duplicate of what is known; nobody is told again (--new sends it as a new one)."
            )
            return {"decision": "duplicate", "about": about, "due": None, "said": said}
        row = self._ledger.row(new[-1])
        decision = str(row.values.get("decision", "new")) if row else "new"
        due, said = self._due(new[-1])
        decided = event_words.decided(decision)
        if not said and decided == decision:
            said = "Nobody is told of it: `./notifier why` says why."
        return {
            "decision": decision,
            "about": about,
            "due": due,
            "said": f"{about}: {decided}. {said}".rstrip(),
        }

    def _due(self, key: str) -> tuple[str | None, str]:
        """Return when the mail about an event is due, and that in words; none where nobody is told."""
        waiting = [
            row for row in self._ledger.work() if not isinstance(row, SendGate) and key in refers_to(row)
        ]
        told = [row for row in waiting if isinstance(row, NoticeRow)]
        if told:
            due = min(keys.due_of(row.key) for row in told)
            grouped = max(filter(None, map(self._grouped, told)), default=None)
            held = event_words.held(grouped, self._now)
            when = "with the sweep after that" + (f", but not before {held}" if held else "")
            return text(due), f"Its message is due at {due:%H:%M:%S} UTC, and goes {when}."
        if any(isinstance(row, MailRow) for row in waiting):
            return None, "Its message is being sent."
        since = self._ledger.row(key)
        mails = self._ledger.mails(since.timestamp) if since else ()
        sent = next((mail for mail in mails if any(member.key == key for member in mail.members)), None)
        if sent:
            return (
                None,
                f"Its message is {sent.state}: {sent.subject}"
                if sent.subject
                else f"Its message is {sent.state}.",
            )
        later = [keys.due_of(row.key) for row in waiting if isinstance(row, CheckRow)]
        if later:
            return text(
                min(later)
            ), f"Nobody is told now; what may follow is looked at on {min(later):%Y-%m-%d %H:%M} UTC."
        return None, ""

    def _grouped(self, row: NoticeRow) -> datetime | None:
        return self._ledger.last_grouped(row.notice.audience, row.notice.target)

    def _keys(self, event: Event) -> list[str]:
        if event.versions:  # recorded once for each audience, under ids that name it
            found = self._ledger.events(datetime(1970, 1, 1, tzinfo=UTC))
            return [one.key for one in found if one.event.event.versions == event.versions]
        return [received.key for received in self._ledger.history(keys.history(event.event_id))]
