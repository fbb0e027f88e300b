"""A switch of mail service: the old one is asked about mails in doubt, or they say they may be repeats."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import pytest

from ops.ownership import in_doubt
from shared.app import Notifier, open_channels
from shared.settings import load
from shared.store.table import Operation, Verb
from testing.mail_endpoint import Fault, MailEndpoint
from testing.memory_table import MemoryTable
from testing.samples.payloads import event
from testing.smtp_server import SmtpServer
from testing.world import NOW, SETTINGS, StoppedClock

if TYPE_CHECKING:
    from collections.abc import Iterator

REPEAT = "may be a repeat"


class Switched:
    """An app on one table that changes its mail service."""

    def __init__(self) -> None:
        self.clock = StoppedClock()
        self.table = MemoryTable(self.clock.now)

    def app(self, **settings: str) -> Notifier:
        """Start the app with these settings of mail."""
        config = load(SETTINGS | {"EMAIL_FOLDER": "", "STILL_RUNNING_AFTER": "0s", **settings})
        return Notifier(config, self.table, open_channels(config), self.clock)

    def settle(self, app: Notifier, minutes: int = 60) -> None:
        """Sweep every few minutes."""
        for _ in range(0, minutes, 3):
            self.clock.forward(minutes=3)
            app.delivery.sweep()


@pytest.fixture
def old() -> Iterator[MailEndpoint]:
    """Run the old service."""
    with MailEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    """Run the new one."""
    with SmtpServer() as running:
        yield running


def _text(content: bytes) -> str:
    part = message_from_bytes(content, policy=policy.default).get_body(("plain",))
    assert part is not None
    return " ".join(str(part.get_content()).split())


@pytest.mark.parametrize("release", ["", "0.1"])
@pytest.mark.parametrize("status", ["Failed", "Started"])
@pytest.mark.parametrize("fault", ["lost", "drop"])
def test_old_service_is_asked(
    old: MailEndpoint, relay: SmtpServer, fault: str, status: str, release: str
) -> None:
    """What the old service took is not sent again; what it never saw goes out by the new one, once."""
    world = Switched()
    before = world.app(EMAIL_CONNECTION_STRING=old.connection_string)
    old.script(Fault(kind=fault))
    before.intake.take(event(status, NOW))
    world.clock.forward(minutes=1)
    before.delivery.sweep()
    if release:  # whose rows do not say by which service a mail left
        for key in world.table.keys("work:2"):
            row = world.table.get(key)
            assert row is not None
            values = {name: value for name, value in row.values.items() if name != "bound"}
            world.table.commit([Operation(Verb.DELETE, key)])
            world.table.commit([Operation(Verb.INSERT, key, values)])
    after = world.app(EMAIL_SMTP_URL=relay.url, EMAIL_PREVIOUS=old.connection_string)
    world.settle(after)
    if release and fault == "drop" and status == "Started":
        return  # by a relay, which cannot be asked, it is not sent in doubt
    assert (len(old.mails), len(relay.messages)) == ((1, 0) if fault == "lost" else (0, 1))
    assert release or all(REPEAT not in _text(message.content) for message in relay.messages)
    assert world.table.keys("work:2") == []
    assert len([request for request in old.requests if request.method == "POST"]) == 1


@pytest.mark.parametrize("fault", ["lost", "drop"])
@pytest.mark.parametrize("status", ["Failed", "Started"])
def test_old_service_is_gone(old: MailEndpoint, relay: SmtpServer, status: str, fault: str) -> None:
    """Without its settings a mail in doubt goes out by the new service and says that it may be a repeat."""
    world = Switched()
    before = world.app(EMAIL_CONNECTION_STRING=old.connection_string)
    old.script(Fault(kind=fault))
    before.intake.take(event(status, NOW))
    world.clock.forward(minutes=1)
    before.delivery.sweep()
    world.settle(world.app(EMAIL_SMTP_URL=relay.url))
    assert [REPEAT in _text(message.content) for message in relay.messages] == [True]
    assert world.table.keys("work:2") == []


def test_repeat_is_told_as_one_however_late(old: MailEndpoint, relay: SmtpServer) -> None:
    """What the old service may have taken says that it may be a repeat, also after hours without service."""
    world = Switched()
    before = world.app(EMAIL_CONNECTION_STRING=old.connection_string)
    old.script(Fault(kind="lost"))
    before.intake.take(event("Failed", NOW))
    with MailEndpoint() as new:
        new.fault_for = lambda _: Fault(kind="429", retry_after="600")
        world.settle(after := world.app(EMAIL_CONNECTION_STRING=new.connection_string), 180)
        assert new.mails == []
        new.fault_for = lambda _: None
        world.settle(after, 30)
        (mail,) = new.mails
    assert REPEAT in " ".join(str(mail.body["content"]["plainText"]).split())


def test_old_service_does_not_answer(old: MailEndpoint, relay: SmtpServer) -> None:
    """As long as the old service gives no answer, a mail in doubt waits, and others go out."""
    world = Switched()
    before = world.app(EMAIL_CONNECTION_STRING=old.connection_string)
    old.script(Fault(kind="lost"))
    before.intake.take(event("Failed", NOW))
    assert list(in_doubt(world.table).values()) == [1]
    after = world.app(EMAIL_SMTP_URL=relay.url, EMAIL_PREVIOUS=old.connection_string)
    old.script(*["500"] * 3, on="GET")
    after.intake.take(event("Failed", NOW, name="other"))
    world.settle(after, 9)
    assert len(relay.messages) == 1
    world.settle(after, 120)
    assert (len(old.mails), len(relay.messages)) == (1, 1)
    assert in_doubt(world.table) == {}


@pytest.mark.parametrize(("fault", "posts"), [("lost", 1), ("drop", 2)])
def test_same_service_in_other_words(old: MailEndpoint, fault: str, posts: int) -> None:
    """An endpoint that is only written otherwise is no switch: it is asked, and no mail tells of a repeat."""
    world = Switched()
    old.script(Fault(kind=fault))
    before = world.app(EMAIL_CONNECTION_STRING=old.connection_string)
    before.intake.take(event("Failed", NOW))
    written = old.connection_string.replace("http:", "HTTP:").replace("/;", ";")
    assert written != old.connection_string
    world.settle(world.app(EMAIL_CONNECTION_STRING=written))
    assert (len(old.mails), len(old.posts)) == (1, posts)
    assert len({request.body for request in old.posts}) == 1


def test_throttled_mail_needs_no_question(old: MailEndpoint, relay: SmtpServer) -> None:
    """A mail that was surely not taken goes out by the new service, from the sender of now, unasked."""
    world = Switched()
    before = world.app(EMAIL_CONNECTION_STRING=old.connection_string)
    old.script(Fault(kind="429", retry_after="60"))
    before.intake.take(event("Failed", NOW))
    after = world.app(EMAIL_SMTP_URL=relay.url, EMAIL_FROM="new@example.com")
    world.settle(after, 12)
    (message,) = relay.messages
    assert message.sender == "new@example.com"
    assert REPEAT not in _text(message.content)
    assert [request.method for request in old.requests] == ["POST"]
