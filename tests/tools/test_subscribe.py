"""The event subscriptions follow the code: what is missing is said, and nothing is deployed too early."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from ops import subscribe
from tests.infra import code, deployments

if TYPE_CHECKING:
    from pathlib import Path

APP_ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Web/sites/func-1"
OUTPUTS = {
    "ENVIRONMENT_NAME": "prod",
    "AZURE_LOCATION": "westeurope",
    "AZURE_RESOURCE_GROUP": "rg",
    "FUNCTION_APP_ID": APP_ID,
    "FUNCTION_APP_URL": "https://func-1.azurewebsites.net",
    "EVENTGRID_TOPIC_NAME": "evgt",
    "EVENTGRID_TOPIC_RESOURCE_GROUP": "rg",
    "EVENTGRID_TOPIC_HAS_IDENTITY": "true",
    "EMAIL_TOPIC_NAME": "",
    "EVENTGRID_IDENTITY_ID": "/subscriptions/s/identity",
    "STORAGE_ACCOUNT_ID": "/subscriptions/s/account",
    "ACTION_GROUP_ID": "/subscriptions/s/group",
}

AZ = """#!{python}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
arguments = sys.argv[1:]
if "--parameters" in arguments:
    file = arguments[arguments.index("--parameters") + 1].removeprefix("@")
    (here / "parameters.json").write_text(pathlib.Path(file).read_text())
with (here / "calls").open("a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
answers = json.loads((here / "answers.json").read_text())
key = " ".join(arguments[:3])
answer = answers[key].pop(0) if len(answers[key]) > 1 else answers[key][0]
(here / "answers.json").write_text(json.dumps(answers))
if answer == "refused":
    sys.exit("AuthorizationFailed: no right to do that")
print(json.dumps(answer))
"""


class FakeAzure:
    """An Azure CLI that answers what it is told to, and writes down what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "az"
        program.write_text(AZ.replace("{python}", sys.executable), "utf-8")
        program.chmod(0o755)

    def answer(self, **answers: object) -> None:
        """Set the answers by command; a list is used up to its last."""
        keys = {
            "show": "deployment sub show",
            "functions": "functionapp function list",
            "create": "deployment sub create",
        }
        (self.folder / "answers.json").write_text(
            json.dumps({keys[name]: answer for name, answer in answers.items()}), "utf-8"
        )

    def calls(self) -> list[str]:
        """Return the first three words of each call."""
        lines = (self.folder / "calls").read_text("utf-8").splitlines()
        return [" ".join(json.loads(line)[:3]) for line in lines]

    def parameters(self) -> dict[str, object]:
        """Return the parameters of the deployment."""
        body = json.loads((self.folder / "parameters.json").read_text("utf-8"))
        return {name: given["value"] for name, given in body["parameters"].items()}


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeAzure:
    """Put a stand-in for the Azure CLI on the path, and nothing of azd's into the environment."""
    fake = FakeAzure(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in (*OUTPUTS, *subscribe.CHOICES, *subscribe.LISTS):
        monkeypatch.delenv(name, raising=False)
    return fake


@pytest.fixture
def outputs(azure: FakeAzure, monkeypatch: pytest.MonkeyPatch) -> FakeAzure:
    """Put the first step's outputs into the environment, as azd does, beside the Azure CLI."""
    for name, value in OUTPUTS.items():
        monkeypatch.setenv(name, value)
    return azure


def test_parameters_are_those_of_the_template() -> None:
    """Every output that is read is one of main.bicep's, every parameter given one of eventing.bicep's."""
    first = deployments.read(deployments.texts()["no-mail"])
    assert set(subscribe.OUTPUTS) <= set(first.outputs)
    text = (code.ROOT / "infra" / "eventing.bicep").read_text("utf-8")
    parameters = dict(re.findall(r"^param (\w+) \S+( =)?", text, re.MULTILINE))
    given = {*subscribe.OUTPUTS.values(), *subscribe.CHOICES.values(), *subscribe.LISTS.values()}
    assert given <= set(parameters)
    assert {name for name, default in parameters.items() if not default} <= given
    assert subscribe.parameters(OUTPUTS)["topicHasIdentity"] is True


def test_from_azd(outputs: FakeAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs come from azd in the environment, choices and lists the same way."""
    monkeypatch.setenv("EVENTGRID_TOPIC_HAS_IDENTITY", "False")
    monkeypatch.setenv("DELIVERY_SCHEMA", "EventGridSchema")
    monkeypatch.setenv("FURTHER_SUBSCRIPTIONS", "one, two,")
    outputs.answer(functions=[["func-1/maintenance_events"]], create=[None])
    assert subscribe.main([]) == 0
    assert outputs.calls() == ["functionapp function list", "deployment sub create"]
    given = outputs.parameters()
    assert given["functionAppId"] == APP_ID
    assert given["topicHasIdentity"] is False
    assert given["deliverySchema"] == "EventGridSchema"
    assert given["furtherSubscriptions"] == ["one", "two"]
    assert "destinationType" not in given  # the template's default holds


def test_from_a_deployment(azure: FakeAzure, capsys: pytest.CaptureFixture[str]) -> None:
    """By hand, the outputs are read from the deployment that is named; Azure changes the case of names."""
    shown = {name.lower(): {"value": value} for name, value in OUTPUTS.items()}
    shown["eventgrid_topic_has_identity"] = {"value": True}  # type: ignore[dict-item]
    made = {"tesT_TOPIC_ENDPOINT": {"value": "https://evgt-test.westeurope-1.eventgrid.azure.net/api/events"}}
    azure.answer(show=[shown], functions=[["func-1/maintenance_events"]], create=[made])
    assert subscribe.main(["--deployment", "aks-notifier"]) == 0
    assert azure.parameters()["topicHasIdentity"] is True
    assert "sample events go to: https://evgt-test" in capsys.readouterr().out


def test_waits_for_the_functions(outputs: FakeAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is deployed before the functions are there, those for delivery reports included."""
    monkeypatch.setenv("EMAIL_TOPIC_NAME", "evgt-email")
    one, both = ["func-1/maintenance_events"], ["func-1/maintenance_events", "func-1/email_reports"]
    outputs.answer(functions=[[], one, both], create=[None])
    naps: list[float] = []
    assert subscribe.main([], sleep=naps.append) == 0
    assert naps == [subscribe.INTERVAL_SECONDS, subscribe.INTERVAL_SECONDS]
    assert outputs.calls()[-1] == "deployment sub create"


def test_gives_up_waiting(outputs: FakeAzure, capsys: pytest.CaptureFixture[str]) -> None:
    """Functions that never come are named, and nothing is deployed."""
    outputs.answer(functions=[[]], create=[None])
    assert subscribe.main(["--wait", "20"], sleep=lambda _: None) == 1
    assert "func-1 has no function maintenance_events" in capsys.readouterr().err
    assert "deployment sub create" not in outputs.calls()


def test_says_what_is_missing(azure: FakeAzure, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the first step's outputs it says so, and asks Azure for nothing."""
    azure.answer()
    assert subscribe.main([]) == 1
    assert "FUNCTION_APP_ID" in capsys.readouterr().err
    assert not (azure.folder / "calls").exists()


def test_says_what_azure_says(outputs: FakeAzure, capsys: pytest.CaptureFixture[str]) -> None:
    """A refusal of Azure's is passed on in its words."""
    outputs.answer(functions=[["func-1/maintenance_events"]], create=["refused"])
    assert subscribe.main([]) == 1
    assert "AuthorizationFailed: no right to do that" in capsys.readouterr().err


def test_without_the_azure_cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the Azure CLI it says that that is what is missing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert subscribe.main([]) == 1
    assert "Azure CLI" in capsys.readouterr().err


@pytest.mark.usefixtures("outputs")
def test_shows(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """--show prints the parameters and asks Azure for nothing."""
    monkeypatch.setenv("PATH", "")
    assert subscribe.main(["--show"]) == 0
    assert json.loads(capsys.readouterr().out)["functionAppId"] == APP_ID
