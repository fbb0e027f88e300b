"""How to postpone one run: a not-allowed date over the planned day, where the schedule lives.

`az aks maintenanceconfiguration update` replaces the whole configuration, and takes a file of the form
`{"properties": {"maintenanceWindow": {…}}}`: what a plain `show` prints is flat, and would be sent as it is.
So the configuration is saved in that form first and the date added to it. AKS refuses a startDate of the
past, and counts intervals above 1 from it.
"""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from shared.events.model import Upgrade
from shared.maintenance import AUTO_UPGRADE, NODE_OS
from shared.maintenance.configuration import GOVERNS
from shared.messages import commands, window_facts
from shared.messages.view import Section, Step

if TYPE_CHECKING:
    from datetime import date, datetime

    from shared.messages.history import MaintenanceHistory
    from shared.messages.view import RenderContext
    from shared.snapshot import Schedule

HEADING = "To postpone this run"

NOTICE = timedelta(minutes=15)
"""A change has to be made so long before the window opens (azure/aks/planned-maintenance)."""

_SHARED_API = "2026-04-02-preview"
_UNKNOWN_DAY = "<YYYY-MM-DD>"
_CHANNELS = {
    AUTO_UPGRADE: ("auto-upgrade-channel none", "Kubernetes"),
    NODE_OS: ("node-os-upgrade-channel None", "node OS"),
}


def section(story: MaintenanceHistory, frame: RenderContext) -> Section:
    """Return how this one run is postponed, for this cluster."""
    name, snapshot = GOVERNS.get(story.upgrade, ""), story.snapshot
    if not name:
        return Section(heading=HEADING, paragraphs=(_unruled(story.upgrade),))
    if snapshot and snapshot.lacks:
        said = (
            f"The cluster has no maintenance configuration {name}: AKS picks the time. Add one to have a say."
        )
        return Section(heading=HEADING, paragraphs=(said,), steps=_stop(story, name))
    schedule = snapshot.schedule if snapshot else None
    if schedule and schedule.window_id:
        return _shared(story, frame, schedule)
    return _own(story, frame, name, schedule)


def _unruled(upgrade: Upgrade) -> str:
    if upgrade is Upgrade.PLATFORM:
        return "No maintenance configuration rules this kind of maintenance: it cannot be postponed there."
    return (
        "AKS does not say what kind of maintenance this is, so it is not known which configuration rules it."
    )


def _own(story: MaintenanceHistory, frame: RenderContext, name: str, schedule: Schedule | None) -> Section:
    cluster = story.cluster
    where = f"-n {name}"
    return Section(
        heading=HEADING,
        paragraphs=(
            f"The maintenance configuration {name} rules it. {_by_when(story, frame)}",
            (
                "The update replaces the whole configuration: a file with the date alone would wipe the "
                "schedule."
            ),
        ),
        steps=(
            Step(
                "Save the configuration in the form that the update takes.",
                commands.aks("maintenanceconfiguration show", cluster, "--cluster-name")
                + f" {where} --query '{{properties:{{maintenanceWindow:maintenanceWindow}}}}' > window.json",
            ),
            Step(
                f"Add the day to its not-allowed dates. {_day_said(story)}",
                f"jq '.properties.maintenanceWindow |= ({_change(story, frame, schedule)})' "
                "window.json > postponed.json",
            ),
            Step(
                "Update the configuration.",
                commands.aks("maintenanceconfiguration update", cluster, "--cluster-name")
                + f" {where} --config-file postponed.json",
            ),
            *_stop(story, name),
        ),
    )


def _shared(story: MaintenanceHistory, frame: RenderContext, schedule: Schedule) -> Section:
    name = schedule.window_id.rpartition("/")[2]
    url = commands.quoted(f"{schedule.window_id}?api-version={_SHARED_API}")
    return Section(
        heading=HEADING,
        paragraphs=(
            (
                f"The schedule comes from the shared maintenance window {name}, so it is postponed there, "
                f"for all clusters on it: {_users(schedule)}. {_by_when(story, frame)}"
            ),
            "The update replaces the whole window: a body with the date alone would wipe the schedule.",
        ),
        steps=(
            Step("Save the shared window.", f"az rest --method get --url {url} > window.json"),
            Step(
                f"Add the day to its not-allowed dates. {_day_said(story)}",
                f"jq '{{location, tags, properties: (.properties | {_change(story, frame, schedule)} | "
                "del(.provisioningState))}' window.json > postponed.json",
            ),
            Step("Update the shared window.", f"az rest --method put --url {url} --body @postponed.json"),
        ),
    )


def _users(schedule: Schedule) -> str:
    if not schedule.shared_with:
        return "no other is known"
    more = f" and {schedule.shared_with_more} more" if schedule.shared_with_more else ""
    return f"also {', '.join(schedule.shared_with)}{more}"


def _stop(story: MaintenanceHistory, name: str) -> tuple[Step, ...]:
    """Return how automatic upgrades are turned off, where they can be."""
    if name not in _CHANNELS:
        return ()
    flag, what = _CHANNELS[name]
    if story.snapshot and story.snapshot.is_automatic:
        return ()
    return (
        Step(
            f"Or turn automatic {what} upgrades off, for this cluster and for good.",
            commands.aks("update", story.cluster) + f" --{flag}",
        ),
    )


def _by_when(story: MaintenanceHistory, frame: RenderContext) -> str:
    opens = _opens(story)
    until = f": by {frame.here(opens - NOTICE)}" if opens else ""
    return f"Change it at least {NOTICE // timedelta(minutes=1)} minutes before the window opens{until}."


def _opens(story: MaintenanceHistory) -> datetime | None:
    snapshot = story.snapshot
    if snapshot is None:
        return None
    window = snapshot.window or (snapshot.next if story.planned is None else None)
    return window.start if window else None


def _days(story: MaintenanceHistory) -> tuple[date, date] | None:
    """Return the first and the last day of the run, at the window's own offset, else by UTC."""
    snapshot = story.snapshot
    start = story.planned or window_facts.expected(story)
    if start is None:
        return None
    if snapshot is None or not snapshot.governed:
        return start.date(), start.date()
    last = start.astimezone(snapshot.zone).date()
    opens = _opens(story)
    return (min(opens.astimezone(snapshot.zone).date(), last) if opens else last), last


def _day_said(story: MaintenanceHistory) -> str:
    days, snapshot = _days(story), story.snapshot
    if days is None:
        return "AKS has not given a time, and the window is not known: put in the day of the next window."
    if snapshot is None or not snapshot.governed:
        return (
            f"The window is not known here: {days[1]} is the planned day in UTC. Take the day at the "
            "utcOffset that the file shows, and leave a startDate of the past out; where the schedule's "
            "interval is above 1, put the day of the next window there instead."
        )
    which = f"{days[0]} is" if days[0] == days[1] else f"{days[0]} and {days[1]} are"
    when = "planned" if story.planned else "expected"
    said = f"{which} the {when} day at the window's own offset ({window_facts.offset(snapshot)})."
    return f"{said} {_start_date_said(snapshot.schedule)}"


def _start_date_said(schedule: Schedule | None) -> str:
    if schedule and schedule.interval > 1:
        return (
            "AKS refuses a startDate of the past: the day of the next window takes its place, so that the "
            "rhythm stays."
        )
    return "AKS refuses a startDate of the past, so that is left out."


def _change(story: MaintenanceHistory, frame: RenderContext, schedule: Schedule | None) -> str:
    """Return the jq filter of a window: the day added, and a startDate of the past left out or replaced."""
    days, snapshot = _days(story), story.snapshot
    first, last = (str(days[0]), str(days[1])) if days else (_UNKNOWN_DAY, _UNKNOWN_DAY)
    dates = json.dumps([{"start": first, "end": last}], separators=(",", ":"))
    zone = snapshot.zone if snapshot else UTC
    is_past = f'(.startDate // "9") < "{frame.as_of.astimezone(zone).date()}"'
    instead = "del(.startDate)"
    if schedule and schedule.interval > 1 and snapshot and snapshot.next:
        instead = f'.startDate = "{snapshot.next.start.astimezone(zone).date()}"'
    return f".notAllowedDates += {dates} | if {is_past} then {instead} else . end"
