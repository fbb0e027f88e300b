"""Defects put into infra/: each is found by the compiler, by a rule of ours, or by a snapshot that changes.

A defect in Bicep needs the compiler, and is skipped where there is none. One in a snapshot does not: so each
rule is seen to find something everywhere.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.infra import compiler, deployments, policy

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFECTS = yaml.safe_load(Path(__file__).with_name("defects.yaml").read_text("utf-8"))
IN_BICEP, IN_SNAPSHOTS = DEFECTS["bicep"], DEFECTS["snapshots"]
COMMITTED = deployments.texts()
SOUND = {name: deployments.read(text) for name, text in COMMITTED.items()}
NAMED = {"main.bicep": "everything", "eventing.bicep": "events-webhook"}


@pytest.fixture(scope="module")
def bicep() -> Iterator[compiler.Compiler]:
    """Return the compiler, or skip."""
    program = compiler.find()
    if program is None:
        pytest.skip("there is no Bicep compiler (BICEP, PATH, az bicep install)")
    with compiler.Compiler(program) as running:
        yield running


def violated(given: dict[str, deployments.Deployment]) -> set[str]:
    """Return the rules that find something."""
    return {name for name, rule in policy.RULES.items() if list(rule(given))}


def found_by(bicep: compiler.Compiler, folder: Path, defect: dict[str, str]) -> set[str]:
    """Return what finds a defect in a folder: the compiler, or rules and the snapshot of a deployment."""
    deployment = defect.get("in", "everything")
    parameters = folder / "deployments" / f"{deployment}.bicepparam"
    if defect["by"] == "compiler":
        return {"compiler"} if bicep.problems(parameters) else set()
    text = bicep.snapshot(parameters)
    if json.loads(text) == json.loads(COMMITTED[deployment]):
        return set()
    return {"snapshot", *violated({**SOUND, deployment: deployments.read(text)})}


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(IN_BICEP)))
def test_defect_in_bicep_is_found(number: int, bicep: compiler.Compiler, tmp_path: Path) -> None:
    """A defect in Bicep is found by what is there for it."""
    defect = IN_BICEP[number]
    folder = tmp_path / "infra"
    shutil.copytree(compiler.INFRA, folder)
    path = folder / defect["file"]
    text = path.read_text("utf-8")
    assert defect["old"] in text, f"{defect}: there is nothing to change any more"
    path.write_text(text.replace(defect["old"], defect["new"], 1), "utf-8")
    assert defect["by"] in found_by(bicep, folder, defect), defect


@pytest.mark.parametrize("number", range(len(IN_SNAPSHOTS)))
def test_defect_in_a_snapshot_is_found(number: int) -> None:
    """A defect in what would be deployed is found by its rule, with or without a compiler."""
    defect = IN_SNAPSHOTS[number]
    name, text = defect["in"], COMMITTED[defect["in"]]
    assert defect["old"] in text, f"{defect}: there is nothing to change any more"
    changed = deployments.read(text.replace(defect["old"], defect["new"], 1))
    assert defect["by"] in violated({**SOUND, name: changed}), defect


def test_every_rule_finds_something() -> None:
    """Each rule has a defect in a snapshot that it finds; there are at least ninety defects in Bicep."""
    assert {defect["by"] for defect in IN_SNAPSHOTS} == set(policy.RULES)
    assert len(IN_BICEP) >= 90
