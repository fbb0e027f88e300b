"""Delivery reports of Azure Communication Services: which addresses do not work.

The service tells of each recipient by itself, as an Event Grid event. `messageId` is the Operation-Id, so the
mail is found by its key. Documentation and the one captured report spell the timestamp in two ways.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared import keys, timestamps
from shared.audience import default_notice
from shared.decision_log import log_decision
from shared.delivery.rejection import reject
from shared.notices.kinds import ABOUT_MAIL, Decision, Kind
from shared.notices.records import RecipientReport
from shared.store.table import TableUnavailable
from shared.text import GUID, fact

if TYPE_CHECKING:
    from shared.clock import Clock
    from shared.store.protocol import Store

log = logging.getLogger("notifier")

EVENT_TYPE = "Microsoft.Communication.EmailDeliveryReportReceived"

DELIVERED = "delivered"
FAILURES = frozenset({"bounced", "suppressed", "quarantined", "filteredspam", "failed"})
"""What counts as not reached. `Expanded` is a distribution list taken apart on the way: no failure."""

SETTLING = timedelta(minutes=10)
"""How long a report may come before its mail is settled; until then Event Grid is to deliver it again. By the
table's clock, and for a report from the future since it was first seen."""

_MAX_ATTEMPTS = 4
_MAX_CHARACTERS = 500


class DeliveryReport(msgspec.Struct, frozen=True):
    """What became of a mail for one recipient."""

    operation_id: str
    report: RecipientReport
    time: datetime | None
    """When it was made; None where it does not say."""


class ReportError(ValueError):
    """A delivery report that cannot be understood; the message says why."""


class Stranger(ValueError):  # noqa: N818 - says what it is
    """An event that is no delivery report; the message says what it is."""


def parse(text: str) -> list[tuple[str, DeliveryReport | ReportError | Stranger]]:
    """Return what a delivery says, in either schema: one report, or an array of them.

    Each comes with its own text; for an element that is no report, the reason comes in its place.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        return [(text, ReportError(f"not JSON: {error}"))]
    if not isinstance(body, list):
        return [(text, _read(body))]
    return [(json.dumps(element), _read(element)) for element in body]


def _read(body: object) -> DeliveryReport | ReportError | Stranger:
    try:
        return _report(body)
    except (ReportError, Stranger) as error:
        return error


def _report(body: object) -> DeliveryReport:
    if not isinstance(body, dict):
        raise ReportError("a report is a JSON object")
    kind = body.get("type") or body.get("eventType")
    if not isinstance(kind, str):
        raise ReportError("no event type")
    if kind.lower() != EVENT_TYPE.lower():
        raise Stranger(f"event type {kind[:200]!r} is no delivery report")
    data = body.get("data")
    if not isinstance(data, dict):
        raise ReportError("no data")
    for name in ("messageId", "recipient", "status"):
        if not isinstance(data.get(name), str) or not data[name]:
            raise ReportError(f"no data.{name}")
    if not GUID.fullmatch(data["messageId"]):
        raise ReportError(f"data.messageId is {data['messageId'][:100]!r}, and no id of an operation")
    details = data.get("deliveryStatusDetails")
    message = details.get("statusMessage") if isinstance(details, dict) else details
    named = {str(key).lower(): value for key, value in data.items()}
    times = (named.get("deliveryattempttimestamp"), body.get("time"), body.get("eventTime"))
    recipient, status, detail = (
        fact(str(value or ""))[:_MAX_CHARACTERS] for value in (data["recipient"], data["status"], message)
    )
    time = next(filter(None, map(timestamps.parse, times)), None)
    return DeliveryReport(data["messageId"].lower(), RecipientReport(recipient, status, detail), time)


def take(store: Store, clock: Clock, text: str) -> list[Decision]:
    """Take a delivery of reports; return the decision about each.

    An address that was not reached is written down with its mail and told to the default audience, once a
    day; a report that cannot be read is kept. Raises TableUnavailable, so that Event Grid delivers again,
    also where a mail is not settled yet; the other reports of the delivery are taken all the same.
    """
    decisions: list[Decision] = []
    unavailable: TableUnavailable | None = None
    for raw, report in parse(text):
        try:
            decisions.append(_take(store, clock, raw, report))
        except TableUnavailable as error:
            unavailable = error
    if unavailable is not None:
        raise unavailable
    return decisions


def _take(store: Store, clock: Clock, raw: str, report: DeliveryReport | ReportError | Stranger) -> Decision:
    if isinstance(report, Stranger):
        log_decision(Decision.IGNORED, keys.digest(raw), level=logging.ERROR, why=str(report))
        return Decision.IGNORED
    if isinstance(report, ReportError):
        return reject(store, raw, f"no delivery report: {report}", clock.now())
    try:
        return _write_down(store, clock, report)
    except TableUnavailable:
        raise
    except Exception as error:
        # Delivered again it would fail again.
        log.exception("a delivery report could not be written down")
        return reject(store, raw, f"could not be written down: {error!r}", clock.now())


def _write_down(store: Store, clock: Clock, delivery: DeliveryReport) -> Decision:
    report = delivery.report
    status = report.status.lower()
    if status not in FAILURES | {DELIVERED}:
        return _decided(Decision.IGNORED, delivery, logging.INFO)
    for _ in range(_MAX_ATTEMPTS):
        found = store.sent(delivery.operation_id)
        if found is None:
            if status != DELIVERED and store.age_of_report(delivery.operation_id, delivery.time) < SETTLING:
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
        notice = default_notice(Kind.UNREACHABLE, sent.key, lead)
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
