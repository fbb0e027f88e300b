"""Words and parts that several kinds of mail share.

What Microsoft documents is stated; what follows from it only as a rule is worded as likely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.events.model import Upgrade
from shared.messages import commands, portal, time_phrases
from shared.messages.view import Fact, Link, Section, Step
from shared.text import readable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from shared.audience import Audience
    from shared.events.model import Cluster, Event, Subject
    from shared.maintenance.snapshot import ClusterSnapshot
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import Branding, RenderContext

WINDOW = "in your next maintenance window"
"""When something starts whose start AKS does not say."""

WHAT = {
    Upgrade.KUBERNETES: "Kubernetes upgrade",
    Upgrade.NODE_OS: "Node OS upgrade",
    Upgrade.WEEKLY_RELEASE: "AKS weekly release",
    Upgrade.PLATFORM: "Platform maintenance",
    Upgrade.END_OF_SUPPORT: "End of support",
    Upgrade.UNKNOWN: "AKS maintenance",
}

_EXPECT = {
    Upgrade.KUBERNETES: "AKS upgrades the control plane first, then the node pools one by one; the nodes get "
    "a new image as well. Nodes are drained before they are replaced, so expect pods to move to other nodes. "
    "Workloads with a single replica are likely to be away for a moment.",
    Upgrade.NODE_OS: "The nodes get a newer OS image, pool by pool. Nodes are usually drained and reimaged "
    "in turn, so expect pods to move to other nodes; some security patches go in without a drain. Workloads "
    "with a single replica are likely to be away for a moment.",
    Upgrade.WEEKLY_RELEASE: "AKS updates the components it runs for you: the control plane (API server, "
    "etcd) and add-ons such as CoreDNS and Metrics Server. Your own pods are likely to stay where they are; "
    "the Kubernetes API may be slow to answer for a moment.",
    Upgrade.PLATFORM: "AKS works on the platform below the cluster. Running workloads are likely not "
    "affected; the Kubernetes API, and with it kubectl logs and exec, may be out of reach for a moment.",
    Upgrade.UNKNOWN: "AKS does not say what kind of maintenance this is. If it touches the nodes, expect "
    "them to be drained in turn and pods to move to other nodes.",
}

BEST_EFFORT = (
    "Maintenance windows are best effort: work starts inside the window where possible, and what has begun "
    "may run on past its end."
)


def expect(story: MaintenanceHistory) -> str:
    """Return what the maintenance is likely to mean for workloads."""
    return _EXPECT.get(story.upgrade, _EXPECT[Upgrade.UNKNOWN])


def where(subject: Subject, region: str, known: ClusterSnapshot | None = None) -> str:
    """Tell where a cluster or a fleet is: group, region, subscription by name where that is known; tags."""
    name = known.subscription_name if known else ""
    parts = (
        subject.resource_group,
        region,
        f"subscription {name or subject.subscription}",
        *(known.tags if known else ()),
    )
    return " · ".join(part for part in parts if part)


def clusters(count: int) -> str:
    """Count clusters: `1 cluster`, `2,500 clusters`."""
    return f"{count:,} cluster{'' if count == 1 else 's'}"


def todo(*steps: Step, links: tuple[Link, ...] = ()) -> Section:
    """Make the section of steps."""
    return Section(heading="What to do now", steps=steps, links=links)


def check_budgets(upgrade: Upgrade) -> tuple[Step, ...]:
    """Advise to look at what most often stops an upgrade, where nodes are likely to be drained."""
    if upgrade in {Upgrade.WEEKLY_RELEASE, Upgrade.PLATFORM}:
        return ()
    step = Step(
        "See that every workload can spare a pod. A Pod Disruption Budget with no allowed disruptions "
        "(ALLOWED DISRUPTIONS 0) blocks the drain of its node.",
        "kubectl get pdb -A",
    )
    return (step,)


def check_windows(cluster: Cluster) -> Step:
    """Advise to look at the windows."""
    return Step(
        "If the time does not suit you, change the window. AKS wants at least 15 minutes' notice.",
        commands.aks("maintenanceconfiguration list", cluster, "--cluster-name"),
    )


def timeline(frame: RenderContext, entries: Iterable[tuple[str, datetime | None, str]]) -> Section:
    """Make the section of what happened when; entries without a time are left out."""
    facts = [
        Fact(label, time_phrases.both(time, frame.zone) + (f", {note}" if note else ""))
        for label, time, note in entries
        if time is not None
    ]
    return Section(heading="Timeline", facts=tuple(facts))


def portal_link(frame: RenderContext, cluster: Cluster) -> Link:
    """Make the link to the cluster."""
    return Link("Open the cluster in the Azure portal", portal.resource(frame.look.portal, cluster))


def details(event: Event, pools: tuple[str, ...]) -> Section:
    """Make the section of what AKS said, field by field."""
    facts = (
        Fact("Status", event.status),
        Fact("Node pools", ", ".join(pools)),
        Fact("Description", event.description),
        Fact("Source", event.source),
        Fact("Event ID", event.event_id),
    )
    return Section(heading="As AKS sent it", facts=tuple(fact for fact in facts if fact.value))


def observed(event: Event) -> Section | None:
    """Make the section of what the activity log said, where there is something."""
    return Section(heading="As the activity log has it") if event.details else None


def raw(event: Event) -> str:
    """Return the event's details as people can read them."""
    return readable(event.details)


REPEAT = "This may be a repeat: nobody can say whether it arrived when it was sent before."


def shadow(audience: Audience, look: Branding) -> str:
    """Tell in shadow mode whom a mail was meant for; nothing otherwise."""
    if not look.only_to:
        return ""
    people = ", ".join((*audience.to, *audience.cc, *(target.label for target in audience.untold)))
    name = audience.name or audience.id
    return f"Shadow mode: this would have gone to the audience “{name}” ({people}). Only you got it."


def notes(frame: RenderContext) -> tuple[str, ...]:
    """Tell who gets a mail and why: the foot of every mail."""
    audience = frame.audience
    if audience.name or audience.id != "default":
        why = (
            f"Sent to the audience “{audience.name or audience.id}”: the routes of AKS Maintenance Notifier "
            "send it news like this."
        )
    else:
        why = (
            "Sent to the default audience of AKS Maintenance Notifier, which hears of every cluster that no "
            "route sends elsewhere."
        )
    lines = [why]
    as_of = f"Written {time_phrases.both(frame.as_of, frame.zone)}."
    lines.append(as_of if audience.reply_to else f"{as_of} Nobody reads answers to this mail.")
    return tuple(lines)
