"""Row keys. They never change once written, and hold only `[A-Za-z0-9:.-]`.

Table Storage refuses slashes, `#`, `?` and control characters in keys, and what comes from outside may hold
anything: so GUIDs are taken in lower case, and whatever else is hashed.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.text import GUID

if TYPE_CHECKING:
    from collections.abc import Iterable

GATE = "work:0"
"""The gates head the range of work, email's first, so that the query for due work brings them along."""

OWNER = "meta:owner"
"""The row that says which app the table belongs to."""

SWEPT = "meta:sweep"
"""When the last sweep went well."""

RECONCILED = "meta:reconcile"
"""When Azure was last asked what there is."""

OF_NOBODY = "told:nobody:"
"""What the marks of what nobody was told begin with."""

TOKENS = "meta:token:"
SILENCES = "meta:silence:"

AFTER = "~"
"""Sorts after every character a key may hold: `prefix` to `prefix + AFTER` is everything under a prefix."""

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")


def digest(text: str) -> str:
    """Return the SHA-256 of a text (UTF-8) in lower-case hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def event_id(value: str) -> str:
    """Return the key part of an eventId: a GUID as itself, anything else by its hash."""
    lower = value.lower()
    return lower if GUID.fullmatch(lower) else digest(value)


def event(
    event_id_: str,
    status: str,
    revision: int = 0,
    *,
    notice: str = "",
    time: datetime | None = None,
    place: str = "",
) -> str:
    """Return the key of an event's row: `event:{eventId}:{status}[:{n}]`. Its insert is the dedupe.

    All end-of-support notices are `Scheduled`, so their description, `notice`, is part of the status; the one
    that comes every week after the date ("OutOfSupport") carries the ISO week of its `time`, in case AKS
    reuses its eventId. Of one update run much happens with one status: `place` says where in it.
    """
    part = status if _WORD.fullmatch(status) else digest(status)
    if place:
        part += f".{digest(place)[:32]}"
    if time is not None:
        part += "." + (notice if _WORD.fullmatch(notice) else digest(notice))
        if "outofsupport" in notice.lower():
            year, week, _ = time.isocalendar()
            part += f".{year}-W{week:02d}"
    key = f"{history(event_id_)}{part}"
    return f"{key}:{revision}" if revision else key


def history(event_id_: str) -> str:
    """Return the prefix that all rows of one eventId share, and no row of another."""
    return f"event:{event_id(event_id_)}:"


def history_of(event_key: str) -> str:
    """Return the prefix of the history that the row of this key belongs to."""
    return event_key[: event_key.index(":", len("event:")) + 1]


def due(time: datetime) -> str:
    """Return a due time as text that sorts as time: UTC, always with six digits of fraction."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def work(time: datetime, id_: str) -> str:
    """Return the key of something to be done: `work:{due}:{id}`, ordered by when."""
    return f"work:{due(time)}:{id_}"


def work_until(time: datetime) -> str:
    """Return the end of the range of all work due at `time`; the range begins with `GATE`."""
    return f"work:{due(time)}{AFTER}"


def due_of(work_key: str) -> datetime:
    """Return the time that work is due, from its key."""
    return datetime.fromisoformat(work_key[len("work:") : work_key.rindex(":")])


def gate(target: str) -> str:
    """Return the key of a target's gate; email, which is "", has the first."""
    return f"{GATE}:{target}" if target else GATE


def is_gate(work_key: str) -> bool:
    """Return whether a key of the range of work is a gate's."""
    return work_key == GATE or work_key.startswith(f"{GATE}:")


def target_of(gate_key: str) -> str:
    """Return the target that a gate is for."""
    return gate_key[len(GATE) + 1 :]


def target(channel: str, said: str) -> str:
    """Return the key of a target, by what the routes say of it; that is never a secret's value."""
    return f"{channel}:{digest(said)[:16]}"


def thread(target_key: str, history_: str) -> str:
    """Return the key of the row that names the first message about a maintenance on a target."""
    return f"meta:thread:{target_key}:{history_[len('event:') : -1]}"


def target_gone(target_key: str) -> str:
    """Return the key of the row that says since when a target is gone, as long as it is."""
    return f"meta:target-gone:{target_key}"


def following(key: str) -> str:
    """Return the beginning of the range after a key: `!` sorts before all that keys hold."""
    return key + "!"


def sent(operation_id: str) -> str:
    """Return the key of the row that says what became of a mail."""
    return f"sent:{operation_id}"


def audience(name: str, target: str = "") -> str:
    """Return the key of the row that says when an audience last got a grouped mail on a target."""
    key = f"audience:{name if re.fullmatch(r'[a-z0-9.-]{1,64}', name) else digest(name)}"
    return f"{key}:{target}" if target else key


def cluster(cluster_key: str) -> str:
    """Return the key of the row that says what is known of a cluster, by its ARM id in lower case."""
    return f"cluster:{digest(cluster_key)}"


def meta(what: str, id_: str = "") -> str:
    """Return the key of what the app remembers of itself: `what` is a plain word; `id_` is hashed."""
    return f"meta:{what}:{digest(id_)[:32]}" if id_ else f"meta:{what}"


def news(event_id_: str, status: str, notice: str = "") -> str:
    """Return the property of a cluster's row that holds the latest news of one status of a maintenance."""
    return f"news_{digest(f'{event_id(event_id_)} {status} {notice}')[:24]}"


def token(hash_: str) -> str:
    """Return the key of a token's row, by the token's SHA-256."""
    return f"{TOKENS}{hash_}"


def rejected(name: str) -> str:
    """Return the key of input that could not be understood, by what its envelope calls it or its text."""
    return f"rejected:{digest(name)}"


def address(value: str) -> str:
    """Return an address a short name of its own, whatever its case."""
    return digest(value.lower())[:8]


def told_of_address(address: str, day: datetime) -> str:
    """Return the key of the mark that an address that cannot be reached has been told of on a day."""
    return f"told:unreachable:{digest(address.lower())}:{day.astimezone(UTC).date().isoformat()}"


def told_of_cluster(what: str, cluster_key: str, time: datetime, event_key: str) -> str:
    """Return the key of the mark that an event of a cluster was there, ordered by its time."""
    return f"{told_of_cluster_since(what, cluster_key, time)}:{digest(event_key)[:16]}"


def told_of_cluster_since(what: str, cluster_key: str, time: datetime) -> str:
    """Return the beginning of the range of a cluster's marks from a time on; `what` is a plain word."""
    return f"told:{what}:{digest(cluster_key)}:{due(time)}"


def early_report(operation_id: str) -> str:
    """Return the key of the mark that a delivery report came before its mail was settled."""
    return f"told:early-report:{operation_id}"


def silence(id_: str) -> str:
    """Return the key of a silence."""
    return f"{SILENCES}{id_}"


def told_of_silenced(cluster_key: str, notice_id: str) -> str:
    """Return the key of the mark that a notice about a cluster was kept from being told."""
    return f"{traces(cluster_key)}silenced:{notice_id}"


def told_of_ignored(cluster_key: str, day: datetime, reason: str) -> str:
    """Return the key of the mark, one a day and reason, that an event about a cluster was not handled."""
    return f"{traces(cluster_key)}ignored:{day.astimezone(UTC).date().isoformat()}:{digest(reason)[:16]}"


def told_of_nobody(cluster_key: str, why: str, event_key: str) -> str:
    """Return the key of the mark that nobody was told of an event; `why` is a plain word."""
    return f"{traces(cluster_key)}{why}:{digest(event_key)[:24]}"


def traces(cluster_key: str) -> str:
    """Return the prefix of the marks of what nobody was told of a cluster."""
    return f"{OF_NOBODY}{digest(cluster_key)}:"


def told_of_gate(gate: str, known: Iterable[str]) -> str:
    """Return the key of the mark that an event of a gate was decided upon, given the rows known of it."""
    return f"told:gate:{digest(gate)[:32]}:{digest(' '.join(sorted(known)))[:32]}"


def told_of_spread(id_: str) -> str:
    """Return the key of the mark that an event that names several clusters has been taken."""
    return f"told:spread:{id_}"


def told_of_rejected(day: datetime) -> str:
    """Return the key of the mark that a day's first rejected input has been told."""
    return f"told:rejected:{day.astimezone(UTC).date().isoformat()}"


def resends(operation_id: str) -> str:
    """Return the prefix of the marks that a mail has been resent; each mark keeps two from being the same."""
    return f"told:resend:{operation_id}:"


def resent(operation_id: str, number: int) -> str:
    """Return the key of the mark that a mail has been resent for the `number`th time."""
    return f"{resends(operation_id)}{number:04d}"
