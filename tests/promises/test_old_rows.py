"""Rows of release 0.1: what it stored is read, told and settled as it would have done itself."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from shared.store.azure import AzureTable
from tests.fixtures.rows import form
from tests.promises.old_rows import Old, event_row, sent_text, tables

if TYPE_CHECKING:
    from azure.data.tables import TableClient

LIVED_IN = ("working", "paused")
KINDS = tuple(name for name in tables() if name not in LIVED_IN)
HAND_MADE = "/pay-8"
"""The cluster of the row whose facts cannot be read."""


def swept(name: str, shift: timedelta = timedelta()) -> Old:
    """Start the app on a table, and let it sweep at the moments at which 0.1 did."""
    old = Old(name, shift=shift)
    for seconds in form.STEPS:
        old.sweep(seconds=seconds)
    return old


def test_fixtures_hold_every_kind_of_row() -> None:
    """Every kind of row that 0.1 writes is among the old ones, each work and each end of a mail."""
    found = {kind for name in LIVED_IN for kind in form.kinds(tables()[name]["rows"])}
    assert found >= {"audience", "cluster", "mail", "pause", "rejected", "told"}
    assert found >= {f"sent:{state}" for state in ("sent", "failed", "dissolved")}
    assert found >= {f"check:{kind}" for kind in ("reminder", "not-started", "still-running")}
    assert found >= {"notice:undelivered", "notice:unreachable", "notice:rejected", "notice:failed"}
    statuses = ("Scheduled", "Started", "Completed", "Canceled", "Failed", "Paused")
    assert found >= {f"event:{status}" for status in statuses}


def test_fixtures_hold_mails_in_every_state() -> None:
    """Old mails are leased and free, in doubt and refused, attempted and fresh, one's and many's."""
    mails = [
        row["values"]
        for name in LIVED_IN
        for row in tables()[name]["rows"]
        if row["values"]["kind"] == "mail"
    ]
    for property_ in ("leased", "doubt", "refused", "token", "attempts", "turns", "repeats"):
        assert {bool(mail[property_]) for mail in mails} == {True, False}, property_
    assert {"],[" in mail["members"] for mail in mails} == {True, False}


def test_fixtures_hold_a_pause_over_and_one_in_force() -> None:
    """One table was stopped while mail was paused, the other after a pause had ended."""
    in_force = {}
    for name in LIVED_IN:
        (gate,) = (row["values"] for row in tables()[name]["rows"] if row["values"]["kind"] == "pause")
        now = datetime.fromisoformat(tables()[name]["now"])
        in_force[name] = datetime.fromisoformat(gate["until"]) > now
    assert in_force == {"working": False, "paused": True}


@pytest.mark.parametrize("name", LIVED_IN)
def test_what_waits_is_told_and_settled(name: str) -> None:
    """The same mails leave as from 0.1, in the same order, and the rows afterwards are the same."""
    old = swept(name)
    after = old.content["after"]
    told = [mail["operation"] for mail in old.mails()]
    assert told == [mail["operation"] for mail in after["mails"]]
    written, gone = old.changes()
    assert gone == after["gone"]
    assert written.keys() == after["rows"].keys()
    for key, values in after["rows"].items():
        # A later release may write more about a thing, and word a subject better; never something else.
        same = values.keys() - {"subject"}
        assert {part: written[key].get(part) for part in same} == {part: values[part] for part in same}, key


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_told(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """A mail of each kind that 0.1 froze is told under the same ids to the same people, and never plainly."""
    old = Old(name)
    old.sweep(seconds=1)
    (mail,), (expected,) = old.mails(), old.content["after"]["mails"]
    same = ("operation", "to", "cc", "replyTo", "messageId", "date")
    assert {part: mail[part] for part in same} == {part: expected[part] for part in same}
    assert not [record for record in caplog.records if "could not be rendered" in record.message]


@pytest.mark.parametrize("name", LIVED_IN)
def test_at_any_time(name: str) -> None:
    """On another day the same happens: mails under the same ids, and the rows that follow."""
    old = swept(name, shift=timedelta(weeks=20))
    after = old.content["after"]
    assert [mail["operation"] for mail in old.mails()] == [mail["operation"] for mail in after["mails"]]
    written, gone = old.changes()
    assert (written.keys(), gone) == (after["rows"].keys(), after["gone"])
    for key, values in after["rows"].items():
        if values["kind"] == "sent":
            assert written[key]["members"] == values["members"]
            assert written[key]["state"] == values["state"]


@pytest.mark.parametrize("name", LIVED_IN)
def test_events_are_known(name: str) -> None:
    """An event that 0.1 recorded and that comes again is nothing new."""
    expected = tables()[name]["again"]
    assert len(expected) > 10
    assert {key: Old(name).deliver(key) for key in expected} == expected


@pytest.mark.parametrize("name", LIVED_IN)
def test_events_are_written_as_they_were(name: str) -> None:
    """The row of an event is the one that 0.1 wrote, so that an old instance beside a new one reads it."""
    old = Old(name)
    for row in old.content["rows"]:
        before = row["values"]
        if before["kind"] != "event" or before["cluster"].endswith(HAND_MADE):
            continue
        rows = event_row(old.raw(row["key"]), datetime.fromisoformat(before["received"]))
        (key,) = rows
        assert key == row["key"].removesuffix(f":{before['revision']}")
        assert sent_text(rows[key]) == sent_text(before)
        for part in before.keys() - {form.TOKEN, "decision", "revision"}:
            assert part.startswith("raw") or rows[key][part] == before[part], (key, part)


@pytest.mark.parametrize("name", LIVED_IN)
def test_every_row_is_shown(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """An operator is shown each event, mail, rejected input and work; only one row cannot be read whole."""
    old = Old(name)
    shown = [
        row for row in old.content["rows"] if row["values"]["kind"] not in {"audience", "cluster", "told"}
    ]
    assert old.shown() == len(shown)
    unreadable = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(unreadable) == (name == "working"), unreadable


@pytest.mark.slow
def test_lease_and_pause_go_by_the_tables_clock(client: TableClient) -> None:
    """In Table Storage, which stamps rows itself, a leased mail waits for its lease, and all else is sent."""
    now = datetime.now(UTC).replace(microsecond=0)
    moved = now - datetime.fromisoformat(tables()["working"]["now"])
    old = Old("working", shift=moved, table=AzureTable(client), LEASE="1h")
    for _ in range(10):
        old.sweep(minutes=1)
    leased = {row["key"] for row in old.content["rows"] if row["values"].get("leased")}
    _, gone = old.changes()
    assert leased
    assert not leased & set(gone)
    free = {row["key"] for row in old.content["rows"] if row["values"].get("leased") is False}
    assert free <= set(gone)
