"""Mails about failures: what happened, what it leaves behind, what to do."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import msgspec

from shared.messages import phrases, portal, time_phrases
from shared.messages.event_view import view_of
from shared.messages.view import Fact, Link, Section, Step, View

if TYPE_CHECKING:
    from shared.failures.explanation import Context, Explanation, Finding
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext

MAX_FINDINGS = 6
MAX_OCCURRENCES = 20
MAX_FURTHER_STEPS = 3
"""Of each failure but the first."""

_LONG = 65_536
"""Characters: no more than this is kept in memory for a digest."""

_URGENCY = {
    "now": "Now: workloads suffer from it, or soon will.",
    "today": "Today: something is left half done, and more will fail until it is fixed.",
    "next-window": "Before the next maintenance window.",
}
_OWNER = {
    "you": "You: the cause lies in your cluster or subscription.",
    "azure-capacity": "Azure, in time: it has too little capacity there at the moment.",
    "azure-service": "Azure: the service itself; support may have to help.",
    "policy": "Whoever keeps the policies and locks of your organisation.",
    "unknown": "",
}


class Brief(msgspec.Struct, frozen=True):
    """A failure as a digest tells it."""

    title: str
    others: int = 0
    """How many more failures the message tells of."""
    command: str = ""


def explain(story: MaintenanceHistory, frame: RenderContext) -> Explanation:
    """Ask what the failure's reason comes down to."""
    return _explain(story.event.details, _context(story), frame.look.failures_file)


def in_brief(story: MaintenanceHistory, frame: RenderContext) -> Brief:
    """Ask what the failure's reason comes down to, in a few words."""
    brief = _in_brief if len(story.event.details) <= _LONG else _in_brief.__wrapped__
    return brief(story.event.details, _context(story), frame.look.failures_file)


@functools.lru_cache(maxsize=128)
def _in_brief(details: str, context: Context, failures_file: str) -> Brief:
    """Remembered: a digest is made twice, first to see how much of it fits into one mail."""
    first, *others = _explain(details, context, failures_file).findings
    command = next((step.command for step in first.steps if step.command), "")
    return Brief(first.title, len(others), command)


def _explain(details: str, context: Context, failures_file: str) -> Explanation:
    from shared.failures import cached_catalogue
    from shared.failures import explain as explain_reason

    return explain_reason(details, context, cached_catalogue(failures_file))


def _context(story: MaintenanceHistory) -> Context:
    from shared.failures.explanation import Context

    cluster = story.cluster
    return Context(
        subscription=cluster.subscription,
        resource_group=cluster.resource_group,
        cluster=cluster.name,
        pools=story.pools,
        region=story.region,
        upgrade=story.upgrade.value,
    )


def failed(story: MaintenanceHistory, frame: RenderContext) -> View:
    """Tell of a failure, explained."""
    event, what = story.event, phrases.WHAT[story.upgrade]
    explanation = explain(story, frame)
    first, *others = explanation.findings
    count = len(others)
    tail = first.title + (f", and {count} more" if count else "")
    after = f"after {time_phrases.span(story.took)}" if story.took is not None else ""
    there = time_phrases.local(event.updated, frame.zone)
    sections = [
        *explained(explanation, frame),
        phrases.timeline(
            frame,
            [
                ("Announced", story.announced, ""),
                ("Planned for", story.planned, ""),
                ("Started", story.started, ""),
                *(("Failed before", failure, "") for failure in story.failures),
                ("Failed", event.updated, after),
            ],
        ),
        _known(first),
    ]
    return view_of(
        story,
        frame,
        subject=(what, story.cluster.name, tail),
        preheader=f"{story.cluster.name}: {_summary(first)} What to do inside.",
        headline=f"{what} failed: {first.title}",
        moment_label="Failed",
        moment=time_phrases.utc(event.updated),
        moment_more=(there, after),
        sections=sections,
        elsewhere="In the portal: Diagnose and solve problems, Activity log (status Failed), and Node pools.",
        raw=explanation.raw or None,
    )


def explained(explanation: Explanation, frame: RenderContext) -> tuple[Section, ...]:
    """Return what is said of a failure: what happened, what it means, what to do."""
    first, *others = explanation.findings
    titles = tuple(finding.title for finding in others[MAX_FINDINGS:])
    return (
        Section(heading="What happened", paragraphs=(first.happened,), items=_occurrences(first)),
        Section(heading="What it means", paragraphs=tuple(p for p in (first.state, first.retries) if p)),
        _todo(first, frame),
        *(_another(finding) for finding in others[:MAX_FINDINGS]),
        *([Section(heading="And more", items=titles[:MAX_OCCURRENCES])] if titles else []),
    )


def _summary(finding: Finding) -> str:
    if finding.quoted:
        return f'AKS says "{finding.summary}".'
    return finding.summary


def _todo(finding: Finding, frame: RenderContext) -> Section:
    links = (
        Link(_guide(finding), portal.https(finding.link)),
        Link("Your runbook", portal.https(frame.audience.runbook)),
    )
    return phrases.todo(*_steps(finding), links=tuple(link for link in links if link.url))


def _guide(finding: Finding) -> str:
    # What is not known has no guide of its own: the catalogue names the general one.
    if finding.entry == "unknown":
        return "Microsoft's guide to clusters in state Failed"
    return "Microsoft's guide to this failure"


def _another(finding: Finding) -> Section:
    link = portal.https(finding.link)
    return Section(
        heading=f"Also: {finding.title}",
        paragraphs=tuple(p for p in (finding.happened, finding.state) if p),
        items=_occurrences(finding),
        steps=_steps(finding)[:MAX_FURTHER_STEPS],
        links=(Link(_guide(finding), link),) if link else (),
    )


def _steps(finding: Finding) -> tuple[Step, ...]:
    return tuple(Step(step.what, step.command) for step in finding.steps)


def _known(finding: Finding) -> Section:
    facts = [Fact(label, value) for label, value in finding.facts]
    facts.append(Fact("How soon to act", _URGENCY.get(finding.urgency or "", "")))
    facts.append(Fact("Who can fix it", _OWNER.get(finding.owner, "")))
    if finding.code:
        facts.append(Fact("Code", finding.code))
    return Section(heading="Read from the message", facts=tuple(fact for fact in facts if fact.value))


def _occurrences(finding: Finding) -> tuple[str, ...]:
    more = finding.more[:MAX_OCCURRENCES]
    left = len(finding.more) - len(more)
    return (*more, f"… and {left} more like these; see below") if left else more
