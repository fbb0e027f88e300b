"""How NCRONTAB schedules are read: as the Functions host's own parser does, one rule a test."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ncrontab import TimerSchedule

CASES = json.loads((Path(__file__).parents[1] / "fixtures" / "ncrontab.json").read_text("utf-8"))
"""What the host's parser said to each expression, and its next four times from three moments."""
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def times(expression: str, count: int = 3) -> list[str]:
    """Return the next times after a Sunday noon."""
    schedule, found = TimerSchedule.parse(expression), [NOON]
    for _ in range(count):
        found.append(schedule.next(found[-1]))
    return [f"{time:%m-%d %H:%M:%S}" for time in found[1:]]


@pytest.mark.parametrize("case", CASES, ids=[repr(case["schedule"]) for case in CASES])
def test_recorded_cases(case: dict[str, Any]) -> None:
    """Each recorded expression is taken or refused as the host does, and comes when the host says."""
    if not case["valid"]:
        with pytest.raises(ValueError, match=r"^(is|has) "):
            TimerSchedule.parse(case["schedule"])
        return
    schedule = TimerSchedule.parse(case["schedule"])
    for start, expected in case["next"].items():
        time = datetime.fromisoformat(start)
        for each in expected:
            time = schedule.next(time)
            assert time == datetime.fromisoformat(each)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 0 24 * * *", "has 24 for its hour, which goes from 0 to 23"),
        ("24 * * *", "five fields, or six"),
        ("0 0 0 * * 7", "has 7 for its weekday, which goes from 0 to 6"),
        ("0 0 0 * * X", "has 'X' for its weekday, which NCRONTAB does not know"),
        ("*/x * * * *", "has 'x' for its minute, which is not a number"),
        ("*/ * * * *", "has '' for its minute"),
        ("*/2/2 * * * *", "has '2/2' for its minute"),
        ("/5 * * * *", "has '/5' for its minute"),
        ("1-99 * * * *", "has 99 for its minute"),
        ("*-5 * * * *", r"has '\*' for its minute"),
        ("1-2-3 * * * *", "has '2-3' for its minute"),
        ("1_0 * * * *", "has '1_0' for its minute"),
        ("\u0661 * * * *", "for its minute"),
        ("9999999999 * * * *", "which is not a number"),
        (f"{'9' * 9999} * * * *", "which is not a number"),
        ("0 0 0 30 2 *", "never comes"),
        ("0 0 0 31 FEB,JUN *", "never comes"),
        ("@daily", "five fields, or six"),
        ("0 0 9 * * *\n", r"has '\*\\n' for its weekday"),
    ],
)
def test_refusals(expression: str, words: str) -> None:
    """What the host would not run is refused, with the field and its limits."""
    with pytest.raises(ValueError, match=words):
        TimerSchedule.parse(expression)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 9 * * *", ["11-30 09:30:00", "12-01 09:30:00", "12-02 09:30:00"]),
        ("0 0 9 * * S", ["12-06 09:00:00", "12-13 09:00:00", "12-20 09:00:00"]),
        ("0 0 9 1 MA,j *", ["01-01 09:00:00", "03-01 09:00:00", "01-01 09:00:00"]),
        ("0 0 9 * * fri-mon", ["11-30 09:00:00", "12-01 09:00:00", "12-02 09:00:00"]),
        ("0 */-5 * * * *", ["11-29 12:01:00", "11-29 12:02:00", "11-29 12:03:00"]),
        ("0 50/+5 * * * *", ["11-29 12:50:00", "11-29 12:55:00", "11-29 13:50:00"]),
        ("59 59 23 31 12 *", ["12-31 23:59:59"] * 3),
        ("0 0 0 13 * FRI", ["08-13 00:00:00", "10-13 00:00:00", "04-13 00:00:00"]),
    ],
)
def test_times(expression: str, expected: list[str]) -> None:
    """Short names, turned ranges, signed steps and both kinds of days count as the host counts them."""
    assert times(expression) == expected


numbers = st.integers(0, 59).map(str)


@given(
    seconds=st.lists(numbers, min_size=1, max_size=3).map(",".join) | st.just("*"),
    minutes=numbers | st.just("*/7") | st.just("50-10/3"),
    weekdays=st.sampled_from(["*", "MON-FRI", "0,3", "6/2"]),
    after=st.floats(0, 1e8).map(lambda seconds: NOON + timedelta(seconds=seconds)),
)
def test_next_is_the_first_that_matches(seconds: str, minutes: str, weekdays: str, after: datetime) -> None:
    """The next time matches in every field, and no second between it and the moment asked from does."""
    schedule = TimerSchedule.parse(f"{seconds} {minutes} * * * {weekdays}")

    def matches(time: datetime) -> bool:
        return (
            time.second in schedule.seconds
            and time.minute in schedule.minutes
            and time.isoweekday() % 7 in schedule.weekdays
        )

    following = schedule.next(after)
    assert following > after
    assert matches(following)
    start = max(after.replace(microsecond=0), following - timedelta(hours=2))
    between = (start + timedelta(seconds=n) for n in range(1, int((following - start).total_seconds())))
    assert not any(map(matches, between))
