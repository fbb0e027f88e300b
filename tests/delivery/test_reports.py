"""Delivery reports: addresses that do not work become known."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from shared.channels.outcomes import OperationState, OperationStatus, Unknown
from shared.delivery import reports
from shared.store.codec import sent as read_sent
from shared.store.table import TableUnavailable
from testing.samples.payloads import event
from testing.world import NOW, StoppedClock, World

SAMPLES = Path(__file__).parents[2] / "samples"


def _report(operation_id: str, status: str, recipient: str = "ops@example.com", **data: Any) -> str:
    body = json.loads((SAMPLES / "email-delivery-report.captured.json").read_text())
    body = body[0] if isinstance(body, list) else body
    body["data"] |= {"messageId": operation_id, "status": status, "recipient": recipient, **data}
    body["data"]["deliveryAttemptTimestamp"] = NOW.isoformat()
    return json.dumps(body)


def _sent(world: World) -> str:
    world.take(event("Failed", world.clock.now()))
    return world.mailer.arrived[0][0]


def _take(world: World, text: str) -> list[str]:
    return [decision.value for decision in reports.take(world.notifier.store, world.clock, text)]


@pytest.mark.parametrize("name", ["documented", "captured"])
def test_both_published_reports_are_read(name: str) -> None:
    """The documented report and the captured one are read, whichever way they spell the timestamp."""
    text = (SAMPLES / f"email-delivery-report.{name}.json").read_text()
    ((_, report),) = reports.parse(text)
    assert isinstance(report, reports.DeliveryReport)
    assert report.report.status == "Delivered"
    assert report.time is not None
    assert report.time.year in {2020, 2026}


@pytest.mark.parametrize("status", ["Bounced", "Suppressed", "Quarantined", "FilteredSpam", "Failed"])
def test_address_that_is_not_reached_is_told(status: str, caplog: pytest.LogCaptureFixture) -> None:
    """An address that was not reached is written down with its mail, logged as an error, and told once."""
    world = World()
    operation_id = _sent(world)
    text = _report(
        operation_id, status, "gone@example.com", deliveryStatusDetails={"statusMessage": "550 no"}
    )
    assert _take(world, text) == ["new"]
    assert _take(world, text) == ["duplicate"]
    ((written,),) = [fate.reports for fate in world.fates]
    assert (written.recipient, written.status, written.detail) == ("gone@example.com", status, "550 no")
    assert any(record.levelno >= logging.ERROR and status in record.message for record in caplog.records)
    world.settle_down()
    assert len(world.mailer.arrived) == 2
    assert "gone@example.com" in world.mailer.arrived[1][1].text


def test_same_address_is_told_once_a_day() -> None:
    """An address that fails again and again is told once a day, with all its mails written down."""
    world = World()
    for name in "abc":
        world.take(event("Failed", world.clock.now(), name=name))
        assert _take(world, _report(world.mailer.arrived[-1][0], "Bounced")) == ["new"]
    world.settle_down()
    assert len(world.mailer.arrived) == 4


@pytest.mark.parametrize("status", ["Expanded", "Delivered", "SomethingNew"])
def test_what_is_no_failure_is_not_told(status: str) -> None:
    """Expanded and Delivered, and what is not known, are no failures."""
    world = World()
    _take(world, _report(_sent(world), status))
    world.settle_down()
    assert len(world.mailer.arrived) == 1


def test_delivered_corrects_a_failure() -> None:
    """A mail that was settled as failed and is then reported as delivered is corrected, and not told."""
    world = World()
    world.mailer.script.append(Unknown("no answer"))
    world.mailer.answers.append(OperationStatus(OperationState.FAILED, "OutboundSpam"))
    world.take(event("Failed", NOW))
    world.sweep(minutes=3)
    (key,) = world.table.keys("sent:")
    assert _take(world, _report(key.removeprefix("sent:"), "Delivered")) == ["sent"]
    assert [fate.state for fate in world.fates] == ["sent"]


def test_report_that_is_too_early_comes_again() -> None:
    """A report about a mail that is not settled yet is not acknowledged; about a stranger's mail it is."""
    world = World()
    text = _report("00000000-0000-4000-8000-000000000000", "Bounced")
    with pytest.raises(TableUnavailable):
        _take(world, text)
    world.clock.forward(minutes=11)
    assert _take(world, text) == ["ignored"]


@pytest.mark.parametrize("text", ['{"type":"x"}', '[{"eventType":"x","data":1}]'])
def test_what_is_no_report_is_acknowledged(text: str) -> None:
    """An event that is no delivery report is logged and acknowledged."""
    assert _take(World(), text) == ["ignored"]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "1",
        *(_report(id_, "Bounced") for id_ in ("a/b", "a#b?c", "a\nb", "a\0b", "a" * 100_000, "a\ud800")),
    ],
)
def test_what_cannot_be_read_is_kept(text: str) -> None:
    """A report that cannot be understood is kept once and acknowledged; the good one beside it is taken."""
    world = World()
    good = _report(_sent(world), "Bounced")
    assert _take(world, f"[{text},{good}]") == ["rejected", "new"]
    assert _take(world, text) == ["duplicate"]
    assert _take(world, "nonsense") == ["rejected"]
    assert len(world.table.keys("rejected:")) == 2


@pytest.mark.parametrize("recipient", ["a\ud800@example.com", "a\0b", "x" * 100_000])
def test_odd_recipient_is_written_down(recipient: str) -> None:
    """Whatever a report calls the recipient, it is written down with its mail."""
    world = World()
    assert _take(world, _report(_sent(world), "Bounced", recipient)) == ["new"]


@pytest.mark.parametrize(
    "time", ["2099-01-01T00:00:00Z", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "x", None]
)
def test_odd_time_asks_for_ten_minutes(time: str | None) -> None:
    """A report of a mail nobody knows is asked for again for ten minutes, whatever time it bears.

    The ten minutes are the table's: what an instance's clock says, and how often it comes, do not matter.
    """
    world = World()
    body = json.loads(_report("00000000-0000-4000-8000-000000000000", "Bounced"))
    body["eventTime"] = body["data"]["deliveryAttemptTimestamp"] = time
    text = json.dumps(body)
    wrong = StoppedClock(NOW.replace(year=2031))
    for _ in range(5):
        with pytest.raises(TableUnavailable):
            reports.take(world.notifier.store, wrong, text)
        world.clock.forward(minutes=2)
    world.clock.forward(minutes=1)
    assert _take(world, text) == ["ignored"]


def test_stranger_in_an_array_keeps_no_report_back() -> None:
    """In an array each report is taken by itself: an element that is no report blocks no other."""
    world = World()
    operation_id = _sent(world)
    text = "[" + ",".join(['{"type":"x"}', _report(operation_id, "Bounced"), "1"]) + "]"
    assert _take(world, text) == ["ignored", "new", "rejected"]


def test_every_recipient_of_a_mail_is_written_down() -> None:
    """Of a mail to fifty recipients that reaches none of them, every one is written down."""
    world = World()
    operation_id = _sent(world)
    detail = {"deliveryStatusDetails": {"statusMessage": "550 5.1.1 " + "x" * 1_000}}
    for number in range(50):
        address = f"{number:02d}-{'a' * 60}@{'example.' * 22}com"
        assert _take(world, _report(operation_id, "Bounced", address, **detail)) == ["new"]
    (row,) = world.table.query("sent:", "sent;").rows
    assert len(read_sent(row).reports) == 50
    assert len(row.values["reports"]) < 32_767
