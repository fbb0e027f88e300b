"""Azure's compiler over infra/: refusals before anything is made, and both steps agreeing with azd.

That no file has a warning, and that each deployment gives its snapshot, is `make check`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra import code, compiler, deployments

if TYPE_CHECKING:
    from pathlib import Path

ID = "00000000-0000-0000-0000-00000000000a"
SMTP = {
    "emailProvider": "smtp",
    "emailFrom": "aks@example.com",
    "smtpUrl": "smtp://user@relay.example.com:587",
}
ACS = {
    "emailProvider": "acs",
    "emailFrom": "aks@example.com",
    "existingCommunicationServiceName": "acs-shared",
}
NONE = {"emailProvider": "none", "emailFrom": "aks@example.com"}
COMMON = {
    "environmentName": "prod",
    "location": "westeurope",
    "emailTo": "ops@example.com",
    "alertEmail": "oncall@example.com",
}

REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("smtpUrl", {**SMTP, "smtpUrl": ""}),
    ("smtpUrl", {**SMTP, "smtpUrl": "relay.example.com"}),
    ("smtpUrl", {**SMTP, "smtpUrl": "smtp://user@"}),
    ("smtpUrl", {**SMTP, "smtpUrl": "smtp://user:hunter2@relay.example.com"}),
    ("smtpUrl", {**ACS, "smtpUrl": SMTP["smtpUrl"]}),
    ("smtpUrl", {**NONE, "smtpUrl": SMTP["smtpUrl"]}),
    ("emailFrom", {**SMTP, "emailFrom": ""}),
    ("emailFrom", {**ACS, "emailFrom": ""}),
    ("emailFrom", {**NONE, "emailFrom": ""}),
    ("emailFrom", {**SMTP, "emailFrom": "aks"}),
    ("emailTo", {**SMTP, "emailTo": ""}),
    ("emailTo", {**SMTP, "emailTo": "ops@example.com, ops"}),
    ("emailOnlyTo", {**SMTP, "emailOnlyTo": "me"}),
    ("alertEmail", {**SMTP, "alertEmail": "oncall"}),
    ("smtpPasswordSecretUri", {**ACS, "smtpPasswordSecretUri": "https://x.vault.azure.net/secrets/y"}),
    (
        "smtpPasswordSecretUri",
        {**SMTP, "smtpUrl": "smtp://relay", "smtpPasswordSecretUri": "https://x.vault.azure.net/secrets/y"},
    ),
    ("smtpPasswordSecretUri", {**SMTP, "smtpPasswordSecretUri": "hunter2"}),
    ("existingCommunicationServiceName", {**SMTP, "existingCommunicationServiceName": "acs"}),
    (
        "existingCommunicationServiceResourceGroup",
        {**NONE, "existingCommunicationServiceResourceGroup": "rg"},
    ),
    ("existingSystemTopicResourceGroup", {**SMTP, "existingSystemTopicResourceGroup": "rg"}),
    ("existingSystemTopicHasIdentity", {**SMTP, "existingSystemTopicHasIdentity": True}),
    (
        "emailPrevious",
        {**SMTP, "emailPrevious": "endpoint=https://x.communication.azure.com/;accesskey=a2V5"},
    ),
    ("emailPerHour", {**SMTP, "emailPerHour": "many"}),
    ("too short", {**SMTP, "tableName": "tb"}),
    ("tableName", {**SMTP, "tableName": "not-a-table"}),
    ("sweepSchedule", {**SMTP, "sweepSchedule": "0 * * *"}),
    ("sweepSchedule", {**SMTP, "sweepSchedule": "0 0 24 * * *"}),
    ("sweepSchedule", {**SMTP, "sweepSchedule": "0 * * * * * *"}),
    ("clusters", {**SMTP, "clusters": "my-subscription"}),
    ("retentionDays", {**SMTP, "retentionDays": "7"}),
    ("lease", {**SMTP, "lease": "2 minutes"}),
    ("reminderLeads", {**SMTP, "reminderLeads": "7d,tomorrow"}),
    ("portal", {**SMTP, "portal": "https://portal.azure.com"}),
    ("pigeon", {**SMTP, "emailProvider": "pigeon"}),
]

TAKEN: list[dict[str, Any]] = [
    {"emailProvider": "acs"},
    {**SMTP, "clusters": "off"},
    {**SMTP, "clusters": "@clusters.json"},
    {**SMTP, "clusters": f"{ID}, {ID.upper()},"},
    {**SMTP, "sweepSchedule": "*/5 * * * *"},
    {**SMTP, "sweepSchedule": "0 0 8-17 * * MON-FRI"},
    {**SMTP, "emailTo": "", "routes": "@routes.yaml"},
    {**SMTP, "smtpUrl": "smtps://a%40b.example@relay.example.com:465?cafile=/etc/ssl/ca.pem"},
]


def written(value: object) -> str:
    """Write a value as Bicep does."""
    if isinstance(value, bool):
        return str(value).lower()
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def work_out(bicep: compiler.Compiler, folder: Path, given: dict[str, Any]) -> deployments.Deployment:
    """Return what main.bicep would make of parameters. Raises CompilerError where they are refused."""
    shutil.copytree(compiler.INFRA, folder / "infra")
    path = folder / "infra" / "deployments" / "tried.bicepparam"
    lines = [f"param {name} = {written(value)}" for name, value in {**COMMON, **given}.items()]
    path.write_text("\n".join(["using '../main.bicep'", *lines, ""]), "utf-8")
    try:
        return deployments.read(bicep.snapshot(path))
    except compiler.CompilerError as refused:
        why = bicep.problems(path) if "Compilation failed" in str(refused) else [str(refused)]
        raise compiler.CompilerError(" ".join(why)) from None


@pytest.mark.parametrize(("name", "given"), REFUSED, ids=lambda one: one if isinstance(one, str) else "")
def test_refused(name: str, given: dict[str, Any], bicep: compiler.Compiler, tmp_path: Path) -> None:
    """A parameter that is missing, wrong or contradicts another is refused, before anything is made."""
    with pytest.raises(compiler.CompilerError, match=name):
        work_out(bicep, tmp_path, given)


@pytest.mark.parametrize("given", TAKEN, ids=str)
def test_taken(given: dict[str, Any], bicep: compiler.Compiler, tmp_path: Path) -> None:
    """What the app takes, Bicep takes."""
    assert work_out(bicep, tmp_path, given).makes_the_app


def test_reader_once(bicep: compiler.Compiler, tmp_path: Path) -> None:
    """A subscription that is named twice, in two spellings, has its Reader once."""
    one = work_out(bicep, tmp_path, {**SMTP, "clusters": f"{ID.upper()},{ID}"})
    readers = [
        grant for grant in one.of(deployments.ROLES) if grant["id"].startswith(f"/subscriptions/{ID}/")
    ]
    assert len(readers) == 1


def test_azd_can_set_every_parameter(bicep: compiler.Compiler) -> None:
    """Each parameter but values of secrets can be set with azd; azd asks where there is no default."""
    template = json.loads(bicep.template(compiler.INFRA / "main.bicep"))["parameters"]
    given = json.loads((compiler.INFRA / "main.parameters.json").read_text("utf-8"))["parameters"]
    del template["secretValues"]  # an object, which azd cannot set: by hand, or in the vault
    assert set(given) == set(template)
    for name, parameter in template.items():
        variable = re.fullmatch(r"\$\{(\w+)(=([^}]*))?\}", given[name]["value"])
        assert variable, name
        if "defaultValue" not in parameter:
            assert variable[2] is None, f"{name}: azd would not ask"
        elif parameter["type"] in {"string", "securestring"}:
            assert variable[3] == parameter["defaultValue"], name
        else:
            assert variable[3] == "", f"{name}: azd turns what is set into a number or a switch"
    asked = {name for name, parameter in template.items() if "defaultValue" not in parameter}
    assert asked == {"environmentName", "location", "emailProvider", "emailTo", "alertEmail"}
    assert "2028-09-30" in template["emailProvider"]["metadata"]["description"]
    assert template["environmentName"]["maxLength"] == 40


def test_second_step_knows_the_first(bicep: compiler.Compiler) -> None:
    """Both templates name the event subscription alike, and take an environment's name of the same length."""
    first, second = (
        json.loads(bicep.template(compiler.INFRA / f"{name}.bicep")) for name in ("main", "eventing")
    )
    assert first["variables"]["subscriptionName"] == second["variables"]["subscriptionName"]
    assert (
        first["parameters"]["environmentName"]["maxLength"]
        == second["parameters"]["environmentName"]["maxLength"]
    )


def test_without_a_compiler(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is no compiler, make check says so and goes on."""
    for name, value in {"BICEP": "", "PATH": str(tmp_path), "HOME": str(tmp_path)}.items():
        monkeypatch.setitem(os.environ, name, value)
    assert compiler.main([]) == 0
    assert "was not compiled" in capsys.readouterr().out
    assert compiler.main(["--write"]) == 1


def test_every_setting_is_set_by_its_name_in_azd() -> None:
    """What sets a setting in azd is called like the setting."""
    given = json.loads((compiler.INFRA / "main.parameters.json").read_text("utf-8"))["parameters"]
    variables = {match[1] for one in given.values() if (match := re.match(r"\$\{(\w+)", one["value"]))}
    derived = {"NOTIFIER_STORAGE__tableServiceUri", "EMAIL_ENDPOINT", "EMAIL_FOLDER", "AZURE_CLIENT_ID"}
    assert code.settings_read() - code.LOCAL_ONLY - code.BY_SECRET_NAME - derived <= variables
