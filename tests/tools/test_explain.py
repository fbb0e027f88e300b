"""`python -m ops explain`: a text in, its explanation out, for a person or as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.__main__ import app
from ops.explain import as_object
from shared.failures import explain
from shared.failures.explanation import Owner, Urgency
from testing.samples.failure_messages import CONTEXT, MESSAGES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DRAIN = MESSAGES[1]["text"]


def _run(text: str | bytes, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["explain", *options], input=text, env={"COLUMNS": "80"})
    return result.exit_code, result.output


def _findings(text: str, *options: str) -> list[dict[str, Any]]:
    code, output = _run(text, "--json", *options)
    assert code == 0, output
    findings: list[dict[str, Any]] = json.loads(output)["findings"]
    return findings


def test_json_has_the_promised_form() -> None:
    """Each finding has all keys; owner and urgency have promised values; a step's run is text or null."""
    for message in MESSAGES:
        for finding in map(as_object, explain(message["text"], CONTEXT).findings):
            for name in ("id", "title", "summary", "happened", "state"):
                assert isinstance(finding[name], str)
                assert finding[name], name
            assert finding["owner"] in set(Owner)
            assert finding["urgency"] is None or finding["urgency"] in set(Urgency)
            assert finding["retries"] is None or isinstance(finding["retries"], str)
            assert isinstance(finding["quoted"], bool)
            assert all(isinstance(value, str) for value in finding["facts"].values())
            assert all(set(step) == {"do", "run"} and step["do"] for step in finding["steps"])
            assert all(step["run"] is None or step["run"] for step in finding["steps"])


def test_names_are_filled_in_and_steps_fit_the_upgrade() -> None:
    """The options put real names into the commands, and choose the steps of the upgrade."""
    names = ("--cluster", "prod", "--resource-group", "rg", "--upgrade")
    (finding,) = _findings(DRAIN, *names, "node-os")
    runs = [step["run"] or "" for step in finding["steps"]]
    assert "az aks nodepool upgrade -g rg --cluster-name prod -n blue --node-image-only" in runs
    (finding,) = _findings(DRAIN, *names, "kubernetes")
    assert any("--kubernetes-version" in (step["run"] or "") for step in finding["steps"])


def test_an_event_names_its_cluster() -> None:
    """A whole event gives the commands what they need, and its words are what is explained."""
    sample = (ROOT / "samples" / "failed.cloudevent.json").read_text("utf-8")
    assert "az aks update -g rg-prod -n prod-weu-1 --yes" in str(_findings(sample))
    assert "-n other" in str(_findings(sample, "--cluster", "other"))


def test_unknown_words_are_shown_whole() -> None:
    """What the catalogue does not know stands whole below what it says of it, however long."""
    code, output = _run("frobnication " * 300)
    assert code == 0
    assert output.split("As AKS sent it")[1].count("frobnication") == 300


def test_text_is_told_with_whole_commands() -> None:
    """What a person reads has cause, urgency, owner, facts and every command on a line of its own."""
    code, output = _run(DRAIN, "--cluster", "prod", "--resource-group", "rg")
    assert code == 0
    lines = output.splitlines()
    assert lines[0] == "A Pod Disruption Budget blocks the drain"
    assert "Urgency: Today, in working hours" in lines
    assert "Pod: shop/cart-7c9d8-xk2vp" in lines
    for step in _findings(DRAIN, "--cluster", "prod", "--resource-group", "rg")[0]["steps"]:
        if step["run"]:
            assert f"   {step['run']}" in lines


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_escape_sequences_never_reach_the_terminal(options: tuple[str, ...]) -> None:
    """Whatever a text holds, no control character but the line break is printed."""
    hostile = "\x1b]0;title\x07 \x1b[2J\x9b31m \u202e " + DRAIN.replace("cart-pdb", "cart\x1b[31m-pdb")
    for text in (
        hostile,
        "The \x1b[31mflux\x1b[0m capacitor cannot reach 1.21\x08 GW \x1b]8;;http://x\x07here",
    ):
        _, output = _run(text, *options)
        assert not [mark for mark in output if mark != "\n" and not mark.isprintable()]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b" \n\t ", "empty"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "binary"),
        (b"\xff\x00\xab\xcd", "not UTF-8"),
        (b"x" * 4_000_001, "longer than"),
    ],
)
@pytest.mark.parametrize("as_file", [True, False])
def test_what_is_no_text_is_refused_in_one_line(
    tmp_path: Path, content: bytes, said: str, *, as_file: bool
) -> None:
    """Empty, binary and oversized input end with one line that says so, and with exit code 2."""
    file = tmp_path / "reason"
    file.write_bytes(content)
    code, output = _run(b"", str(file)) if as_file else _run(content)
    assert code == 2
    assert said in output
    assert output.count("\n") == 1


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """A file that cannot be read is named, without a stack."""
    code, output = _run("", str(tmp_path / "missing"))
    assert (code, output.count("\n")) == (2, 1)
    assert "missing cannot be read" in output


def test_files_of_powershell_are_read(tmp_path: Path) -> None:
    """UTF-16, as Windows PowerShell writes it, and a byte order mark are read like any other text."""
    file = tmp_path / "reason.txt"
    for encoding in ("utf-16", "utf-8-sig"):
        file.write_text(DRAIN, encoding)
        assert "A Pod Disruption Budget blocks the drain" in _run("", str(file))[1]


def test_entries_of_ones_own_are_tried_out(tmp_path: Path) -> None:
    """A file of entries is taken as the notifier takes it; a mistake in it is said in one line."""
    file = tmp_path / "failures.yaml"
    file.write_text("entries:\n  - {id: pdb-blocks-drain, title: our budget blocks}\n", "utf-8")
    assert _findings(DRAIN, "--catalogue", str(file))[0]["title"] == "our budget blocks"
    file.write_text("entries: {", "utf-8")
    code, output = _run(DRAIN, "--catalogue", str(file))
    assert (code, output.count("\n")) == (2, 1)


def test_no_settings_and_no_storage_are_needed() -> None:
    """The command runs with an empty environment, from standard input."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "ops", "explain", "-", "--json"],
        input=DRAIN,
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout)["findings"][0]["id"] == "pdb-blocks-drain"
