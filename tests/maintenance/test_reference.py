"""Windows against a reference that looks at every single day and shares no code with what it checks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.maintenance import next_window, occurrences, parse, window_at
from testing.hostile.windows import SCHEDULES
from testing.windows_reference import DAY, DAYS, expected, expected_slots

DATES = st.dates(date(1999, 1, 1), date(2032, 12, 31))
NAMES = st.sampled_from(DAYS)
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


@pytest.mark.slow
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
