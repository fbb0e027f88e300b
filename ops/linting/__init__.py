"""What AKS advises about planned maintenance, checked.

listing     what there is to check, read from JSON
rule        a rule, what it looks at, what it finds
schedules   channels   calendars   pools: the rules
commands    the `az` commands that mend what was found
report      the findings for people and for programs
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ops.linting import calendars, channels, pools, schedules
from ops.linting.rule import Around, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.linting.listing import ListedCluster

RULES = (*schedules.RULES, *channels.RULES, *calendars.RULES, *pools.RULES)
"""All rules. Their ids are part of the interface: pipelines filter by them."""

_WORST_FIRST = tuple(Severity)

# Rules look years ahead and at local dates: a time too near the ends of the calendar leaves no room for that.
_FIRST, _LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9990, 1, 1, tzinfo=UTC)


def lint(clusters: Sequence[ListedCluster], now: datetime) -> list[Finding]:
    """Check every rule on every cluster, as things are at `now`; the worst comes first. Pure."""
    around = Around(clusters, min(max(now, _FIRST), _LAST))
    findings = [
        Finding(
            rule=rule.id,
            severity=rule.severity,
            cluster=listed.name,
            part=problem.part,
            what=problem.what,
            why=rule.why,
            source=rule.source,
            fix=problem.mend,
        )
        for rule in RULES
        for listed in clusters
        for problem in rule.check(listed, around)
    ]
    return sorted(findings, key=lambda finding: _WORST_FIRST.index(finding.severity))
