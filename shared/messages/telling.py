"""What a frozen mail tells, whatever the channel: a View of one thing, or a Digest of several."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.messages import (
    cluster_news,
    digest,
    end_of_support,
    escalation,
    failed,
    failed_state,
    fleet_gate,
    fleet_run,
    freezes,
    late,
    notifier_problems,
    of_no_cluster,
    of_run,
    overdue,
    phrases,
    planned,
    progress,
    time_phrases,
    unreachable,
    unused_window,
    window_facts,
)
from shared.messages.history import read_history
from shared.messages.presentation import RANK
from shared.messages.run_history import is_of_a_run, read_run
from shared.messages.view import RenderContext
from shared.notices.kinds import CHECKED, Kind
from shared.notices.records import MAX_ABOUT, RejectedInput, SentMail, StoredEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.audience import Audience
    from shared.messages.branding import Branding
    from shared.messages.history import MaintenanceHistory
    from shared.messages.run_history import RunHistory
    from shared.messages.view import Digest, View
    from shared.notices.records import Mail, MailItem, Row

_KINDS: dict[Kind, Callable[[MaintenanceHistory, RenderContext], View]] = {
    Kind.SCHEDULED: planned.scheduled,
    Kind.RESCHEDULED: planned.rescheduled,
    Kind.REMINDER: planned.reminder,
    Kind.CANCELED: planned.canceled,
    Kind.STARTED: progress.started,
    Kind.COMPLETED: progress.completed,
    Kind.NOT_STARTED: overdue.not_started,
    Kind.STILL_RUNNING: overdue.still_running,
    Kind.ROLLING_STARTED: cluster_news.rolling,
    Kind.ROLLING_SUCCEEDED: cluster_news.rolling,
    Kind.ROLLING_FAILED: cluster_news.rolling,
    Kind.NEW_VERSION: cluster_news.new_version,
    Kind.FAILED_STATE: failed_state.failed_state,
    Kind.RECOVERED: failed_state.recovered,
    Kind.NOTHING_HAPPENED: unused_window.nothing_happened,
    Kind.NEWS: progress.news,
    Kind.FAILED: failed.failed,
    Kind.END_OF_SUPPORT: end_of_support.end_of_support,
}


_OF_RUNS: dict[Kind, Callable[[RunHistory, RenderContext], View]] = {
    Kind.GATE: fleet_gate.waiting,
    Kind.GATE_CLOSED: fleet_gate.closed,
    Kind.NEWS: fleet_gate.news,
    Kind.RUN_STARTED: fleet_run.started,
    Kind.STAGE_FINISHED: fleet_run.stage_finished,
    Kind.MEMBER_FAILED: fleet_run.member_failed,
    Kind.RUN_STOPPED: fleet_run.ended,
    Kind.RUN_COMPLETED: fleet_run.ended,
    Kind.RUN_FAILED: fleet_run.ended,
    Kind.RUN_STUCK: fleet_run.stuck,
    Kind.AUTO_UPGRADE_FAILED: fleet_run.auto_upgrade_failed,
}


def context(mail: Mail, audience: Audience, branding: Branding) -> RenderContext:
    """Return from where a mail is written."""
    return RenderContext(mail.as_of, time_phrases.zone(audience.time_zone), audience, branding, mail.target)


def told(mail: Mail, rows: Mapping[str, Row], frame: RenderContext) -> View | Digest:
    """Return what a mail tells, whole.

    `rows` holds the rows that its members name, by key. Raises if one that a member tells of is missing, or
    if telling meets something it cannot handle.
    """
    if len(mail.members) > 1:
        view: View | Digest = digest.digest(digest.entries(mail.members, rows, frame), frame)
    else:
        shadow = phrases.shadow(frame.audience, frame.branding)
        view = replace(_single(mail.members[0], rows, frame), banner=shadow)
    if mail.is_repeat:
        view = replace(view, banner=f"{phrases.REPEAT} {view.banner}".strip())
    return view


def kinds(mail: Mail) -> list[Kind]:
    """Return the kinds that a mail tells, the most urgent first."""
    return sorted({member.kind for member in mail.members}, key=RANK.__getitem__)


def _single(member: MailItem, rows: Mapping[str, Row], frame: RenderContext) -> View:
    row = rows[member.key]
    if isinstance(row, RejectedInput):
        return notifier_problems.rejected(row, frame)
    if isinstance(row, SentMail):
        about = _about(row, rows, frame)
        if member.kind is Kind.UNREACHABLE:
            return unreachable.unreachable(member, row, about, frame)
        if member.kind is Kind.TARGET_GONE:
            return notifier_problems.target_gone(row, about, frame)
        return notifier_problems.undelivered(row, about, frame)
    return _with_others(_of_event(member, row, rows, frame), member, row, frame)


def _of_event(member: MailItem, row: StoredEvent, rows: Mapping[str, Row], frame: RenderContext) -> View:
    if of_no_cluster.tells(member.kind):
        return of_no_cluster.view(member.kind, row.event, frame)
    if is_of_a_run(row):
        return _OF_RUNS[member.kind](read_run(member, rows), frame)
    story = read_history(member, rows)
    view = freezes.with_freeze(_KINDS[member.kind](story, frame), story, frame)
    view = late.with_lateness(window_facts.with_cluster(view, story, frame), story)
    return escalation.with_escalation(of_run.with_run(view, story), story, frame)


def _with_others(view: View, member: MailItem, row: StoredEvent, frame: RenderContext) -> View:
    """Return the mail with who else hears of this: as it was when the event came, so not of reminders."""
    others = [name for name in row.told if name != frame.audience.label(frame.target)]
    if not others or member.lead or member.kind in CHECKED:
        return view
    more = " and others" if len(others) > _MAX_OTHERS else ""
    told = f"Also told: {', '.join(others[:_MAX_OTHERS])}{more}."
    return replace(view, notes=(*view.notes[:-1], told, *view.notes[-1:]))


_MAX_OTHERS = 10


def _about(row: SentMail, rows: Mapping[str, Row], frame: RenderContext) -> list[View]:
    """Return what the events tell that a mail was about, as far as their rows are known."""
    known = (member for member in row.members if isinstance(rows.get(member.key), StoredEvent))
    return [_single(member, rows, frame) for member in islice(known, MAX_ABOUT)]
