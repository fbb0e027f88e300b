"""What is deployed keeps to our rules and agrees with the code, and with azd."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from ops import subscribe
from shared.delivery.progress import SweepResult
from shared.delivery.sweep import summary
from tests.infra import code, deployments, policy

GIVEN = {name: deployments.read(text) for name, text in deployments.texts().items()}
PARAMETERS = json.loads((code.ROOT / "infra" / "main.parameters.json").read_text("utf-8"))["parameters"]
AZD = yaml.safe_load((code.ROOT / "azure.yaml").read_text("utf-8"))
_VARIABLE = re.compile(r"\$\{(\w+)(?:=([^}]*))?\}")


@pytest.mark.parametrize("rule", policy.RULES)
def test_rule(rule: str) -> None:
    """No rule of ours finds anything wrong."""
    assert list(policy.RULES[rule](GIVEN)) == []


def test_all_deployments_are_looked_at() -> None:
    """Each way to deploy has its snapshot, and no snapshot is left over."""
    ways = {path.stem for path in deployments.FOLDER.glob("*.bicepparam")}
    assert ways == set(GIVEN)
    assert len([name for name, one in GIVEN.items() if one.makes_the_app]) >= 8


def test_settings_are_the_same_everywhere() -> None:
    """The code, the sample, the README and Bicep know the same settings; keys are for local use alone."""
    read = code.settings_read()
    assert code.settings_in_sample() == read
    assert set(code.settings_in_readme()) == read


def test_azd_finds_the_app_and_subscribes_after_the_code() -> None:
    """The service of azure.yaml is the tag on the app, and its hooks run on what there is."""
    (service,) = AZD["services"]
    (site,) = GIVEN["no-mail"].of("Microsoft.Web/sites")
    assert site["tags"] == {"azd-service-name": service, "azd-env-name": "prod"}
    known = AZD["services"][service]
    assert (known["project"], known["language"], known["host"]) == (".", "python", "function")
    for hook in known["hooks"]["prepackage"].values():
        assert (code.ROOT / hook["run"].split()[-1]).is_dir()
    assert set(AZD["hooks"]) == {"postdeploy"}
    for hook in AZD["hooks"]["postdeploy"].values():
        module = hook["run"].split()[-1]
        assert (code.ROOT / f"{module.replace('.', '/')}.py").is_file()


def test_sweeps_line_tells_the_oldest_work() -> None:
    """The alert on waiting work reads the age of the oldest, in seconds, out of the sweep's line."""
    found = re.search(r"^sweep: .*oldest=([0-9]+)", summary(SweepResult(found=1, waiting=1, oldest=1900)))
    assert found is not None
    assert found[1] == "1900"


def test_handbook_has_a_chapter_for_each_alert_and_no_other() -> None:
    """docs/operations.md tells what to do about each alert, under the name that its mail shows."""
    handbook = (code.ROOT / "docs" / "operations.md").read_text("utf-8")
    known = policy.LOG_ALERTS | policy.RECONCILE_ALERTS | set(policy.METRICS)
    assert set(re.findall(r"^### `([a-z-]+)`", handbook, re.MULTILINE)) == known


@pytest.mark.parametrize("page", ["deploy.md", "operations.md", "verify.md"])
def test_pages_name_what_there_is(page: str) -> None:
    """Files, modules and azd variables that the pages name exist."""
    text = (code.ROOT / "docs" / page).read_text("utf-8")
    for path in re.findall(r"\binfra/[\w/.]+\.(?:bicep|json)\b", text):
        assert (code.ROOT / path).is_file(), path
    variables = {match[1] for given in PARAMETERS.values() for match in _VARIABLE.finditer(str(given))}
    asked = (code.ROOT / "ops" / "subscribe.py").read_text("utf-8")
    for name in re.findall(r"azd env set (\w+)", text):
        assert name in variables or f'"{name}"' in asked, name
    known = {*PARAMETERS, *subscribe_parameters()}
    for names in re.findall(r"-p ((?:\w+=\S+ ?(?:\\\n\s*)?)+)", text):
        for name in re.findall(r"(\w+)=", names):
            assert name in known, name


def subscribe_parameters() -> set[str]:
    """Return the parameters of the second step that ops.subscribe fills in."""
    return {*subscribe.OUTPUTS.values(), *subscribe.CHOICES.values(), *subscribe.LISTS.values()}
