"""Digests: counts first, failures on top, storms that stay readable, and how much fits into one mail."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from shared.channels.email import compose as composing
from shared.channels.email import rendering
from shared.channels.email.compose import LIMIT, Branding, compose, count_fitting, ordered
from shared.events.model import Status, Upgrade
from shared.notices.kinds import Kind
from shared.notices.records import MailItem
from testing.samples import mails
from tests.channels.test_compose import read

LOOK = Branding(domain="contoso.example")
STORM = mails.storm("storm")


def text_of(story: mails.Story) -> str:
    """Compose a digest and give its text."""
    return compose(story.mail, story.rows, mails.TEAM, LOOK).text


def failures(reasons: list[str]) -> mails.Story:
    """Return a digest of failures for these reasons, each on a cluster of its own."""
    rows, members = {}, []
    for number, reason in enumerate(reasons):
        row = mails.recorded(
            mails.event(
                Status.FAILED,
                mails.NOW,
                event_id=f"22223333-cccc-4444-dddd-{number:012d}",
                subject=mails.cluster(f"aks-{number}"),
                details=reason,
            )
        )
        rows[row.key] = row
        members.append(MailItem(Kind.FAILED, row.key, (row.key,)))
    mail = msgspec.structs.replace(STORM.mail, members=tuple(members))
    return mails.Story("failures", mail, dict(rows))


def test_counts_then_failures_then_the_rest_by_time() -> None:
    """A digest counts first, puts failures on top, and sorts each group by the earliest start."""
    story = mails.digest("digest", 1)
    text = text_of(story)
    headings = [
        "In this mail: 2 failed",
        "\nFAILED\n",
        "\nSTARTED\n",
        "\nREMINDERS\n",
        "\nSCHEDULED\n",
        "\nCOMPLETED\n",
    ]
    places = [text.index(heading) for heading in headings]
    assert places == sorted(places)
    assert text.index("stage-neu-1") < text.index("stage-sea-2")
    assert "a Pod Disruption Budget blocks the drain" in text
    assert "kubectl get pdb cart-pdb -n shop" in text


def test_troubles_and_overdue_come_after_failures() -> None:
    """Failed, undelivered, unreachable, not understood, no start, no end, and only then the usual news."""
    troubles = [one for one in mails.stories() if one.name in {"undelivered", "unreachable"}]
    rows = dict(STORM.rows)
    members = list(STORM.mail.members)
    for number, story in enumerate(troubles):
        member = story.mail.members[0]
        key = f"sent:{number}"
        rows[key] = msgspec.structs.replace(story.rows[member.key], key=key)
        members.append(MailItem(member.kind, key))
    mail = msgspec.structs.replace(STORM.mail, members=tuple(members))
    text = text_of(mails.Story("all", mail, rows))
    headings = [
        "\nFAILED",
        "\nMAILS THAT COULD NOT BE SENT",
        "\nADDRESSES THAT MAILS DID NOT REACH",
        "\nEVENTS THAT COULD NOT BE READ",
        "\nOVERDUE, NO START REPORTED",
        "\nSTILL RUNNING, NO END REPORTED",
        "\nSTARTED",
        "\nREMINDERS",
        "\nCOMPLETED",
    ]
    places = [text.index(heading) for heading in headings]
    assert places == sorted(places)
    assert "shop-oncall@example.com\n  Bounced (550 5.1.1" in text
    words = " ".join(text.split())
    assert "was due Wed 18 Nov 22:48 UTC (23:48 Europe/Berlin), 28 hours ago" in words
    assert "started Thu 19 Nov 13:08 UTC (14:08 Europe/Berlin), 13 hours ago" in words


def test_clusters_that_fail_for_one_reason_stand_together() -> None:
    """A storm says once why many clusters fail, the most frequent reason first, and once what to run."""
    text = text_of(STORM)
    assert "FAILED: A POD DISRUPTION BUDGET BLOCKS THE DRAIN · 8 CLUSTERS" in text
    assert "FAILED: VCPU QUOTA EXHAUSTED · 4 CLUSTERS" in text
    assert text.index("8 CLUSTERS") < text.index("4 CLUSTERS") < text.index("FAILED FOR OTHER REASONS")
    assert text.count("az vm list-usage") == 1
    assert text.count("kubectl get pdb") == 8
    assert "the subnet is out of IP addresses" in text
    assert "COMPLETED: NODE OS UPGRADE · 35 CLUSTERS" in text


def test_two_failures_are_no_crowd() -> None:
    """Few failures are each told whole."""
    text = text_of(failures([mails.REASON] * 2))
    assert "\nFAILED\n" in text
    assert text.count("a Pod Disruption Budget blocks the drain") == 2


def test_different_upgrades_are_named_one_by_one() -> None:
    """A heading says what kind of upgrade it was only where it was the same for all."""
    rows, members = {}, []
    for number, upgrade in enumerate((Upgrade.NODE_OS, Upgrade.NODE_OS, Upgrade.KUBERNETES)):
        happened = mails.event(Status.STARTED, mails.NOW, event_id=str(number), upgrade=upgrade)
        row = mails.recorded(happened)
        rows[row.key] = row
        members.append(MailItem(Kind.STARTED, row.key, (row.key,)))
    mail = msgspec.structs.replace(STORM.mail, members=tuple(members))
    text = text_of(mails.Story("started", mail, dict(rows)))
    assert "\nSTARTED\n" in text
    assert text.count("Node OS upgrade ·") == 2


def test_subject_counts_what_it_has_no_room_for() -> None:
    """The subject counts the most urgent, and how many more there are."""
    subject = compose(STORM.mail, STORM.rows, mails.TEAM, LOOK).subject
    assert subject == (
        "[13 failed, 1 unreachable, 1 not understood, 2 overdue, 3 still running, 77 more] "
        "AKS maintenance · 42 clusters"
    )


@pytest.mark.parametrize("times", [1, 9, 40, 110])
def test_every_cluster_is_named_within_bounds(times: int) -> None:
    """However many things a digest tells, every cluster is named and nothing is clipped by Gmail."""
    story = mails.digest("digest", times)
    email = compose(story.mail, story.rows, mails.TEAM, LOOK)
    names = {row.event.subject.name for row in story.rows.values() if hasattr(row, "event")}
    assert len(names) == times * 9
    assert [name for name in names if name not in email.html or name not in email.text] == []
    assert max(len(email.html.encode()), len(email.text.encode())) <= LIMIT


# How much fits


def whole(story: mails.Story, count: int) -> bool:
    """Return whether the first so many are told whole: linked each, with no list of names and no cut."""
    mail = msgspec.structs.replace(story.mail, members=story.mail.members[:count])
    email = compose(mail, story.rows, mails.TEAM, LOOK)
    return len(read(email.html).links) == count and "By name" not in email.text and "… and" not in email.text


@pytest.mark.parametrize("story", [mails.digest("many", 40), failures([mails.REASON + "x" * 40] * 200)])
def test_as_many_fit_as_are_told_whole(story: mails.Story) -> None:
    """What fits is told whole, and one more would not be."""
    mail = msgspec.structs.replace(story.mail, members=story.mail.members[:200])
    count = count_fitting(mail, story.rows, mails.TEAM, LOOK)
    assert 40 < count < 200
    assert whole(story, count)
    assert not whole(story, count + 1)


def test_a_storm_fits_at_one_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all fit, one rendering says so; where not, a few do."""
    calls: list[int] = []
    real = rendering.render

    def counted(*args: Any) -> Any:
        calls.append(1)
        return real(*args)

    monkeypatch.setattr(composing, "render", counted)
    assert count_fitting(STORM.mail, STORM.rows, mails.TEAM, LOOK) == 97
    assert len(calls) == 1
    many = mails.digest("many", 110)
    calls.clear()
    assert count_fitting(many.mail, many.rows, mails.TEAM, LOOK) < 200
    assert len(calls) <= 11


def test_parts_tell_everything_once() -> None:
    """Split again and again at what fits, a crowd is told whole, each thing in one mail, within bounds."""
    story = mails.digest("many", 40)
    left, told, count = ordered(story.mail.members, story.rows), [], 0
    while left:
        mail = msgspec.structs.replace(story.mail, members=left)
        first = count_fitting(mail, story.rows, mails.TEAM, LOOK)
        assert first >= 1
        part = msgspec.structs.replace(mail, members=left[:first])
        email = compose(part, story.rows, mails.TEAM, LOOK)
        assert len(email.html.encode()) <= LIMIT
        told += [*part.members]
        left, count = left[first:], count + 1
    assert {member.key for member in told} == {member.key for member in story.mail.members}
    assert len(told) == len(story.mail.members)
    assert 3 <= count <= 6


def test_one_always_fits() -> None:
    """A single thing is a mail of its own, however long it is."""
    row = mails.recorded(mails.event(Status.FAILED, mails.NOW, details="<" * 1_000_000))
    story = mails.story("long", Kind.FAILED, row)
    assert count_fitting(story.mail, story.rows, mails.TEAM, LOOK) == 1


def test_what_cannot_be_composed_counts_as_fitting() -> None:
    """Asking how much fits never raises: whoever composes the mail meets the trouble, and tells of it."""
    assert count_fitting(STORM.mail, {}, mails.TEAM, LOOK) == 97
    assert len(ordered(STORM.mail.members, {})) == 97


def test_failures_come_first_when_split() -> None:
    """Members are put in the order of the mail, the earliest start first: failures go into the first part."""
    shuffled = tuple(sorted(STORM.mail.members, key=lambda member: member.key[::-1]))
    put = ordered(shuffled, STORM.rows)
    assert put == ordered(tuple(reversed(shuffled)), STORM.rows)
    kinds = list(dict.fromkeys(member.kind for member in put))
    assert kinds == [
        Kind.FAILED,
        Kind.UNREACHABLE,
        Kind.REJECTED,
        Kind.NOT_STARTED,
        Kind.STILL_RUNNING,
        Kind.STARTED,
        Kind.REMINDER,
        Kind.RESCHEDULED,
        Kind.SCHEDULED,
        Kind.CANCELED,
        Kind.COMPLETED,
    ]
    text = text_of(STORM)
    coming = [STORM.rows[member.key] for member in put if member.kind is Kind.SCHEDULED]
    starts = [row.event.start for row in coming if hasattr(row, "event")]
    assert starts == sorted(starts, key=str)
    section = text[text.index("\nSCHEDULED") : text.index("\nCANCELED")]
    names = [row.event.subject.name for row in coming if hasattr(row, "event")]
    assert sorted(names) == sorted(re.findall(r"^\* (\S+)", section, re.MULTILINE))
