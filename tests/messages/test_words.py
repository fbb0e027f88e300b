"""Words: plain, correct, the field's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.channels.email.compose import Branding, compose
from shared.messages import telling
from shared.messages.view import View
from testing.samples import extremes, mails

if TYPE_CHECKING:
    from shared.audience import Audience

CATALOGUE = Path(__file__).parents[2] / "shared" / "failures" / "catalogue.yaml"
BANNED = (
    r"\b[Mm]end(s|ed|ing)?\b",
    r"\bfor a moment\b",
    r"whichever way",
    r"passes? stopped clusters by",
    r"said to keep",
    r"\bstubborn\b",
    r"python3? -m ops\b(?!\.subscribe)",
    r"(?m)^\s*(- do: |\d+\. )?See (?!https)",
)
"""What nobody in the field says, or what does not say what is to be done."""


def banned_in(text: str) -> list[str]:
    """Return the words of a text that no mail uses."""
    return [found[0] for words in BANNED for found in re.finditer(words, text)]


def test_the_catalogue_is_in_plain_words() -> None:
    """Each step of the catalogue begins with the verb that is meant, and nothing is "mended"."""
    entries = re.split(r"(?m)^(?=  - id: )", CATALOGUE.read_text("utf-8"))
    assert {entry: words for entry in entries if (words := banned_in(entry))} == {}


TOLD = [*((story, mails.TEAM) for story in mails.stories()), *extremes.told()]
ADVERTISING = r"\b[Ii]nside\.$"
"""What says no more than that a mail has more to say."""


@pytest.mark.parametrize(("story", "audience"), TOLD, ids=[story.name for story, _ in TOLD])
def test_every_mail_is_in_plain_words(story: mails.Story, audience: Audience) -> None:
    """No mail, whatever its kind, says what nobody in the field says, or begins a step with "See"."""
    email = compose(story.mail, story.rows, audience, Branding(domain="contoso.example"))
    assert banned_in(f"{email.subject}\n{email.text}") == []


@pytest.mark.parametrize(("story", "audience"), TOLD, ids=[story.name for story, _ in TOLD])
def test_the_preheader_adds_something(story: mails.Story, audience: Audience) -> None:
    """What an inbox shows beside the subject neither repeats it nor advertises what stands inside."""
    branding = Branding(domain="contoso.example")
    view = telling.told(story.mail, story.rows, telling.context(story.mail, audience, branding))
    assert not re.search(ADVERTISING, view.preheader)
    assert view.preheader.rstrip(".") not in {view.headline, *view.subject, " ".join(view.subject)}
    if isinstance(view, View) and view.cluster:
        assert not view.preheader.startswith(f"{view.cluster}:")


def test_likely_is_said_once_a_paragraph() -> None:
    """What is inferred is said to be likely, once in a paragraph."""
    for story, audience in TOLD:
        view = telling.told(story.mail, story.rows, telling.context(story.mail, audience, Branding()))
        if isinstance(view, View):
            said = [part for section in view.sections for part in section.paragraphs]
            said += [fact.value for fact in view.first_screen]
            assert [part for part in said if part.lower().count("likely") > 1] == [], story.name
