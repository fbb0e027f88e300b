"""The windows that follow from a configuration: every documented example computed by hand, and the edges."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from shared.maintenance import Configuration, Window, next_window, occurrences, parse, window_at

FIXTURES = Path(__file__).parents[1] / "fixtures" / "windows"
END = datetime.max.replace(tzinfo=UTC)
BEGIN = datetime.min.replace(tzinfo=UTC)


def load(name: str) -> Any:
    """Return the JSON of a sample."""
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def configuration(
    schedule: dict[str, Any], start: str = "00:00", hours: int = 4, **more: Any
) -> Configuration:
    """Make a configuration."""
    window = {"schedule": schedule, "startTime": start, "durationHours": hours, **more}
    return parse({"name": "aksManagedAutoUpgradeSchedule", "maintenanceWindow": window})


def daily(interval: int = 1) -> dict[str, Any]:
    """Make a daily schedule."""
    return {"daily": {"intervalDays": interval}}


def weekly(day: str, interval: int = 1) -> dict[str, Any]:
    """Make a weekly schedule."""
    return {"weekly": {"intervalWeeks": interval, "dayOfWeek": day}}


def monthly(day: int, interval: int = 1) -> dict[str, Any]:
    """Make an absolute monthly schedule."""
    return {"absoluteMonthly": {"intervalMonths": interval, "dayOfMonth": day}}


def relative(week: str, day: str, interval: int = 1) -> dict[str, Any]:
    """Make a relative monthly schedule."""
    return {"relativeMonthly": {"intervalMonths": interval, "weekIndex": week, "dayOfWeek": day}}


def older(*slots: tuple[str, list[int]], **more: Any) -> Configuration:
    """Make a configuration of the older form."""
    items = [{"day": day, "hourSlots": hours} for day, hours in slots]
    return parse({"name": "default", "properties": {"timeInWeek": items, **more}})


def at(text: str) -> datetime:
    """Read a time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spans(found: Configuration, after: str, count: int = 3, until: str | None = None) -> list[str]:
    """Return the next windows as text: start and end in UTC, `~` where approximate."""
    windows = occurrences(found, at(after), at(until) if until else None)
    return [
        f"{'~' if window.approximate else ''}{window.start:%Y-%m-%d %H:%M}/{window.end:%d %H:%M}"
        for window in islice(windows, count)
    ]


# The documented examples, by hand


def test_documented_daily() -> None:
    """*Every three days*: from startDate on, every third day."""
    found = configuration(daily(3), startDate="2026-11-01")
    assert spans(found, "2026-11-02") == [
        "~2026-11-04 00:00/04 04:00",
        "~2026-11-07 00:00/07 04:00",
        "~2026-11-10 00:00/10 04:00",
    ]


def test_documented_weekly() -> None:
    """*Every two weeks on Friday*: the first Friday on or after startDate, then every second."""
    found = configuration(weekly("Friday", 2), startDate="2026-11-03")  # a Tuesday
    assert spans(found, "2026-11-01") == [
        "~2026-11-06 00:00/06 04:00",
        "~2026-11-20 00:00/20 04:00",
        "~2026-12-04 00:00/04 04:00",
    ]


def test_documented_absolute_monthly() -> None:
    """*Every three months on the first day of the month*: counted from startDate's month."""
    found = configuration(monthly(1, 3), startDate="2026-11-01")
    assert spans(found, "2026-11-02") == [
        "~2027-02-01 00:00/01 04:00",
        "~2027-05-01 00:00/01 04:00",
        "~2027-08-01 00:00/01 04:00",
    ]


def test_documented_relative_monthly() -> None:
    """*Every two months on the last Monday*: counted from startDate's month."""
    found = configuration(relative("Last", "Monday", 2), startDate="2026-11-01")
    assert spans(found, "2026-11-01") == [
        "~2026-11-30 00:00/30 04:00",
        "~2027-01-25 00:00/25 04:00",
        "~2027-03-29 00:00/29 04:00",
    ]


def test_documented_add_default() -> None:
    """*From 1:00 AM to 2:00 AM every Monday*, in the older form, which is in UTC."""
    found = older(("Monday", [1]))
    assert spans(found, "2026-11-20", 2) == ["2026-11-23 01:00/23 02:00", "2026-11-30 01:00/30 02:00"]


def test_documented_add_auto_upgrade() -> None:
    """Every third Friday from 0:00 to 8:00 at UTC+05:30 is Thursday 18:30 to Friday 2:30 in UTC."""
    found = configuration(weekly("Friday", 3), hours=8, utcOffset="+05:30", startDate="2026-11-20")
    assert spans(found, "2026-11-01", 2) == ["~2026-11-19 18:30/20 02:30", "~2026-12-10 18:30/11 02:30"]


def test_documented_two_slots() -> None:
    """Slots 0 and 1 are 00:00 to 02:00 UTC."""
    assert spans(older(("Monday", [0, 1])), "2026-11-20", 1) == ["2026-11-23 00:00/23 02:00"]


def test_documented_offset() -> None:
    """02:00 with utcOffset +02:00 is 00:00 in UTC."""
    found = configuration(daily(), "02:00", utcOffset="+02:00")
    assert spans(found, "2026-11-20", 1) == ["2026-11-20 00:00/20 04:00"]


def test_documented_blackout() -> None:
    """At +02:00, 2022-12-23 to 2023-01-03 blocks 2022-12-22 22:00 to 2023-01-03 22:00 UTC: the end counts."""
    dates = [{"start": "2022-12-23", "end": "2023-01-03"}]
    found = configuration(daily(), utcOffset="+02:00", notAllowedDates=dates)  # starts at 22:00 UTC
    assert spans(found, "2022-12-21T22:00") == [
        "2022-12-21 22:00/22 02:00",
        "2023-01-03 22:00/04 02:00",
        "2023-01-04 22:00/05 02:00",
    ]
    late = configuration(daily(), "23:59", utcOffset="+02:00", notAllowedDates=dates)
    assert spans(late, "2022-12-22T02:00", 2) == ["~2022-12-22 21:59/23 01:59", "2023-01-04 21:59/05 01:59"]


def test_documented_cli_sample() -> None:
    """The CLI's sample: the 1st every three months from January 2023, 09:00 at -08:00, not at Christmas."""
    found = parse(load("maintenance-configuration.cli.json"))
    assert spans(found, "2023-01-01", 5) == [
        "~2023-04-01 17:00/01 21:00",  # 1 January lies before startDate
        "~2023-07-01 17:00/01 21:00",
        "~2023-10-01 17:00/01 21:00",
        "~2024-04-01 17:00/01 21:00",  # 1 January 2024 is blocked
        "~2024-07-01 17:00/01 21:00",
    ]


def test_documented_arm_sample() -> None:
    """ARM's sample: every five days 13:30 at -07:00, ten hours; the 15th, every three months, 08:30."""
    node_os, auto_upgrade = map(parse, load("maintenance-configurations.rest.json")["value"])
    assert spans(node_os, "2023-01-01") == [
        "~2023-01-01 20:30/02 06:30",
        "~2023-01-06 20:30/07 06:30",
        "~2023-01-11 20:30/12 06:30",
    ]
    assert spans(auto_upgrade, "2023-01-01", 2) == [
        "~2023-01-15 08:30/15 13:30",
        "~2023-04-15 08:30/15 13:30",
    ]


def test_documented_specification_bodies() -> None:
    """The specification's other bodies: Tuesdays, first Mondays every three months, older slots."""
    dates = [{"start": "2021-05-26", "end": "2021-05-30"}]
    tuesdays = configuration(weekly("Tuesday"), "01:00", notAllowedDates=dates)
    assert spans(tuesdays, "2021-05-20", 2) == ["2021-05-25 01:00/25 05:00", "2021-06-01 01:00/01 05:00"]
    mondays = configuration(
        relative("First", "Monday", 3), "08:30", 10, utcOffset="+05:30", startDate="2026-11-21"
    )
    assert spans(mondays, "2026-11-01", 2) == ["~2027-02-01 03:00/01 13:00", "~2027-05-03 03:00/03 13:00"]
    slots = older(("Tuesday", [1, 2]), ("Wednesday", [1, 6]))
    assert spans(slots, "2026-11-20") == [
        "2026-11-24 01:00/24 03:00",
        "2026-11-25 01:00/25 02:00",
        "2026-11-25 06:00/25 07:00",
    ]


# Which windows are asked for


def test_running_window_counts() -> None:
    """A window that is running at `after` is the first; one that ends at that very moment is not."""
    found = configuration(daily(), "01:00")
    assert spans(found, "2026-11-21T04:59", 1) == ["2026-11-21 01:00/21 05:00"]
    assert spans(found, "2026-11-21T05:00", 1) == ["2026-11-22 01:00/22 05:00"]


def test_until_is_exclusive() -> None:
    """Windows start before `until`; one that starts at that moment is not given."""
    found = configuration(daily(), "01:00")
    assert spans(found, "2026-11-21", until="2026-11-22T01:00") == ["2026-11-21 01:00/21 05:00"]
    assert len(spans(found, "2026-11-21", until="2026-11-22T01:01")) == 2
    assert spans(found, "2026-11-21", until="2026-11-20") == []


def test_times_may_be_of_any_zone() -> None:
    """`after` may be of any zone, windows are in UTC; a time without a zone is an error at once."""
    found = configuration(daily(), "01:00")
    after = datetime(2026, 11, 21, 2, 0, tzinfo=timezone(timedelta(hours=9)))  # 17:00 UTC the day before
    window = next(occurrences(found, after))
    assert window == Window(at("2026-11-21T01:00"), at("2026-11-21T05:00"))
    assert window.start.tzinfo is UTC
    naive = after.replace(tzinfo=None)
    with pytest.raises(ValueError, match="after: expected a time with a zone"):
        occurrences(found, naive)
    with pytest.raises(ValueError, match="until: expected a time with a zone"):
        occurrences(found, after, naive)


def test_window_at_a_time() -> None:
    """A window contains its start and not its end; between windows there is none."""
    found = configuration(daily(), "01:00")
    window = Window(at("2026-11-21T01:00"), at("2026-11-21T05:00"))
    assert window_at(found, at("2026-11-21T00:59:59")) is None
    assert window_at(found, at("2026-11-21T01:00")) == window
    assert window_at(found, at("2026-11-21T04:59:59")) == window
    assert window_at(found, at("2026-11-21T05:00")) is None


def test_next_window_is_not_the_running_one() -> None:
    """The next window starts at the time asked for or later."""
    found = configuration(daily(), "01:00")
    for after, day in (("2026-11-21T01:00", 21), ("2026-11-21T01:01", 22)):
        window = next_window(found, at(after))
        assert window is not None
        assert window.start == datetime(2026, 11, day, 1, tzinfo=UTC)


def test_window_of_the_day_before_is_found() -> None:
    """A window that runs past midnight is found on the next day, in UTC and by its own clock."""
    found = configuration(weekly("Sunday"), "20:00", 24, utcOffset="-08:00")
    assert window_at(found, at("2026-11-24T03:59")) == Window(at("2026-11-23T04:00"), at("2026-11-24T04:00"))
    assert window_at(found, at("2026-11-24T04:00")) is None


# When it is in force, and from when it counts


def test_no_window_before_the_start_date() -> None:
    """Before startDate, a date by the window's own clock, a window is inactive."""
    found = configuration(daily(), "01:00", startDate="2026-11-21", utcOffset="+10:00")
    assert spans(found, "2026-01-01", 1) == ["2026-11-20 15:00/20 19:00"]


def test_monthly_before_the_start_date_is_skipped() -> None:
    """A day of startDate's month that lies before it is skipped, and the rhythm stays."""
    found = configuration(monthly(15, 2), startDate="2026-11-16")
    assert spans(found, "2026-01-01", 2) == ["~2027-01-15 00:00/15 04:00", "~2027-03-15 00:00/15 04:00"]
    found = configuration(relative("First", "Sunday"), startDate="2026-11-02")
    assert spans(found, "2026-01-01", 1) == ["2026-12-06 00:00/06 04:00"]


def test_created_stands_in_for_the_start_date() -> None:
    """Without startDate it counts from the day of creation, by the window's own clock."""
    body = {
        "maintenanceWindow": {
            "schedule": daily(3),
            "startTime": "12:00",
            "durationHours": 4,
            "utcOffset": "-08:00",
        },
        "systemData": {"createdAt": "2026-11-02T07:00:00Z"},  # still the 1st at -08:00
    }
    assert spans(parse(body), "2026-10-01", 2) == ["~2026-11-01 20:00/02 00:00", "~2026-11-04 20:00/05 00:00"]


def test_unknown_start_date_matters_for_intervals_only() -> None:
    """Where nothing says since when, an interval of 1 has always been; others count from `after`'s day."""
    assert spans(configuration(daily(), "22:00"), "2026-11-21T01:00", 1) == ["2026-11-20 22:00/21 02:00"]
    every_third = configuration(daily(3), "22:00")
    assert spans(every_third, "2026-11-21T01:00", 2) == [
        "~2026-11-21 22:00/22 02:00",
        "~2026-11-24 22:00/25 02:00",
    ]


@pytest.mark.parametrize("day", [29, 30, 31])
def test_day_that_a_month_lacks_is_its_last(day: int) -> None:
    """Days 29 to 31 are the last day of a shorter month; every such window is approximate."""
    found = configuration(monthly(day))
    windows = list(occurrences(found, at("2027-01-01"), at("2028-03-01")))
    assert len(windows) == 14
    assert all(window.approximate for window in windows)
    assert windows[1].start == at("2027-02-28")
    assert windows[-1].start == at("2028-02-29")
    assert windows[0].start.day == day


def test_last_is_the_fourth_or_the_fifth() -> None:
    """The last such weekday of a month is its fifth where there are five, and else its fourth."""
    last, fourth = configuration(relative("Last", "Sunday")), configuration(relative("Fourth", "Sunday"))
    assert spans(last, "2026-11-01", 1) == ["2026-11-29 00:00/29 04:00"]
    assert spans(fourth, "2026-11-01", 1) == ["2026-11-22 00:00/22 04:00"]
    assert spans(last, "2027-02-01", 1) == spans(fourth, "2027-02-01", 1) == ["2027-02-28 00:00/28 04:00"]


# Blackouts


def test_approximate_is_true_for_nothing_else() -> None:
    """With an interval of 1, days up to 28 and no blackout that touches it, a window is not approximate."""
    dates = [{"start": "2026-12-24", "end": "2026-12-26"}]
    for schedule in (daily(), weekly("Monday"), monthly(28), relative("Last", "Monday")):
        found = configuration(schedule, "20:00", notAllowedDates=dates, startDate="2026-01-31")
        windows = occurrences(found, at("2026-11-01"), at("2027-12-31"))
        assert not any(window.approximate for window in windows)
    assert not any(window.approximate for window in islice(occurrences(older(("Monday", [1])), BEGIN), 99))


def test_window_that_runs_into_a_blackout_is_approximate() -> None:
    """A blackout that begins within a window leaves it in doubt; one that begins at its end does not."""
    dates = [{"start": "2026-12-24", "end": "2026-12-24"}]
    until = "2026-12-24T12:00"
    into = configuration(daily(), "20:01", notAllowedDates=dates)
    assert spans(into, "2026-12-23T12:00", 1, until) == ["~2026-12-23 20:01/24 00:01"]
    beside = configuration(daily(), "20:00", notAllowedDates=dates)
    assert spans(beside, "2026-12-23T12:00", 1, until) == ["2026-12-23 20:00/24 00:00"]


def test_window_that_starts_in_a_blackout_is_dropped() -> None:
    """A window that starts inside a blackout is none, even if the blackout ends before the window does."""
    blocked = [{"start": "2026-11-23T00:30:00Z", "end": "2026-11-23T02:00:00Z"}]
    found = older(("Monday", [1, 2, 3, 4]), notAllowedTime=blocked)
    assert spans(found, "2026-11-20", 1) == ["2026-11-30 01:00/30 05:00"]


def test_blackouts_may_overlap_and_touch() -> None:
    """Blackouts in any order, overlapping, adjacent or empty, are one; what is between two is free."""
    dates = [
        {"start": "2026-12-27", "end": "2026-12-28"},
        {"start": "2026-12-20", "end": "2026-12-26"},
        {"start": "2026-12-22", "end": "2026-12-23"},
        {"start": "2026-12-30", "end": "2026-12-30"},
    ]
    found = configuration(daily(), "10:00", notAllowedDates=dates)
    days = [window.start.day for window in occurrences(found, at("2026-12-19"), at("2027-01-01"))]
    assert days == [19, 29, 31]


def test_both_kinds_of_blackouts_count() -> None:
    """NotAllowedTime holds beside the newer form, too."""
    blocked = [{"start": "2026-11-21T00:00:00Z", "end": "2026-11-22T00:00:00Z"}]
    window = {"schedule": daily(), "startTime": "01:00", "durationHours": 4}
    found = parse({"maintenanceWindow": window, "notAllowedTime": blocked})
    assert spans(found, "2026-11-21", 1) == ["2026-11-22 01:00/22 05:00"]


def test_blackout_for_ever_leaves_nothing() -> None:
    """Where a blackout never ends there is no next window, and that is found at once."""
    dates = [{"start": "0001-01-01", "end": "9999-12-31"}]
    for offset in ("+00:00", "+14:00", "-12:00"):
        found = configuration(daily(), notAllowedDates=dates, utcOffset=offset)
        assert spans(found, "2026-11-21", 1, "9999-12-01") == []


# The older form


def test_slots_run_past_midnight() -> None:
    """Consecutive slots are one window across midnight, and across the end of the week."""
    found = older(("Sunday", [22, 23]), ("Monday", [0, 1]))
    assert spans(found, "2026-11-22T23:30", 2) == ["2026-11-22 22:00/23 02:00", "2026-11-29 22:00/30 02:00"]
    assert window_at(found, at("2026-11-23T01:59")) is not None


def test_every_hour_is_allowed() -> None:
    """Where every hour is allowed, one window follows on the other without a gap, a week each."""
    week = [(day, list(range(24))) for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")]
    found = older(*week, ("Saturday", list(range(24))), ("Sunday", list(range(24))))
    assert spans(found, "2026-11-21", 2) == ["2026-11-16 00:00/23 00:00", "2026-11-23 00:00/30 00:00"]


# The ends of the calendar, and cost

ALL = (
    daily(),
    daily(7),
    weekly("Sunday"),
    weekly("Monday", 4),
    monthly(31),
    monthly(1, 6),
    relative("Last", "Friday", 5),
)


@pytest.mark.parametrize("offset", ["+00:00", "+23:59", "-23:59"])
@pytest.mark.parametrize("schedule", ALL, ids=str)
def test_ends_of_the_calendar(schedule: dict[str, Any], offset: str) -> None:
    """Nothing fails near the first and the last day of the calendar; what does not fit in it is not given."""
    dates = [{"start": "0001-01-01", "end": "0001-01-01"}, {"start": "9999-12-31", "end": "9999-12-31"}]
    for start_date in (None, "0001-01-01", "9999-12-31"):
        found = configuration(
            schedule, "23:59", 24, utcOffset=offset, startDate=start_date, notAllowedDates=dates
        )
        for zone in (UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))):
            for after in (BEGIN, END - timedelta(days=400), END - timedelta(days=1), END):
                time_ = after.replace(tzinfo=zone)
                for window in occurrences(found, time_, time_ if after == BEGIN else None):
                    assert window.end > time_
                running, following = window_at(found, time_), next_window(found, time_)
                assert running is None or running.start <= time_ < running.end
                assert following is None or following.start >= time_
    older_one = older(("Sunday", list(range(24))), ("Friday", [23]))
    assert list(occurrences(older_one, END - timedelta(days=6)))
    assert next(occurrences(older_one, BEGIN)).start == at("0001-01-05T23:00")


def test_windows_are_lazy() -> None:
    """Windows are computed as they are asked for: the end of the calendar is no farther than tomorrow."""
    windows = occurrences(configuration(daily(), startDate="0001-01-01"), at("2026-11-21"), END)
    assert next(windows).start == at("2026-11-21")
    assert next(windows).start == at("2026-11-22")


@pytest.mark.parametrize("schedule", ALL, ids=str)
def test_age_costs_nothing(schedule: dict[str, Any]) -> None:
    """The next window costs the same whether startDate was last month or two thousand years ago."""
    before = [str(date(year, 10, 1)) for year in (2026, 1)]
    dates = [{"start": "2026-11-21", "end": "3026-11-21"}]  # nor does a long blackout

    def seconds(start_date: str) -> float:
        found = configuration(schedule, startDate=start_date, notAllowedDates=dates)
        best = float("inf")
        for _ in range(5):
            begun = time.thread_time()
            for _ in range(20):
                next(occurrences(found, at("2026-11-21")))
            best = min(best, time.thread_time() - begun)
        return best

    young, old = map(seconds, before)
    assert old < 5 * young + 0.02
