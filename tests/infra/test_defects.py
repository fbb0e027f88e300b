"""Defects put into infra/: each is found by the compiler, by a rule of ours, or by a snapshot that changes.

A defect in Bicep needs the compiler, and is skipped where there is none. One in a snapshot does not: so each
rule is seen to find something everywhere.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.infra import compiler, deployments, policy

DEFECTS = yaml.safe_load(Path(__file__).with_name("defects.yaml").read_text("utf-8"))
IN_BICEP, IN_SNAPSHOTS = DEFECTS["bicep"], DEFECTS["snapshots"]
COMMITTED = deployments.texts()
SOUND = {name: deployments.read(text) for name, text in COMMITTED.items()}


def violated(deployment: str, text: str, rules: set[str]) -> set[str]:
    """Return those of the rules that find something where a deployment would make this."""
    given = {**SOUND, deployment: deployments.read(text)}
    return {name for name in rules if list(policy.RULES[name](given))}


def found_by(bicep: compiler.Compiler, folder: Path, deployment: str, by: set[str]) -> set[str]:
    """Return what finds a defect in a folder: the compiler, or rules and the snapshot of a deployment."""
    parameters = folder / "deployments" / f"{deployment}.bicepparam"
    if by == {"compiler"}:
        return by if bicep.problems(parameters) else set()
    text = bicep.snapshot(parameters)
    if json.loads(text) == json.loads(COMMITTED[deployment]):
        return set()
    return {"snapshot", *violated(deployment, text, by - {"snapshot"})}


def batches() -> list[list[dict[str, str]]]:
    """Return the defects in Bicep, those together that different rules find in one deployment."""
    made: list[list[dict[str, str]]] = []
    for defect in IN_BICEP:
        deployment, by, place = defect.get("in", "everything"), defect["by"], (defect["file"], defect["old"])
        for batch in made:
            if (
                by in policy.RULES
                and batch[0]["by"] in policy.RULES
                and batch[0].get("in", "everything") == deployment
                and all(each["by"] != by and (each["file"], each["old"]) != place for each in batch)
            ):
                batch.append(defect)
                break
        else:
            made.append([defect])
    return made


@pytest.mark.slow
@pytest.mark.parametrize("defects", batches(), ids=lambda defects: defects[0]["by"])
def test_defects_in_bicep_are_found(
    defects: list[dict[str, str]], bicep: compiler.Compiler, tmp_path: Path
) -> None:
    """A defect in Bicep is found by what is there for it."""
    folder = tmp_path / "infra"
    shutil.copytree(compiler.INFRA, folder)
    for defect in defects:
        path = folder / defect["file"]
        text = path.read_text("utf-8")
        assert defect["old"] in text, f"{defect}: there is nothing to change any more"
        path.write_text(text.replace(defect["old"], defect["new"], 1), "utf-8")
    by = {defect["by"] for defect in defects}
    assert by <= found_by(bicep, folder, defects[0].get("in", "everything"), by)


@pytest.mark.parametrize("number", range(len(IN_SNAPSHOTS)))
def test_defect_in_a_snapshot_is_found(number: int) -> None:
    """A defect in what would be deployed is found by its rule, with or without a compiler."""
    defect = IN_SNAPSHOTS[number]
    name, text = defect["in"], COMMITTED[defect["in"]]
    assert defect["old"] in text, f"{defect}: there is nothing to change any more"
    assert violated(name, text.replace(defect["old"], defect["new"], 1), {defect["by"]}), defect


def test_every_rule_finds_something() -> None:
    """Each rule has a defect in a snapshot that it finds; there are at least ninety defects in Bicep."""
    assert {defect["by"] for defect in IN_SNAPSHOTS} == set(policy.RULES)
    assert len(IN_BICEP) >= 90
