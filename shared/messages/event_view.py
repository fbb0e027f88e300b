"""What all mails about one event of a cluster have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.messages import commands, phrases, portal
from shared.messages.presentation import presentation
from shared.messages.view import Link, View
from shared.text import readable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.messages.history import MaintenanceHistory
    from shared.messages.presentation import Tone
    from shared.messages.view import Fact, RenderContext, Section, Verdict


def view_of(
    story: MaintenanceHistory,
    frame: RenderContext,
    *,
    headline: str,
    subject: Iterable[str],
    preheader: str,
    sections: Iterable[Section],
    panel: Iterable[Fact] = (),
    moment: Iterable[str] = (),
    quote: str = "",
    verdict: Verdict | None = None,
    elsewhere: str,
    status: str = "",
    tone: Tone | None = None,
    raw: str | None = None,
    notes: Iterable[str] = (),
) -> View:
    """Return the view of an event: which cluster, where to look, what AKS sent, who gets the mail and why.

    `subject` is what follows the cluster. Status and tone are those of its kind where nothing else is given;
    `raw` is what AKS sent. Empty parts are left out.
    """
    event, usual = story.event, presentation(story.kind)
    made = [section for section in sections if section.says_something()]
    return View(
        status=status or usual.status,
        tone=tone or usual.tone,
        subject=(story.cluster.name, *(part for part in subject if part)),
        preheader=preheader,
        headline=headline,
        cluster=story.cluster.name,
        where=phrases.where(story.cluster, story.region, story.snapshot),
        moment=" · ".join(part for part in moment if part),
        quote=quote,
        verdict=verdict,
        panel=tuple(fact for fact in panel if fact.value),
        sections=_reaching(made, story),
        portal=Link(_OPEN, portal.resource(frame.branding.portal, story.cluster)),
        elsewhere=elsewhere,
        sent=phrases.observed(event) if event.facts else phrases.details(event, story.pools),
        raw=readable(event.details) if raw is None else raw,
        notes=(*notes, *phrases.notes(frame)),
    )


_OPEN = "Open the cluster in the Azure portal"


def _reaching(sections: Iterable[Section], story: MaintenanceHistory) -> tuple[Section, ...]:
    """Return the sections with commands that reach the cluster; kubectl is pointed at it once in a mail."""
    made: list[Section] = []
    is_pointed = False
    for section in sections:
        steps = commands.steps(section.steps, story.cluster, story.context, is_pointed=is_pointed)
        is_pointed = is_pointed or any(commands.uses_kubectl(step.command) for step in steps)
        made.append(replace(section, steps=steps))
    return tuple(made)
