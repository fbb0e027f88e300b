"""Composing: every kind of mail, the same facts in both parts, the same whenever and wherever made."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import keys
from shared.addresses import bare
from shared.audience import Audience
from shared.channels.email.acs import request_body
from shared.channels.email.compose import MAX_BYTES, MAX_SUBJECT_CHARACTERS, Branding, compose, compose_plain
from shared.channels.email.mime import message
from shared.events.model import Cluster, Status, Upgrade
from shared.notices.kinds import TRAITS, Kind
from shared.notices.records import RecipientReport, SentMail, StoredEvent
from testing.samples import mails
from testing.world import World

if TYPE_CHECKING:
    from shared.channels.email.email import Email

pytestmark = pytest.mark.slow

LOOK = Branding(domain="contoso.example")
DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
S = mails.cluster().subscription
STORIES = {story.name: story for story in mails.stories()}
SINGLE = sorted(name for name, story in STORIES.items() if len(story.mail.members) == 1)
EVENTS = [
    name
    for name in SINGLE
    if isinstance(row := STORIES[name].rows[STORIES[name].mail.members[0].key], StoredEvent)
    and isinstance(row.event.subject, Cluster)
    and not row.event.facts
]
"""Mails about what AKS says of a cluster."""


def email_of(name: str, audience: Audience = mails.TEAM, branding: Branding = LOOK) -> Email:
    """Compose a made-up mail."""
    story = STORIES[name]
    return compose(story.mail, story.rows, audience, branding)


HEADINGS = ("DO THIS", "CHECK BEFORE", "TO WATCH IT", "TO BE SURE", "HOW IT IS KNOWN")
REMINDER = "[Reminder] prod-weu-1 · in 24 hours · node OS"


class Reader(HTMLParser):
    """Collects what a person sees, and where links lead; the preview line is hidden and left out."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self._skip: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a new text where a block begins."""
        self.tags.append(tag)
        known = dict(attrs)
        if tag in {"style", "script"} or known.get("id") == "preheader":
            self._skip.append(tag)
        if tag == "a":
            self.links.append(known["href"] or "")
        if tag in {"p", "td", "th", "h1", "h2", "li", "br", "title"}:
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        """End a text where a block ends."""
        if self._skip and self._skip[-1] == tag:
            self._skip.pop()
        if tag in {"p", "td", "th", "h1", "h2", "li", "title"}:
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        """Take what is seen."""
        if not self._skip:
            self.texts[-1:] = [(self.texts or [""])[-1] + data]


def read(html: str) -> Reader:
    """Read a page as a person would."""
    reader = Reader()
    reader.feed(html)
    return reader


def squeezed(text: str) -> str:
    """Leave out what layout alone decides: white space and capitals."""
    return "".join(text.split()).casefold()


@pytest.mark.parametrize("name", sorted(STORIES))
def test_parts_tell_the_same(name: str) -> None:
    """Whatever the HTML shows, and wherever it links to, stands in the text as well."""
    email = email_of(name)
    reader = read(email.html)
    text = squeezed(email.text.replace("    ", "")) + squeezed(email.subject)
    pieces = [piece for shown in reader.texts for piece in shown.split("·") if piece.strip()]
    assert len(pieces) > 10
    missing = [piece for piece in pieces if squeezed(piece) not in text]
    assert missing == []
    assert [link for link in reader.links if link not in email.text] == []


@pytest.mark.parametrize("name", EVENTS)
def test_every_mail_of_an_event_answers_the_questions(name: str) -> None:
    """What and which cluster, when in both zones, what it means, what to do, where to look."""
    text = email_of(name).text
    where = f"rg-prod · westeurope · subscription {S}"
    link = (
        f"https://portal.azure.com/#@/resource/subscriptions/{S}"
        "/resourceGroups/rg-prod/providers/Microsoft.ContainerService/managedClusters/prod-weu-1"
    )
    order = [
        "prod-weu-1",
        where,
        next(heading for heading in HEADINGS if heading in text),
        link,
        "AS AKS SENT IT",
        "Event ID:",
        "shop-team",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert " UTC" in text
    if not name.startswith("end-of-support"):
        assert " Berlin (UTC+1)" in text


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("failed", "[Failed] prod-weu-1 · Pod Disruption Budget blocks the drain · node OS"),
        ("scheduled", "[Scheduled] prod-weu-1 · Fri 27 Nov 02:00 · Kubernetes 1.32.6 → 1.33.2"),
        (
            "scheduled-unknown-start",
            "[Scheduled] prod-weu-1 · in your next maintenance window · weekly release",
        ),
        ("scheduled-expected", "[Scheduled] prod-weu-1 · about Sat 28 Nov 10:00 · weekly release"),
        ("rescheduled", "[Rescheduled] prod-weu-1 · now Sat 28 Nov 02:00 · Kubernetes 1.32.6 → 1.33.2"),
        ("reminder", "[Reminder] prod-weu-1 · in 24 hours · Kubernetes 1.32.6 → 1.33.2"),
        ("started", "[Started] prod-weu-1 · Fri 20 Nov 02:02 · node OS"),
        ("started-outside", "[Started] prod-weu-1 · outside your windows · node OS"),
        ("completed", "[Completed] prod-weu-1 · took 47 min · node OS"),
        ("completed-recovered", "[Completed] prod-weu-1 · recovered, took 3 h 9 min · node OS"),
        ("canceled", "[Canceled] prod-weu-1 · was due Fri 27 Nov 02:00 · Kubernetes 1.32.6 → 1.33.2"),
        ("end-of-support-two-weeks", "[End of support] prod-weu-1 · ends in 14 days · Kubernetes 1.31.9"),
        ("end-of-support-past", "[Out of support] prod-weu-1 · ended 3 days ago · Kubernetes 1.31.9"),
        ("news", "[Paused] prod-weu-1 · Fri 20 Nov 02:22 · node OS"),
        (
            "not-started",
            "[No start reported] prod-weu-1 · was due Fri 27 Nov 02:00 · Kubernetes 1.32.6 → 1.33.2",
        ),
        ("still-running", "[Still running] prod-weu-1 · started 13 hours ago · node OS"),
        ("unreachable", "[Unreachable] shop-oncall@example.com · Bounced · " + REMINDER),
        ("rejected", "[Not understood] no data.resourceInfo.properties"),
        ("undelivered", "[Undelivered] prod-weu-1 · Reminder: in 24 hours"),
        (
            "digest",
            (
                "[2 failed] 9 clusters · 1 budget, 1 vCPU quota · "
                "1 started, 1 due soon, 2 scheduled, 1 canceled, 2 completed"
            ),
        ),
    ],
)
def test_subjects(name: str, subject: str) -> None:
    """A subject begins with the status alone; then come the cluster, and reason or time."""
    assert email_of(name).subject == subject


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        (
            "failed",
            [
                "cart-pdb",
                "aks-blue-31415926-vmss00002k",
                "kubectl --context prod-weu-1 get pdb cart-pdb -n shop",
                f"az aks get-credentials --subscription {S}",
                "https://wiki.example.com/runbooks/aks",
                "Now: Workloads are likely still running; node pool blue seems to have stopped half done",
                "Urgency: Today, in working hours",
                "Whose: Yours: your cluster or subscription.",
                "Blocked by: budget shop/cart-pdb, pod shop/cart-7c9d8-xk2vp, node aks-blue-",
                "Fri 20 Nov 02:47 Berlin (UTC+1) · 01:47 UTC · after 45 min",
                "Started: Fri 20 Nov 02:02 Berlin (UTC+1) · 01:02 UTC",
                "Also told: platform-team, shop-team (pagerduty).",
            ],
        ),
        (
            "scheduled",
            [
                "Kubernetes upgrade 1.32.6 → 1.33.2 is scheduled",
                "Starts: Fri 27 Nov 02:00 Berlin (UTC+1) · 01:00 UTC, in 7 days",
                "kubectl --context prod-weu-1 get pdb -A",
                "The window is not known here: 2026-11-27 is the planned day in UTC.",
            ],
        ),
        ("scheduled-unknown-start", ["Starts: AKS has not given a time."]),
        (
            "rescheduled",
            [
                "Starts: Sat 28 Nov 02:00 Berlin (UTC+1) · 01:00 UTC, in 7 days",
                "Before: Fri 27 Nov 02:00 Berlin (UTC+1) · 01:00 UTC",
            ],
        ),
        (
            "reminder",
            [
                "Kubernetes upgrade 1.32.6 → 1.33.2 starts in 24 hours",
                "Changed: Unchanged since the notice of Fri 20 Nov 02:48 Berlin (UTC+1).",
            ],
        ),
        ("started", ["Node OS upgrade has started", "You get another mail when it completes or fails."]),
        (
            "started-outside",
            ["Node OS upgrade has started outside your windows", "AKS may do this for urgent maintenance"],
        ),
        (
            "scheduled-inside",
            [
                f"Inside your window, Fri 27 Nov 02:00{DASH}06:00 Berlin (UTC+1)",
                f"(set as Thu 17:00{DASH}21:00 UTC{MINUS}08:00).",
                "by Fri 27 Nov 01:45 Berlin (UTC+1)",
                f"2026-11-26 is the planned day at the window's own offset (UTC{MINUS}08:00).",
            ],
        ),
        (
            "completed",
            ["Took: 47 min, from Fri 20 Nov 02:02", "Until Fri 27 Nov 02:49 Berlin (UTC+1) a node pool can"],
        ),
        (
            "completed-recovered",
            ["Node OS upgrade completed after an earlier failure", "Failed: Fri 20 Nov 02:47 Berlin (UTC+1)"],
        ),
        (
            "canceled",
            ["Was to start: Fri 27 Nov 02:00 Berlin (UTC+1)", "Nothing has happened to the cluster"],
        ),
        (
            "end-of-support-two-weeks",
            ["Support ends: Fri 4 Dec 2026, in 14 days", "By Fri 4 Dec 2026: upgrade to 1.32 or later"],
        ),
        ("end-of-support-one-week", ["Support ends: Wed 25 Nov 2026, in 5 days"]),
        ("end-of-support-past", ["Support ended: Tue 17 Nov 2026, 3 days ago", "every week"]),
        ("news", ["AKS reports “Paused”"]),
        (
            "not-started",
            [
                "AKS scheduled this for Fri 27 Nov 02:00 Berlin (UTC+1) (25 hours ago)",
                "It may have run all the same.",
                "the cluster was stopped when its window began",
                "a node pool in state Failed reportedly keeps upgrades from starting",
                f"az aks show --subscription {S} -g rg-prod -n prod-weu-1",
                f"az aks nodepool list --subscription {S} -g rg-prod --cluster-name prod-weu-1",
                f"az aks operation show-latest --subscription {S} -g rg-prod -n prod-weu-1",
                "az monitor activity-log list --resource-id /subscriptions/66667777-aaaa-8888-bbbb-",
                "--offset 3d",
                "Was to start: Fri 27 Nov 02:00 Berlin (UTC+1) · 01:00 UTC, 25 hours ago",
            ],
        ),
        (
            "not-started-unknown-start",
            ["AKS announced this 9 days ago, gave no time, and has reported nothing since."],
        ),
        (
            "still-running",
            [
                "AKS reported a start 13 hours ago",
                "since then no Completed, Failed or Canceled.",
                f"az aks show --subscription {S} -g rg-prod -n prod-weu-1 --query",
                f"az aks nodepool list --subscription {S} -g rg-prod --cluster-name prod-weu-1",
                "kubectl --context prod-weu-1 get nodes -o wide",
                "kubectl --context prod-weu-1 get events -A",
                "Started: Fri 20 Nov 02:02 Berlin (UTC+1) · 01:02 UTC, 13 hours ago",
            ],
        ),
        (
            "unreachable",
            [
                "shop-oncall@example.com: Bounced (550 5.1.1",
                "there is no such address",
                "every further mail within a block prolongs it",
                "correct the address or take it out",
                "Got it: The others: shop-leads@example.org.",
                f"Subject: {REMINDER}",
                "Audience: shop-team",
            ],
        ),
        (
            "unreachable-all",
            [
                "kim@example.com: Suppressed",
                "dropped this one without trying",
                "shop-leads@example.org: Quarantined (held for review)",
                "holds it back as spam, bulk mail or phishing",
                "it was taken for spam, and rejected or blocked",
                "Deferred: a status that is new to this notifier",
                "Got it: Nobody, as far as is known.",
            ],
        ),
        ("rejected", ["Size: 79 bytes", "Row: rejected:", '"hello": "world"']),
        (
            "undelivered",
            [
                "About: Reminder: prod-weu-1 · in 24 hours",
                "To: shop-team: shop-oncall@example.com",
                "Why: 400 BadRequest",
                "./notifier resend 00000000-0000-5000-8000-00000000abcd",
            ],
        ),
    ],
)
def test_facts_of_each_kind(name: str, facts: list[str]) -> None:
    """Each kind tells what is particular to it."""
    text = " ".join(email_of(name).text.split())
    assert [fact for fact in facts if fact not in text] == []


@pytest.mark.parametrize("name", ["not-started", "not-started-unknown-start", "still-running"])
def test_no_report_is_not_told_as_a_fact(name: str) -> None:
    """What AKS has not reported may have happened: no mail says that it has not."""
    text = " ".join(email_of(name).text.split()).lower()
    for words in ("did not start", "has not started", "was not started", "did not happen", "has not ended"):
        assert words not in text
    assert "aks has not reported" in text


@pytest.mark.parametrize("kind", [Kind.NOT_STARTED, Kind.STILL_RUNNING])
def test_platform_work_is_not_looked_for_on_the_nodes(kind: Kind) -> None:
    """Where nodes are likely not touched, nobody is sent to look at them."""
    status = Status.SCHEDULED if kind is Kind.NOT_STARTED else Status.STARTED
    for upgrade, looks in ((Upgrade.PLATFORM, False), (Upgrade.NODE_OS, True)):
        happened = mails.event(status, mails.NOW, upgrade=upgrade, start=mails.START)
        story = mails.story("odd", kind, mails.recorded(happened))
        text = compose(story.mail, story.rows, mails.TEAM, LOOK).text
        assert (f"az aks nodepool list --subscription {S}" in text) is looks


def test_later_reports_change_nothing() -> None:
    """A mail about one address stays as it was frozen, whatever is reported of others afterwards."""
    story = STORIES["unreachable"]
    (member,) = story.mail.members
    address = "shop-oncall@example.com"
    named = msgspec.structs.replace(member, lead=keys.digest(address)[:8])
    mail = msgspec.structs.replace(story.mail, members=(named,))
    row = story.rows[member.key]
    assert isinstance(row, SentMail)
    more = (
        *row.reports,
        RecipientReport("shop-leads@example.org", "Failed"),
        RecipientReport(address, "Failed"),
    )
    later = {**story.rows, row.key: msgspec.structs.replace(row, reports=more)}
    assert compose(mail, later, mails.TEAM, LOOK) == compose(mail, story.rows, mails.TEAM, LOOK)
    other = msgspec.structs.replace(named, lead=keys.digest("shop-leads@example.org")[:8])
    both = msgspec.structs.replace(mail, members=(named, other))
    text = compose(both, later, mails.TEAM, LOOK).text
    assert text.startswith("2 UNREACHABLE")
    assert "* shop-oncall@example.com\n" in text
    assert "* shop-leads@example.org\n" in text


def test_completed_tells_of_a_start_that_was_never_told() -> None:
    """Later news replaces earlier: Completed says when it started, though no mail told of the start."""
    began = mails.recorded(mails.event(Status.STARTED, mails.BEGAN))
    ended = mails.recorded(mails.event(Status.COMPLETED, mails.NOW))
    story = mails.story("completed", Kind.COMPLETED, began, ended)
    email = compose(story.mail, story.rows, mails.TEAM, LOOK)
    assert email.subject == "[Completed] prod-weu-1 · took 46 min · node OS"
    assert "Started: Fri 20 Nov 02:02 Berlin (UTC+1) · 01:02 UTC" in email.text


def test_a_failure_that_came_later_is_not_recovered_from() -> None:
    """Events come out of order: only what failed before it completed makes it a recovery."""
    began = mails.recorded(mails.event(Status.STARTED, mails.BEGAN))
    ended = mails.recorded(mails.event(Status.COMPLETED, mails.BEGAN + timedelta(hours=5)))
    for hours, subject in ((4, "recovered, took 5 h"), (6, "took 5 h")):
        time = mails.BEGAN + timedelta(hours=hours)
        failed = mails.recorded(mails.event(Status.FAILED, time, details=mails.REASON))
        story = mails.story("completed", Kind.COMPLETED, began, failed, ended)
        email = compose(story.mail, story.rows, mails.TEAM, LOOK)
        assert email.subject == f"[Completed] prod-weu-1 · {subject} · node OS"


def test_a_reminder_written_late_is_told_in_the_past() -> None:
    """What was due already does not start five minutes ago."""
    coming = mails.recorded(mails.event(Status.SCHEDULED, mails.NOW, start=mails.START))
    late = mails.START + timedelta(minutes=5)
    story = mails.story("reminder", Kind.REMINDER, coming, as_of=late, lead="1h")
    email = compose(story.mail, story.rows, mails.TEAM, LOOK)
    assert email.subject == "[Reminder] prod-weu-1 · was to start 5 minutes ago · node OS"
    assert "starts 5 minutes ago" not in email.text


def test_no_general_guide_is_called_the_guide_to_a_failure_that_is_not_known() -> None:
    """An unknown reason has no guide of its own."""
    failed = mails.recorded(mails.event(Status.FAILED, mails.NOW, details="Flux capacitor."))
    story = mails.story("failed", Kind.FAILED, failed)
    text = compose(story.mail, story.rows, mails.TEAM, LOOK).text
    assert "guide to clusters in state Failed" in text
    assert "guide to this failure" not in text


def test_long_ago_is_told_with_its_year() -> None:
    """A subject names the year of a time that is half a year away or more."""
    happened = mails.recorded(mails.event(Status.STARTED, datetime(2024, 4, 16, 22, 17, tzinfo=UTC)))
    story = mails.story("started", Kind.STARTED, happened)
    email = compose(story.mail, story.rows, mails.TEAM, LOOK)
    assert email.subject == "[Started] prod-weu-1 · Wed 17 Apr 2024, 00:17 · node OS"


@pytest.mark.parametrize("name", sorted(STORIES))
def test_headers(name: str) -> None:
    """Mails are marked as automatic, named by their operation, and threaded by their maintenance."""
    email, story = email_of(name), STORIES[name]
    headers = dict(email.headers)
    assert email.message_id == f"<{story.mail.operation_id}@contoso.example>"
    assert email.date == story.mail.as_of
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["X-Auto-Response-Suppress"] == "All"
    urgent = any(TRAITS[member.kind].urgent for member in story.mail.members)
    assert headers.get("X-Priority") == ("1" if urgent else None)
    assert headers.get("Importance") == ("high" if urgent else None)
    assert headers.get("In-Reply-To") == headers.get("References")
    if name in {"failed", "started", "scheduled", "canceled"}:
        assert headers["References"] == "<maintenance-22223333-cccc-4444-dddd-5555eeee6666@contoso.example>"
    if name.startswith("digest"):
        assert "References" not in headers
        assert "Thread-Index" not in headers
    assert headers["List-Id"] == f"<{story.mail.audience}.aks-maintenance.contoso.example>"
    if "References" in headers:
        assert len(base64.b64decode(headers["Thread-Index"])) == 22
        assert headers["Thread-Topic"].startswith("AKS maintenance: ")


@pytest.mark.parametrize("name", sorted(STORIES))
def test_html_is_sound(name: str) -> None:
    """One h1, a language, a title, colour schemes, headed rows, no image, no script, below 102 KB."""
    html = email_of(name).html
    tags = read(html).tags
    assert tags.count("h1") == 1
    assert not {"img", "script", "link", "iframe", "form"} & set(tags)
    assert '<html lang="en"' in html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert '<meta name="supported-color-schemes" content="light dark">' in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert f"<title>{email_of(name).subject}</title>" in html
    assert len(html.encode()) <= MAX_BYTES
    if name in EVENTS:
        assert re.search(r'<th [^>]*scope="row"', html)


SHADOW = Branding(domain="contoso.example", only_to=("me@example.com",))


@pytest.mark.parametrize("name", ["failed", "digest", "rejected"])
def test_shadow_mode_sends_elsewhere_and_says_so(name: str) -> None:
    """In shadow mode all mail goes to one place; its first words say whom it was meant for."""
    team = msgspec.structs.replace(mails.TEAM, cc=("boss@example.com",))
    email, usual = email_of(name, team, SHADOW), email_of(name, team)
    assert (email.to, email.cc) == (("me@example.com",), ())
    says = (
        "Shadow mode: this would have gone to the audience “shop-team” "
        "(shop-oncall@example.com, boss@example.com). Only you got it."
    )
    assert " ".join(email.text.replace("\n*** ", " ").split()).startswith("*** " + says)
    shown = [text.strip() for text in read(email.html).texts if text.strip()]
    assert shown[:2] == [email.subject, says]
    assert "Shadow" not in usual.html + usual.text + usual.subject


@pytest.mark.parametrize("name", sorted(STORIES))
def test_shadow_mode_stands_behind_the_status(name: str) -> None:
    """A shadow's subject begins as usual, so that rules still match it, and names the audience next."""
    story, usual = STORIES[name], email_of(name).subject
    status, rest = usual.split("] ", 1)
    assert f"{status}] [Shadow: shop-team] {rest}".startswith(
        email_of(name, branding=SHADOW).subject.rstrip("…")
    )
    plain = compose_plain(story.mail, story.rows, mails.TEAM, SHADOW, "odd")
    assert "] [Shadow: shop-team] " in plain.subject
    assert plain.text.startswith("Shadow mode: ")


def test_default_audience_is_told_why() -> None:
    """The default audience reads why it hears of a cluster; one without a zone reads UTC alone."""
    text = email_of("reminder", audience=Audience(to=("ops@example.com",))).text
    assert "default audience" in text
    assert "Europe/Berlin" not in text


def test_links_of_doubtful_shape_are_left_out() -> None:
    """A runbook that is no web address becomes no link."""
    audience = msgspec.structs.replace(mails.TEAM, runbook="javascript:alert(1)")
    assert "javascript" not in email_of("failed", audience=audience).html


def test_history_may_be_missing() -> None:
    """A failure whose history is gone is told all the same, without the times that are not known."""
    story = STORIES["failed"]
    key = story.mail.members[0].key
    email = compose(story.mail, {key: story.rows[key]}, mails.TEAM, LOOK)
    assert "[Failed]" in email.subject
    assert "Announced" not in email.text


@pytest.mark.parametrize("name", sorted(STORIES))
def test_plain_fallback_names_cluster_and_reason(name: str) -> None:
    """The plain mail needs no template, and keeps recipients, ids and importance."""
    story = STORIES[name]
    email = compose_plain(story.mail, story.rows, mails.TEAM, LOOK, "ValueError: odd\r\ndata")
    usual = email_of(name)
    assert (email.to, email.message_id) == (usual.to, usual.message_id)
    # What only composing finds out, such as a date that has passed, may make the usual mail's tone graver.
    headers, usually = dict(email.headers), dict(usual.headers)
    headers.pop("X-AKS-Tone")
    assert usually.pop("X-AKS-Tone")
    assert headers == usually
    assert "ValueError: odd data" in email.text
    if name in EVENTS:
        assert "prod-weu-1" in email.text
        assert "prod-weu-1" in email.subject


def test_plain_fallback_without_rows() -> None:
    """The plain mail is made even if not one row is there."""
    story = STORIES["digest"]
    email = compose_plain(story.mail, {}, mails.TEAM, LOOK, "")
    assert "event:22223333" in email.text


def test_a_missing_row_is_an_error() -> None:
    """A mail whose event is gone cannot be composed, and says so."""
    with pytest.raises(LookupError):
        compose(STORIES["failed"].mail, {}, mails.TEAM, LOOK)


def test_rendering_in_many_threads_at_once() -> None:
    """Templates are shared by threads."""
    found: set[str] = set()

    def render() -> None:
        for _ in range(10):
            found.add(email_of("failed").html)

    threads = [threading.Thread(target=render) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1


CHILD = """
import datetime, hashlib, json, locale, sys, time
import icalendar, jinja2, msgspec
from testing.samples import bulk, events, mails
from shared.channels.email import calendar, compose
from shared.messages import digest, planned
from shared.messages.branding import Branding

for story in mails.stories():  # annotations are resolved at their first use, from what is patched below
    compose.compose(story.mail, story.rows, mails.TEAM, Branding(domain="contoso.example"))

ahead, clock, real = float(sys.argv[1]), time.time, datetime.datetime

class Any(type):
    def __instancecheck__(cls, value):
        return isinstance(value, real)

class Later(real, metaclass=Any):
    def __new__(cls, *args, **kwargs):
        return real(*args, **kwargs)
    @classmethod
    def now(cls, tz=None):
        return real.fromtimestamp(clock() + ahead, tz)
    @classmethod
    def utcnow(cls):
        return cls.now()

if ahead:
    time.time = lambda: clock() + ahead
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in {"shared", "testing", "icalendar", "jinja2", "datetime"}:
            if getattr(module, "datetime", None) is real:
                module.datetime = Later
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass
time.tzset()
digests = {}
for story in mails.stories():
    email = compose.compose(story.mail, story.rows, mails.TEAM, Branding(domain="contoso.example"))
    digests[story.name] = hashlib.sha256(msgspec.json.encode(email)).hexdigest()
print(json.dumps(digests))
"""


def test_same_bytes_in_other_processes() -> None:
    """A mail is the same in processes of another time zone, language, hash seed, and a clock a day ahead."""
    root = Path(__file__).parents[2]
    answers = []
    for zone, language, seed, ahead in (
        ("UTC", "C.UTF-8", "1", "0"),
        ("Pacific/Auckland", "de_DE.UTF-8", "4242", "86400"),
    ):
        environment = os.environ | {"TZ": zone, "LANG": language, "LC_ALL": language, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", CHILD, ahead],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        answers.append(json.loads(done.stdout))
    assert answers[0] == answers[1]
    assert len(answers[0]) == len(STORIES)


def test_nothing_heavy_is_imported_before_the_first_mail() -> None:
    """Importing the composer costs no template engine: cold start is part of the product."""
    code = (
        "import sys; import shared.channels.email.compose; "
        "print([name for name in ('jinja2', 'css_inline', 'icalendar') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_subjects_are_bounded() -> None:
    """A long name costs a subject its end, not its beginning, and never the status."""
    long = mails.cluster("c" * 250)
    for status, kind in (("Started", Kind.STARTED), ("S" * 250, Kind.NEWS), ("Failed", Kind.FAILED)):
        row = mails.recorded(mails.event(status, mails.NOW, subject=long, details="d" * 900))
        story = mails.story("long", kind, row)
        subject = compose(story.mail, story.rows, mails.TEAM, LOOK).subject
        assert len(subject) <= MAX_SUBJECT_CHARACTERS
        assert subject.startswith("[" + status[:30])
        assert "] " in subject


def test_subjects_hold_no_encoded_words() -> None:
    """What a mail program would decode in a subject, line breaks and all, is broken up."""
    nasty = mails.cluster("=?utf-8?q?a=0D=0ABcc:_x=40example.com?=")
    row = mails.recorded(mails.event("=?utf-8?q?b?=", mails.NOW, subject=nasty))
    story = mails.story("nasty", Kind.NEWS, row)
    assert "=?" not in compose(story.mail, story.rows, mails.TEAM, LOOK).subject


@given(st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True))
def test_cluster_and_reason_stand_at_the_beginning(name: str) -> None:
    """The 40 characters after the status hold the cluster, if need be without its middle, and the reason."""
    subject = mails.cluster(name)
    failed = mails.event(Status.FAILED, mails.NOW, details=mails.REASON, subject=subject)
    coming = mails.event(Status.SCHEDULED, mails.NOW, start=mails.START, subject=subject)
    utc = msgspec.structs.replace(mails.TEAM, time_zone="UTC")
    for kind, happened, telling in (
        (Kind.FAILED, failed, " · Pod Disruption Budg"),
        (Kind.SCHEDULED, coming, " · Fri 27 Nov 01:00 UTC"),
    ):
        story = mails.story("one", kind, mails.recorded(happened))
        first = compose(story.mail, story.rows, utc, LOOK).subject.partition("] ")[2][:40]
        shown, _, _ = first.partition(" · ")
        assert telling in first
        head, cut, tail = shown.partition("…")
        assert (name.startswith(head) and name.endswith(tail) and len(shown) >= 16) if cut else shown == name


@pytest.mark.parametrize(
    ("given_", "sender"),
    [
        ("AKS maintenance <aks@example.com>", "AKS maintenance <aks@example.com>"),
        ('"Ops, AKS" <aks@example.com>', '"Ops, AKS" <aks@example.com>'),
        ("Ops, AKS <aks@example.com>", '"Ops, AKS" <aks@example.com>'),
        ("aks@example.com", "aks@example.com"),
    ],
)
def test_a_sender_may_have_a_name(given_: str, sender: str) -> None:
    """MIME carries the sender's name; Message-IDs and Communication Services know the address alone."""
    world = World(EMAIL_FROM=given_)
    assert world.config.mail.sender == sender
    story = STORIES["failed"]
    built = message(email_of("failed"), story.mail.operation_id, world.config.mail.sender)
    (address,) = built["From"].addresses
    assert (address.display_name, address.addr_spec) == (
        given_.partition(" <")[0].strip('"') if "<" in given_ else "",
        "aks@example.com",
    )
    assert request_body(email_of("failed"), bare(sender))["senderAddress"] == "aks@example.com"
