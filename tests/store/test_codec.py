"""Rows and back: nothing is lost on the way, and every row is one that Table Storage takes."""

from __future__ import annotations

import base64
import json
import random
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids, keys
from shared.events.envelope import parse
from shared.events.model import Event, Fleet, Status
from shared.notices.kinds import Decision, Kind
from shared.notices.records import Check, Mail, MailItem, Notice, RejectedInput, SentMail, StoredEvent
from shared.store import blobs, codec
from shared.store.rows import CheckRow, MailRow, NoticeRow, SendGate
from shared.store.table import PARTITION, Stored
from testing.samples import mails, payloads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
GUID = "22223333-cccc-4444-dddd-5555eeee6666"
KEY = f"event:{GUID}:Started"
MEGABYTE = 1024 * 1024
ANY_TEXT = st.text(st.characters(codec=None))
TEXT = st.text()
TIMES = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9998, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC) | st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours))),
)
KINDS = st.sampled_from(Kind)
UUIDS = st.uuids().map(str)


def stored(key: str, values: Mapping[str, Any]) -> Stored:
    """Return a row as it is read back, once it is known to be one that the service takes."""
    check_limits(key, values)
    return Stored(key, values, 'W/"1"', NOW)


def check_limits(key: str, values: Mapping[str, Any]) -> None:
    """Check a row against the documented limits of Table Storage, as the service counts."""
    size = 4 + 2 * (len(PARTITION) + len(key)) + 8 + 2 * len("Timestamp") + 8
    assert len(key) <= 512
    assert len(values) <= 252
    for name, value in values.items():
        size += 8 + 2 * len(name)
        if isinstance(value, str):
            units = len(value.encode("utf-16-le")) // 2  # raises for lone surrogates, as JSON would
            assert units <= 32_767, name
            size += 4 + 2 * units
        elif isinstance(value, bytes):
            assert len(value) <= 64 * 1024, name
            size += 4 + len(value)
        else:
            assert isinstance(value, bool | int), name  # no times: the year 1 makes a row unreadable
            assert abs(value) < 2**31, name
            size += 4
    assert size <= MEGABYTE


def parsed(text: str) -> Event:
    """Read one event."""
    item = parse(text, NOW)[0]  # of several clusters, the one it is about
    assert isinstance(item.reading, Event), item.reading
    return item.reading


def round_trip(text: str) -> StoredEvent:
    """Store one event and read it back."""
    event = parsed(text)
    row = StoredEvent(event.row_key(), event, Decision.NEW, 0)
    values = codec.event_values(row, text, received=NOW, token=GUID)
    assert blobs.unpack(values) == text
    read = codec.recorded(stored(row.key, values))
    assert read == row
    return read


def noise(characters: str, size: int) -> str:
    """Return text of so many characters that gzip hardly compresses, the same on every run.

    It repeats itself far beyond the 32 KiB that gzip looks back.
    """
    block = "".join(random.Random(1).choices(characters, k=131_072))
    return (block * (size // len(block) + 1))[:size]


def mixed() -> str:
    """Return 1 MB of text that gzip cannot press into a row: single bytes and pairs of them, at random."""
    weights = [0.75 / 0x80] * 0x80 + [0.25 / 0x780] * 0x780
    text = "".join(random.Random(1).choices([chr(code) for code in range(0x800)], weights, k=MEGABYTE))
    return text.encode()[:MEGABYTE].decode(errors="ignore")


PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
JSON_SAFE = PRINTABLE.replace('"', "").replace("\\", "")


# Texts of any length


@given(TEXT)
def test_any_text(text: str) -> None:
    """What was packed is read back to the last character."""
    assert blobs.unpack(blobs.pack(text)) == text


LARGE: dict[str, Callable[[], str]] = {
    "printable": lambda: noise(PRINTABLE, MEGABYTE),
    "ascii": lambda: noise("".join(map(chr, range(0x80))), MEGABYTE),
    "chinese": lambda: noise("".join(map(chr, range(0x4E00, 0x9FFF))), MEGABYTE // 3),
    "emoji": lambda: noise("".join(map(chr, range(0x1F300, 0x1F5FF))), MEGABYTE // 4),
    "base64": lambda: base64.b64encode(random.Random(1).randbytes(MEGABYTE * 3 // 4)).decode(),
    "mixed": mixed,
    "same": lambda: "x" * MEGABYTE,
    "nul": lambda: "\x00" * MEGABYTE,
}


@pytest.mark.slow
@pytest.mark.parametrize("filling", LARGE)
def test_rejected_megabyte(filling: str) -> None:
    """Input of 1 MB, however badly it compresses, is kept whole in one row, and found by its SHA-256."""
    text = LARGE[filling]()
    assert MEGABYTE - 4 < len(text.encode()) <= MEGABYTE
    given_ = RejectedInput(keys.rejected(text), "not JSON", text, NOW)
    read = codec.rejected(stored(given_.key, codec.rejected_values(given_)))
    assert read == given_
    assert keys.rejected(read.raw) == given_.key


@pytest.mark.slow
def test_more_than_event_grid_delivers() -> None:
    """Of input beyond what a row can hold, the beginning is kept, with its true size and hash."""
    text = base64.b64encode(random.Random(1).randbytes(3 * MEGABYTE * 3 // 4)).decode()
    given_ = RejectedInput(keys.rejected(text), "not JSON", text, NOW)
    values = codec.rejected_values(given_)
    read = codec.rejected(stored(given_.key, values))
    assert values["size"] == 3 * MEGABYTE
    assert text.startswith(read.raw)
    assert len(read.raw) > 900_000


@pytest.mark.slow
def test_cut_within_a_character() -> None:
    """Where the cut falls within a character, what comes before it is readable."""
    text = "x" + "".join(
        map(chr, (0x10000 + code for code in random.Random(1).choices(range(65_536), k=500_000)))
    )
    read = blobs.unpack(blobs.pack(text))
    assert text.startswith(read.rstrip("\N{REPLACEMENT CHARACTER}"))
    assert len(read) > 200_000


@given(ANY_TEXT)
def test_lone_surrogates(text: str) -> None:
    """Half characters are stored as they came; where they are read, for a mail, they are replaced."""
    values = blobs.pack(text)
    assert values["size"] == len(text.encode("utf-8", "surrogatepass"))
    blobs.unpack(values).encode()


def test_same_bytes() -> None:
    """Packing the same text twice gives the same bytes: no clock gets into them."""
    assert blobs.pack("text") == blobs.pack("text")


def test_nothing_packed() -> None:
    """A row without a raw text has an empty one."""
    assert not blobs.unpack({})
    assert not blobs.unpack(blobs.pack(""))


# Events


@pytest.mark.parametrize("status", [*Status, "Paused"])
def test_events(status: str) -> None:
    """An event of any status is read back as it was."""
    round_trip(payloads.event(status, NOW))


@pytest.mark.parametrize(
    "text",
    [
        payloads.scheduled(NOW, timedelta(days=7)),
        payloads.end_of_support(NOW, "KubernetesVersionOutOfSupport", NOW),
        payloads.event("Started", NOW, lastUpdateTime="0001-01-01T00:00:00.0000000Z"),
        payloads.event("Started", NOW, details={"type": 1, "nodes": ["a", None, 1.5]}),
        payloads.event("Started", NOW, details=None),
    ],
    ids=["start", "end of support", "zero time", "details", "no details"],
)
def test_facts_of_events(text: str) -> None:
    """Every fact of an event survives: starts, versions, details of any form."""
    round_trip(text)


@given(TEXT, TEXT, TEXT, TEXT)
def test_hostile_text(description: str, details: str, status: str, cluster: str) -> None:
    """Whatever an event says is read back as it was read first."""
    text = payloads.event(
        f"x{status}", NOW, details=details, description=description, cluster="x" + cluster.replace("/", "")
    )
    round_trip(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "character", ["x", '"', "\\", "\x00", "\n", "\u00e9", "\u2028", "\uffff", "\U0001f600"]
)
@pytest.mark.parametrize("length", [5_000, 12_000, 20_000, 24_000, 30_000, 100_000, 160_000])
def test_length_of_details(character: str, length: int) -> None:
    """Details of any length and any characters are read back whole, from rows within the limits."""
    assert (
        round_trip(payloads.event("Failed", NOW, details=character * length)).event.details
        == character * length
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", [900_000, 1_040_000])
def test_megabyte_of_details(size: int) -> None:
    """An event of 1 MB that hardly compresses, nearly all of it details, is read back whole."""
    text = payloads.event("Failed", NOW, details=noise(JSON_SAFE, size))
    assert len(text) <= MEGABYTE
    assert len(round_trip(text).event.details) == size


@pytest.mark.slow
def test_megabyte_beside_the_details() -> None:
    """A row holds a full set of facts together with a raw event of 1 MB that hardly compresses."""
    european = "".join(
        map(chr, [*range(0x20, 0x22), *range(0x23, 0x5C), *range(0x5D, 0x7F), *range(0xA1, 0x7FF)])
    )
    for length in (0, 11_000, 22_000):
        text = payloads.event("Failed", NOW, details="\u00e9" * length, more="MORE")
        more = noise(european, MEGABYTE)
        filled = text.replace("MORE", more)
        while len(filled.encode()) > MEGABYTE:
            more = more[: len(more) - (len(filled.encode()) - MEGABYTE) // 2 - 1]
            filled = text.replace("MORE", more)
        round_trip(filled)


@pytest.mark.parametrize("character", ["x", '"', "\\", "\x01", "\u00e9", "\U0001f600"])
def test_everything_at_its_longest(character: str) -> None:
    """A row stays within the limits when each field holds as much as is read of it, and more."""
    long = "x" + character * 3_000
    cluster = payloads.event("Failed", NOW, cluster=long)
    resource = json.loads(cluster)["subject"].partition("/scheduledEvents")[0]
    pools = [f"{resource[:150]}/agentPools/{number}{long[:1_500]}" for number in range(200)]
    text = payloads.event(
        long,
        NOW,
        cluster=long,
        envelope=long,
        details=long * 10,
        description=long,
        eventId=long[:256],
        eventSource=long,
        resources=[resource, *pools],
    )
    event = parsed(text)
    row = StoredEvent(event.row_key(), event)
    values = codec.event_values(row, text, received=NOW, token=GUID)
    assert codec.recorded(stored(row.key, values)).event == event


@given(TIMES, st.none() | TIMES, st.booleans())
def test_times_of_events(time: datetime, start: datetime | None, itself: bool) -> None:
    """Times survive to the microsecond, whatever their zone."""
    event = msgspec.structs.replace(
        parsed(payloads.event("Scheduled", NOW)), time=time, updated=time, start=start, updates_itself=itself
    )
    row = StoredEvent(event.row_key(), event, Decision.STALE, 7, told=("Shop", "Ops (teams)"))
    assert codec.recorded(stored(row.key, codec.event_values(row, "{}", received=time, token=""))) == row


def test_element_of_an_array() -> None:
    """An event that came in an array has its own text in its row, and large details come back from it."""
    elements = [json.loads(payloads.event("Failed", NOW, name=name, details=name * 30_000)) for name in "ab"]
    for item, name in zip(parse(json.dumps(elements), NOW), "ab", strict=True):
        assert isinstance(item.reading, Event)
        row = StoredEvent(KEY, item.reading)
        values = codec.event_values(row, item.raw, received=NOW, token="")
        assert codec.recorded(stored(KEY, values)).event.details == name * 30_000


def test_columns_to_look_at() -> None:
    """A row says in plain columns what it is about, for whoever looks at the table."""
    event = parsed(payloads.event("Started", NOW, cluster="Prod"))
    values = codec.event_values(StoredEvent(KEY, event), "{}", received=NOW, token=GUID)
    shown = {name: values[name] for name in ("kind", "eventId", "status", "decision", "received", "token")}
    assert shown == {
        "kind": "event",
        "eventId": event.event_id,
        "status": "Started",
        "decision": "new",
        "received": "2026-11-20T09:00:00Z",
        "token": GUID,
    }
    assert values["cluster"].endswith("/managedclusters/prod")


# Work


@given(UUIDS, KINDS, TIMES, TEXT)
def test_checks(id_: str, kind: Kind, due: datetime, lead: str) -> None:
    """A check is read back as it was."""
    check = Check(id_, kind, KEY, due, lead)
    row = stored(keys.work(due, id_), codec.check_values(check))
    assert codec.work(row) == CheckRow(row.key, check)


@given(UUIDS, KINDS, TIMES, TEXT, TEXT)
def test_notices(id_: str, kind: Kind, due: datetime, audience: str, lead: str) -> None:
    """A notice is read back as it was."""
    notice = Notice(id_, kind, KEY, audience, lead)
    row = stored(keys.work(due, id_), codec.notice_values(notice))
    assert codec.work(row) == NoticeRow(row.key, notice)


@given(TIMES, TEXT, st.integers(0, 1000), st.dictionaries(st.integers(0, 10**9), st.integers(0, 999)))
def test_gate(until: datetime, reason: str, strikes: int, sends: dict[int, int]) -> None:
    """The gate, with its pause and the sends it counts, is read back as it was."""
    gate = SendGate(until, reason, strikes, sends, 'W/"1"')
    assert codec.work(stored(keys.GATE, codec.gate_values(gate))) == gate


def test_full_gate() -> None:
    """An hour of sends, in as many buckets as it has, fits into the gate's row."""
    sends = {178_000_000 + bucket: 999_999 for bucket in range(367)}
    stored(keys.GATE, codec.gate_values(SendGate(NOW, "\U0001f600" * 100_000, 9, sends)))


MEMBERS = st.lists(
    st.tuples(
        KINDS, st.sampled_from(["Scheduled", "Started", "Failed:2", "Paused"]), st.integers(0, 5), TEXT, UUIDS
    ).map(
        lambda given: MailItem(
            given[0],
            f"event:{given[4]}:{given[1]}",
            tuple(f"event:{given[4]}:Scheduled:{number}" for number in range(given[2])),
            given[3],
        )
    )
    | UUIDS.map(lambda id_: MailItem(Kind.UNDELIVERED, f"sent:{id_}"))
    | st.text().map(lambda raw: MailItem(Kind.REJECTED, keys.rejected(raw))),
    min_size=1,
    max_size=8,
).map(tuple)


@given(UUIDS, TEXT, TIMES, MEMBERS, st.sampled_from(["", GUID]), st.integers(0, 9))
def test_mails(
    id_: str, audience: str, as_of: datetime, members: tuple[MailItem, ...], token: str, attempts: int
) -> None:
    """A mail is read back as it was frozen; with a token it is leased, without one it is free."""
    mail = Mail(operation_id=id_, audience=audience, as_of=as_of, members=members)
    row = stored(keys.work(as_of, id_), codec.mail_values(mail, token=token, attempts=attempts))
    assert codec.work(row) == MailRow(
        key=row.key,
        etag=row.etag,
        timestamp=NOW,
        mail=mail,
        token=token,
        attempts=attempts,
        leased=bool(token),
    )


@given(UUIDS, TEXT, TIMES, MEMBERS, st.lists(TEXT, max_size=3), st.sampled_from(["sent", "failed"]))
def test_sent_mails(
    id_: str, text: str, at: datetime, members: tuple[MailItem, ...], people: list[str], state: str
) -> None:
    """What became of a mail is read back as it was."""
    sent = SentMail(
        key=keys.sent(id_),
        state=state,
        audience=text,
        at=at,
        subject=text,
        to=tuple(people),
        why=text,
        refused=tuple(people),
        attempts=3,
        members=members,
    )
    assert codec.sent(stored(sent.key, codec.sent_values(sent, GUID))) == sent


def test_long_reasons() -> None:
    """However much a mail service has to say, the rows that keep it stay within the limits."""
    long = "\U0001f600" * 100_000
    sent = SentMail(
        key=keys.sent(GUID),
        state="failed",
        audience="default",
        at=NOW,
        subject=long,
        to=tuple(f"{'x' * 240}{number}@example.com" for number in range(50)),
        why=long,
        refused=tuple(f"{'x' * 240}{number}@example.com" for number in range(50)),
    )
    stored(sent.key, codec.sent_values(sent, GUID))
    stored(keys.rejected(long), codec.rejected_values(RejectedInput("", long, long, NOW)))


def _members(number: int, rows: int) -> list[MailItem]:
    histories = [f"event:{UUID(int=index)}:" for index in range(number)]
    return [
        MailItem(
            Kind.RESCHEDULED,
            f"{prefix}Scheduled:{rows}",
            tuple(f"{prefix}Scheduled:{row}" for row in range(rows)),
            "24h",
        )
        for prefix in histories
    ]


def test_digest_fits() -> None:
    """A digest of as many notices as one transaction can delete fits into one row."""
    members = _members(97, 3)
    assert codec.fits(members)
    mail = Mail(operation_id=GUID, audience="default", as_of=NOW, members=tuple(members))
    stored(keys.work(NOW, GUID), codec.mail_values(mail))


def test_what_does_not_fit() -> None:
    """Members that do not fit into one row are known before it is written."""
    members = _members(97, 100)
    assert not codec.fits(members)
    fitting = [members[:count] for count in range(1, 98) if codec.fits(members[:count])]
    assert fitting
    mail = Mail(operation_id=GUID, audience="default", as_of=NOW, members=tuple(fitting[-1]))
    stored(keys.work(NOW, GUID), codec.mail_values(mail))


def test_one_member_always_fits() -> None:
    """A single notice fits, however strange the statuses in its history."""
    rows = tuple(f"event:{keys.digest('id')}:{keys.digest(str(number))}:9" for number in range(16))
    assert codec.fits([MailItem(Kind.NEWS, rows[-1], rows, "24h")])


def test_members_give_back_their_notices() -> None:
    """A member of a mail is the notice that it was, by its id."""
    member = MailItem(Kind.REMINDER, KEY, (KEY,), "24h")
    assert member.notice_id("default") == ids.notice_id(KEY, Kind.REMINDER, "24h", "default")


# Times


@given(TIMES)
def test_times(time: datetime) -> None:
    """A time is written as text, in UTC, and read back as the same moment."""
    text = codec.text(time)
    assert text.endswith("Z")
    assert codec.time(text) == time
    assert codec.time(text).utcoffset() == timedelta()


def test_what_an_event_is_about() -> None:
    """A cluster stands in an event's facts as in release 0.1; a fleet beside it, and both are read back."""
    about_a_cluster = mails.event("Started", mails.NOW)
    fleet = Fleet("66667777-aaaa-8888-bbbb-9999cccc0000", "rg-fleet", "fleet-1")
    about_a_fleet = mails.event("Started", mails.NOW, subject=fleet)
    for event, sort in ((about_a_cluster, "cluster"), (about_a_fleet, "fleet")):
        values = codec.event_values(mails.recorded(event), "{}", received=mails.NOW, token="")
        facts = json.loads(values["facts"])
        assert facts[sort] == {
            "subscription": event.subject.subscription,
            "resource_group": event.subject.resource_group,
            "name": event.subject.name,
        }
        assert "subject" not in facts
        assert values["cluster"] == event.subject.key
        row = stored(event.row_key(), values)
        assert codec.recorded(row).event == event
        assert codec.recorded_by_key(row).event.subject.key == event.subject.key
