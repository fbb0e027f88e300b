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
from testing.samples import mails

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


def test_every_kind_in_a_browser(tmp_path: Path) -> None:
    """No mail scrolls sideways at 320, 600 or 800 px, and axe-core finds no WCAG A or AA violation in any."""
    stories = mails.stories()
    for story in stories:
        email = compose(story.mail, story.rows, mails.TEAM, Branding(domain="contoso.example"))
        (tmp_path / f"{story.name}.html").write_text(email.html, encoding="utf-8")
    assert NODE
    done = subprocess.run(
        [NODE, ROOT / "tests" / "channels" / "check.mjs", tmp_path],
        env=os.environ | {"CHROMIUM": CHROMIUM or ""},
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: list[Result] = json.loads(done.stdout)
    by_kind: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_kind[result["name"]].append(result)
    assert set(by_kind) == {story.name for story in stories}
    for name, found in by_kind.items():
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
