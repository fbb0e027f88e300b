"""Every kind of mail in a real browser: light and dark, narrow and wide, with and without style sheets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from shared.channels.email.compose import Branding, compose
from shared.notices.kinds import Kind
from testing.samples import extremes, mails

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
    pytest.mark.skipif(bool(MISSING), reason=f"no browser tests: {', '.join(MISSING)} missing"),
    pytest.mark.timeout(600),
]

Result = dict[str, Any]


FIRST_SCREEN = 844
TWO_LINES = 48
"""Of a command, with the frame around it."""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Result]]:
    """Open every made-up mail in every setting, and give what was seen of each."""
    folder = tmp_path_factory.mktemp("mails")
    given = [*((story, mails.TEAM) for story in mails.stories()), *extremes.told()]
    for story, audience in given:
        email = compose(story.mail, story.rows, audience, Branding(domain="contoso.example"))
        (folder / f"{story.name}.html").write_text(email.html, encoding="utf-8")
    assert NODE
    done = subprocess.run(
        [NODE, ROOT / "tests" / "channels" / "check.mjs", folder],
        env=os.environ | {"CHROMIUM": CHROMIUM or ""},
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    by_name: dict[str, list[Result]] = defaultdict(list)
    for result in json.loads(done.stdout):
        by_name[result["name"]].append(result)
    assert set(by_name) == {story.name for story, _ in given}
    return by_name


def test_every_kind_in_a_browser(seen: dict[str, list[Result]]) -> None:
    """No mail scrolls sideways at 320, 600 or 800 px, and axe-core finds no WCAG A or AA violation in any."""
    for name, results in seen.items():
        found = [one for one in results if "phone" not in one]
        settings = {(one["colorScheme"], one["styles"], one["width"]) for one in found}
        assert len(settings) == 12, f"{name} was not seen in every setting"
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
        assert sum(one["axe"] for one in found) == 6


def test_a_phone_shows_the_first_command(seen: dict[str, list[Result]]) -> None:
    """A failure's first command is on the first screen of a phone, whatever the names and whatever failed."""
    failures = [
        story for story in mails.stories() if [one.kind for one in story.mail.members] == [Kind.FAILED]
    ]
    failures += [story for story, _ in extremes.told() if story.mail.members[0].kind is Kind.FAILED]
    assert len(failures) > 5
    for story in failures:
        (phone,) = (one["phone"] for one in seen[story.name] if "phone" in one)
        assert phone["command"] is not None, story.name
        assert phone["command"] + TWO_LINES < FIRST_SCREEN, story.name


def test_a_bad_night_is_read_on_a_phone(seen: dict[str, list[Result]]) -> None:
    """A digest of 97 things is less than 4,000 px high on a phone."""
    (phone,) = (one["phone"] for one in seen["digest-storm"] if "phone" in one)
    assert phone["height"] < 4_000
