"""What would be deployed: the committed snapshots of infra/deployments, as resources to look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = Path(__file__).parents[2] / "infra" / "deployments"

ROLES = "Microsoft.Authorization/roleAssignments"
SETTINGS = "Microsoft.Web/sites/config"

Resource = dict[str, Any]


class Deployment(msgspec.Struct, frozen=True):
    """One way to deploy, worked out by the compiler."""

    resources: list[Resource]
    outputs: dict[str, Any]

    def of(self, kind: str) -> list[Resource]:
        """Return the resources of a type."""
        return [resource for resource in self.resources if resource["type"] == kind]

    @property
    def settings(self) -> dict[str, str]:
        """The settings of the deployed app; empty where the deployment makes none."""
        return {name: value for one in self.of(SETTINGS) for name, value in one["properties"].items()}

    @property
    def secret_settings(self) -> set[str]:
        """The settings that routes name as $NAME: references to secrets."""
        return {
            name
            for name, value in self.settings.items()
            if "@Microsoft.KeyVault(" in value and name != "EMAIL_SMTP_PASSWORD"
        }

    @property
    def makes_the_app(self) -> bool:
        """Whether this is a deployment of main.bicep."""
        return bool(self.of("Microsoft.Web/sites"))

    @property
    def is_private(self) -> bool:
        """Whether storage and vault are closed by network."""
        return bool(self.of("Microsoft.Network/virtualNetworks"))


def read(text: str) -> Deployment:
    """Read a snapshot."""
    given = json.loads(text)
    return Deployment(given["predictedResources"], given["outputs"])


def texts() -> dict[str, str]:
    """Return the committed snapshots, by name."""
    return {
        path.name.removesuffix(".snapshot.json"): path.read_text("utf-8")
        for path in sorted(FOLDER.glob("*.snapshot.json"))
    }


def at(resource: Mapping[str, Any], path: str) -> Any:
    """Return what a resource holds at a dotted path; None where it holds nothing."""
    value: Any = resource
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def expect(resource: Resource, wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yield where a resource holds something else at dotted paths."""
    for path, value in wanted.items():
        found = at(resource, path)
        if found != value or type(found) is not type(value):
            yield f"{resource['name']}: {path} is {found!r}, not {value!r}"
