"""What the tests of the failure reader share: real messages, and the ways in which AKS wraps them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.failures.explanation import Context
from testing import yaml_files

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent

MESSAGES: list[dict[str, Any]] = yaml_files.read(HERE / "failure_messages.yaml")

CONTEXT = Context(
    subscription="66667777-aaaa-8888-bbbb-9999cccc0000",
    resource_group="rg-prod",
    cluster="prod-weu-1",
    region="westeurope",
    upgrade="node-os",
)

NODE_ERRORS = "Upgrade failed due to one or more node errors. See details for more information."


def arm(message: str, code: str = "ReconcileVMSSAgentPoolFailed") -> dict[str, Any]:
    """ARM's error with the message as its only detail."""
    return {
        "code": "UpgradeFailed",
        "message": NODE_ERRORS,
        "details": [{"code": code, "message": message}],
    }


def _deployment(message: str) -> str:
    inner = {
        "status": "Failed",
        "error": {
            "code": "ResourceDeploymentFailure",
            "message": "The resource operation completed with terminal provisioning state 'Failed'.",
            "details": [{"code": "VMExtensionProvisioningError", "message": message}],
        },
    }
    outer = {
        "code": "DeploymentFailed",
        "message": "At least one resource deployment operation failed.",
        "details": [{"code": "Conflict", "message": json.dumps(inner, indent=2).replace("\n", "\r\n")}],
    }
    return json.dumps(outer)


def _operation(message: str) -> str:
    error = {"additionalInfo": None, "code": "UpgradeVMSSAgentPoolFailed", "details": None}
    error |= {"message": message, "target": None}
    return json.dumps({"name": "1111", "status": "Failed", "error": error}, indent=4)


def _cut(message: str) -> str:
    whole = json.dumps(arm(message))
    return whole[: whole.rindex('"}]}')]


def _cut_in_json_in_json(message: str) -> str:
    whole = json.dumps({"code": "DeploymentFailed", "message": json.dumps(arm(message))})
    return whole[: whole.rindex('\\"}]}')]


def _capital_keys(message: str) -> str:
    return json.dumps(
        {
            "Error": {
                "Code": "UpgradeFailed",
                "Details": [{"Message": message, "Code": "BadRequest"}],
                "Message": "",
            }
        }
    )


WRAPPERS: dict[str, Callable[[str], str]] = {
    "as it is": lambda message: message,
    "CLI": lambda message: f"(UpgradeFailed) {message}\nCode: UpgradeFailed\n",
    "code and message": lambda message: f"Code: UpgradeFailed  Message: {message}",
    "Go SDK": lambda message: f'Code="ReconcileVMSSAgentPoolFailed" Message="{message}" Details=[]',
    "record": lambda message: (
        "VMSSAgentPoolReconciler retry failed: Category: InternalError; SubCode: ValidationError;"
        " Dependency: Microsoft.Compute/VirtualMachineScaleSet; OrginalError:"
        f' Code="BadRequest" Message="{message}"; '
        "AKSTeam: NodeProvisioning, Retriable: true"
    ),
    "ARM": lambda message: json.dumps(arm(message)),
    "ARM, indented": lambda message: json.dumps(arm(message), indent=2, ensure_ascii=False),
    "ARM, keys sorted": lambda message: json.dumps(arm(message), sort_keys=True),
    "capital keys, message before code": _capital_keys,
    "subcode": lambda message: json.dumps(
        {"code": "ValidationError", "message": message, "subcode": "BadRequest"}
    ),
    "operation": _operation,
    "JSON in text": lambda message: f"Upgrade Failed, error: {json.dumps(arm(message), indent=2)} at 01:47",
    "escaped JSON in text": lambda message: (
        f"Upgrade Failed, error: {json.dumps(json.dumps(arm(message), indent=2))[1:-1]}"
    ),
    "deployment": _deployment,
    "JSON string": lambda message: json.dumps(json.dumps(arm(message))),
    "JSON in text in JSON": lambda message: json.dumps(
        {"error": {"code": "Conflict", "message": f"Failed: {json.dumps(arm(message))}. Try again."}}
    ),
    "cut off": _cut,
    "JSON in JSON, cut off": _cut_in_json_in_json,
    "event details": lambda message: json.dumps({"type": 2, "reason": message}),
}
