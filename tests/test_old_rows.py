"""Rows of release 0.1: what it stored is read, told and settled as it would have done itself."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.rows import form
from tests.support.old_rows import Old, azure_table, event_row, tables

if TYPE_CHECKING:
    from local.processes import Azurite

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


@pytest.mark.parametrize(("name", "is_paused"), [("working", False), ("paused", True)])
def test_fixtures_hold_a_gate_that_is_open_and_one_that_is_shut(name: str, is_paused: bool) -> None:
    """Mail was paused in one table when 0.1 was stopped, and in the other no more."""
    content = tables()[name]
    (gate,) = [row["values"] for row in content["rows"] if row["key"] == "work:0"]
    assert (datetime.fromisoformat(gate["until"]) > datetime.fromisoformat(content["now"])) == is_paused
    assert Old(name).sweep().paused == is_paused


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
        # A later release may write more about a thing, never something else.
        assert {part: written[key].get(part) for part in values} == values, key


@pytest.mark.parametrize("name", LIVED_IN)
def test_mails_are_the_same_byte_for_byte(name: str) -> None:
    """What 0.1 froze is rendered to the bytes that 0.1 would have sent."""
    old = swept(name)
    assert old.mails() == old.content["after"]["mails"]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_rendered_the_same(name: str) -> None:
    """A mail of each kind that 0.1 froze is rendered to the same bytes."""
    old = Old(name)
    old.sweep(seconds=1)
    expected = old.content["after"]["mails"]
    assert len(expected) == 1
    assert old.mails(whole="sha256:" not in expected[0]["html"]) == expected


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
        for part in before.keys() - {form.TOKEN, "decision", "revision"}:
            assert rows[key][part] == before[part], (key, part)


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


def test_lease_and_pause_go_by_the_tables_clock(azurite: Azurite) -> None:
    """In Table Storage, which stamps rows itself, a leased mail waits for its lease, and all else is sent."""
    now = datetime.now(UTC).replace(microsecond=0)
    moved = now - datetime.fromisoformat(tables()["working"]["now"])
    with azure_table(azurite) as table:
        old = Old("working", shift=moved, table=table, LEASE="1h")
        for _ in range(10):
            old.sweep(minutes=1)
        _, gone = old.changes()
    leased = {row["key"] for row in old.content["rows"] if row["values"].get("leased")}
    assert leased
    assert not leased & set(gone)
    free = {row["key"] for row in old.content["rows"] if row["values"].get("leased") is False}
    assert free <= set(gone)
