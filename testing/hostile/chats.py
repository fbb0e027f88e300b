"""What channels make of a hostile mail: cards, blocks and events, read by somebody else's code."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from markdown_it import MarkdownIt

from shared.channels import cloud_event
from shared.channels.pagerduty import events
from shared.channels.slack import blocks
from shared.channels.slack.form import FORM as SLACK
from shared.channels.teams import card
from shared.channels.teams.form import FORM as TEAMS
from shared.channels.teams.form import MAX_BYTES
from shared.messages import telling
from testing.hostile import InputVerdict
from testing.hostile.emails import frozen
from testing.hostile.failures import HOSTS
from testing.hostile.messages import hidden
from testing.services import pagerduty
from testing.services.slack import is_block

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from testing.hostile.emails import ReadEmail

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "aks.maintenance-1.schema.json"

_PLAIN_TOKENS = {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "softbreak"}
_LINK_TOKENS = {"link_open", "link_close"}


@cache
def schema() -> Draft202012Validator:
    """Return what checks our events."""
    return Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")), format_checker=FormatChecker())


def check_letter(letter: ReadEmail) -> InputVerdict:
    """Check that every channel makes something of anything: bounded, the same again, and only text."""
    mail, rows = frozen(letter)
    runbook = urlsplit(letter.audience.runbook).hostname
    hosts = HOSTS | {letter.branding.portal} | ({runbook} if runbook else set())
    known = (mail, rows, letter.audience, letter.branding)
    for plain in (
        TEAMS.compose_plain(*known, letter.why, recipient=""),
        SLACK.compose_plain(*known, letter.why, recipient=""),
    ):
        (check_card if "attachments" in plain.content else check_blocks)(plain.content, hosts)
    try:
        telling.told(mail, rows, telling.context(mail, letter.audience, letter.branding))
    except (ValueError, LookupError, TypeError):
        return InputVerdict(("plain",))
    check_card(TEAMS.compose(*known, recipient="").content, hosts)
    check_blocks(SLACK.compose(*known, recipient="").content, hosts)
    assert TEAMS.compose(*known, recipient="").body == TEAMS.compose(*known, recipient="").body
    if len(mail.members) > 1:
        for count in (TEAMS.count_fitting(*known), SLACK.count_fitting(*known)):
            assert 1 <= count <= len(mail.members)
        return InputVerdict(("digest",), len(TEAMS.compose(*known, recipient="").body))
    event = cloud_event.cloud_event(*known)
    for one in (event, cloud_event.cloud_event(*known, plain=letter.why)):
        check_event(one)
    for alert in (events.alert(*known), events.plain_alert(mail, rows, letter.why), events.change(*known)):
        check_alert(alert)
    return InputVerdict(("single",), len(json.dumps(event)))


def check_card(content: dict[str, Any], hosts: AbstractSet[str]) -> None:
    """Check a message for Teams: small enough, and in it only text and links to these hosts."""
    assert len(json.dumps(content, ensure_ascii=False).encode()) <= MAX_BYTES + 2_000  # blanks of this form
    made = content["attachments"][0]["content"]
    assert (made["type"], made["version"]) == ("AdaptiveCard", "1.4")
    assert len(made.get("actions", ())) <= card.MAX_ACTIONS
    for element in _elements(made):
        for name in ("text", "title", "value", "fallbackText"):
            if isinstance(text := element.get(name), str):
                assert hidden(text) == []
        if element.get("type") == "TextBlock":
            _check_markdown(element["text"], hosts)
        if "value" in element:
            _check_markdown(element["value"], set())
        if "url" in element:
            _check_link(element["url"], hosts)


def check_blocks(content: dict[str, Any], hosts: AbstractSet[str]) -> None:
    """Check a message for Slack: within its limits, nothing mrkdwn but the fallback, which is escaped."""
    assert blocks.fits(content)
    assert all(map(is_block, content["blocks"]))
    assert not set(re.sub("&(amp|lt|gt);", "", content["text"])) & set("&<>")
    for element in _elements(content):
        assert element.get("type") != "mrkdwn"
        if isinstance(text := element.get("text"), str):
            assert hidden(text) == []
        if "url" in element:
            _check_link(element["url"], hosts)


def check_event(event: dict[str, Any]) -> None:
    """Check a CloudEvent: by its schema, and small enough for a webhook."""
    schema().validate(event)
    assert len(json.dumps(event, ensure_ascii=False).encode("utf-8")) <= cloud_event.MAX_BYTES + 2_000
    for element in _elements(event):
        for name, value in element.items():
            if isinstance(value, str):
                assert hidden(value.replace("\n", "").replace("\t", "")) == [], name


def check_alert(alert: dict[str, Any]) -> None:
    """Check an event for PagerDuty: within its limits."""
    assert len(json.dumps(alert)) <= pagerduty.MAX_BYTES
    if "event_action" in alert:
        assert 0 < len(alert["dedup_key"]) <= 255
        assert alert["dedup_key"].isascii()
    if alert.get("event_action") != "resolve":
        assert 0 < len(alert["payload"]["summary"]) <= events.MAX_SUMMARY_CHARACTERS
        assert alert["payload"]["source"]


def _elements(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from _elements(value)
    elif isinstance(part, list):
        for value in part:
            yield from _elements(value)


def _check_markdown(text: str, hosts: AbstractSet[str]) -> None:
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        for one in (token, *(token.children or ())):
            allowed = one.type in _PLAIN_TOKENS or (hosts and one.type in _LINK_TOKENS)
            assert allowed, (one.type, text)
            if one.type == "link_open":
                _check_link(str(one.attrs["href"]), hosts)


def _check_link(link: str, hosts: AbstractSet[str]) -> None:
    address = urlsplit(link)
    assert (address.scheme, address.username, address.port) == ("https", None, None), link
    assert address.hostname in hosts, link
