"""Cards, blocks and events: what each channel makes of the same news."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from ops import wire
from shared.audience import EMAIL, EMAIL_CHANNEL
from shared.channels import cloud_event, registry
from shared.channels.pagerduty import events
from shared.channels.slack import blocks
from shared.channels.slack.form import FORM as SLACK
from shared.channels.teams import card
from shared.channels.teams.form import FORM as TEAMS
from shared.events.run import RunPart
from shared.messages import telling
from shared.messages.branding import Branding
from shared.messages.brief import brief
from shared.messages.view import Link, View
from shared.notices.kinds import Kind
from testing.hostile import chats
from testing.hostile.emails import LETTERS, ReadEmail
from testing.hostile.failures import HOSTS
from testing.hostile.messages import hidden
from testing.processes import ROOT
from testing.samples import mails
from testing.samples.fleets import FLEET, RUN

LOOK = Branding(domain="contoso.example")
STORIES = {story.name: story for story in mails.stories()}
SINGLE = [name for name, story in STORIES.items() if len(story.mail.members) == 1]


@pytest.mark.parametrize("name", STORIES)
def test_every_kind_is_told(name: str) -> None:
    """Every kind of news fits into a card and into blocks, with its cluster, its headline and what to do."""
    story = STORIES[name]
    known = (story.mail, story.rows, mails.TEAM, LOOK)
    hosts = HOSTS | {"wiki.example.com", "portal.azure.com"}
    shown, said = TEAMS.compose(*known, recipient="Teams"), SLACK.compose(*known, recipient="Slack")
    chats.check_card(shown.content, hosts)
    chats.check_blocks(said.content, hosts)
    for made in (shown, said):
        assert made.subject
        assert made.subject in json.dumps(made.content, ensure_ascii=False).replace("\\\\", "")
    assert json.loads(shown.body) == shown.content


@pytest.mark.parametrize("name", SINGLE)
def test_every_kind_is_an_event(name: str) -> None:
    """Every kind of news is a CloudEvent by the schema, and something that PagerDuty takes."""
    story = STORIES[name]
    known = (story.mail, story.rows, mails.TEAM, LOOK)
    event = cloud_event.cloud_event(*known)
    chats.check_event(event)
    assert event["type"] == f"aks.maintenance.{story.mail.members[0].kind}"
    assert event["id"] == story.mail.operation_id
    chats.check_alert(events.alert(*known))
    chats.check_alert(events.change(*known))


@pytest.mark.parametrize("name", sorted(set(registry.NAMES) - {EMAIL_CHANNEL}))
def test_every_channel_is_complete(name: str) -> None:
    """A channel tells news to the target of its sample, has a stand-in, and is described by its field."""
    failed = STORIES["failed"]
    (made,) = wire.sent(name, [(failed, mails.TEAM, EMAIL)], LOOK)
    assert "prod-weu-1" in json.dumps(made)
    assert (ROOT / "testing" / "services" / f"{name}.py").exists()
    assert f"{name}:" in (ROOT / "docs" / "channels.md").read_text("utf-8")


def test_every_type_is_documented() -> None:
    """Who takes our events finds each type in the documentation."""
    text = (chats.SCHEMA.parents[1] / "events.md").read_text("utf-8")
    assert [kind for kind in Kind if f"`{kind}`" not in text] == []


def test_a_card_says_first_what_counts() -> None:
    """A failure's card opens with cluster, status, what one asks first, first steps; the rest is folded."""
    story = STORIES["failed"]
    made = card_of("failed")
    head, facts, *_ = made["body"]
    assert head["style"] == "attention"
    assert head["items"][0]["text"] == card.escaped("prod-weu-1 · Failed")
    titles = [fact["title"] for fact in facts["facts"]]
    assert titles == ["Where", "When", "Now", "Urgency", "Whose", "Blocked by"]
    seen = [element for element in made["body"] if element.get("isVisible", True)]
    hidden = [element for element in made["body"] if not element.get("isVisible", True)]
    words = json.dumps(seen)
    assert "cart-pdb" in words
    assert words.count("kubectl") == 2  # its context, and the first thing to look at
    assert "nodepool upgrade" in json.dumps(hidden)
    assert [action["title"] for action in made["actions"]] == [
        "Show or hide the rest",
        "Open the cluster in the Azure portal",
        "Your runbook",
        "Microsoft's guide to this failure",
    ]
    assert story.mail.members[0].kind == "failed"


@pytest.mark.slow
@given(st.text(st.sampled_from("1.a-+=|:)&lt;#*_`~[]()<>!\\ \n\t\xa0")))
@settings(max_examples=300, deadline=None)
@example("1. a\n- b\n2) c &lt; &#60; d\n===\n|a|b|\n:-|-:")
def test_texts_in_a_card_show_as_they_are(text: str) -> None:
    """Nothing in a text is read as Markdown: every character of it is shown, and none else."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    shown = "".join(
        "\n" if one.type in {"softbreak", "hardbreak"} else one.content
        for token in parser.parse(card.escaped(text))
        for one in (token.children or ())
    )
    assert "".join(shown.split()) == "".join(text.split())
    assert hidden(shown) == []


def card_of(name: str) -> dict[str, Any]:
    """Return a story's card."""
    story = STORIES[name]
    made = TEAMS.compose(story.mail, story.rows, mails.TEAM, LOOK, recipient="")
    card_: dict[str, Any] = made.content["attachments"][0]["content"]
    return card_


def test_alerts_open_and_close() -> None:
    """A failure triggers under a key of its maintenance; what completes it after all resolves that key."""
    failed, recovered = (STORIES[name] for name in ("failed", "completed-recovered"))
    trigger = events.alert(failed.mail, failed.rows, mails.TEAM, LOOK)
    resolve = events.alert(recovered.mail, recovered.rows, mails.TEAM, LOOK)
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"]
    assert trigger["payload"]["summary"].startswith("prod-weu-1: Node OS upgrade failed")
    assert trigger["payload"]["severity"] == "error"


def test_gates_and_members_have_alerts_of_their_own() -> None:
    """An answer to a gate resolves its alert, and that of no member that failed in the same run."""
    asked, answered, member = (STORIES[name] for name in ("gate", "gate-closed", "member-failed"))
    trigger = events.alert(asked.mail, asked.rows, mails.TEAM, LOOK)
    resolve = events.alert(answered.mail, answered.rows, mails.TEAM, LOOK)
    failed = events.alert(member.mail, member.rows, mails.TEAM, LOOK)
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"] != failed["dedup_key"]


def test_a_failure_that_its_run_tells_as_well_is_one_alert() -> None:
    """What a cluster reports of a member that failed adds to the alert of that, and names the run."""
    own, member = STORIES["failed"], STORIES["member-failed"]
    part = RunPart(FLEET.id, RUN, "prod", "all", "blue", has_failed=True)
    (told,) = own.mail.members
    mail = replace(own.mail, members=(replace(told, part=part),))
    failed = events.alert(member.mail, member.rows, mails.TEAM, LOOK)
    assert events.alert(mail, own.rows, mails.TEAM, LOOK)["dedup_key"] == failed["dedup_key"]
    run = cloud_event.cloud_event(mail, own.rows, mails.TEAM, LOOK)["data"]["run"]
    assert (run["name"], run["stage"], run["member"]) == (RUN, "prod", "blue")


def test_a_run_of_a_fleet_for_machines() -> None:
    """News of a run says which stage, member and gate; a member's failure bears its reason."""
    member, asked = (cloud_event.cloud_event(*told(name))["data"] for name in ("member-failed", "gate"))
    assert (member["run"]["stage"], member["run"]["member"]) == ("prod", "blue")
    assert member["failure"]["code"] == "UpgradeFailed"
    assert asked["run"]["gate"]["type"] == "Approval"


def told(name: str) -> tuple[Any, ...]:
    """Return what a channel makes a message of."""
    story = STORIES[name]
    return story.mail, story.rows, mails.TEAM, LOOK


def test_a_storm_fits() -> None:
    """A digest of a storm is split where it would not fit whole, and fits in parts."""
    story = STORIES["digest-storm"]
    known = (story.mail, story.rows, mails.TEAM, LOOK)
    assert 1 < TEAMS.count_fitting(*known) <= len(story.mail.members)
    assert 1 < SLACK.count_fitting(*known) <= len(story.mail.members)
    assert len(SLACK.compose(*known, recipient="").content["blocks"]) <= blocks.MAX_BLOCKS


def test_a_link_without_an_address_is_none() -> None:
    """What has no address to lead to is left out: Teams and Slack would refuse the whole message."""
    mail, rows, audience, branding = told("failed")
    view = telling.told(mail, rows, telling.context(mail, audience, branding))
    assert isinstance(view, View)
    assert all(link.url for link in brief(replace(view, portal=Link("Nowhere", ""))).links)


@pytest.mark.slow
@given(LETTERS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_hostile_texts_are_only_text(letter: ReadEmail) -> None:
    """Whatever names and details hold, cards and blocks show it as text, and events are by the schema."""
    chats.check_letter(letter)
