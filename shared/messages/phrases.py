"""Words and parts that several kinds of mail share.

What Microsoft documents is stated; what follows from it only as a rule is worded as likely.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.events.model import Upgrade
from shared.messages import time_phrases
from shared.messages.view import Fact, Link, Section, Step, said_facts
from shared.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from shared.audience import Audience
    from shared.events.model import Event, Subject
    from shared.messages.branding import Branding
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext
    from shared.snapshot import ClusterSnapshot

TODO = "Do this"
"""The heading over what is to be done."""

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

BRIEF = {
    Upgrade.KUBERNETES: "Kubernetes",
    Upgrade.NODE_OS: "node OS",
    Upgrade.WEEKLY_RELEASE: "weekly release",
    Upgrade.PLATFORM: "platform",
    Upgrade.END_OF_SUPPORT: "end of support",
    Upgrade.UNKNOWN: "maintenance",
}
"""The same in a subject."""

_MOVES = "Pods move to other nodes; a workload with a single replica is likely down briefly."

_EXPECT = {
    Upgrade.KUBERNETES: f"The control plane first, then {{pools}} one by one, with a new node image. "
    f"{_MOVES}",
    Upgrade.NODE_OS: f"{{pools}}, one by one: a newer OS image. {_MOVES}",
    Upgrade.WEEKLY_RELEASE: "The control plane and add-ons such as CoreDNS and Metrics Server. Your own pods "
    "likely stay where they are; the Kubernetes API may be slow to answer for a short while.",
    Upgrade.PLATFORM: "The platform below the cluster. Running workloads are likely not affected; the "
    "Kubernetes API, and with it kubectl logs and exec, may be briefly out of reach.",
    Upgrade.UNKNOWN: "AKS does not say what kind of maintenance this is. If it touches the nodes, they are "
    "drained in turn and pods move to other nodes.",
}
_MAX_POOLS = 6
_SOAK = 60
"""Minutes of a blue-green pool's last soak by default (azure/aks/blue-green-node-pool-upgrade)."""

BEST_EFFORT = (
    "Maintenance windows are best effort: work starts inside the window where possible, and what has begun "
    "may run on past its end."
)


def what(story: MaintenanceHistory) -> str:
    """Return what it is, with the versions where they are known: `Kubernetes upgrade 1.32.6 → 1.33.2`."""
    return f"{WHAT[story.upgrade]} {story.versions}".rstrip()


def brief(story: MaintenanceHistory) -> str:
    """Return the same for a subject: `Kubernetes 1.32.6 → 1.33.2`."""
    return f"{BRIEF[story.upgrade]} {story.versions}".rstrip()


def expect(story: MaintenanceHistory) -> str:
    """Return what the maintenance is likely to mean for workloads, naming the node pools where known."""
    words = _EXPECT.get(story.upgrade, _EXPECT[Upgrade.UNKNOWN]).format(pools=_pools(story.pools))
    return words[0].upper() + words[1:]


def soaks(story: MaintenanceHistory) -> str:
    """Return which node pools are upgraded blue-green, and how long they keep their old nodes at the end."""
    pools = [pool for pool in story.snapshot.pools if pool.is_blue_green] if story.snapshot else []
    pools = [pool for pool in pools if not story.pools or pool.name in story.pools]
    if not pools or not touches_nodes(story.upgrade):
        return ""
    some = ", ".join(
        f"{pool.name} ({time_phrases.span(timedelta(minutes=pool.final_soak or _SOAK))})"
        for pool in pools[:_MAX_POOLS]
    )
    which = "Node pool" if len(pools) == 1 else "Node pools"
    return f"{which} {some} keep{'s' if len(pools) == 1 else ''} the old nodes through a last soak."


def _pools(names: tuple[str, ...]) -> str:
    if not names:
        return "the node pools"
    some = ", ".join(names[:_MAX_POOLS])
    left = len(names) - _MAX_POOLS
    return f"node pool{'s' if len(names) > 1 else ''} {some}" + (f" and {left} more" if left > 0 else "")


_DOT = " · "
_MAX_SUBSCRIPTION_CHARACTERS = 40
_MAX_PLACE_CHARACTERS = 130
"""Characters of a place with its tags: three lines of a phone."""


def where(subject: Subject, region: str, known: ClusterSnapshot | None = None) -> str:
    """Return where a cluster or a fleet is: group, region, subscription by name where that is known.

    Tags follow as far as they fit: what is to be done has to stay on the first screen.
    """
    name = clip(known.subscription_name, _MAX_SUBSCRIPTION_CHARACTERS) if known else ""
    parts = (subject.resource_group, region, f"subscription {name or subject.subscription}")
    told = _DOT.join(part for part in parts if part)
    for tag in known.tags if known else ():
        if len(told) + len(_DOT) + len(tag) > _MAX_PLACE_CHARACTERS:
            break
        told += _DOT + tag
    return told


def clusters(count: int) -> str:
    """Count clusters: `1 cluster`, `2,500 clusters`."""
    return counted(count, "cluster")


def counted(count: int, noun: str) -> str:
    """Count things: `1 failure`, `2,500 failures`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def more(left: int) -> tuple[str, ...]:
    """Return the last line of a list that leaves so many out; none where it is whole."""
    return (f"… and {left:,} more",) if left > 0 else ()


def sentence(words: str) -> str:
    """Return words with a full stop, unless they end a sentence already."""
    return words if not words or words[-1] in ".!?:…" else f"{words}."


def prose(
    heading: str,
    *paragraphs: str,
    items: tuple[str, ...] = (),
    facts: tuple[Fact, ...] = (),
    steps: tuple[Step, ...] = (),
) -> Section:
    """Return a section of paragraphs, and of what stands under them."""
    return Section(heading=heading, paragraphs=paragraphs, items=items, facts=facts, steps=steps)


def todo(*steps: Step, links: tuple[Link, ...] = ()) -> Section:
    """Return the section of steps."""
    return Section(heading=TODO, steps=steps, links=links)


def touches_nodes(upgrade: Upgrade) -> bool:
    """Return whether nodes are likely to be drained."""
    return upgrade not in {Upgrade.WEEKLY_RELEASE, Upgrade.PLATFORM}


def check_budgets(upgrade: Upgrade) -> tuple[Step, ...]:
    """Return the step that shows what most often stops an upgrade, where nodes are likely to be drained."""
    if not touches_nodes(upgrade):
        return ()
    step = Step(
        "Check that every workload can lose a pod: a Pod Disruption Budget with ALLOWED DISRUPTIONS 0 blocks "
        "the drain of a node.",
        "kubectl get pdb -A",
    )
    return (step,)


def timeline(frame: RenderContext, entries: Iterable[tuple[str, datetime | None, str]]) -> Section:
    """Return the section of what happened when; entries without a time are left out."""
    facts = [
        Fact(label, frame.beside(time) + (f", {note}" if note else ""))
        for label, time, note in entries
        if time is not None
    ]
    return Section(heading="Timeline", facts=tuple(facts))


def details(event: Event, pools: tuple[str, ...]) -> Section:
    """Return the section of what AKS said, field by field."""
    facts = said_facts(
        ("Status", event.status),
        ("Node pools", ", ".join(pools)),
        ("Description", event.description),
        ("Source", event.source),
        ("Event ID", event.event_id),
    )
    return Section(heading="As AKS sent it", facts=facts)


def observed(event: Event) -> Section | None:
    """Return the section of what the activity log said, where there is something."""
    return Section(heading="As the activity log has it") if event.details else None


REPEAT = "This may be a repeat: nobody can say whether it arrived when it was sent before."


def shadow(audience: Audience, branding: Branding) -> str:
    """Return in shadow mode whom a mail was meant for; nothing otherwise."""
    if not branding.only_to:
        return ""
    people = ", ".join((*audience.to, *audience.cc, *(target.label for target in audience.untold)))
    name = audience.name or audience.id
    return f"Shadow mode: this would have gone to the audience “{name}” ({people}). Only you got it."


def notes(frame: RenderContext) -> tuple[str, ...]:
    """Return who gets a mail and why: the foot of every mail."""
    audience = frame.audience
    if audience.name or audience.id != "default":
        why = (
            f"You get this because you are in the audience “{audience.name or audience.id}” of AKS "
            "Maintenance Notifier."
        )
    else:
        why = (
            "You get this because you are in the default audience of AKS Maintenance Notifier, which hears "
            "of every cluster that no route sends elsewhere."
        )
    lines = [why]
    sent = f"Sent {frame.beside(frame.as_of)}."
    lines.append(sent if audience.reply_to else f"{sent} Replies are not read.")
    return tuple(lines)
