"""The texts from the field are as their file says: each with a source, made-up names, words to look for."""

from __future__ import annotations

import ipaddress
import re

from tests.failures.scoring import cases

WILD = cases("wild.yaml")
_GUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
# Made-up ids of these texts have a part in which one digit or letter stands four times.
_MADE_UP = re.compile(r"-(?:([0-9a-f])\1{3})-", re.IGNORECASE)


def test_every_text_has_what_the_form_asks_for() -> None:
    """Each case has an id of its own, a text of its own, a source, a basis, and words to look for."""
    assert len(WILD) >= 150
    assert len({case["id"] for case in WILD}) == len(WILD)
    for case in WILD:
        assert case["source"], case["id"]
        assert case["basis"] in {"reported", "documented", "composed", "made up"}, case["id"]
        assert case.get("upgrade", "node-os") in {"kubernetes", "node-os", "weekly-release", "platform"}
        assert set(case["expect"]) == {"any_of", "must_not"}, case["id"]
        for words in case["expect"].values():
            assert all(isinstance(word, str) and word for word in words), case["id"]


def test_no_text_is_one_of_the_reported_ones() -> None:
    """The field's texts are further ones: not one is a text of the other file."""
    assert not {case["text"].strip() for case in WILD} & {
        case["text"].strip() for case in cases("reported.yaml")
    }


def test_names_in_the_texts_are_made_up() -> None:
    """No id, address or mail address of anybody's stands in a text."""
    for case in WILD:
        text = case["text"]
        for guid in _GUID.findall(text):
            assert _MADE_UP.search(guid), (case["id"], guid)
        for part in re.findall(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])", text):
            address = ipaddress.ip_address(part)
            assert address.is_private or address.is_link_local or part.startswith("203.0.113."), case["id"]
        assert not re.search(r"[\w.]+@[\w-]+\.[a-z]{2,}", text), case["id"]
