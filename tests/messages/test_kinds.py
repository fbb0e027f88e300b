"""Kinds of notices: whatever there is to tell, each way of telling knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from shared.channels.email.compose import Branding, compose, compose_plain
from shared.channels.email.folder import FolderMailer
from shared.channels.email.rendering import COLOURS
from shared.channels.outcomes import Timeouts
from shared.events.model import Status
from shared.messages.presentation import PRESENTATION, RANK, presentation
from shared.notices.kinds import TRAITS, Kind, kind_of, kinds_of
from testing.samples import mails

if TYPE_CHECKING:
    from pathlib import Path

LOOK = Branding(domain="contoso.example")


def a_story(kind: Kind) -> mails.Story:
    """Return the sample mail of one thing that tells this kind."""
    return next(one for one in mails.stories() if [member.kind for member in one.mail.members] == [kind])


def with_all_kinds(*kinds: Kind) -> mails.Story:
    """Return one mail that tells a thing of each of these kinds."""
    stories = [a_story(kind) for kind in kinds]
    members = tuple(story.mail.members[0] for story in stories)
    rows = {key: row for story in stories for key, row in story.rows.items()}
    return mails.Story("all", msgspec.structs.replace(stories[0].mail, members=members), rows)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_stands_in_the_tables(kind: Kind) -> None:
    """What a kind is, and how it presents itself, is said for each."""
    assert kind in TRAITS
    assert kind in PRESENTATION


@pytest.mark.parametrize("kind", Kind)
def test_single_mail(kind: Kind) -> None:
    """A mail about one thing tells each kind, in words made for it and in its tone."""
    told = a_story(kind)
    email = compose(told.mail, told.rows, mails.TEAM, LOOK)
    headers = dict(email.headers)
    assert headers["X-AKS-Notice"] == kind
    assert headers["X-AKS-Tone"] in {presentation(kind).tone, "failed"}
    assert "plain form" not in email.text


@pytest.mark.parametrize("kind", Kind)
def test_digest(kind: Kind) -> None:
    """A digest tells each kind: counted at the top, under a heading, one item for each thing."""
    other = Kind.COMPLETED if kind is not Kind.COMPLETED else Kind.FAILED
    told = with_all_kinds(other, kind)
    email = compose(told.mail, told.rows, mails.TEAM, LOOK)
    assert presentation(kind).count(1) in email.text
    assert presentation(kind).heading.upper() in email.text


def test_digest_loses_no_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that nobody has words for is told in a digest all the same, last and by its own name."""
    told = with_all_kinds(Kind.STARTED, Kind.COMPLETED)
    monkeypatch.delitem(PRESENTATION, Kind.STARTED)
    monkeypatch.setitem(RANK, Kind.STARTED, len(Kind))
    email = compose(told.mail, told.rows, mails.TEAM, LOOK)
    assert "1 completed" in email.text
    assert "1 started" in email.text
    assert email.text.index("COMPLETED") < email.text.index("STARTED")


@pytest.mark.parametrize("kind", Kind)
def test_plain_mail(kind: Kind) -> None:
    """The mail that goes out when composing raised tells each kind."""
    told = a_story(kind)
    email = compose_plain(told.mail, told.rows, mails.TEAM, LOOK, "as the test asked for")
    assert f"* {kind.value}" in email.text
    assert dict(email.headers)["X-AKS-Notice"] == kind


@pytest.mark.parametrize("kind", Kind)
def test_gallery(kind: Kind, tmp_path: Path) -> None:
    """The page of a folder of mails shows each kind in the colour that its mail has."""
    told = a_story(kind)
    email = compose(told.mail, told.rows, mails.TEAM, LOOK)
    FolderMailer(tmp_path, "aks@example.com").send(email, told.mail.operation_id, Timeouts(1, 1))
    tone = dict(email.headers)["X-AKS-Tone"]
    (colour,) = (colour for name, colour in COLOURS.items() if name == tone)
    assert f"background: {colour}" in (tmp_path / "index.html").read_text("utf-8")
    assert f'bgcolor="{colour}"' in email.html


@pytest.mark.parametrize("status", Status)
def test_a_status_gives_rise_to_the_kind_of_its_name(status: Status) -> None:
    """Of all kinds that may follow from an event, the one of its own status comes first."""
    event = mails.event(status, mails.NOW)
    assert kind_of(event) == status.lower()
    assert {TRAITS[kind].follows for kind in kinds_of(event)} == {status}
