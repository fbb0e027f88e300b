"""Mails about versions that run out of support."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.events.model import EndOfSupport
from shared.messages import commands, phrases, time_phrases
from shared.messages.event_view import view_of
from shared.messages.presentation import Tone
from shared.messages.view import Fact, Step, View

if TYPE_CHECKING:
    from datetime import datetime

    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext


def end_of_support(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Return a view of a cluster whose Kubernetes version runs out of support, or has.

    The days are counted from the date itself: the ranges that AKS documents for its descriptions contradict
    each other.
    """
    event, facts = story.event, story.event.end_of_support or EndOfSupport()
    version = f"Kubernetes {facts.version}" if facts.version else "The Kubernetes version"
    date, support = facts.date, facts.support
    days = time_phrases.days_away(date.date(), frame.as_of) if date else None
    said = event.description.lower()
    past = days < 0 if days is not None else "outof" in said or "ended" in said
    soon = "soon" if days is None else time_phrases.in_days(days)
    when = f"ends {soon}"
    if past:
        when = "is out of support" if days is None else f"ended {soon}"
    meaning = f"Workloads likely go on running{'' if past else ' after that date'}. {_MEANING}"
    return view_of(
        story,
        frame,
        status="Out of support" if past else "",
        tone=Tone.FAILED if past else None,
        subject=(when, version.removeprefix("The ").removesuffix(" version")),
        preheader=meaning,
        headline=f"{version} is out of support" if past else f"{version} goes out of support {soon}",
        panel=(
            Fact("Support ended" if past else "Support ends", _date(date, days)),
            Fact("Support plan", support),
            Fact("Meaning", meaning),
            Fact("Way out", _way_out(facts.version, None if past else date, support)),
        ),
        sections=(
            phrases.todo(
                commands.upgrades(story.cluster),
                Step(
                    "List the APIs in use that a later version removes.",
                    "kubectl get --raw /metrics | grep apiserver_requested_deprecated_apis",
                ),
                *phrases.check_budgets(story.upgrade),
                Step(
                    "Upgrade, or let auto-upgrade do it in your window.",
                    commands.aks("upgrade", story.cluster) + " --kubernetes-version '<version>'",
                ),
                *_long_term(story, support),
            ),
            phrases.prose("What it means", _automatic(past=past)),
        ),
        elsewhere="In the portal: Settings → Upgrades.",
    )


_MEANING = "The version gets no more fixes, and support may ask for an upgrade before it helps."


def _date(date: datetime | None, days: int | None) -> str:
    if date is None or days is None:
        return "AKS did not say when"
    return f"{time_phrases.day(date.date())}, {time_phrases.in_days(days)}"


def _way_out(version: str, ends: datetime | None, support: str) -> str:
    """Return what to do by when: the next minor version, or long-term support."""
    parts = version.split(".")
    by = f"By {time_phrases.day(ends.date())}" if ends else "Now"
    if len(parts) >= _MINOR + 1 and parts[_MINOR].isdigit():
        upgrade = f"{by}: upgrade to {parts[0]}.{int(parts[_MINOR]) + 1} or later"
    else:
        upgrade = f"{by}: upgrade"
    return f"{upgrade}." if support.lower() == "lts" else f"{upgrade}, or change to long-term support."


_MINOR = 1
"""Where a version has its minor number."""


def _long_term(story: MaintenanceHistory, support: str) -> tuple[Step, ...]:
    """Return the other way out: long-term support, which every version has had since 2026."""
    if support.lower() == "lts" or (story.snapshot and story.snapshot.is_automatic):
        return ()
    return (
        Step(
            "Or change to long-term support, in the Premium tier: 24 months in all from the version's "
            "release.",
            commands.aks("update", story.cluster) + " --tier premium --k8s-support-plan AKSLongTermSupport",
        ),
    )


def _automatic(*, past: bool) -> str:
    repeats = "AKS repeats this notice every week until the cluster is upgraded. " if past else ""
    return (
        f"{repeats}Nothing is done to the cluster on the day itself. One that falls too far behind may be "
        "upgraded by AKS on its own, at a time you do not choose. Upgrading Kubernetes ends these notices."
    )
