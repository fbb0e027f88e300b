"""Delivery reports of Azure Communication Services: which addresses do not work.

The service tells of each recipient by itself, as an Event Grid event. `messageId` is the Operation-Id, so the
mail is found by its key. Documentation and the one captured report spell the timestamp in two ways.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared import ids, keys
from shared.audience import DEFAULT_AUDIENCE
from shared.decision_log import log_decision
from shared.notices.kinds import ABOUT_MAIL, Decision, Kind
from shared.notices.records import Notice, Report
from shared.store.table import TableUnavailable

if TYPE_CHECKING:
    from shared.clock import Clock
    from shared.store.protocol import Store

log = logging.getLogger("notifier")

EVENT_TYPE = "Microsoft.Communication.EmailDeliveryReportReceived"

DELIVERED = "delivered"
FAILURES = frozenset({"bounced", "suppressed", "quarantined", "filteredspam", "failed"})
"""What counts as not reached. `Expanded` is a distribution list taken apart on the way: no failure."""

SETTLING = timedelta(minutes=10)
"""How long a report may come before its mail is settled; until then Event Grid is to deliver it again."""

_MAX_ATTEMPTS = 4
_MAX_LENGTH = 500


class DeliveryReport(msgspec.Struct, frozen=True):
    """What became of a mail for one recipient."""

    operation_id: str
    report: Report
    time: datetime


class ReportError(ValueError):
    """Not a delivery report; the message says why."""


def parse(text: str, received: datetime) -> list[DeliveryReport | ReportError]:
    """Read a delivery of reports: one or an array, either schema. What is none comes back as the reason."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        return [ReportError(f"not JSON: {error}")]
    return [_read(element, received) for element in (body if isinstance(body, list) else [body])]


def _read(body: object, received: datetime) -> DeliveryReport | ReportError:
    try:
        return _report(body, received)
    except ReportError as error:
        return error


def _report(body: object, received: datetime) -> DeliveryReport:
    if not isinstance(body, dict):
        raise ReportError("a report is a JSON object")
    kind = body.get("type") or body.get("eventType")
    if str(kind).lower() != EVENT_TYPE.lower():
        raise ReportError(f"event type {str(kind)[:200]!r} is no delivery report")
    data = body.get("data")
    if not isinstance(data, dict):
        raise ReportError("no data")
    for name in ("messageId", "recipient", "status"):
        if not isinstance(data.get(name), str) or not data[name]:
            raise ReportError(f"no data.{name}")
    details = data.get("deliveryStatusDetails")
    message = details.get("statusMessage") if isinstance(details, dict) else details
    named = {str(key).lower(): value for key, value in data.items()}
    times = (named.get("deliveryattempttimestamp"), body.get("time"), body.get("eventTime"))
    return DeliveryReport(
        data["messageId"].lower(),
        Report(
            data["recipient"][:_MAX_LENGTH], data["status"][:_MAX_LENGTH], str(message or "")[:_MAX_LENGTH]
        ),
        next((time for time in map(_time, times) if time), received),
    )


def take(store: Store, clock: Clock, text: str) -> list[Decision]:
    """Take a delivery of reports, and give the decision about each.

    An address that was not reached is written down with its mail and told to the default audience, once a
    day. Raises TableUnavailable, so that Event Grid delivers again, also where a mail is not settled yet; the
    other reports of the delivery are taken all the same.
    """
    decisions: list[Decision] = []
    unavailable: TableUnavailable | None = None
    for report in parse(text, clock.now()):
        if isinstance(report, ReportError):
            log_decision(Decision.IGNORED, keys.digest(text), level=logging.ERROR, why=str(report))
            decisions.append(Decision.IGNORED)
            continue
        try:
            decisions.append(_take(store, clock, report))
        except TableUnavailable as error:
            unavailable = error
    if unavailable is not None:
        raise unavailable
    return decisions


def _take(store: Store, clock: Clock, delivery: DeliveryReport) -> Decision:
    report = delivery.report
    status = report.status.lower()
    if status not in FAILURES | {DELIVERED}:
        return _decided(Decision.IGNORED, delivery, logging.INFO)
    for _ in range(_MAX_ATTEMPTS):
        found = store.sent(delivery.operation_id)
        if found is None:
            if status != DELIVERED and clock.now() - delivery.time < SETTLING:
                raise TableUnavailable(f"mail {delivery.operation_id} is not settled yet")
            return _decided(Decision.IGNORED, delivery, logging.INFO)
        sent, etag = found
        if status == DELIVERED:
            if sent.state != "failed":
                return _decided(Decision.SENT, delivery, logging.INFO)
            corrected = msgspec.structs.replace(sent, state="sent", why="reported as delivered")
            if store.report(corrected, etag, clock.now()):
                return _decided(Decision.SENT, delivery, logging.WARNING)
            continue
        if any(
            known.recipient == report.recipient and known.status == report.status for known in sent.reports
        ):
            return _decided(Decision.DUPLICATE, delivery, logging.INFO)
        now = clock.now()
        written = msgspec.structs.replace(sent, reports=(*sent.reports, report))
        lead = keys.address(report.recipient)
        id_ = ids.notice_id(sent.key, Kind.UNREACHABLE, lead, DEFAULT_AUDIENCE)
        notice = Notice(id_, Kind.UNREACHABLE, sent.key, DEFAULT_AUDIENCE, lead)
        # A mail about an address that does not work, and does not reach one, is logged, and that is the end.
        about_mail = all(member.kind in ABOUT_MAIL for member in sent.members)
        tell = None if about_mail else notice
        if store.report(written, etag, now, tell, keys.told_of_address(report.recipient, now)):
            return _decided(Decision.NEW, delivery, logging.ERROR)
    raise TableUnavailable(f"mail {delivery.operation_id} keeps changing")


def _decided(decision: Decision, delivery: DeliveryReport, level: int) -> Decision:
    report = delivery.report
    log_decision(
        decision,
        keys.sent(delivery.operation_id),
        level=level,
        delivery=report.status,
        recipient=report.recipient,
        why=report.detail,
    )
    return decision


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
