"""Mails about versions that run out of support."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.messages import phrases, time_phrases
from shared.messages.event_view import view_of
from shared.messages.presentation import Tone
from shared.messages.view import Fact, Section, Step, View

if TYPE_CHECKING:
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext


def end_of_support(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Tell that a cluster's Kubernetes version runs out of support, or has.

    The days are counted from the date itself: the ranges that AKS documents for its descriptions contradict
    each other.
    """
    event, facts = story.event, story.event.end_of_support
    version = f"Kubernetes {facts.version}" if facts and facts.version else "The Kubernetes version"
    date = facts.date if facts else None
    days = time_phrases.days_away(date.date(), frame.as_of) if date else None
    past = (
        days < 0
        if days is not None
        else any(word in event.description.lower() for word in ("outof", "ended"))
    )
    if days is None:
        when = "is out of support" if past else "ends soon"
    else:
        when = f"ended {time_phrases.in_days(days)}" if past else f"ends {time_phrases.in_days(days)}"
    if past:
        headline = f"{version} is out of support"
    elif days == 0:
        headline = f"{version} goes out of support today"
    else:
        headline = (
            f"{version} goes out of support {time_phrases.in_days(days) if days is not None else 'soon'}"
        )
    support = facts.support if facts else ""
    return view_of(
        story,
        frame,
        status="Out of support" if past else "",
        tone=Tone.FAILED if past else None,
        subject=(version, story.cluster.name, when),
        preheader=f"{story.cluster.name}: {headline}. How to upgrade inside.",
        headline=headline,
        moment_label="Support ended" if past else "Support ends",
        moment=time_phrases.day(date.date()) if date else "AKS did not say when",
        moment_more=(time_phrases.in_days(days),) if days is not None else (),
        sections=(
            Section(
                heading="What it means",
                paragraphs=(_past() if past else _ahead(), _automatic()),
            ),
            phrases.todo(
                story.cluster,
                Step(
                    "See which versions the cluster can go to.",
                    phrases.aks("get-upgrades", story.cluster) + " -o table",
                ),
                Step(
                    "See whether something would break: deprecated APIs, and Pod Disruption Budgets that "
                    "allow nothing.",
                    "kubectl get pdb -A",
                ),
                Step(
                    "Upgrade, or let auto-upgrade do it in your window.",
                    phrases.aks("upgrade", story.cluster) + " --kubernetes-version '<version>'",
                ),
            ),
            Section(
                heading="In short",
                facts=tuple(
                    fact
                    for fact in (
                        Fact("Version", facts.version if facts else ""),
                        Fact("End of support", time_phrases.day(date.date()) if date else ""),
                        Fact("Support plan", support),
                    )
                    if fact.value
                ),
            ),
        ),
        elsewhere="In the portal: Settings → Upgrades.",
    )


def _ahead() -> str:
    return (
        "Workloads are likely to go on running after that date, but the version is likely to get no more "
        "fixes, and support may ask for an upgrade before it helps. Nothing is done to the cluster that day."
    )


def _past() -> str:
    return (
        "Workloads are likely to go on running, but the version is likely to get no more fixes, and support "
        "may ask for an upgrade before it helps. AKS repeats this notice every week until then."
    )


def _automatic() -> str:
    return (
        "A cluster that falls too far behind may be upgraded by AKS on its own, at a time you do not choose. "
        "Upgrading Kubernetes ends these notices."
    )
