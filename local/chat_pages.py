"""Pages that show cards and blocks as Teams and Slack would, nearly: for the preview, and for pictures.

Cards are drawn by the official adaptivecards package, in the browser; blocks by a template of ours.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.channels.slack.form import FORM as SLACK
from shared.channels.teams.form import FORM as TEAMS
from shared.messages.branding import Branding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shared.audience import Audience
    from testing.samples.mails import Story

ROOT = Path(__file__).parents[1]
_SCRIPTS = {
    "adaptivecards": "adaptivecards/dist/adaptivecards.min.js",
    "markdown": "markdown-it/dist/browser/markdown-it.umd.min.js",
}


def write(stories: Sequence[Story], audience: Audience, folder: Path) -> None:
    """Write a page of cards, where their package is installed, and one of blocks, into a folder."""
    branding = Branding(domain="contoso.example")
    known = [(story.name, (story.mail, story.rows, audience, branding)) for story in stories]
    messages = [(name, SLACK.compose(*told, recipient="").content) for name, told in known]
    (folder / "slack.html").write_text(slack_page(messages), encoding="utf-8")
    if (ROOT / "node_modules" / _SCRIPTS["adaptivecards"]).is_file():
        cards = [(name, TEAMS.compose(*told, recipient="").content) for name, told in known]
        (folder / "teams.html").write_text(teams_page(cards), encoding="utf-8")


def teams_page(messages: Iterable[tuple[str, dict[str, Any]]]) -> str:
    """Return the page of some messages for Teams, by their names. Raises OSError without node_modules."""
    scripts = {
        name: (ROOT / "node_modules" / path).read_text("utf-8").replace("</script", "<\\/script")
        for name, path in _SCRIPTS.items()
    }
    cards = [(name, json.dumps(made["attachments"][0]["content"])) for name, made in messages]
    return _render("teams.html.jinja", cards=cards, **scripts)


def slack_page(messages: Iterable[tuple[str, dict[str, Any]]]) -> str:
    """Return the page of some messages for Slack, by their names."""
    return _render("slack.html.jinja", messages=[(name, made["blocks"]) for name, made in messages])


def _render(template: str, **values: object) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=False,  # noqa: S701 - scripts of packages go in as they are; the templates escape the rest
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
