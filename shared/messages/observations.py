"""Mails about observations that are of no single cluster: advisories, support, coverage, the app itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.events.observation import (
    PUSHED_WITHIN,
    STORED_ROWS,
    Advisory,
    Coverage,
    Missed,
    SupportEnding,
    Unreadable,
    facts_of,
)
from shared.messages import commands, phrases, time_phrases
from shared.messages.presentation import presentation
from shared.messages.view import Fact, Section, Step, View, said_facts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.events.model import Event
    from shared.events.observation import ClusterRemark
    from shared.messages.view import RenderContext
    from shared.notices.kinds import Kind

HEALTH = "In the portal: Service Health → Health advisories."


def advisory(kind: Kind, event: Event, frame: RenderContext) -> View:
    """Return a view of what Service Health says about AKS."""
    facts = facts_of(event, Advisory)
    until = frame.beside(facts.ends) if facts.ends else ""
    return view_of(
        kind,
        event,
        frame,
        subject=(facts.title, facts.tracking_id),
        headline=facts.title,
        preheader=facts.summary or HEALTH,
        sections=(
            Section(heading="What Azure says", paragraphs=tuple(facts.summary.split("\n")) or (facts.title,)),
            Section(
                heading="Whom it concerns",
                facts=said_facts(
                    ("Subscriptions", _few(facts.subscriptions)),
                    ("Regions", _few(facts.regions)),
                    ("Kind", facts.type),
                    ("Status", facts.status),
                    ("From", frame.beside(facts.starts) if facts.starts else ""),
                    ("Until", until),
                    ("Tracking ID", facts.tracking_id),
                ),
                note="For an advisory the end is not always the deadline: the date is in the text.",
            ),
        ),
        elsewhere=HEALTH,
    )


def support_ending(kind: Kind, event: Event, frame: RenderContext) -> View:
    """Return a view of a version that leaves support, the clusters that run it, and the two ways out."""
    facts = facts_of(event, SupportEnding)
    days = time_phrases.in_days(time_phrases.days_away(facts.date.date(), frame.as_of))
    on = phrases.clusters(facts.count or len(facts.clusters))
    lts = ""
    if facts.lts:
        lts = f" It has Kubernetes {facts.version} until {time_phrases.day(facts.lts.date())}."
    return view_of(
        kind,
        event,
        frame,
        subject=(f"Kubernetes {facts.version}", f"ends {days}", on),
        headline=f"Kubernetes {facts.version} leaves support {days}, on {on}",
        preheader="Two ways out: upgrade, or change to long-term support.",
        panel=(
            Fact("Ends", f"{time_phrases.day(facts.date.date())} (community support), {days}"),
            Fact("Clusters", on),
            Fact("Way out", "Upgrade, or change to long-term support."),
        ),
        sections=(
            listed("Clusters", facts.clusters, facts.count, frame),
            phrases.todo(
                Step(
                    "Upgrade to a version that is supported for longer.",
                    "az aks upgrade --subscription '<subscription>' -g '<resource-group>' -n '<cluster>' "
                    "--kubernetes-version '<version>'",
                ),
                Step(
                    "Or stay, with long-term support (tier Premium, which costs more): only the two newest "
                    f"patches of a version are supported then.{lts}",
                    "az aks update --subscription '<subscription>' -g '<resource-group>' -n '<cluster>' "
                    "--tier premium --k8s-support-plan AKSLongTermSupport",
                ),
            ),
        ),
        elsewhere="In the portal: Settings → Upgrades.",
    )


def missed_events(kind: Kind, event: Event, frame: RenderContext) -> View:
    """Return a view of events that Event Grid failed to bring twice: its subscription is broken."""
    facts = facts_of(event, Missed)
    never = f"none in the last {PUSHED_WITHIN.days} days"
    pushed = frame.beside(facts.last_pushed) if facts.last_pushed else never
    return view_of(
        kind,
        event,
        frame,
        subject=(f"{facts.count} events did not come by Event Grid", "the event subscription may be broken"),
        headline=f"{facts.count} events did not come by Event Grid",
        preheader="They were found in Azure Resource Graph, up to an hour late; they are told all the same.",
        sections=(
            phrases.prose(
                "What happened",
                "Two runs of reconcile in a row found events in Azure Resource Graph that Event Grid had not "
                "delivered half an hour after they happened. They are recorded, and what was still worth "
                "telling has been told late.",
                facts=said_facts(
                    ("Subscriptions", _few(facts.subscriptions)), ("Last event delivered", pushed)
                ),
                items=facts.examples,
            ),
            phrases.todo(
                Step(
                    "Check that each subscription has its system topic, and that topic an event subscription."
                ),
                Step("Check in the topic's metrics whether deliveries fail or are dropped."),
                Step("Connect a subscription that is not connected.", "python -m ops.subscribe --help"),
            ),
        ),
    )


def unreadable(kind: Kind, event: Event, frame: RenderContext) -> View:
    """Return a view of what could not be read: nobody would notice what is missing."""
    facts = facts_of(event, Unreadable)
    if facts.what == STORED_ROWS:
        return _stored_rows(kind, event, facts, frame)
    id_ = event.subject.subscription or facts.name
    if facts.what == "rows":
        said = f"{facts.count or len(facts.rows)} rows of subscription {id_} could not be read"
        step = Step("Please report it, with a row: its form may have changed.")
    else:
        said = f"The {facts.what} {facts.name or id_} cannot be read"
        step = Step(
            "Give the app's identity the role Reader there, or take it out of SUBSCRIPTIONS.",
            "az role assignment create --role Reader --assignee '<principal-id>' "
            f"--scope {commands.quoted(event.subject.id)}"
            if event.subject.id
            else "",
        )
    return view_of(
        kind,
        event,
        frame,
        subject=(said,),
        headline=said,
        preheader="What happens there is told only as far as Event Grid brings it.",
        sections=(
            phrases.prose(
                "What it means",
                "Azure Resource Graph leaves out what an identity may not read, without an error. What "
                "happens there is told only as far as Event Grid brings it. You hear of this once until it "
                "can be read again.",
                facts=said_facts(("Subscription", id_), ("Name", facts.name), ("Why", facts.why)),
                items=facts.rows,
            ),
            phrases.todo(step),
        ),
    )


def _stored_rows(kind: Kind, event: Event, facts: Unreadable, frame: RenderContext) -> View:
    said = f"{facts.count} rows of the table cannot be read" if facts.count > 1 else "A row cannot be read"
    means = (
        "A newer version of the app wrote what this one does not know, or somebody wrote by hand. Everything "
        "else goes on. Work and clusters stay as they are, until a version reads them; a pause, or when an "
        "audience was last mailed, is written anew. You hear of this once a day."
    )
    return view_of(
        kind,
        event,
        frame,
        subject=(said,),
        headline=said,
        preheader=f"{said}: what they hold is not told.",
        sections=(
            phrases.prose("What it means", means, items=facts.rows),
            phrases.todo(Step("Look at them: deploy the version that wrote them, or delete what is no use.")),
        ),
    )


_FROM_NOW_ON = (
    "From now on changes are told one by one. What was so already is told here, once, and stands in the "
    "weekly report."
)


def coverage(kind: Kind, event: Event, frame: RenderContext) -> View:
    """Return a view of the clusters that nobody would hear of, and why; at first, of all that was found."""
    facts = facts_of(event, Coverage)
    count = facts.count or len(facts.clusters)
    if facts.first:
        said = "This is what the first reading found"
    elif count:
        said = f"Nobody would hear of maintenance of {phrases.clusters(count)}"
    else:
        said = facts.subscriptions[0] if facts.subscriptions else "Nothing new"
    return view_of(
        kind,
        event,
        frame,
        subject=(said,),
        headline=said,
        preheader="Because of no route, no event subscription, no channel or no window.",
        sections=(
            phrases.prose(
                "What was found",
                *((_FROM_NOW_ON,) if facts.first else ()),
                items=(*facts.first, *facts.subscriptions),
            ),
            listed("Clusters that are never announced, or never heard of", facts.clusters, count, frame),
            phrases.todo(
                Step("List all of them, with the reasons.", "./notifier coverage"),
                Step("Connect a subscription that is not connected.", "python -m ops.subscribe --help"),
            ),
        ),
    )


def view_of(
    kind: Kind,
    event: Event,
    frame: RenderContext,
    *,
    subject: Iterable[str],
    headline: str,
    preheader: str,
    sections: Iterable[Section],
    elsewhere: str = "",
    panel: Iterable[Fact] = (),
) -> View:
    """Return the view of an observation; sections that say nothing are left out."""
    usual = presentation(kind)
    return View(
        status=usual.status,
        tone=usual.tone,
        subject=tuple(subject),
        preheader=preheader,
        headline=headline,
        panel=tuple(panel) or (Fact("Seen", frame.beside(event.updated)),),
        sections=tuple(section for section in sections if section.says_something()),
        elsewhere=elsewhere,
        notes=phrases.notes(frame),
    )


def listed(heading: str, clusters: tuple[ClusterRemark, ...], count: int, frame: RenderContext) -> Section:
    """Return the section of a list of clusters, and how many more there are."""
    items = [
        " · ".join(part for part in (one.name, one.subscription) if part)
        + (f": {'; '.join(one.words)}" if one.words else "")
        + (f" {frame.here(one.at)}" if one.at else "")
        for one in clusters
    ]
    return Section(heading=heading, items=(*items, *phrases.more(count - len(clusters))))


def _few(names: tuple[str, ...], most: int = 10) -> str:
    left = len(names) - most
    return ", ".join(names[:most]) + (f" and {left} more" if left > 0 else "")
