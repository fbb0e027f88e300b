"""Writes azure_cli.json: the `az` commands that there are and their options, from the package azure-cli.

Run by hand, in a throwaway environment, whenever a newer azure-cli is to count:

    python3 -m venv az && az/bin/pip install azure-cli==2.91.0 && az/bin/python tests/failures/azure_cli.py

It imports azure-cli and nothing of this repository, and signs in nowhere. The commands of extensions are not
in that package: those that are used here stand in `EXTENSIONS` below, as the extensions' reference has them.

The table: version of azure-cli; command -> its options, one string for each, short and long forms joined by
`|`, with `!` before those that are required (where there is `--ids`, that one or the required ones).
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("azure_cli.json")

# The groups whose commands a runbook of AKS may need; all of azure-cli would be 6,000 commands.
GROUPS = """\
account list
account list-locations
account set
account show
acr cache
acr check-health
acr list
acr show
ad app
ad signed-in-user
ad sp
aks
bicep build
capacity
deployment group
deployment sub
disk-encryption-set
eventgrid event-subscription
eventgrid system-topic
eventgrid topic-type
extension
feature
functionapp config
functionapp delete
functionapp function
functionapp keys
functionapp list
functionapp list-flexconsumption-runtimes
functionapp restart
functionapp show
functionapp start
functionapp stop
group
identity
keyvault
lock
login
logout
monitor action-group
monitor activity-log
monitor autoscale
monitor log-analytics
monitor metrics
network application-gateway
network lb
network list-usages
network nat gateway
network nic
network nsg
network private-dns
network private-endpoint
network private-endpoint-connection
network public-ip
network route-table
network vnet
network watcher
policy
provider
resource
rest
role
storage account
storage table
version
vm
vmss
webapp config
webapp log
""".splitlines()

# On every command that changes something; left out of the table.
GLOBAL = {"_subscription", "_change_reference", "_acquire_policy_token"}

# Extension -> command -> options; from the extensions' reference in Microsoft's documentation.
# Of a command that azure-cli has itself: the options that the extension adds.
EXTENSIONS = {
    "aks-preview": {
        "aks nodepool update": ["--max-blocked-nodes"],
        "aks update": ["--node-disruption-policy"],
        "aks operation show": ["!--resource-group|-g", "!--name|-n", "--nodepool-name", "!--operation-id"],
        "aks operation show-latest": ["!--resource-group|-g", "!--name|-n", "--nodepool-name"],
        "aks maintenancewindow list": ["--resource-group|-g"],
    },
    "communication": {
        "communication create": [
            "!--name|-n",
            "!--resource-group|-g",
            "!--data-location",
            "!--location|-l",
            "--tags",
        ],
        "communication email create": [
            "!--name|-n",
            "!--resource-group|-g",
            "!--data-location",
            "!--location|-l",
        ],
    },
    "fleet": {
        "fleet updaterun list": ["!--resource-group|-g", "!--fleet-name|-f"],
        "fleet updaterun show": ["!--resource-group|-g", "!--fleet-name|-f", "!--name|-n"],
        "fleet updaterun skip": ["!--resource-group|-g", "!--fleet-name|-f", "!--name|-n", "!--targets"],
        "fleet updaterun start": ["!--resource-group|-g", "!--fleet-name|-f", "!--name|-n", "--no-wait"],
        "fleet updaterun stop": ["!--resource-group|-g", "!--fleet-name|-f", "!--name|-n", "--no-wait"],
        "fleet gate approve": ["!--resource-group|-g", "!--fleet-name|-f", "!--gate-name|--gate|--name|-n"],
        "fleet gate list": ["!--resource-group|-g", "!--fleet-name|-f", "--state", "--gate-type"],
        "fleet member list": ["!--resource-group|-g", "!--fleet-name|-f"],
        "fleet member show": ["!--resource-group|-g", "!--fleet-name|-f", "!--name|-n"],
    },
    "k8s-extension": {
        "k8s-extension list": ["!--resource-group|-g", "!--cluster-name|-c", "!--cluster-type|-t"],
    },
    "log-analytics": {
        "monitor log-analytics query": [
            "!--workspace|-w",
            "!--analytics-query",
            "--timespan|-t",
            "--workspaces",
        ],
    },
    "quota": {
        "quota list": ["!--scope"],
        "quota show": ["!--scope", "!--resource-name"],
        "quota usage list": ["!--scope"],
        "quota update": ["!--scope", "!--resource-name", "--limit-object", "--resource-type", "--no-wait"],
    },
    "resource-graph": {
        "graph query": [
            "!--graph-query|-q",
            "--first",
            "--skip",
            "--skip-token",
            "--subscriptions|-s",
            "--management-groups|-m",
            "--allow-partial-scopes|-a",
        ],
    },
}


def _required(loader: Any) -> dict[str, set[str]]:
    return {
        name: {key for key, argument in command.arguments.items() if argument.type.settings.get("required")}
        for name, command in loader.command_table.items()
    }


def _commands() -> dict[str, list[str]]:
    """Return the commands of the groups with their options, loaded as `az` itself loads them."""
    from azure.cli.core import get_default_cli
    from azure.cli.core.commands.events import EVENT_INVOKER_POST_LOAD_ARGUMENTS
    from azure.cli.core.file_util import create_invoker_and_load_cmds_and_args

    cli = get_default_cli()
    required: dict[str, set[str]] = {}
    # Before `--ids` is added, which makes the parts of an id optional.
    cli.register_event(
        EVENT_INVOKER_POST_LOAD_ARGUMENTS,
        lambda _, **kwargs: required.update(_required(kwargs["commands_loader"])),
    )
    create_invoker_and_load_cmds_and_args(cli)
    found = {}
    for name, command in sorted(cli.invocation.commands_loader.command_table.items()):
        if not any(f"{name} ".startswith(f"{group} ") for group in GROUPS):
            continue
        options = []
        for key, argument in command.arguments.items():
            # An option that goes away one day is an object of its own beside its successor's name.
            names = [
                str(getattr(one, "target", one)) for one in argument.type.settings.get("options_list") or []
            ]
            forms = sorted((one for one in names if one.startswith("-")), key=lambda form: (-len(form), form))
            if forms and forms != ["--cmd"] and key not in GLOBAL:
                options.append("!" * (key in required[name]) + "|".join(forms))
        found[name] = sorted(options)
    return found


def main() -> int:
    """Write the table and return the exit code."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["AZURE_CONFIG_DIR"] = home
        os.environ["AZURE_CORE_COLLECT_TELEMETRY"] = "no"
        commands = _commands()
    # A command a line: small, and a newer azure-cli shows as a readable difference.
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(options)}" for name, options in commands.items())
    version = importlib.metadata.version("azure-cli")
    head = json.dumps({"azure-cli": version, "extensions": EXTENSIONS})
    TABLE.write_text(f'{head[:-1]}, "commands": {{\n{lines}\n}}}}\n', encoding="utf-8")
    json.loads(TABLE.read_text("utf-8"))
    sys.stdout.write(f"{TABLE.name}: {len(commands)} commands\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
