"""Every kind of mail in a real browser: light and dark, narrow and wide, with and without style sheets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.channels.email.compose import Branding, compose
from shared.failures import cached_catalogue
from shared.notices.kinds import Kind
from testing.samples import extremes, mails

if TYPE_CHECKING:
    from shared.audience import Audience
    from testing.samples.events import Story

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
NODE = shutil.which("node")
MISSING = [
    what
    for what, there in (
        ("chromium (apt-get install chromium)", CHROMIUM),
        ("node", NODE),
        ("node_modules (npm ci)", (ROOT / "node_modules" / "axe-core").is_dir()),
    )
    if not there
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"no browser tests: {', '.join(MISSING)} missing"),
    pytest.mark.timeout(600),
]

Result = dict[str, Any]


FIRST_SCREEN = 844
MARGIN = 20
"""Pixels: fonts differ from phone to phone."""
WORST = 5
"""Failures shown of those that miss it."""


def looked_at(folder: Path, mailed: list[tuple[Story, Audience]], **settings: str) -> dict[str, list[Result]]:
    """Write mails into a folder, open each in every setting, and return what was seen, by name."""
    for story, audience in mailed:
        email = compose(story.mail, story.rows, audience, Branding(domain="contoso.example"))
        (folder / f"{story.name}.html").write_text(email.html, encoding="utf-8")
    assert NODE
    done = subprocess.run(
        [NODE, ROOT / "tests" / "channels" / "check.mjs", folder],
        env=os.environ | {"CHROMIUM": CHROMIUM or ""} | settings,
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    by_name: dict[str, list[Result]] = defaultdict(list)
    for result in json.loads(done.stdout):
        by_name[result["name"]].append(result)
    assert set(by_name) == {story.name for story, _ in mailed}
    return by_name


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Result]]:
    """Open every made-up mail in every setting, and give what was seen of each."""
    given = [*((story, mails.TEAM) for story in mails.stories()), *extremes.told()]
    return looked_at(tmp_path_factory.mktemp("mails"), given)


def test_every_kind_in_a_browser(seen: dict[str, list[Result]]) -> None:
    """No mail scrolls sideways at 320, 600 or 800 px, and axe-core finds no WCAG A or AA violation in any."""
    for name, results in seen.items():
        found = [one for one in results if "phone" not in one]
        settings = {(one["colorScheme"], one["styles"], one["width"]) for one in found}
        assert len(settings) == 7, f"{name} was not seen in every setting"
        wide = [
            (one["colorScheme"], one["styles"], one["width"], one["overflow"])
            for one in found
            if one["overflow"] > 0
        ]
        assert wide == [], f"{name} scrolls sideways"
        assert len({one["text"] for one in found}) == 1, f"{name} loses words without its style sheets"
        violations = [
            (one["colorScheme"], one["styles"], one["width"], one["violations"])
            for one in found
            if one["violations"]
        ]
        assert violations == [], f"{name} is not accessible"
        assert sum(one["axe"] for one in found) == 4


def test_a_phone_shows_the_first_command(tmp_path: Path, seen: dict[str, list[Result]]) -> None:
    """A failure's first command is whole on the first screen of a phone, whatever the names and the cause."""
    given = [*mails.stories(), *(story for story, _ in extremes.told())]
    named = {story.name for story in given if [one.kind for one in story.mail.members] == [Kind.FAILED]}
    by_entry = extremes.failures()
    assert {story.name for story in by_entry} == set(cached_catalogue("").entries)
    results = seen | looked_at(tmp_path, [(story, mails.TEAM) for story in by_entry], WIDTHS="")
    ends = {
        name: one["phone"]["commandEnd"]
        for name in named | {story.name for story in by_entry}
        for one in results[name]
        if "phone" in one
    }
    assert None not in ends.values()
    late = sorted(((end, name) for name, end in ends.items() if end > FIRST_SCREEN - MARGIN), reverse=True)
    assert late[:WORST] == []


def test_a_bad_night_is_read_on_a_phone(seen: dict[str, list[Result]]) -> None:
    """A digest of 97 things is less than 4,000 px high on a phone."""
    (phone,) = (one["phone"] for one in seen["digest-storm"] if "phone" in one)
    assert phone["height"] < 4_000
