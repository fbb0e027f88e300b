"""Words: plain, correct, the field's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CATALOGUE = Path(__file__).parents[2] / "shared" / "failures" / "catalogue.yaml"
BANNED = (
    r"\b[Mm]end(s|ed|ing)?\b",
    r"\bfor a moment\b",
    r"whichever way",
    r"passes? stopped clusters by",
    r"said to keep",
    r"\bstubborn\b",
    r"(?m)^\s*(- do: |\d+\. )?See (?!https)",
)
"""What nobody in the field says, or what does not say what is to be done."""


def banned_in(text: str) -> list[str]:
    """Return the words of a text that no mail uses."""
    return [found[0] for words in BANNED for found in re.finditer(words, text)]


@pytest.mark.parametrize("entry", re.split(r"(?m)^(?=  - id: )", CATALOGUE.read_text("utf-8")))
def test_the_catalogue_is_in_plain_words(entry: str) -> None:
    """Each step of the catalogue begins with the verb that is meant, and nothing is "mended"."""
    assert banned_in(entry) == []
