"""Digests: counts first, failures on top, storms that stay readable, and how much fits into one mail."""

from __future__ import annotations

import csv
import io
from typing import Any

import msgspec
import pytest

from shared.channels.email import compose as composing
from shared.channels.email import rendering
from shared.channels.email.compose import MAX_BYTES, Branding, compose, count_fitting, ordered
from shared.events.model import Status, Upgrade
from shared.failures import load_catalogue, templates
from shared.messages import verdicts
from shared.messages.view import SizeBudget
from shared.notices.kinds import Kind
from shared.notices.records import MailItem, StoredEvent
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
        "2 of 9 clusters failed: 1 budget, 1 vCPU quota",
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
    assert "kubectl --context prod-weu-1 get pdb cart-pdb -n shop" in text


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
    words = " ".join(text.split())
    assert "Bounced (550 5.1.1" in words
    assert "was due Wed 18 Nov 23:48" in words
    assert "started 13 hours ago" in words


def test_a_headline_names_causes_in_words_that_tell() -> None:
    """Few words where these tell, the whole reason where they do not, and last what nobody can explain."""
    quota = "Operation could not be completed as it results in exceeding approved Total Regional Cores quota."
    frob = f"'{mails.cluster('x').id}/frobs/frob1' is angry and failed"
    text = text_of(failures(["<html><h1>503</h1> Service Unavailable</html>", "", frob, quota]))
    assert "AKS: …/frobs/frob1' is angry and failed" in text
    assert "4 clusters failed: 1 vCPU quota, 3 unexplained" in text
    told = {verdicts.cause(templates.prose(entry.title, {})) for entry in load_catalogue().entries.values()}
    assert told.isdisjoint({"AKS", "Azure", "node", "new nodes", "node pool", "cluster", "this"})
    assert verdicts.counted(verdicts.cause("a node is not ready"), 2) == "node is not ready (2)"


def test_clusters_that_fail_for_one_reason_stand_together() -> None:
    """A storm says once why many clusters fail, the most frequent reason first, and once what to run."""
    text = text_of(STORM)
    assert "13 of 42 clusters failed: 8 budgets, 4 vCPU quota, 1 subnet" in text
    assert "FAILED: A POD DISRUPTION BUDGET BLOCKS THE DRAIN · 8 CLUSTERS · FRI 20 NOV" in " ".join(
        text.split()
    )
    assert text.count("az vm list-usage") == 1
    assert "kubectl --context '<cluster>' get pdb '<name>' -n '<name>'" in text
    assert text.index("budget checkout/checkout-pdb") < text.index("az vm list-usage")
    assert text.index("az vm list-usage") < text.index("FAILED FOR OTHER REASONS")
    assert "the subnet is out of IP addresses" in text
    assert "COMPLETED: NODE OS UPGRADE · 35 CLUSTERS" in text
    assert "Failures that were mailed one by one before are not counted here" in text


def test_the_whole_travels_as_a_table() -> None:
    """Each thing that a digest tells is a row of maintenance.csv, none of whose cells a spreadsheet runs."""
    evil = mails.recorded(
        mails.event(Status.FAILED, mails.NOW, subject=mails.cluster("=cmd|calc"), details="@SUM(1)")
    )
    members = (*STORM.mail.members, MailItem(Kind.FAILED, evil.key, (evil.key,)))
    mail = msgspec.structs.replace(STORM.mail, members=members)
    (file,) = compose(mail, {**STORM.rows, evil.key: evil}, mails.TEAM, LOOK).attachments
    assert (file.name, file.content_type) == ("maintenance.csv", "text/csv; charset=utf-8")
    names, *rows = csv.reader(io.StringIO(file.content.decode()))
    assert names == [
        "cluster",
        "resource_group",
        "subscription",
        "kind",
        "status",
        "time_utc",
        "time_local",
        "reason",
    ]
    assert len(rows) == len(members)
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert ["'=cmd|calc", "2026-11-20T01:48:00Z", "2026-11-20T02:48:00+01:00"] in [
        [row[0], row[5], row[6]] for row in rows
    ]


def of_one_name(story: mails.Story, *facts: dict[str, str]) -> mails.Story:
    """Give the first clusters of a digest one name, and these facts."""
    for key, changes in zip(list(story.rows), facts, strict=False):
        row = story.rows[key]
        assert isinstance(row, StoredEvent)
        subject = msgspec.structs.replace(row.event.subject, name="same", **changes)
        story.rows[key] = msgspec.structs.replace(
            row, event=msgspec.structs.replace(row.event, subject=subject)
        )
    return story


def test_clusters_of_one_name_are_told_apart() -> None:
    """Where clusters share a name, the resource group stands beside it, and nowhere else."""
    groups = ({"resource_group": "rg-one"}, {"resource_group": "rg-two"})
    text = text_of(of_one_name(failures(["odd"] * 3), *groups))
    assert "rg-one" in text.replace("/resourceGroups/rg-one", "")
    context = "same-rg-one-66667777"
    made = "az aks get-credentials --subscription 66667777-aaaa-8888-bbbb-9999cccc0000 -g rg-one -n same"
    drained = text_of(of_one_name(failures([mails.REASON] * 2), *groups))
    assert f"{made} --context {context} && kubectl --context {context} get pdb" in drained
    assert "rg-prod" not in text.replace("/resourceGroups/rg-prod", "").replace("-g rg-prod", "")


def test_clusters_of_one_name_and_group_are_told_apart() -> None:
    """Where clusters share the names of cluster and group, the subscription stands beside them."""
    subscriptions = [{"subscription": f"{number}" * 8} for number in range(2)]
    text = " ".join(text_of(of_one_name(failures(["odd"] * 2), *subscriptions)).split())
    assert "rg-prod, subscription 00000000" in text
    assert "rg-prod, subscription 11111111" in text


def test_one_failure_among_other_news_is_named() -> None:
    """Where one thing failed, subject and headline name its cluster and the whole reason."""
    one = failures([mails.REASON])
    other = mails.recorded(mails.event(Status.STARTED, mails.NOW, subject=mails.cluster("aks-1")))
    rows = one.rows | {other.key: other}
    members = (*one.mail.members, MailItem(Kind.STARTED, other.key, (other.key,)))
    email = compose(msgspec.structs.replace(one.mail, members=members), rows, mails.TEAM, LOOK)
    assert email.subject == "[1 failed] aks-0 · Pod Disruption Budget blocks the drain · 1 started"
    assert "1 FAILED  aks-0 failed: Pod Disruption Budget blocks the drain" in email.text


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
    assert "\nSTARTED · FRI 20 NOV\n" in text
    assert text.count("Node OS upgrade") == 2


def test_subject_has_the_status_alone_in_brackets() -> None:
    """What failed is counted in brackets; then come how many clusters, why, and what else there is."""
    subject = compose(STORM.mail, STORM.rows, mails.TEAM, LOOK).subject
    assert subject.startswith("[13 failed] 42 clusters · 8 budgets, 4 vCPU quota, 1 subnet · 1 unreachable, ")


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 9, 40, 110])
def test_every_cluster_is_named_within_bounds(times: int) -> None:
    """However many things a digest tells, every cluster is named and nothing is clipped by Gmail."""
    story = mails.digest("digest", times)
    email = compose(story.mail, story.rows, mails.TEAM, LOOK)
    names = {row.event.subject.name for row in story.rows.values() if hasattr(row, "event")}
    assert len(names) == times * 9
    assert [name for name in names if name not in email.html or name not in email.text] == []
    assert max(len(email.html.encode()), len(email.text.encode())) <= MAX_BYTES


# How much fits


def whole(story: mails.Story, count: int) -> bool:
    """Return whether the first so many are told whole: linked each, with no list of names and no cut."""
    mail = msgspec.structs.replace(story.mail, members=story.mail.members[:count])
    email = compose(mail, story.rows, mails.TEAM, LOOK)
    loud = [member for member in mail.members if member.kind is Kind.FAILED]
    return len(read(email.html).links) >= len(loud) and "… and" not in email.text


@pytest.mark.slow
@pytest.mark.parametrize("story", [mails.digest("many", 40), failures([mails.REASON + "x" * 40] * 200)])
def test_as_many_fit_as_are_told_whole(story: mails.Story) -> None:
    """What fits is told whole, and one more would not be."""
    mail = msgspec.structs.replace(story.mail, members=story.mail.members[:200])
    count = count_fitting(mail, story.rows, mails.TEAM, LOOK)
    assert 40 < count <= SizeBudget().items
    assert whole(story, count)
    assert count == SizeBudget().items or not whole(story, count + 1)


@pytest.mark.slow
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
        assert len(email.html.encode()) <= MAX_BYTES
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
    assert [name for name in names if name not in section] == []
