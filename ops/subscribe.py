"""Deploy the event subscriptions, once the code is deployed: `python -m ops.subscribe [--deployment NAME]`.

Event Grid checks that the function it delivers to exists, so infra/eventing.bicep comes second. What it needs
are the outputs of the first step: azd hands them on in the environment, by hand they are read from the
deployment that `--deployment` names. Needs the Azure CLI, signed in, and nothing beyond Python itself.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TEMPLATE = Path(__file__).parents[1] / "infra" / "eventing.bicep"
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#"

OUTPUTS = {
    # output of infra/main.bicep: parameter of infra/eventing.bicep
    "ENVIRONMENT_NAME": "environmentName",
    "AZURE_LOCATION": "location",
    "AZURE_RESOURCE_GROUP": "resourceGroupName",
    "FUNCTION_APP_ID": "functionAppId",
    "FUNCTION_APP_URL": "functionAppUrl",
    "EVENTGRID_TOPIC_NAME": "topicName",
    "EVENTGRID_TOPIC_RESOURCE_GROUP": "topicResourceGroup",
    "EVENTGRID_TOPIC_HAS_IDENTITY": "topicHasIdentity",
    "EMAIL_TOPIC_NAME": "emailTopicName",
    "FLEET_TOPIC_NAME": "fleetTopicName",
    "FLEET_TOPIC_RESOURCE_GROUP": "fleetTopicResourceGroup",
    "EVENTGRID_IDENTITY_ID": "deadLetterIdentityId",
    "STORAGE_ACCOUNT_ID": "deadLetterAccountId",
    "ACTION_GROUP_ID": "actionGroupId",
}
OPTIONAL = {"EMAIL_TOPIC_NAME", "FLEET_TOPIC_NAME", "FLEET_TOPIC_RESOURCE_GROUP"}

CHOICES = {
    # environment variable: parameter of infra/eventing.bicep
    "DELIVERY_SCHEMA": "deliverySchema",
    "DESTINATION_TYPE": "destinationType",
    "TEST_TOPIC_NAME": "testTopicName",
    "AZURE_PRINCIPAL_ID": "principalId",
}
LISTS = {
    "FURTHER_SUBSCRIPTIONS": "furtherSubscriptions",
    "CLUSTER_TOPICS": "clusterTopics",
    "FURTHER_FLEET_SUBSCRIPTIONS": "furtherFleetSubscriptions",
    "EVENT_TYPES": "eventTypes",
}

WAIT_SECONDS = 600
INTERVAL_SECONDS = 10


class SubscribeError(Exception):
    """Something is missing, or Azure refused. The message is for the operator."""


def parameters(values: Mapping[str, str]) -> dict[str, Any]:
    """Turn outputs and choices, by their names in the environment, into the template's parameters."""
    missing = [name for name in OUTPUTS if not values.get(name) and name not in OPTIONAL]
    if missing:
        raise SubscribeError(
            f"{', '.join(missing)} missing: deploy infra/main.bicep first, and name it with --deployment"
        )
    given: dict[str, Any] = {parameter: values.get(name, "") for name, parameter in OUTPUTS.items()}
    given["topicHasIdentity"] = str(values["EVENTGRID_TOPIC_HAS_IDENTITY"]).lower() == "true"
    # A deployment from before there were fleets does not say it.
    given["fleetTopicHasIdentity"] = str(values.get("FLEET_TOPIC_HAS_IDENTITY", "true")).lower() == "true"
    given |= {parameter: values[name] for name, parameter in CHOICES.items() if values.get(name)}
    for name, parameter in LISTS.items():
        listed = [part.strip() for part in values.get(name, "").split(",") if part.strip()]
        if listed:
            given[parameter] = listed
    return given


def functions_needed(given: Mapping[str, Any]) -> set[str]:
    """Return the functions that event subscriptions are going to deliver to."""
    return {"maintenance_events"} | ({"email_reports"} if given["emailTopicName"] else set())


class Azure:
    """The Azure CLI."""

    def __init__(self, program: str = "az") -> None:
        found = shutil.which(program)
        if found is None:
            raise SubscribeError("the Azure CLI (az) is not installed")
        self._program = found

    def ask(self, *arguments: str) -> Any:  # noqa: ANN401 - whatever JSON the CLI answers
        """Run a command; return its answer. Raises SubscribeError with what the CLI says."""
        ran = subprocess.run(  # noqa: S603 - the arguments are a list, no shell sees them
            [self._program, *arguments, "--output", "json"], capture_output=True, text=True, check=False
        )
        if ran.returncode:
            raise SubscribeError(f"az {' '.join(arguments[:3])}: {ran.stderr.strip()}")
        return json.loads(ran.stdout or "null")


def outputs(azure: Azure, deployment: str) -> dict[str, str]:
    """Read the outputs of a deployment at subscription scope, under the names that azd would give them."""
    found = azure.ask("deployment", "sub", "show", "--name", deployment, "--query", "properties.outputs")
    return _outputs(found)


def _outputs(found: Mapping[str, Any] | None) -> dict[str, str]:
    """Return outputs under their names: Azure Resource Manager does not keep the case of these."""
    return {name.upper(): str(output["value"]) for name, output in (found or {}).items()}


def wait_for_functions(
    azure: Azure, app_id: str, needed: set[str], *, wait: float, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Wait until the app has its functions: the host tells Azure of them some time after it has started."""
    parts = app_id.split("/")
    group, app = parts[4], parts[-1]
    waited = 0.0
    while True:
        found = azure.ask("functionapp", "function", "list", "-g", group, "-n", app, "--query", "[].name")
        missing = needed - {str(name).rpartition("/")[2] for name in found or []}
        if not missing:
            return
        if waited >= wait:
            raise SubscribeError(f"{app} has no function {', '.join(sorted(missing))}: is the code deployed?")
        print(f"waiting for {', '.join(sorted(missing))} in {app} ...", file=sys.stderr, flush=True)
        sleep(INTERVAL_SECONDS)
        waited += INTERVAL_SECONDS


def deploy(azure: Azure, given: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever JSON the CLI answers
    """Deploy infra/eventing.bicep. Doing it again changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "eventing.parameters.json"
        values = {name: {"value": value} for name, value in given.items()}
        body = {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "parameters": values}
        file.write_text(json.dumps(body), "utf-8")
        return azure.ask(
            "deployment",
            "sub",
            "create",
            "--name",
            f"aks-notifier-eventing-{given['environmentName']}",
            "--location",
            given["location"],
            "--template-file",
            str(TEMPLATE),
            "--parameters",
            f"@{file}",
            "--query",
            "properties.outputs",
        )


def main(arguments: Sequence[str] | None = None, *, sleep: Callable[[float], None] = time.sleep) -> int:
    """Deploy the event subscriptions. 0 if that worked."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.subscribe", description="Deploy the event subscriptions, after the code."
    )
    parser.add_argument("--deployment", help="the deployment of infra/main.bicep, where azd does not name it")
    parser.add_argument("--wait", type=float, default=WAIT_SECONDS, help="seconds to wait for the functions")
    parser.add_argument("--show", action="store_true", help="print the parameters, and deploy nothing")
    parser.add_argument("--json", action="store_true", help="print what was deployed as JSON")
    options = parser.parse_args(arguments)
    try:
        values = dict(os.environ)
        azure = None if options.show and not options.deployment else Azure()
        if azure is not None and options.deployment:
            values |= outputs(azure, options.deployment)
        given = parameters(values)
        if azure is None or options.show:
            print(json.dumps(given, indent=2))
            return 0
        wait_for_functions(
            azure, given["functionAppId"], functions_needed(given), wait=options.wait, sleep=sleep
        )
        result = deploy(azure, given)
    except SubscribeError as error:
        print(f"ops.subscribe: {error}", file=sys.stderr)
        return 1
    endpoint = _outputs(result).get("TEST_TOPIC_ENDPOINT")
    if options.json:
        print(json.dumps({"reaches": given["functionAppUrl"], "testTopic": endpoint}, indent=2))
        return 0
    print(f"subscribed: AKS maintenance reaches {given['functionAppUrl']}")
    if endpoint:
        print(f"sample events go to: {endpoint}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
