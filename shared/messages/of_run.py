"""What a mail about a cluster's own maintenance says of the update run that it is part of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.events.model import Fleet
from shared.events.run import RunFacts
from shared.messages import commands, phrases, run_view
from shared.messages.view import Step
from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from shared.events.run import RunPart
    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import View


SAME = "reported by its cluster as well"
"""Of a member's failure, in a subject and in a digest."""


def words(part: RunPart, kind: Kind) -> str:
    """Return the few words that stand in a subject and in a digest."""
    return f"part of {part.run}" + (", which reports it as well" if _is_same(part, kind) else "")


def _is_same(part: RunPart, kind: Kind) -> bool:
    return part.has_failed and kind is Kind.FAILED


_KNOWN = "The run reports it as well, as a member that failed: it is one failure, not two."


def with_run(view: View, story: MaintenanceHistory) -> View:
    """Return the mail with the run that it is part of, if it is."""
    part = story.part
    fleet = Fleet.parse(part.fleet) if part else None
    if part is None or fleet is None:
        return view
    known = (_KNOWN,) if _is_same(part, story.kind) else ()
    place = run_view.place(RunFacts(stage=part.stage, group=part.group))
    section = phrases.prose(
        "The update run",
        *known,
        f"This is the update of member {part.member or story.cluster.name}, {place or 'a part'} of update "
        f"run {part.run} of fleet {fleet.name}. What becomes of it is told in the same thread.",
        steps=(
            Step(
                f"Check how the run stands ({run_view.EXTENSION}).",
                commands.fleet("updaterun show", fleet, part.run),
            ),
        ),
    )
    return replace(
        view,
        subject=(*view.subject, words(part, story.kind)),
        sections=(*view.sections[:1], section, *view.sections[1:]),
    )
