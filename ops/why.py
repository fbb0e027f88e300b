"""Why somebody heard of something, or nobody did: everything that was decided about a cluster or an event."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops import event_words, ledger, ledger_tables, storage, surroundings, terminal
from ops.ledger_query import matches, members
from ops.silence import stored
from shared import keys
from shared.durations import duration
from shared.events.model import Cluster
from shared.store.codec import refers_to, text
from shared.store.ledger import Ledger
from shared.store.rows import CheckRow, MailRow, NoticeRow, SendGate
from shared.store.table import scan
from shared.text import line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from ops.ledger_query import Waiting
    from shared.notices.records import SentMail
    from shared.routes.silences import Silence
    from shared.store.ledger import Received, Rejection
    from shared.store.table import BrowsableTable, Stored

_QUERY = (
    "AppTraces | where Message startswith 'decision=' and Message has_any ({names}) "
    "| project TimeGenerated, Message | order by TimeGenerated desc"
)
_ID = re.compile(r"/subscriptions/[^\"\s]+")
_DUPLICATES = "Duplicates leave no row. The log of the app has them, in Log Analytics:"


def why(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="CLUSTER|EVENT", help="A name, a glob, or an eventId.")],
    since: ledger.Since = "30d",
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """Show all that was decided about a cluster or an event.

    And why: what was ignored, rejected, silenced or led to nobody is among it. Exit code 1: nothing is
    known of it, though something is stored.
    """
    if not name.strip():
        raise typer.BadParameter("name a cluster, or give an eventId", param_hint="CLUSTER|EVENT")
    with ledger.opened_table(context, account, table) as rows:
        now = surroundings.of(context).clock.now()
        found = _Story(rows, name, now - duration(since), now).tell()
        is_empty = not rows.query("", keys.AFTER, 1).rows
    query = _query(name, found)
    if terminal.is_json(output, as_json=as_json):
        terminal.print_json({"events": found, "query": query})
    else:
        for each in found:
            at = f"{each['at']:.19}".replace("T", " ")
            print(line(f"{at} UTC  {each['cluster']}: {each['what']}"))
            for said in each["why"]:
                print(f"  {line(said)}")
        if not found:
            print(f"Nothing is stored of {line(name)} in the last {since}.")
        print(f"\n{_DUPLICATES}\n  {line(query)}")
    raise typer.Exit(0 if found or is_empty else terminal.NO)


def _query(name: str, found: Iterable[dict[str, Any]]) -> str:
    """Return the question to the log, which has bare names and whole ids and knows no globs."""
    said = {name.rpartition("/")[2]}
    if set(name) & set("*?["):
        said = {str(each["cluster"]) for each in found} or said
    return _QUERY.format(names=", ".join(f"'{one}'" for one in sorted(one.replace("'", "") for one in said)))


class _Story:
    """What the table knows of a cluster or an event."""

    def __init__(self, rows: BrowsableTable, name: str, since: datetime, now: datetime) -> None:
        self._rows = rows
        self._name = name
        self._now = now
        self._book = book = Ledger(rows)
        all_events = sorted(
            book.events(since), key=lambda received: (received.at, received.key), reverse=True
        )
        self._events = [received for received in all_events if self._is_asked_for(received)]
        self._rejected = [each for each in book.rejected_texts(since) if self._is_about(*each)]
        self._mails = list(book.mails(since))
        self._work = [row for row in book.work() if not isinstance(row, SendGate)]
        self._silences = stored(rows)

    def tell(self) -> list[dict[str, Any]]:
        """Return what was decided, the latest first."""
        traces = {row.key: row for row in self._traces()}
        told = [self._event(received, traces) for received in self._events]
        told += [self._rejection(one, raw) for one, raw in self._rejected]
        told += [self._ignored(row) for row in traces.values() if row.values.get("kind") == "ignored"]
        return sorted(told, key=lambda each: str(each["at"]), reverse=True)

    def _is_asked_for(self, received: Received) -> bool:
        event = received.event.event
        is_event = self._name.lower() in {event.event_id.lower(), received.key.lower()} or (
            len(self._name) >= 8 and event.event_id.lower().startswith(self._name.lower())  # noqa: PLR2004
        )
        return is_event or matches(event.subject, self._name)

    def _is_about(self, rejection: Rejection, raw: str) -> bool:
        """Return whether input that could not be understood names what is asked for."""
        name = self._name.lower()
        is_named = len(name) >= 8 and (name in raw.lower() or name in rejection.key)  # noqa: PLR2004
        return is_named or any(matches(cluster, self._name) for cluster in _clusters(raw))

    def _stored(self, prefix: str) -> list[Stored]:
        pages = scan(lambda first: self._rows.query(first, prefix + keys.AFTER), prefix)
        return [row for page in pages for row in page.rows]

    def _traces(self) -> Iterator[Stored]:
        """Yield the marks of what nobody was told of the clusters that are asked for."""
        clusters = {received.event.event.subject.key for received in self._events}
        ignored = self._stored(keys.OF_NOBODY)
        for row in (*self._stored("cluster:"), *ignored):
            cluster = Cluster.parse(str(row.values.get("cluster", "")))
            if cluster and matches(cluster, self._name):
                clusters.add(cluster.key)
        prefixes = tuple(map(keys.traces, clusters))
        yield from (row for row in ignored if row.key.startswith(prefixes))

    def _event(self, received: Received, traces: dict[str, Stored]) -> dict[str, Any]:
        event = received.event.event
        said = [f"decision: {event_words.decided(received.event.decision)}"]
        whose = event.subject.key
        if keys.told_of_nobody(whose, "unrouted", received.key) in traces:
            said.append("nobody heard of it: unrouted, no route leads it anywhere, and there is no EMAIL_TO")
        if keys.told_of_nobody(whose, "unwanted", received.key) in traces:
            said.append("nobody heard of it: its route leads to nobody, or to who wants no such news")
        said += [self._silenced(row) for row in traces.values() if row.values.get("of") == received.key]
        said += self._came_of(received.key)
        return {
            "at": text(received.at),
            "cluster": event.subject.name,
            "eventId": event.event_id,
            "what": event_words.news(event),
            "decision": str(received.event.decision),
            "why": said,
        }

    def _rejection(self, rejection: Rejection, raw: str) -> dict[str, Any]:
        names = sorted({cluster.name for cluster in _clusters(raw)})
        return {
            "at": text(rejection.at),
            "cluster": ", ".join(names),
            "eventId": None,
            "what": "rejected",
            "decision": "rejected",
            "why": [f"decision: rejected, {rejection.reason}", *self._came_of(rejection.key)],
        }

    def _came_of(self, key: str) -> Iterator[str]:
        """Yield who was told of a row, and what of it still waits."""
        yield from (_told(mail) for mail in self._mails if any(one.key == key for one in members(mail)))
        yield from (self._waits(row) for row in self._work if key in refers_to(row))

    def _waits(self, row: Waiting | Any) -> str:  # noqa: ANN401 - whatever waits
        due = keys.due_of(row.key)
        match row:
            case NoticeRow(_, notice):
                grouped = self._book.last_grouped(notice.audience, notice.target)
                held = event_words.held(grouped, self._now) if due <= self._now else ""
                when = f", goes {held}" if held else ""
                return f"waits: {notice.kind} for {notice.audience}, due {_moment(due)}{when}"
            case CheckRow(_, check):
                return f"waits: a check, {check.kind} {check.lead}".rstrip() + f", due {_moment(due)}"
            case MailRow():
                return f"waits: a message to {row.mail.audience}, {ledger_tables.mail_state(row)}"
        return f"waits: due {_moment(due)}"

    def _silenced(self, row: Stored) -> str:
        id_ = str(row.values.get("silence", ""))
        silence: Silence | None = self._silences.get(id_)
        comment = f": {silence.comment}" if silence and silence.comment else ""
        return f"{row.values.get('what')} to {row.values.get('audience')}: silenced by silence {id_}{comment}"

    def _ignored(self, row: Stored) -> dict[str, Any]:
        cluster = Cluster.parse(str(row.values.get("cluster", "")))
        return {
            "at": str(row.values.get("at", "")),
            "cluster": cluster.name if cluster else "",
            "eventId": None,
            "what": "ignored",
            "decision": "ignored",
            "why": [f"decision: ignored, {row.values.get('why', '')}"],
        }


def _clusters(raw: str) -> list[Cluster]:
    """Return the clusters that a text names by their resource IDs."""
    found = map(Cluster.parse, _ID.findall(raw))
    return [cluster for cluster in found if cluster]


def _told(mail: SentMail) -> str:
    people = ", ".join(mail.to) or mail.target or "nobody"
    why_ = f", {mail.why}" if mail.why else ""
    return f"told {mail.audience} ({people}): {ledger_tables.outcome(mail.state)} {_moment(mail.at)}{why_}"


def _moment(time: datetime) -> str:
    return f"{ledger_tables.moment(time)} UTC"
