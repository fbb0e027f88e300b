"""Defects put into the Bicep files one by one: each is found, by the rule that is there for it."""

from __future__ import annotations

from collections import Counter

import pytest
import yaml

from tests.infra import bicep, code, policy

TEXTS = bicep.sources(code.ROOT / "infra")
INFRA = bicep.read(TEXTS)
DEFECTS = yaml.safe_load((code.ROOT / "tests" / "infra" / "defects.yaml").read_text("utf-8"))


@pytest.mark.parametrize("number", range(len(DEFECTS)))
def test_defect_is_found(number: int) -> None:
    """A defect is found by its rule, and that file is sound without it."""
    defect = DEFECTS[number]
    path, rule = defect["file"], policy.RULES[defect["rule"]]
    assert defect["old"] in TEXTS[path], f"{defect}: there is nothing to change any more"
    text = TEXTS[path].replace(defect["old"], defect["new"], 1)
    before = set(rule(INFRA))
    assert set(rule({**INFRA, path: bicep.parse(text)})) - before, defect


@pytest.mark.parametrize("path", TEXTS)
def test_a_file_cut_short_is_found(path: str) -> None:
    """A file that ends in the middle does not parse, and none of it is passed over in silence."""
    cut = TEXTS[path][: TEXTS[path].rindex("{")]
    assert list(policy.RULES["parses"]({path: bicep.parse(cut)}))


def test_every_rule_finds_something() -> None:
    """No rule is there without a defect that it finds, and there are at least twenty defects."""
    by_rule = Counter(defect["rule"] for defect in DEFECTS)
    assert set(by_rule) == set(policy.RULES)
    assert len(DEFECTS) >= 20
