"""The Bicep files keep to our rules, agree with the code, and their parameters with azd."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch

import pytest
import yaml

from shared.delivery.sweep import SweepResult, summary
from tests.infra import agreement, bicep, code, policy
from tests.infra.alerts import alert_names

TEXTS = bicep.sources(code.ROOT / "infra")
INFRA = bicep.read(TEXTS)
PARAMETERS = json.loads((code.ROOT / "infra" / "main.parameters.json").read_text("utf-8"))["parameters"]
AZD = yaml.safe_load((code.ROOT / "azure.yaml").read_text("utf-8"))
_NOT_OURS = {"node_modules", ".venv", ".venv-infra", ".git", "out"}
_VARIABLE = re.compile(r"\$\{(\w+)(?:=([^}]*))?\}")


@pytest.mark.parametrize("rule", policy.RULES)
def test_rule(rule: str) -> None:
    """No rule of ours finds anything wrong."""
    assert list(policy.RULES[rule](INFRA)) == []


def test_all_files_are_read() -> None:
    """Every Bicep file of the repository is looked at, and each makes or calls something."""
    ours = [path for path in code.ROOT.iterdir() if path.is_dir() and path.name not in _NOT_OURS]
    everywhere = {path for folder in ours for path in folder.rglob("*.bicep")}
    assert everywhere == {code.ROOT / "infra" / path for path in INFRA}
    assert all(template.resources or template.modules for template in INFRA.values())


def test_settings_are_the_same_everywhere() -> None:
    """The code, the sample, the README and Bicep know the same settings; keys are for local use alone."""
    read = code.settings_read()
    pending = agreement.PENDING_SETTINGS
    deployed = INFRA["main.bicep"].variables["settings"]
    assert isinstance(deployed, dict)
    assert (read | pending) - code.LOCAL_ONLY == set(deployed)
    assert code.settings_in_sample() | pending == read | pending
    in_readme = set(code.settings_in_readme())
    assert in_readme == read | pending


def test_parameters_file_fits() -> None:
    """Each parameter can be set with azd, with the default of the template; azd asks where there is none."""
    parameters = INFRA["main.bicep"].parameters
    assert set(PARAMETERS) == set(parameters)
    for name, given in PARAMETERS.items():
        value, parameter = given["value"], parameters[name]
        variable = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
        if parameter.type != "string":
            assert value == parameter.default, name  # azd puts text in, which would not be a number
        elif parameter.required:
            assert variable, name
            assert variable[2] is None, f"{name}: azd would not ask"
        else:
            assert variable, name
            assert variable[2] == parameter.default, name


def test_settings_keep_their_names_in_azd() -> None:
    """What sets a setting in azd is called like the setting."""
    deployed = INFRA["main.bicep"].variables["settings"]
    assert isinstance(deployed, dict)
    for setting, value in deployed.items():
        if isinstance(value, bicep.Code) and value.text in PARAMETERS:
            assert PARAMETERS[value.text]["value"].startswith(f"${{{setting}"), setting


def test_azd_finds_the_app_and_subscribes_after_the_code() -> None:
    """The service of azure.yaml is the tag on the app, and its hooks run on what there is."""
    (service,) = AZD["services"]
    tag = INFRA["app/function.bicep"].variables["serviceTag"]
    assert tag == {"azd-service-name": service}
    known = AZD["services"][service]
    assert (known["project"], known["language"], known["host"]) == (".", "python", "function")
    for hook in known["hooks"]["prepackage"].values():
        assert (code.ROOT / hook["run"].split()[-1]).is_dir()
    assert INFRA["main.bicep"].variables["tags"] == {"azd-env-name": bicep.Code("environmentName")}
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
    assert set(re.findall(r"^### `([a-z-]+)`", handbook, re.MULTILINE)) == alert_names(INFRA)


def test_package_holds_the_app_and_nothing_else() -> None:
    """.funcignore keeps tools, tests and documents out of the package, and nothing that the app reads."""
    lines = (code.ROOT / ".funcignore").read_text("utf-8").split()

    def is_left_out(name: str, patterns: list[str]) -> bool:
        return any(fnmatch(name, pattern.removeprefix("**/").strip("/")) for pattern in patterns)

    top = {path.name for path in code.ROOT.iterdir() if not is_left_out(path.name, lines)}
    folders = {name for name in top if (code.ROOT / name).is_dir() and not name.startswith(".")}
    assert folders == {"shared"}
    assert {"function_app.py", "host.json", "requirements.txt"} <= top
    assert not top & {"local.settings.json", "requirements-dev.txt", ".venv", ".venv-infra", ".git"}
    anywhere = [line for line in lines if not line.startswith("/")]
    for path in (code.ROOT / "shared").rglob("*"):
        parts = path.relative_to(code.ROOT).parts
        assert not any(is_left_out(part, anywhere) for part in parts), path


@pytest.mark.parametrize("page", ["deploy.md", "operations.md"])
def test_pages_name_what_there_is(page: str) -> None:
    """Files, modules and azd variables that the pages name exist."""
    text = (code.ROOT / "docs" / page).read_text("utf-8")
    for path in re.findall(r"\binfra/[\w/.]+\.(?:bicep|json)\b", text):
        assert (code.ROOT / path).is_file(), path
    variables = {match[1] for given in PARAMETERS.values() for match in _VARIABLE.finditer(str(given))}
    subscribe = (code.ROOT / "ops" / "subscribe.py").read_text("utf-8")
    for name in re.findall(r"azd env set (\w+)", text):
        assert name in variables or f'"{name}"' in subscribe, name
    for names in re.findall(r"-p ((?:\w+=\S+ ?(?:\\\n\s*)?)+)", text):
        for name in re.findall(r"(\w+)=", names):
            known = {*INFRA["main.bicep"].parameters, *INFRA["eventing.bicep"].parameters}
            assert name in known, name
