"""The linter in a pipeline: SARIF, annotations, a baseline, exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ops.__main__ import main as command

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "windows"
AT = ("--at", "2026-11-21T09:00Z")
RULES = sorted(path.name.split(".")[0] for path in (FIXTURES / "lint").glob("*.fails.json"))


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in a folder of its own, without the settings of this machine."""
    for name in ("TIME_ZONE", "ROUTES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def linted(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Lint; return the exit code and what was printed."""
    code = command(["lint", *words, *AT])
    return code, capsys.readouterr().out


def copied(rule: str, to: str = "in put/clusters.json") -> str:
    """Copy a fixture to where a pipeline would have it."""
    Path(to).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(FIXTURES / "lint" / f"{rule}.fails.json", to)
    return to


def sarif(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """Lint into SARIF."""
    _, text = linted(capsys, *words, "--output", "sarif")
    log: dict[str, Any] = json.loads(text)
    return log


def multitool() -> str:
    """Return the validator's program; its own launcher would not get past the semicolon in --rule-kind."""
    code = "process.stdout.write(require('@microsoft/sarif-multitool'))"
    done = subprocess.run(["node", "-e", code], cwd=ROOT, capture_output=True, check=True, text=True)
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("rules", [RULES, []], ids=["all rules", "no findings"])
def test_sarif_is_valid_by_microsofts_own_validator(
    rules: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The SARIF has no error and no warning by the rules of SARIF and of GitHub's code scanning."""
    files = [copied(rule, f"in put/{rule}.json") for rule in rules] or [
        shutil.copy(FIXTURES / "lint" / "short-month.passes.json", "in.json")
    ]
    Path("out.sarif").write_text(json.dumps(sarif(capsys, *map(str, files))), "utf-8")
    done = subprocess.run(
        [multitool(), "validate", "out.sarif", "--rule-kind", "Sarif;Ghas", "--output", "v.sarif"],
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
    )
    assert "Analysis completed successfully" in done.stdout, done.stderr
    results = json.loads(Path("v.sarif").read_text("utf-8-sig"))["runs"][0]["results"]
    bad = [result for result in results if result.get("level", "warning") in {"error", "warning"}]
    # These look a URI up on the internet, which a test does not.
    assert [result["ruleId"] for result in bad if result["ruleId"] != "SARIF2006"] == []


def test_sarif_places_findings_in_the_input(capsys: pytest.CaptureFixture[str]) -> None:
    """A finding's place is the input file as given, relative, in its first line; its level says how bad."""
    for rule, name, level in (
        ("not-staggered", "in put/clusters.json", "warning"),
        ("unknown-configuration", "b.json", "error"),
        ("short-month", "./c.json", "note"),
    ):
        (run,) = sarif(capsys, copied(rule, name))["runs"]
        result = next(result for result in run["results"] if result["ruleId"] == rule)
        place = result["locations"][0]["physicalLocation"]
        assert (place["artifactLocation"]["uri"], result["level"]) == (
            name.removeprefix("./").replace(" ", "%20"),
            level,
        )
        assert place["region"]["startLine"] == 1
    file = copied("not-staggered")
    absolute = sarif(capsys, str(Path(file).absolute()))["runs"][0]["results"][0]
    assert absolute["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "in%20put/clusters.json"


def test_fingerprint_outlives_dates(capsys: pytest.CaptureFixture[str]) -> None:
    """The same finding has the same fingerprint on another day, whatever dates it names."""
    file = copied("not-staggered")
    prints = []
    for day in ("2026-11-21", "2027-05-03"):
        command(["lint", file, "--at", day, "--output", "sarif"])
        results = json.loads(capsys.readouterr().out)["runs"][0]["results"]
        prints.append([(result["ruleId"], result["partialFingerprints"]) for result in results])
    assert prints[0] == prints[1]


def test_annotations_are_workflow_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """For GitHub a finding is one line, an error, a warning or a notice, that it shows beside the file."""
    files = [
        copied("unknown-configuration"),
        copied("not-staggered", "b.json"),
        copied("short-month", "c,1.json"),
    ]
    code, text = linted(capsys, *files, "--output", "github")
    assert code == 1
    lines = text.splitlines()
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in lines)
    assert any(
        line.startswith("::error file=in put/clusters.json,line=1,title=unknown-configuration::")
        for line in lines
    )
    assert any(
        line.startswith("::notice file=c%2C1.json,line=1,title=short-month::prod-a/aksM") for line in lines
    )


def test_baseline_leaves_out_what_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    """What was written into the baseline is told no more, on any day; what is new is."""
    file = copied("unknown-configuration")
    assert linted(capsys, file)[0] == 1
    assert linted(capsys, file, "--write-baseline", "known.json")[0] == 0
    assert linted(capsys, file, "--baseline", "known.json") == (0, "No findings.\n")
    code, text = linted(capsys, file, copied("not-staggered", "b.json"), "--baseline", "known.json", "--json")
    assert code == 0
    assert {found["rule"] for found in json.loads(text)} == {"not-staggered"}
    assert not any(
        character.isdigit() for character in json.loads(Path("known.json").read_text())["findings"][0]["rule"]
    )


@pytest.mark.parametrize("content", [None, "{", '{"findings": [1]}'])
def test_baseline_that_cannot_be_read_is_named(
    content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A baseline that is not there, or is none, ends with 2 and its name: nothing is left out by mistake."""
    if content is not None:
        Path("known.json").write_text(content, "utf-8")
    assert command(["lint", copied("short-month"), "--baseline", "known.json"]) == 2
    assert capsys.readouterr().err.startswith("known.json: ")


def test_one_bad_item_costs_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    """An item that is no cluster is named on standard error, and the rest is linted; alone it ends with 2."""
    good = json.loads(Path(copied("short-month")).read_text("utf-8"))
    Path("mixed.json").write_text(json.dumps([5, good]), "utf-8")
    assert command(["lint", "mixed.json", *AT, "--json"]) == 0
    printed = capsys.readouterr()
    assert "item 1: expected a cluster" in printed.err
    assert json.loads(printed.out)
    Path("bad.json").write_text("[5]", "utf-8")
    assert command(["lint", "bad.json"]) == 2
