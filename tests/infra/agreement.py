"""What the files and the code have to say alike: settings, functions, event types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.events import scheduled_event
from tests.infra import code
from tests.infra.bicep import Code
from tests.infra.questions import expect, settings_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.bicep import Infra

PENDING_SETTINGS: set[str] = set()
"""Settings of the design that the code may not read yet, nor the sample and the README have."""


def application_settings(infra: Infra) -> Iterator[str]:
    """Check that the app gets the settings that the code reads, with the README's defaults."""
    given = settings_of(infra)
    wanted = code.settings_read() | PENDING_SETTINGS
    yield from (f"the setting {name} is missing" for name in wanted - code.LOCAL_ONLY - set(given))
    yield from (f"nothing reads the setting {name}" for name in set(given) - wanted)
    yield from (f"the setting {name} is a key" for name in set(given) & code.LOCAL_ONLY)
    parameters = infra["main.bicep"].parameters
    for name, documented in code.settings_in_readme().items():
        value = given.get(name)
        if not isinstance(value, Code) or value.text not in parameters or not documented:
            continue
        parameter = parameters[value.text]
        if not parameter.required and parameter.default not in {documented, ""}:
            yield f"{name} defaults to {parameter.default!r} here, and to {documented!r} in the README"


def topics(infra: Infra) -> Iterator[str]:
    """Check that topics and event types are spelled as Azure and the code spell them."""
    wanted = {
        "main.bicep": {
            "topic": "microsoft.resourcenotifications.containerserviceeventresources",
            "emailTopic": "Microsoft.Communication.CommunicationServices",
        },
        "eventing/elsewhere.bicep": {
            "topic": "microsoft.resourcenotifications.containerserviceeventresources",
        },
    }
    for path, kinds in wanted.items():
        for module in infra[path].modules:
            if module.kind.endswith("systemTopic.bicep") and module.at("params.topicType") != kinds.get(
                module.symbol
            ):
                yield f"{path}: {module.symbol}: topic type {shown(module.at('params.topicType'))}"
            is_ours = module.kind.endswith("systemTopic.bicep") and module.symbol == "topic"
            if is_ours and module.at("params.source") != Code("subscription().id"):
                yield f"{path}: the source of AKS maintenance is a subscription"
    eventing = infra["eventing.bicep"]
    types = eventing.parameters["eventTypes"].default
    if types != [scheduled_event.EVENT_TYPE]:
        yield f"eventing.bicep: AKS maintenance is {scheduled_event.EVENT_TYPE}, not {shown(types)}"
    if scheduled_event.VM_EVENT_TYPE not in eventing.parameters["eventTypes"].notes.get("description", ""):
        yield "eventing.bicep: the other event type that AKS has used is not named"
    reports = next(one for one in eventing.modules if one.symbol == "reports")
    if reports.at("params.eventTypes") != ["Microsoft.Communication.EmailDeliveryReportReceived"]:
        yield f"eventing.bicep: delivery reports are {shown(reports.at('params.eventTypes'))}"


def functions(infra: Infra) -> Iterator[str]:
    """Check that events go to functions that the app has, and that alerts look at such."""
    known = code.functions()
    triggered = {name for name, kind in known.items() if kind == "event_grid_trigger"}
    eventing = infra["eventing.bicep"]
    wanted = {
        "maintenance": "maintenance_events",
        "reports": "email_reports",
        "elsewhere": "maintenance_events",
        "testTopic": "maintenance_events",
    }
    for module in eventing.modules:
        name = module.at("params.functionName")
        if name not in triggered:
            yield f"eventing.bicep: {module.symbol}: there is no function {shown(name)} that takes events"
        elif name != wanted.get(module.symbol):
            yield f"eventing.bicep: {module.symbol} goes to {shown(name)}"
    for name in re.findall(r'Name == "(\w+)"', infra["alerts/app.bicep"].text):
        if known.get(name) != "timer_trigger":
            yield f"alerts/app.bicep: there is no function {name} on a timer"
    if 'Name == "due_notices"' not in infra["alerts/app.bicep"].text:
        yield "alerts/app.bicep: nothing looks at the sweep"


def event_subscriptions(infra: Infra) -> Iterator[str]:
    """Check that all events come, as CloudEvents, for a day, and are put aside where they cannot."""
    template = infra["eventing/subscription.bicep"]
    made = template.only("Microsoft.EventGrid/systemTopics/eventSubscriptions")
    yield from expect(
        made,
        {
            "properties.eventDeliverySchema": Code("deliverySchema"),
            "properties.filter.includedEventTypes": Code("eventTypes"),
            "properties.retryPolicy.maxDeliveryAttempts": 30,
            "properties.retryPolicy.eventTimeToLiveInMinutes": 1440,
            "properties.deadLetterWithResourceIdentity": Code(
                "empty(deadLetterIdentityId) ? null : deadLetterTo"
            ),
            "properties.destination": Code("destinationType == 'WebHook' ? webHook : azureFunction"),
        },
    )
    given = made.at("properties.filter")
    allowed = {"includedEventTypes", "isSubjectCaseSensitive"}
    for name in set(given if isinstance(given, dict) else {}) - allowed:
        yield f"the filter {name} may lose what is new to us"
    dead_letter = template.variables.get("deadLetterTo")
    if not isinstance(dead_letter, dict) or "deadLetterDestination" not in dead_letter:
        yield "nothing is dead-lettered"
    if "'${functionAppId}/functions/${functionName}'" not in template.text:
        yield "the destination is not the function"
    choices = infra["eventing.bicep"].parameters
    for name, default in (("deliverySchema", "CloudEventSchemaV1_0"), ("destinationType", "AzureFunction")):
        if choices[name].default != default:
            yield f"eventing.bicep: {name} is {shown(choices[name].default)} by default"
    names_given = {
        module.at("params.subscriptionName")
        for module in [*infra["eventing.bicep"].modules, *infra["eventing/elsewhere.bicep"].modules]
        if module.kind.endswith("subscription.bicep")
    }
    ours = infra["alerts/topic.bicep"].variables.get("ourSubscription")
    if names_given != {Code("subscriptionName")} or "subscriptionName" not in shown(ours):
        yield "event subscriptions and their alerts do not bear the same name"
    container = infra["app/storage.bicep"].variables.get("deadLetterName")
    if choices["deadLetterContainerName"].default != container:
        yield f"eventing.bicep: the container for dead letters is {shown(container)}"
    named = {shown(infra[path].variables.get("subscriptionName")) for path in infra if "/" not in path}
    if len(named) != 1:
        yield f"the event subscription has different names: {' and '.join(sorted(named))}"
    if any("environmentName" not in name for name in named):
        yield "two environments that share a topic would take each other's event subscription"
    topic = infra["eventing/systemTopic.bicep"].only("Microsoft.EventGrid/systemTopics")
    yield from expect(topic, {"identity.type": "UserAssigned"})
