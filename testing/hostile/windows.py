"""Maintenance configurations: any damage is an error that names a field, or gives windows that can be."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from hypothesis import strategies as st

from shared.maintenance import (
    Configuration,
    ConfigurationError,
    Window,
    inventory,
    next_window,
    occurrences,
    parse,
    window_at,
)
from shared.maintenance.configuration import MaintenanceWindow, TimeInWeek
from testing.hostile import InputVerdict
from testing.hostile.material import (
    SCALARS,
    TEXTS,
    TIMES,
    VALUES,
    changes,
    is_on_one_line,
    rewritten,
)
from testing.windows_reference import expected as reference
from testing.windows_reference import expected_slots, zone_of

if TYPE_CHECKING:
    from testing.hostile.material import Change

ID = (
    "/subscriptions/66667777-aaaa-8888-bbbb-9999cccc0000/resourceGroups/rg-prod/providers"
    "/Microsoft.ContainerService/managedClusters/prod-weu-1/maintenanceConfigurations/default"
)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
"""No window is longer."""

_AHEAD = timedelta(days=190)
"""A schedule of months has at least one window in it."""

_EARLY, _LATE = 2, 9_990
"""Years near the ends of the calendar, where the reference would leave it."""

_FIRST = datetime.min.replace(tzinfo=UTC)
_FEW = 5

_SAID = {"createdAt": "2026-01-01T00:00:00Z", "lastModifiedAt": "2026-02-29T00:00:00Z"}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DATES = ("0001-01-01", "1900-02-28", "2024-02-29", "2026-03-29", "2026-10-25", "9999-12-31")
_OFFSETS = ("+00:00", "-00:00", "+14:00", "-12:00", "+05:45", "+23:59", "-23:59")
_ODD = st.sampled_from(
    (*_DATES, *_OFFSETS, *TIMES, *_DAYS, "24:00", "00:00", "23:59", "Last", "\u0661\u0662:00")
)
_DAY = st.sampled_from(_DAYS)
_DATE = st.sampled_from(_DATES) | st.dates().map(date.isoformat)
_MONTHS = st.integers(1, 6)
_WEEK_INDEX = st.sampled_from(("First", "Second", "Third", "Fourth", "Last"))


def _schedule(kind: str, **said: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({kind: st.fixed_dictionaries(said)})


SCHEDULES = st.one_of(
    _schedule("daily", intervalDays=st.integers(1, 7)),
    _schedule("weekly", intervalWeeks=st.integers(1, 4), dayOfWeek=_DAY),
    _schedule("absoluteMonthly", intervalMonths=_MONTHS, dayOfMonth=st.integers(1, 31) | st.integers(28, 31)),
    _schedule("relativeMonthly", intervalMonths=_MONTHS, weekIndex=_WEEK_INDEX, dayOfWeek=_DAY),
)


def _span(dates: list[str]) -> dict[str, str]:
    start, end = sorted(dates)
    return {"start": start, "end": end}


_SPAN = st.lists(_DATE, min_size=2, max_size=2).map(_span)
_WINDOWS = st.fixed_dictionaries(
    {
        "schedule": SCHEDULES,
        "durationHours": st.integers(4, 24),
        "startTime": st.sampled_from(("00:00", "02:30", "23:59")),
    },
    optional={
        "utcOffset": st.sampled_from(_OFFSETS),
        "startDate": _DATE,
        "notAllowedDates": st.lists(_SPAN, max_size=3),
    },
)
_SLOTS = st.fixed_dictionaries(
    {"day": _DAY, "hourSlots": st.lists(st.integers(0, 23), min_size=1, max_size=4)}
)
_ALL_HOURS = {(day, hour) for day in _DAYS for hour in range(24)}
_EVERY_HOUR = [{"day": day, "hourSlots": list(range(24))} for day in _DAYS]


def _body(said: dict[str, Any], spans: list[dict[str, str]], form: str) -> dict[str, Any]:
    """Put together what ARM or the CLI returns."""
    said = {
        **said,
        "notAllowedTime": [{key: f"{day}T12:00:00Z" for key, day in span.items()} for span in spans],
    }
    named = {"name": "default", "id": ID, "systemData": _SAID if form == "dated" else None}
    return {**named, **said} if form == "flat" else {**named, "properties": said}


_BODIES = st.builds(
    _body,
    _WINDOWS.map(lambda window: {"maintenanceWindow": window})
    | (st.lists(_SLOTS, min_size=1, max_size=4) | st.just(_EVERY_HOUR)).map(
        lambda slots: {"timeInWeek": slots}
    ),
    st.just([]) | st.lists(_SPAN, max_size=2),
    st.sampled_from(("arm", "flat", "dated")),
)


def _damaged(body: dict[str, Any], made: list[Change]) -> Any:
    if not made:
        return body
    try:
        return json.loads(rewritten(json.dumps(body), made))
    except (ValueError, RecursionError):
        return body


_ODDLY = VALUES | _ODD | st.integers(-1, 40) | st.sampled_from(SCALARS)
_BROKEN = st.builds(_damaged, _BODIES, changes(_ODDLY, most=2))


class Question(NamedTuple):
    """What is said to be a maintenance configuration, and the time from which its windows are asked for."""

    body: Any
    after: datetime
    is_whole: bool = False
    """Whether nothing is damaged: then the windows are known from elsewhere."""


_ZONES = st.sampled_from(
    [UTC, *(timezone(timedelta(minutes=minutes)) for minutes in (-1439, -210, 60, 840, 1439))]
)
_AFTER = st.datetimes(timezones=_ZONES) | st.sampled_from(
    [
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
        datetime(9999, 12, 24, 23, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        datetime(2024, 2, 29, tzinfo=UTC),
    ]
)
_WHOLE = st.builds(Question, _BODIES, _AFTER, st.just(True))
QUESTIONS = _WHOLE | st.builds(Question, _BROKEN | _BROKEN | VALUES | TEXTS, _AFTER, st.just(False)) | _WHOLE


def check_question(question: Question) -> InputVerdict:
    """Check that a configuration is refused by a field's name, or its windows are in order and to come."""
    _check_known(question.body)
    try:
        configuration = parse(question.body)
    except ConfigurationError as error:
        _check_error(error)
        assert not question.is_whole
        return InputVerdict(("refused",))
    if question.is_whole:
        _check_reference(configuration, question.body, question.after)
    assert msgspec.json.decode(msgspec.json.encode(configuration), type=Configuration) == configuration
    windows = list(islice(occurrences(configuration, question.after), _FEW))
    _check_windows(windows, question.after)
    for window in windows:
        _check_place(configuration, window)
    _check_neighbours(configuration, windows, question.after)
    return InputVerdict(("computed" if windows else "no window",))


def _check_error(error: ConfigurationError) -> None:
    said = str(error)
    assert error.field
    assert said.startswith(f"{error.field}: expected ")
    assert is_on_one_line(said)
    assert len(said) <= 1_000


def _check_windows(windows: list[Window], after: datetime) -> None:
    for window in windows:
        assert window.start.tzinfo is UTC
        assert window.end.tzinfo is UTC
        assert timedelta(0) < window.end - window.start <= WEEK
        assert window.end > after
    for one, other in pairwise(windows):
        assert one.end <= other.start


def _check_reference(configuration: Configuration, body: dict[str, Any], after: datetime) -> None:
    """Check that the windows are those that looking at every day, or every hour of the older form, gives."""
    said = body.get("properties", body)
    if not _EARLY < after.year < _LATE:
        return
    after = after.astimezone(UTC)
    if "timeInWeek" in said:
        if {(slot["day"], hour) for slot in said["timeInWeek"] for hour in slot["hourSlots"]} < _ALL_HOURS:
            until = after + 9 * DAY
            _check_same(configuration, after, until, expected_slots(said, after, until))
        return
    window = said["maintenanceWindow"]
    if (start := window.get("startDate")) and _EARLY < date.fromisoformat(start).year < _LATE:
        after = max(after, datetime.fromisoformat(f"{start}T00:00:00Z") - DAY)
    until = after + _AHEAD
    _check_same(configuration, after, until, reference(said, after, until, _anchor(body, window, after)))


def _check_same(
    configuration: Configuration,
    after: datetime,
    until: datetime,
    expected: list[tuple[datetime, datetime, bool]],
) -> None:
    """Check windows against those of the reference, which does not know whom AKS does not heed."""
    unheeded = configuration.unheeded is not None
    windows = occurrences(configuration, after, until)
    assert [(window.start, window.end, window.approximate) for window in windows] == [
        (start, end, approximate or unheeded) for start, end, approximate in expected
    ]


def _anchor(body: dict[str, Any], window: dict[str, Any], after: datetime) -> date:
    """Return the day from which intervals count where there is no startDate: of creation, or today."""
    zone = zone_of(window)
    if body.get("systemData"):
        return datetime.fromisoformat(_SAID["createdAt"]).astimezone(zone).date()
    (schedule,) = window["schedule"].values()
    interval = next(value for key, value in schedule.items() if key.startswith("interval"))
    return date.min if interval == 1 else after.astimezone(zone).date()


def _check_place(configuration: Configuration, window: Window) -> None:
    """Check that a window starts at an hour that is named, and at none that is ruled out."""
    assert abs(configuration.zone.utcoffset(None)) < DAY
    said, start = configuration.window, window.start - _FIRST
    if isinstance(said, TimeInWeek):
        assert start % WEEK // timedelta(hours=1) in said.hours
        assert not start % timedelta(hours=1)
    elif said is not None:
        at = timedelta(hours=said.start_time.hour, minutes=said.start_time.minute)
        assert (start + said.utc_offset) % DAY == at
        assert window.end - window.start == said.duration
        day = (start + said.utc_offset) // DAY + 1
        ruled_out = [(span.start.toordinal(), span.end.toordinal()) for span in said.not_allowed_dates]
        assert not any(first <= day <= last for first, last in ruled_out)
        assert said.start_date is None or day >= said.start_date.toordinal()
    assert not any(span.start <= window.start < span.end for span in configuration.not_allowed_time)


def _check_neighbours(configuration: Configuration, windows: list[Window], after: datetime) -> None:
    """Check that the other questions are answered by the same windows."""
    first = windows[0] if windows else None
    running = window_at(configuration, after)
    assert running == (first if first and first.start <= after else None)
    following = next_window(configuration, after)
    assert following == next((window for window in windows if window.start >= after), None)
    if first:
        assert window_at(configuration, first.start) == first
        if _is_anchored(configuration):
            assert window_at(configuration, first.end - datetime.resolution) == first
        until = list(islice(occurrences(configuration, after, first.end), _FEW))
        assert until == [window for window in windows if window.start < first.end]


def _is_anchored(configuration: Configuration) -> bool:
    """Return whether the windows are the same from whatever time they are asked for."""
    said = configuration.window
    counts = isinstance(said, MaintenanceWindow) and said.schedule.interval > 1 and said.start_date is None
    return not counts or configuration.created is not None


def _check_known(body: Any) -> None:
    reading = inventory.read(body, datetime(2026, 11, 20, tzinfo=UTC))
    assert reading.clusters or reading.errors or body in ([], {"value": []})
    for one in reading.clusters:
        assert msgspec.json.decode(msgspec.json.encode(one), type=inventory.ClusterInfo) == one
    assert all(map(is_on_one_line, reading.errors))
