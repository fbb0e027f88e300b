"""What is watched, and whether it is there to be seen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.infra import code
from tests.infra.questions import expect, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.bicep import Infra, Template, Value

METRICS = {"DeadLetteredCount", "DroppedEventCount", "DeliveryAttemptFailCount", "UnmatchedEventCount"}


_MAIL = 'Message startswith "mail "'
_SERVICE = 'Message startswith "the mail service "'
_WANTED = {
    "failed-executions": ("Success == false", "SeverityLevel >= 3", _MAIL, _SERVICE),
    "no-sweep": ('Name == "due_notices"', "Success == true", "Sweeps == 0"),
    "rejected-input": ('Message startswith "decision=rejected "',),
    "work-waiting": (
        'Message startswith "sweep: "',
        'extract("oldest=([0-9]+)"',
        "${waitingMinutes * 60}",
    ),
    "mail-refused": ("SeverityLevel >= 3", _MAIL, _SERVICE, 'Message startswith "decision="'),
}


def alerts(infra: Infra) -> Iterator[str]:
    """Check that everything that can go wrong is told by Azure Monitor, and has its chapter."""
    topic, log = infra["alerts/topic.bicep"], infra["alerts/app.bicep"]
    metrics = set(re.findall(r"metric(?:Name)?: '(\w+)'", topic.text))
    yield from (f"no alert on {name}" for name in METRICS - metrics)
    yield from (f"{name} is no metric of a system topic" for name in metrics - METRICS)
    known = alert_names(infra)
    wanted = {"failed-executions", "no-sweep", "rejected-input", "work-waiting", "mail-refused"}
    yield from (f"the alert {name} is missing" for name in wanted - known)
    handbook = (code.ROOT / "docs" / "operations.md").read_text("utf-8")
    yield from (
        f"docs/operations.md has no chapter on {name}" for name in known if f"### `{name}`" not in handbook
    )
    for path in ("alerts/topic.bicep", "alerts/app.bicep"):
        for resource in infra[path].resources:
            yield from expect(resource, {"properties.enabled": True})
            if "actionGroupId" not in shown(resource.at("properties.actions")):
                yield f"{path}: {resource.symbol} tells nobody"
            if resource.at("properties.autoMitigate") is not True:
                yield f"{path}: {resource.symbol} does not end by itself"
    group = infra["alerts/actionGroup.bicep"].only("Microsoft.Insights/actionGroups")
    properties = group.body.get("properties")
    receivers = set(properties) if isinstance(properties, dict) else set()
    if receivers != {"groupShortName", "enabled", "emailReceivers"}:
        yield "the action group does more than send mail by itself"
    for rule in _watched(log):
        query, window = str(rule.get("query")), rule.get("window")
        if rule.get("name") == "no-sweep" and window != "PT1H":
            yield f"no-sweep looks at {window}, not at an hour"
        if rule.get("name") == "no-sweep" and "Success == true" not in query:
            yield "no-sweep counts sweeps that failed"
    for rule in _watched(topic):
        if rule.get("metric") in {"DeadLetteredCount", "DroppedEventCount"} and rule.get("threshold") != 0:
            yield f"{rule.get('metric')} is an alert from one on"


def thresholds(infra: Infra) -> Iterator[str]:
    """Check that alerts compare what they are about, the way they have to."""
    topic, log = infra["alerts/topic.bicep"], infra["alerts/app.bicep"]
    group = infra["alerts/actionGroup.bicep"].only("Microsoft.Insights/actionGroups")
    name = group.at("properties.groupShortName")
    if not isinstance(name, str) or len(name) > 12:
        yield f"the action group's short name is {shown(name)}"
    for template, aggregation in ((topic, "Total"), (log, "Count")):
        if set(re.findall(r"^ +operator: '(\w+)'", template.text, re.MULTILINE)) - {"Include", "GreaterThan"}:
            yield "an alert is about more than a threshold"
        if set(re.findall(r"timeAggregation: '(\w+)'", template.text)) != {aggregation}:
            yield f"an alert does not look at the {aggregation.lower()}"
    if set(re.findall(r"metricNamespace: '([^']+)'", topic.text)) != {"Microsoft.EventGrid/systemTopics"}:
        yield "the metrics are those of system topics"
    for rule in _watched(topic):
        if rule.get("metric") == "DeliveryAttemptFailCount" and rule.get("threshold") not in {0, 1, 2, 3}:
            yield "Event Grid tries one event five times in a quarter of an hour: no alert from that"


def log_queries(infra: Infra) -> Iterator[str]:
    """Check that the alerts look for words that the code writes, and leave no error out."""
    rules = {str(rule.get("name")): shown(rule.get("query")) for rule in _watched(infra["alerts/app.bicep"])}
    written = code.logged() | {f"decision={value} " for value in code.decisions()} | {"sweep: "}
    for name, query in rules.items():
        for prefix in re.findall(r'startswith "([^"]+)"', query):
            if not any(line.startswith(prefix) for line in written):
                yield f"{name}: nothing writes {prefix!r}"
    for name, wanted in _WANTED.items():
        if any(words not in rules.get(name, "") for words in wanted):
            yield f"{name} does not look for {' and '.join(wanted)}"


def alert_names(infra: Infra) -> set[str]:
    """Return the names of all alerts, as their mails show them."""
    rules = [rule for path in ("alerts/topic.bicep", "alerts/app.bicep") for rule in _watched(infra[path])]
    return {str(rule["name"]) for rule in rules} | {"unmatched"}


def _watched(template: Template) -> list[dict[str, Value]]:
    watched = template.variables.get("watched")
    return [rule for rule in (watched if isinstance(watched, list) else []) if isinstance(rule, dict)]
