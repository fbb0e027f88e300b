"""What AKS advises about planned maintenance, checked.

model       what there is to check
reading     parsing     terraform   template: from JSON of whatever form, of the CLI, a plan, an ARM template
joining     what several inputs say about the same clusters
rule        a rule, what it looks at, what it finds
rules       schedules   channels   calendars   pools: the rules
staggering  starts that keep apart
commands    blocks: what mends it, as `az` commands or as changes of a block
report      baseline: the findings for people and for programs; those that are known already
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from ops.linting.rule import LintContext, LintFinding, Severity
from ops.linting.rules import RULES
from ops.linting.staggering import propose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from ops.linting.model import ListedCluster, Listing
    from ops.linting.rule import Problem, Rule
    from shared.routes.freezes import Freeze

__all__ = ["RULES", "lint"]

_WORST_FIRST = tuple(Severity)

# Rules look years ahead and at local dates: a time too near the ends of the calendar leaves no room for that.
_FIRST, _LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9990, 1, 1, tzinfo=UTC)


def lint(
    listing: Listing,
    now: datetime,
    *,
    time_zone: ZoneInfo | None = None,
    freezes: Sequence[Freeze] = (),
) -> list[LintFinding]:
    """Check every rule on every cluster and shared window, as things are at `now`; the worst first. Pure.

    What is wrong with a shared schedule is told once, of the shared window, and not of every cluster.
    """
    now = min(max(now, _FIRST), _LAST)
    context = LintContext(listing.clusters, now, time_zone, freezes, propose)
    findings: dict[tuple[str, ...], LintFinding] = {}
    for rule in RULES:
        for listed in (*listing.clusters, *listing.shared):
            for place, problem in enumerate(rule.check(listed, context)):
                finding = _finding(rule, listed, problem)
                shared = _shared(listed, problem) if rule.is_about_schedule else None
                if shared is None:
                    key: tuple[str, ...] = (rule.id, str(id(listed)), problem.part, str(place))
                else:
                    key = (rule.id, shared)
                    finding = _of_shared(finding, listing, shared)
                findings.setdefault(key, finding)
    return sorted(findings.values(), key=lambda finding: _WORST_FIRST.index(finding.severity))


def _finding(rule: Rule, listed: ListedCluster, problem: Problem) -> LintFinding:
    return LintFinding(
        rule=rule.id,
        severity=problem.severity or rule.severity,
        cluster=listed.name,
        part=problem.part,
        what=problem.what,
        why=rule.why,
        source=rule.source,
        fix=problem.mend,
        file=listed.files.get(problem.part) or listed.file,
        address=listed.addresses.get(problem.part) or listed.address,
    )


def _shared(listed: ListedCluster, problem: Problem) -> str | None:
    """Return the key of the shared window that a problem is about; None where it is about a cluster's own."""
    if listed.shared is not None:
        return listed.shared.key
    found = listed.configuration(problem.part)
    return found.window_id.lower() or None if found else None


def _of_shared(finding: LintFinding, listing: Listing, key: str) -> LintFinding:
    """Return a finding as one of the shared window, with the clusters that use it."""
    window = next(
        (listed.shared for listed in listing.shared if listed.shared and listed.shared.key == key), None
    )
    name = window.name if window else key.rpartition("/")[2]
    users = ", ".join(listed.name or listed.address for listed in listing.users(key))
    what = f"{finding.what} (shared window, used by {users})" if users else f"{finding.what} (shared window)"
    return msgspec.structs.replace(finding, cluster="", part=name, what=what)
