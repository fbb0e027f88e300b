"""What becomes of a message, by what each service answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks.webhooks import Webhook

from shared.channels.cloud_event import cloud_event
from shared.channels.email.compose import compose
from shared.channels.email.graph import GraphMailer
from shared.channels.eventgrid.topic import Topic as EventGridTopic
from shared.channels.http import Door
from shared.channels.outcomes import (
    Accepted,
    Gone,
    OperationState,
    Outcome,
    Refused,
    Throttled,
    Timeouts,
    Unavailable,
    Unknown,
)
from shared.channels.pagerduty import api as pagerduty
from shared.channels.slack import api as slack
from shared.channels.teams import webhook as teams
from shared.channels.webhook import signature
from shared.messages.branding import Branding
from testing.arm_endpoint import TOKEN, Tokens
from testing.samples import mails
from testing.services.eventgrid import Topic
from testing.services.graph import MAILBOX, Graph
from testing.services.pagerduty import KEY, PagerDuty
from testing.services.slack import CHANNEL, Slack
from testing.services.slack import TOKEN as SLACK_TOKEN
from testing.services.stand_in import Fault
from testing.services.teams import Teams
from testing.services.webhook import SECRET

if TYPE_CHECKING:
    from pathlib import Path

    from shared.channels.email.email import Email

DOOR = Door(allows_loopback=True)
QUICK = Timeouts(0.5, 0.5)
PATIENT = Timeouts(5, 5)
ID = "00000000-0000-5000-8000-000000000001"

FAULTS = [
    ("drop", Unknown),
    ("lost", Unknown),
    ("500", Unknown),
    ("accept504", Unknown),
    (Fault(kind="429", retry_after="7"), Throttled),
    ("400", Refused),
    ("413", Refused),
    ("401", Unavailable),
    ("403", Unavailable),
    ("302", Unavailable),
]


@pytest.mark.parametrize(("fault", "expected"), [*FAULTS, ("404", Gone), ("410", Gone)])
def test_teams(fault: Fault | str, expected: type[Outcome]) -> None:
    """A workflow that says 202 has taken the card; what is said otherwise holds no secret of its address."""
    with Teams() as service:
        body = b'{"type": "message", "attachments": [{"content": {"type": "AdaptiveCard"}}]}'
        assert isinstance(teams.post(DOOR, service.webhook, body, QUICK), Accepted)
        assert len(service.posted) == 1
        service.script(fault)
        outcome = teams.post(DOOR, service.webhook, body, QUICK)
        assert type(outcome) is expected
        assert "secret" not in repr(outcome)
        if isinstance(outcome, Throttled):
            assert outcome.retry_after == 7
        off = '{"error": {"code": "WorkflowTriggerIsNotEnabled", "message": "trigger is not enabled."}}'
        service.script(Fault(kind="400", message=off))
        assert isinstance(teams.post(DOOR, service.webhook, body, QUICK), Gone)


def test_no_connection() -> None:
    """Where no connection can be made, the service is unavailable: what was not sent may go again."""
    assert isinstance(teams.post(DOOR, "http://127.0.0.1:1/x", b"", QUICK), Unavailable)


def call(service: Slack, token: str = SLACK_TOKEN, **content: Any) -> slack.Posted | slack.NoThread | Outcome:
    """Post a message."""
    made = {"channel": CHANNEL, "text": "hello", **content}
    return slack.call(DOOR, f"{service.api}/chat.postMessage", token, made, QUICK)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("channel_not_found", Gone),
        ("is_archived", Gone),
        ("invalid_auth", Unavailable),
        ("token_revoked", Unavailable),
        ("missing_scope", Unavailable),
        ("restricted_action", Gone),
        ("msg_too_long", Refused),
        ("no_text", Refused),
        ("ratelimited", Throttled),
        ("msg_blocks_too_long", Refused),
        ("invalid_blocks", Refused),
        ("something_new", Refused),
        ("fatal_error", Unknown),
        ("internal_error", Unknown),
    ],
)
def test_slack_says_no_with_200(word: str, expected: type[Outcome]) -> None:
    """Slack answers 200 whatever happens: its word says what did."""
    with Slack() as service:
        posted = call(service)
        assert isinstance(posted, slack.Posted)
        assert posted.ts in service.messages
        service.refusals.append(word)
        outcome = call(service)
        assert type(outcome) is expected
        if isinstance(outcome, Throttled):
            assert outcome.retry_after == 7
        assert len(service.messages) == 1


@pytest.mark.parametrize(("fault", "expected"), [*FAULTS, ("accept200", Unknown)])
def test_slack_on_its_way(fault: Fault | str, expected: type[Outcome]) -> None:
    """What answers in Slack's place is judged by its status; a 200 that is not Slack's leaves it open."""
    with Slack() as service:
        service.script(fault)
        outcome = call(service)
        assert type(outcome) is expected
        assert SLACK_TOKEN not in repr(outcome)


def test_slack_webhook() -> None:
    """An incoming webhook says `ok`, or with a status and a word why not."""
    with Slack() as service:
        assert isinstance(slack.post_webhook(DOOR, service.webhook, b'{"text": "hello"}', QUICK), Accepted)
        for word in ("no_service", "channel_is_archived"):
            service.channels[CHANNEL] = word
            assert isinstance(slack.post_webhook(DOOR, service.webhook, b'{"text": "x"}', QUICK), Gone)
        assert isinstance(slack.post_webhook(DOOR, service.webhook, b"{}", QUICK), Refused)


@pytest.mark.parametrize(("fault", "expected"), FAULTS)
def test_pagerduty(fault: Fault | str, expected: type[Outcome]) -> None:
    """PagerDuty says 202; what is wrong with an event is refused, a key that it does not know is gone."""
    event = {"event_action": "resolve", "dedup_key": "aks/1/2"}
    with PagerDuty() as service:
        assert isinstance(pagerduty.enqueue(DOOR, service.url, KEY, event, QUICK), Accepted)
        unknown = pagerduty.enqueue(DOOR, service.url, KEY[::-1], event, QUICK)
        assert isinstance(unknown, Gone)
        assert KEY[::-1] not in repr(unknown)
        change = {"payload": {"summary": "x"}}
        assert isinstance(pagerduty.enqueue(DOOR, service.url, KEY, change, QUICK), Accepted)
        assert isinstance(pagerduty.enqueue(DOOR, service.url, KEY, {"payload": {}}, QUICK), Refused)
        service.script(fault)
        assert type(pagerduty.enqueue(DOOR, service.url, KEY, event, QUICK)) is expected


@pytest.mark.parametrize(("fault", "expected"), [*FAULTS, ("404", Gone), ("410", Gone)])
def test_event_grid(
    fault: Fault | str, expected: type[Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A topic that says 200 has the event for good; each call is one request, whatever is answered."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    story = mails.stories()[0]
    event = cloud_event(story.mail, story.rows, mails.TEAM, Branding(domain="contoso.example"))
    with Topic(tmp_path / "ca.pem") as service:
        topic = EventGridTopic(service.endpoint, Tokens())
        assert isinstance(topic.publish(event, PATIENT), Accepted)
        (published,) = service.events
        assert published["id"] == event["id"]
        assert published["data"] == event["data"]
        service.script(fault)
        outcome = topic.publish(event, PATIENT)
        assert type(outcome) is expected
        assert TOKEN not in repr(outcome)
        assert len(service.requests) == 2


def test_signatures() -> None:
    """Headers verify with the package for that, under each secret of a rotation; a repeat keeps its id."""
    body, now = b'{"hello": "world"}', int(time.time())
    other = "whsec_" + "QUJD" * 8
    made = signature.headers(f"{SECRET} {other}", ID, now, body)
    for secret in (SECRET, other):
        Webhook(secret).verify(body, made)
    again = signature.headers(SECRET, ID, now + 1, body)
    assert again["webhook-id"] == made["webhook-id"]
    assert again["webhook-signature"] not in made["webhook-signature"]
    for wrong in ("", "whsec_", "whsec_not base64!", "ä"):
        with pytest.raises(ValueError, match="form whsec_"):
            signature.keys_of(wrong)


def email() -> Email:
    """Make one."""
    story = mails.stories()[0]
    return compose(story.mail, story.rows, mails.TEAM, Branding(domain="contoso.example"))


def graph(service: Graph) -> GraphMailer:
    """Make the mailer."""
    return GraphMailer(DOOR, service.url, MAILBOX, lambda: TOKEN)


GRAPH_FAULTS = [*FAULTS, ("404", Unavailable), (Fault(kind="accept202", retry_after="120"), Accepted)]


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "expected"), GRAPH_FAULTS)
def test_graph(fault: Fault | str, expected: type[Outcome]) -> None:
    """The mail leaves as a relay would get it; 202 is success whatever it carries, a 504 leaves it open."""
    with Graph() as service:
        assert isinstance(graph(service).send(email(), ID, QUICK), Accepted)
        (sent,) = service.mails
        assert sent["From"] == MAILBOX
        assert sent["Subject"] == email().subject
        assert sent["Message-ID"] == email().message_id
        text = sent.get_body(("plain",))
        assert text is not None
        assert text.get_content().split() == email().text.split()
        service.script(fault)
        assert type(graph(service).send(email(), ID, QUICK)) is expected


def test_graph_without_a_token() -> None:
    """Without a token nothing is sent; what is said of it does not repeat the identity's words."""

    def token() -> str:
        raise RuntimeError("secret")

    outcome = GraphMailer(DOOR, "http://127.0.0.1:1", MAILBOX, token).send(email(), ID, QUICK)
    assert outcome == Unavailable("nothing was sent: no token: RuntimeError")


def test_graph_drafts_can_be_asked() -> None:
    """A draft is made, sent, and says whether it was, with whatever became of the answer."""
    with Graph() as service:
        mailer = graph(service)
        id_ = mailer.draft(email(), ID, QUICK)
        assert isinstance(id_, str)
        assert not service.mails
        assert mailer.status_of_draft(id_, QUICK).state is OperationState.NEVER_SEEN
        service.script("accept504")
        assert isinstance(mailer.send_draft(id_, QUICK), Unknown)
        service.is_moving.add(id_)
        assert mailer.status_of_draft(id_, QUICK).state is OperationState.NO_ANSWER
        service.is_moving.clear()
        assert mailer.status_of_draft(id_, QUICK).state is OperationState.ACCEPTED
        assert isinstance(mailer.send_draft(id_, QUICK), Unknown)  # sent already: asking says so
        assert len(service.mails) == 1
        service.script("500")
        assert isinstance(mailer.draft(email(), ID, QUICK), Unavailable)
        service.script("500")
        assert mailer.status_of_draft(id_, QUICK).state is OperationState.NO_ANSWER
