"""Windows against a reference that looks at every single day and shares no code with what it checks.

The reference knows the rules as sentences: for each date since the first it asks whether the schedule names
it. That is slow, and hard to get wrong.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.windows import next_window, occurrences, parse, window_at

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
DAY = timedelta(days=1)


def named(schedule: dict[str, Any], anchor: date, day: date) -> bool:
    """Tell whether a schedule that counts from `anchor` names this day."""
    ((kind, said),) = schedule.items()
    if kind == "daily":
        return (day - anchor).days % int(said["intervalDays"]) == 0
    if kind == "weekly":
        first = anchor
        while DAYS[first.weekday()] != said["dayOfWeek"]:
            first += DAY
        return (day - first).days % (7 * int(said["intervalWeeks"])) == 0
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    if months % int(said["intervalMonths"]):
        return False
    length = monthrange(day.year, day.month)[1]
    if kind == "absoluteMonthly":
        return day.day == min(int(said["dayOfMonth"]), length)
    if DAYS[day.weekday()] != said["dayOfWeek"]:
        return False
    if said["weekIndex"] == "Last":
        return day.day + 7 > length
    return (day.day - 1) // 7 == ["First", "Second", "Third", "Fourth"].index(said["weekIndex"])


def expected(body: dict[str, Any], after: datetime, until: datetime) -> list[tuple[datetime, datetime, bool]]:
    """Enumerate the windows day by day."""
    said = body["maintenanceWindow"]
    sign = -1 if said["utcOffset"][0] == "-" else 1
    hours, minutes = said["utcOffset"][1:].split(":")
    zone = timezone(sign * timedelta(hours=int(hours), minutes=int(minutes)))
    hour, minute = said["startTime"].split(":")
    blocked = []
    for span in said["notAllowedDates"]:
        begin, end = (date.fromisoformat(span[key]) for key in ("start", "end"))
        blocked.append(
            (
                datetime(begin.year, begin.month, begin.day, tzinfo=zone),
                datetime(end.year, end.month, end.day, tzinfo=zone) + DAY,
            )
        )
    ((kind, schedule),) = said["schedule"].items()
    interval = next(value for key, value in schedule.items() if key.startswith("interval"))
    open_ = interval > 1 or (kind == "absoluteMonthly" and schedule["dayOfMonth"] > 28)
    anchor = day = date.fromisoformat(said["startDate"])
    found = []
    while day < until.date() + 2 * DAY:
        if named(said["schedule"], anchor, day):
            start = datetime(day.year, day.month, day.day, int(hour), int(minute), tzinfo=zone)
            end = start + timedelta(hours=said["durationHours"])
            inside = any(begin <= start < stop for begin, stop in blocked)
            touched = any(begin < end and start < stop for begin, stop in blocked)
            if end > after and start < until and not inside:
                found.append((start.astimezone(UTC), end.astimezone(UTC), open_ or touched))
        day += DAY
    return found


def expected_slots(
    body: dict[str, Any], after: datetime, until: datetime
) -> list[tuple[datetime, datetime, bool]]:
    """Enumerate the windows of the older form hour by hour."""
    allowed = {(item["day"], hour) for item in body["timeInWeek"] for hour in item["hourSlots"]}
    blocked = [
        tuple(datetime.fromisoformat(span[key]) for key in ("start", "end"))
        for span in body["notAllowedTime"]
    ]
    hour = datetime(after.year, after.month, after.day, tzinfo=UTC) - 15 * DAY
    found: list[tuple[datetime, datetime, bool]] = []
    start = None
    before = False  # the first run may have begun earlier: it is over long before `after`
    while hour < until + 9 * DAY:
        is_allowed = (DAYS[hour.weekday()], hour.hour) in allowed
        if is_allowed and not before:
            start = hour
        if not is_allowed and before and start:
            inside = any(begin <= start < stop for begin, stop in blocked)
            touched = any(begin < hour and start < stop and begin < stop for begin, stop in blocked)
            if hour > after and start < until and not inside:
                found.append((start, hour, touched))
        before = is_allowed
        hour += timedelta(hours=1)
    return found


DATES = st.dates(date(1999, 1, 1), date(2032, 12, 31))
NAMES = st.sampled_from(DAYS)
MONTHS = st.integers(1, 6)
SCHEDULES = st.one_of(
    st.fixed_dictionaries({"daily": st.fixed_dictionaries({"intervalDays": st.integers(1, 7)})}),
    st.fixed_dictionaries(
        {"weekly": st.fixed_dictionaries({"intervalWeeks": st.integers(1, 4), "dayOfWeek": NAMES})}
    ),
    st.fixed_dictionaries(
        {
            "absoluteMonthly": st.fixed_dictionaries(
                {"intervalMonths": MONTHS, "dayOfMonth": st.integers(1, 31) | st.integers(28, 31)}
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "relativeMonthly": st.fixed_dictionaries(
                {
                    "intervalMonths": MONTHS,
                    "weekIndex": st.sampled_from(["First", "Second", "Third", "Fourth", "Last"]),
                    "dayOfWeek": NAMES,
                }
            )
        }
    ),
)
OFFSETS = st.builds(
    lambda sign, hours, minutes: f"{sign}{hours:02}:{minutes:02}",
    st.sampled_from("+-"),
    st.integers(0, 14),
    st.sampled_from([0, 30, 45]),
)
TIMES = st.datetimes(datetime(1999, 1, 1), datetime(2034, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
LENGTHS = st.timedeltas(timedelta(0), timedelta(days=1100))
SLOTS = st.lists(
    st.fixed_dictionaries({"day": NAMES, "hourSlots": st.lists(st.integers(0, 23), min_size=1)}), min_size=1
)


@st.composite
def blackouts(draw: st.DrawFn) -> list[dict[str, str]]:
    """Draw dates without maintenance, short and long."""
    begins = draw(st.lists(st.tuples(DATES, st.integers(0, 60) | st.integers(0, 700)), max_size=4))
    return [{"start": begin.isoformat(), "end": (begin + days * DAY).isoformat()} for begin, days in begins]


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a configuration of the newer form."""
    return {
        "maintenanceWindow": {
            "schedule": draw(SCHEDULES),
            "durationHours": draw(st.integers(4, 24)),
            "utcOffset": draw(OFFSETS),
            "startDate": draw(DATES).isoformat(),
            "startTime": f"{draw(st.integers(0, 23)):02}:{draw(st.sampled_from([0, 1, 30, 59])):02}",
            "notAllowedDates": draw(blackouts()),
        }
    }


@given(bodies(), TIMES, LENGTHS)
def test_windows_are_those_of_the_reference(body: dict[str, Any], after: datetime, length: timedelta) -> None:
    """Any configuration gives the windows that looking at every day gives, in order and flagged alike."""
    found = [
        (window.start, window.end, window.approximate)
        for window in occurrences(parse(body), after, after + length)
    ]
    assert found == expected(body, after, after + length)


@given(bodies(), TIMES)
def test_single_questions_agree(body: dict[str, Any], time: datetime) -> None:
    """The window at a time and the next one are those of the reference, too."""
    near = expected(body, time, time + timedelta(days=800))
    inside = [span for span in near if span[0] <= time < span[1]]
    ahead = [span for span in near if span[0] >= time]
    at, following = window_at(parse(body), time), next_window(parse(body), time)
    assert ([(at.start, at.end, at.approximate)] if at else []) == inside
    if ahead:
        assert following is not None
        assert (following.start, following.end, following.approximate) == ahead[0]


@given(bodies(), TIMES, LENGTHS, st.floats(0, 1))
def test_asking_in_parts_is_the_same(
    body: dict[str, Any], after: datetime, length: timedelta, part: float
) -> None:
    """A span asked for in two parts gives each window once, but for one that runs where they meet."""
    configuration = parse(body)
    middle, end = after + part * length, after + length
    first, second = (
        list(occurrences(configuration, after, middle)),
        list(occurrences(configuration, middle, end)),
    )
    together = first + [window for window in second if window not in first]
    assert together == list(occurrences(configuration, after, end))
    assert all(one.end <= other.start for one, other in pairwise(together))


@given(SLOTS, st.data(), st.integers(0, 60))
def test_slots_are_those_of_the_reference(
    slots: list[dict[str, Any]], data: st.DataObject, days: int
) -> None:
    """The older form gives the windows that looking at every single hour gives."""
    after = data.draw(st.datetimes(datetime(2024, 1, 1), datetime(2025, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
    begins = st.tuples(st.timedeltas(-20 * DAY, 60 * DAY), st.timedeltas(timedelta(0), 12 * DAY))
    blocked = [
        (after + ahead, after + ahead + long) for ahead, long in data.draw(st.lists(begins, max_size=3))
    ]
    body = {
        "timeInWeek": slots,
        "notAllowedTime": [{"start": begin.isoformat(), "end": end.isoformat()} for begin, end in blocked],
    }
    until = after + days * DAY
    found = [
        (window.start, window.end, window.approximate) for window in occurrences(parse(body), after, until)
    ]
    assert found == expected_slots(body, after, until)
