"""A maintenance window as the JSON that Azure Resource Manager takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.maintenance.configuration import (
    WEEKDAYS,
    AbsoluteMonthly,
    Daily,
    RelativeMonthly,
    Weekly,
)

if TYPE_CHECKING:
    from datetime import timedelta

    from shared.maintenance.configuration import MaintenanceWindow, Schedule


def as_json(window: MaintenanceWindow) -> dict[str, Any]:
    """Return a window as ARM's JSON: what `shared.maintenance.parse` reads."""
    body: dict[str, Any] = {
        "schedule": schedule(window.schedule),
        "durationHours": int(window.duration.total_seconds()) // 3600,
        "utcOffset": offset(window.utc_offset),
        "startTime": f"{window.start_time:%H:%M}",
    }
    if window.start_date is not None:
        body["startDate"] = window.start_date.isoformat()
    if window.not_allowed_dates:
        body["notAllowedDates"] = [
            {"start": span.start.isoformat(), "end": span.end.isoformat()}
            for span in window.not_allowed_dates
        ]
    return body


def offset(value: timedelta) -> str:
    """Return an offset from UTC: `-08:00`."""
    hours, minutes = divmod(abs(int(value.total_seconds())) // 60, 60)
    return f"{'-' if value.total_seconds() < 0 else '+'}{hours:02}:{minutes:02}"


def schedule(said: Schedule) -> dict[str, dict[str, Any]]:
    """Return a schedule as ARM's JSON: `{"daily": {"intervalDays": 3}}`."""
    match said:
        case Daily(interval):
            return {"daily": {"intervalDays": interval}}
        case Weekly(interval, weekday):
            return {"weekly": {"intervalWeeks": interval, "dayOfWeek": WEEKDAYS[weekday]}}
        case AbsoluteMonthly(interval, day):
            return {"absoluteMonthly": {"intervalMonths": interval, "dayOfMonth": day}}
        case RelativeMonthly(interval, week, weekday):
            fields = {"intervalMonths": interval, "weekIndex": str(week), "dayOfWeek": WEEKDAYS[weekday]}
            return {"relativeMonthly": fields}
