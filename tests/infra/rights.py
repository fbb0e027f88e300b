"""Who may do what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.infra.bicep import Code
from tests.infra.questions import made, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.bicep import Declared, Infra, Value

ROLES = {
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "Communication and Email Service Owner": "09976791-48a7-449e-bb21-39d1a415f350",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "EventGrid Data Sender": "d5a91429-5739-47e2-a06b-3470a27159e7",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
}
"""Azure's built-in roles: the ids are the same everywhere."""


GRANTS = {
    # file, symbol: role, scope, whom it is given to
    ("app/roles.bicep", "appOwnsBlobs"): ("Storage Blob Data Owner", "account", "appPrincipalId"),
    ("app/roles.bicep", "appWritesTables"): ("Storage Table Data Contributor", "account", "appPrincipalId"),
    ("app/roles.bicep", "appPublishesTelemetry"): (
        "Monitoring Metrics Publisher",
        "component",
        "appPrincipalId",
    ),
    ("app/roles.bicep", "eventGridWritesDeadLetters"): (
        "Storage Blob Data Contributor",
        "deadLetter",
        "eventGridPrincipalId",
    ),
    ("app/sender.bicep", "appSends"): ("", "service", "appPrincipalId"),  # the role is a parameter
    ("app/clusterReader.bicep", "appReadsClusters"): ("Reader", "subscription()", "appPrincipalId"),
    ("app/vault.bicep", "appReadsSecrets"): ("Key Vault Secrets User", "vault", "readerPrincipalId"),
    ("eventing/testTopic.bicep", "userPublishes"): ("EventGrid Data Sender", "topic", "publisherPrincipalId"),
}
"""Everything that anyone may do. A new grant has to be written down here, too."""


_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SECRET_NAME = re.compile(
    r"password|secret|accesskey|accountkey|connectionstring|token|apikey", re.IGNORECASE
)
_TAKES_KEYS = re.compile(
    r"\blist(Keys|Secrets|AccountSas|ServiceSas|Credentials|[A-Z]\w*Keys?)\s*\(|\.list\w+\("
)


def roles(infra: Infra) -> Iterator[str]:
    """Check that everyone may do exactly what is written down, under a name that lasts."""
    for path, template in infra.items():
        table = template.variables.get("roleIds", {})
        for name, role_id in (table if isinstance(table, dict) else {}).items():
            if ROLES.get(name) != role_id:
                yield f"{path}: {name} has the id {ROLES.get(name)}, not {role_id}"
        for guid in _GUID.findall(template.text):
            if guid not in ROLES.values():
                yield f"{path}: {guid} is no role that is known here"
    default = infra["main.bicep"].parameters["emailSenderRoleId"].default
    if default != ROLES["Communication and Email Service Owner"]:
        yield f"main.bicep: emailSenderRoleId defaults to {default}"
    (granting,) = (one for one in infra["main.bicep"].modules if one.symbol == "roles")
    for name in ("appPrincipalId", "eventGridPrincipalId"):
        if granting.at(f"params.{name}") != Code(f"identities.outputs.{name}"):
            yield f"main.bicep: {name} is {shown(granting.at(f'params.{name}'))}"
    found = {}
    for path, _, resource in made(infra):
        if resource.kind == "Microsoft.Authorization/roleAssignments":
            found[path, resource.symbol] = resource
    yield from (f"{path}: {symbol} is not written down" for path, symbol in set(found) - set(GRANTS))
    yield from (f"{path}: {symbol} is missing" for path, symbol in set(GRANTS) - set(found))
    for key in set(found) & set(GRANTS):
        yield from (f"{key[0]}: {key[1]}: {words}" for words in _grant(found[key], *GRANTS[key]))


def _grant(resource: Declared, role: str, scope: str, principal: str) -> Iterator[str]:
    role_id = f"roleIds['{role}']" if " " in role else f"roleIds.{role}" if role else "roleId"
    definition = f"subscriptionResourceId('Microsoft.Authorization/roleDefinitions', {role_id})"
    wanted: dict[str, Value] = {
        "name": Code(f"guid({scope}.id, {principal}, {role_id})"),
        "scope": Code(scope),
        "properties.principalId": Code(principal),
        "properties.roleDefinitionId": Code(definition),
    }
    for path, value in wanted.items():
        if resource.at(path) != value:
            yield f"{path} is {shown(resource.at(path))}, not {shown(value)}"
    if resource.at("properties.principalType") not in {"ServicePrincipal", "User"}:
        yield "principalType is missing: a new identity may not be found without it"
