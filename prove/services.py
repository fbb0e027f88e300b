"""All that a run's messages go to: stand-ins for the services, and what arrived there, and when."""

from __future__ import annotations

import base64
import logging
import time
from contextlib import ExitStack
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import unquote

from prove import chat_reader, mail_reader
from prove.audiences import MailWay
from prove.mail_reader import Telling
from shared import keys
from shared.messages.phrases import REPEAT
from testing.mail_endpoint import MailEndpoint, Moment
from testing.samples.payloads import guid
from testing.services.graph import Graph
from testing.services.pagerduty import PagerDuty
from testing.services.slack import Slack
from testing.services.teams import Teams
from testing.services.together import Together
from testing.services.webhook import Hook
from testing.smtp_server import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prove.schedules import Schedule
    from shared.notices.records import SentMail
    from testing.fault_proxy import Request
    from testing.services.stand_in import Got
    from testing.smtp_server import Certificate


class Arrived(NamedTuple):
    """A message that a service took."""

    operation_id: str
    target: str
    tellings: frozenset[Telling]
    is_repeat: bool
    """Whether it says that it may be one."""
    form: str
    at: float
    """By the monotonic clock."""


class Services:
    """A context manager. What arrived is kept as it came, and read when all is over."""

    def __init__(self, schedule: Schedule, certificate: Certificate) -> None:
        self.schedule = schedule
        self.endpoint = MailEndpoint(schedule.mail.of_endpoint)
        self.endpoint.hook = self._mailed
        self.relay = SmtpServer(certificate, tls="starttls") if schedule.mail is MailWay.RELAY else None
        self.graph = Graph(takes_any_token=True)
        self.pagerduty, slack = PagerDuty(), Slack()
        self.pagerduty.keys = {place.integration for place in schedule.places}
        slack.channels = {place.said: "" for place in schedule.places}
        services = {
            "/hooks": Hook(),
            "/workflows": Teams(),
            "/api": slack,
            "/v2": self.pagerduty,
            "/v1.0": self.graph,
        }
        self.together = Together(services, self._taken)
        self._came: list[Arrived] = []
        self._mailed_at: dict[str, float] = {}
        self._clusters = {
            keys.history(guid(one.cluster))[len("event:") : -1]: one.cluster for one in schedule.deliveries
        }
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # a line for each request, otherwise
        for service in (self.endpoint, self.together, self.relay):
            if service is not None:
                self._stack.enter_context(service)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def relayed(self, content: bytes) -> None:
        """Take note of a message that the relay took."""
        self._came.append(_of_mime(content, time.monotonic()))

    def arrived(self, fates: Mapping[str, SentMail]) -> tuple[Arrived, ...]:
        """Return what arrived, in order; what does not say which operation it is of is known by its news."""
        known = dict(self._known(fates))
        mailed = (
            _mail(mail.operation_id, mail.to[0], mail.subject, text, self._mailed_at[mail.operation_id])
            for mail in self.endpoint.mails
            for text in [str(mail.body["content"]["plainText"])]
        )
        return (
            *mailed,
            *(
                one._replace(operation_id=one.operation_id or known.get((one.target, one.tellings), ""))
                for one in self._came
            ),
        )

    def forms(self, arrived: Iterable[Arrived]) -> dict[str, int]:
        """Count in how many forms each operation was handed over."""
        forms: dict[str, set[str | bytes]] = {}
        for request in self.endpoint.posts:
            forms.setdefault(request.operation_id, set()).add(request.body)
        for one in arrived:
            if one.operation_id not in self._mailed_at:
                forms.setdefault(one.operation_id, set()).add(one.form)
        return {operation: len(bodies) for operation, bodies in forms.items()}

    def operations(self, requests: Iterable[Request], fates: Mapping[str, SentMail]) -> Iterator[str]:
        """Name the operations of requests, as far as they can be told."""
        known = dict(self._known(fates))
        for request in requests:
            if "Operation-Id" in request.headers:
                yield request.headers["Operation-Id"]
            elif request.path.startswith("/v1.0/") or not request.path:
                if body := request.body or self._draft(request.path):
                    mime = base64.b64decode(body) if request.path else body
                    yield _of_mime(mime, 0).operation_id
            elif said := chat_reader.read(self.schedule.places, request.path, request.body, self._clusters):
                yield said.operation_id or known.get((said.place.key, said.tellings), "")

    def _draft(self, path: str) -> bytes:
        """Return the mail of a draft that a request sends; empty for any other request."""
        before, _, last = path.rpartition("/")
        id_ = unquote(before.rpartition("/")[2]) if last == "send" else ""
        return self.graph.drafts.get(id_) or self.graph.sent.get(id_, b"")

    def _known(self, fates: Mapping[str, SentMail]) -> Iterator[tuple[tuple[str, frozenset[Telling]], str]]:
        clusters = {one.key: one.cluster for one in self.schedule.deliveries}
        for operation, fate in fates.items():
            tellings = (
                Telling(fate.audience, member.kind, clusters.get(member.key, ""), fate.target)
                for member in fate.members
            )
            yield (fate.target, frozenset(tellings)), operation

    def _mailed(self, moment: Moment, request: Got) -> None:
        if moment is Moment.AFTER and request.taken:
            self._mailed_at.setdefault(request.operation_id, time.monotonic())

    def _taken(self, got: Got, at: float) -> None:
        if got.path.startswith("/v1.0/"):
            self._came.append(_of_mime(bytes(self.graph.mails[-1]), at))
        elif said := chat_reader.read(self.schedule.places, got.path, got.body, self._clusters):
            came = Arrived(said.operation_id, said.place.key, said.tellings, said.is_repeat, said.form, at)
            self._came.append(came)


def _of_mime(content: bytes, at: float) -> Arrived:
    message = message_from_bytes(content, policy=policy.default)
    plain = message.get_body(("plain",))
    text = str(plain.get_content()) if plain is not None else ""
    operation = str(message["Message-ID"]).strip("<>").partition("@")[0]
    address = message["To"].addresses[0].addr_spec
    return _mail(operation, address, str(message["Subject"]), text, at)


def _mail(operation: str, address: str, subject: str, text: str, at: float) -> Arrived:
    is_repeat = REPEAT.partition(":")[0] in " ".join(text.split())
    return Arrived(operation, "", mail_reader.read(address, subject, text), is_repeat, text, at)
