"""Mails about failures: can it wait, whose is it, what to do; then what happened and what it left."""

from __future__ import annotations

import functools
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from shared.messages import phrases, portal, time_phrases, verdicts, window_facts
from shared.messages.event_view import view_of
from shared.messages.view import Link, Section, Step, View, ViewTable, said_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.failures.explanation import Context, Explanation, Finding
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext

MAX_FINDINGS = 6
"""Kinds of failure told whole besides the first."""
MAX_OCCURRENCES = 20
MAX_FURTHER_STEPS = 3
"""Of each failure but the first."""

_COLUMNS = 3
"""Of a table that a phone has room for, besides how often."""

_MAX_CACHED_CHARACTERS = 65_536
"""Characters: no more than this is kept in memory for a digest."""


class FailureBrief(msgspec.Struct, frozen=True):
    """A failure as a digest tells it."""

    title: str
    others: int = 0
    """How many more failures the message tells of."""
    step: str = ""
    command: str = ""
    names: tuple[str, ...] = ()
    """What blocks."""


def explain(story: MaintenanceHistory, frame: RenderContext) -> Explanation:
    """Return what the failure's reason comes down to."""
    return _explain(story.event.details, _context(story), frame.branding.failures_file)


def in_brief(story: MaintenanceHistory, frame: RenderContext) -> FailureBrief:
    """Return what the failure's reason comes down to, in a few words."""
    brief = _in_brief if len(story.event.details) <= _MAX_CACHED_CHARACTERS else _in_brief.__wrapped__
    return brief(story.event.details, _context(story), frame.branding.failures_file)


@functools.lru_cache(maxsize=128)
def _in_brief(details: str, context: Context, failures_file: str) -> FailureBrief:
    """Remembered: a digest is made twice, first to see how much of it fits into one mail."""
    first, *others = _explain(details, context, failures_file).findings
    step = next((step for step in first.steps if step.command), None)
    return FailureBrief(
        _titled(first),
        len(others),
        phrases.sentence(step.what) if step else "",
        step.command if step else "",
        verdicts.names(first),
    )


def _titled(finding: Finding) -> str:
    """Return the reason: AKS's own sentence where nobody knows more."""
    return verdicts.reason(finding) if finding.entry == "unknown" else finding.title


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
    """Return a view of a failure, explained: answers for the first screen, what to do, then the rest."""
    event, what = story.event, phrases.WHAT[story.upgrade]
    explanation = explain(story, frame)
    first, *others = explanation.findings
    same = [finding for finding in others if finding.entry == first.entry]
    different = [finding for finding in others if finding.entry != first.entry]
    after = f"after {time_phrases.span(story.took)}" if story.took is not None else ""
    times = sum(1 + len(finding.more) for finding in (first, *same))
    verdict = verdicts.verdict(first, times - 1)
    window = window_facts.fact(story, frame).value
    return view_of(
        story,
        frame,
        subject=(verdicts.reason(first) + _and_more(len(others)), phrases.BRIEF[story.upgrade]),
        preheader=verdicts.in_brief(verdict),
        headline=f"{what} failed{_headline(first, len(same), times, len(different))}",
        moment=(frame.beside(event.updated), after),
        quote=verdicts.quote(first),
        verdict=verdict,
        sections=(
            _todo(first, frame),
            Section(heading="What happened", paragraphs=(first.happened,), items=_occurrences(first)),
            *_same(same),
            phrases.prose("What it means", *filter(None, (verdicts.further(first), first.retries, window))),
            *_different(different),
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
        ),
        elsewhere="In the portal: Diagnose and solve problems, Activity log (status Failed), and Node pools.",
        raw=explanation.raw or None,
    )


def explained(explanation: Explanation, frame: RenderContext) -> tuple[Section, ...]:
    """Return what to do about a failure, and what happened."""
    first, *others = explanation.findings
    same = [finding for finding in others if finding.entry == first.entry]
    return (
        _todo(first, frame),
        Section(heading="What happened", paragraphs=(first.happened,), items=_occurrences(first)),
        *_same(same),
        *_different([finding for finding in others if finding.entry != first.entry]),
        _known(first),
    )


def _headline(first: Finding, same: int, times: int, different: int) -> str:
    """Return why, and how often; AKS's own sentence stands below the headline and is not said twice."""
    if verdicts.quote(first):
        return _and_more(same + different)
    cause = verdicts.cause(first.title)
    causes = "" if verdicts.is_whole(cause) else f"{verdicts.counted(cause, same + 1)}, "
    count = f" ({causes}{times} times)" if same else ""
    return f": {verdicts.reason(first)}{count}{_and_more(different)}"


def _and_more(count: int) -> str:
    return f", and {count} more" if count else ""


def _todo(finding: Finding, frame: RenderContext) -> Section:
    links = (
        Link("Your runbook", portal.https(frame.audience.runbook)),
        Link(_guide(finding), portal.https(finding.link)),
    )
    return phrases.todo(*_steps(finding), links=tuple(link for link in links if link.url))


def _guide(finding: Finding) -> str:
    # What is not known has no guide of its own: the catalogue names the general one.
    if finding.entry == "unknown":
        return "Microsoft's guide to clusters in state Failed"
    return "Microsoft's guide to this failure"


def _same(findings: list[Finding]) -> tuple[Section, ...]:
    """Return the section of further failures of the same cause: a row each, the steps being the same."""
    if not findings:
        return ()
    facts = [dict(finding.facts) for finding in findings]
    labels = sorted(dict.fromkeys(chain.from_iterable(facts)), key=verdicts.rank)
    columns = tuple(label for label in labels if _differ(label, facts))
    rows = tuple(
        (*(known.get(label, "") for label in columns[:_COLUMNS]), f"{1 + len(finding.more)}")
        for known, finding in zip(facts, findings, strict=True)
    )
    return (
        Section(
            heading=f"{len(findings)} more of the same cause",
            paragraphs=("The steps above apply to each, with its own names.",),
            table=ViewTable((*columns[:_COLUMNS], "Times"), rows),
        ),
    )


def _differ(label: str, facts: list[dict[str, str]]) -> bool:
    return len(facts) == 1 or len({known.get(label, "") for known in facts}) > 1


def _different(findings: list[Finding]) -> Iterator[Section]:
    """Yield a section for each further cause; of many, the last ones by name only."""
    by_entry: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        by_entry[finding.entry, finding.title if finding.entry == "unknown" else ""].append(finding)
    groups = list(by_entry.values())
    for group in groups[:MAX_FINDINGS]:
        yield _another(group)
    titles = tuple(group[0].title for group in groups[MAX_FINDINGS:])
    if titles:
        yield Section(heading="And more", items=titles[:MAX_OCCURRENCES])


def _another(group: list[Finding]) -> Section:
    first, *rest = group
    link = portal.https(first.link)
    count = f", {len(group)} of them" if rest else ""
    more = tuple(dict.fromkeys(finding.summary for finding in rest))
    return Section(
        heading=f"Also: {first.title}{count}",
        paragraphs=tuple(part for part in (first.happened, first.state) if part),
        items=(*_occurrences(first), *more)[:MAX_OCCURRENCES],
        steps=_steps(first)[:MAX_FURTHER_STEPS],
        links=(Link(_guide(first), link),) if link else (),
    )


def _steps(finding: Finding) -> tuple[Step, ...]:
    return tuple(Step(phrases.sentence(step.what), step.command) for step in finding.steps)


def _known(finding: Finding) -> Section:
    facts = said_facts(*finding.facts, ("Code", finding.code))
    return Section(heading="Read from the message", facts=facts)


def _occurrences(finding: Finding) -> tuple[str, ...]:
    more = finding.more[:MAX_OCCURRENCES]
    left = len(finding.more) - len(more)
    return (*more, f"… and {left} more like these; see below") if left else more
