"""`notifier windows`: what it prints and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import icalendar
import pytest

from ops.__main__ import main as command

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "windows"
CLI = str(FIXTURES / "maintenance-configuration.cli.json")
REST = str(FIXTURES / "maintenance-configurations.rest.json")


def run(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command, as its process would."""
    out, err = (TextIOWrapper(BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", TextIOWrapper(BytesIO(given)))
        code = command(["windows", *words])
    return subprocess.CompletedProcess(words, code, out.buffer.getvalue(), err.buffer.getvalue())


def ok(*words: str, given: bytes = b"") -> bytes:
    """Run the command, which succeeds and complains of nothing."""
    done = run(*words, given=given)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def test_next_as_json() -> None:
    """`next --json` is an array of name, start, end and approximate, in UTC, as many as asked for."""
    assert json.loads(ok("next", CLI, "--after", "2023-01-01T00:00:00Z", "--count", "2", "--json")) == [
        {
            "name": "aksManagedAutoUpgradeSchedule",
            "start": "2023-04-01T17:00:00Z",
            "end": "2023-04-01T21:00:00Z",
            "approximate": True,
        },
        {
            "name": "aksManagedAutoUpgradeSchedule",
            "start": "2023-07-01T17:00:00Z",
            "end": "2023-07-01T21:00:00Z",
            "approximate": True,
        },
    ]


def test_next_of_several_is_in_order() -> None:
    """The windows of several configurations come in the order of their starts."""
    windows = json.loads(ok("next", REST, "--after", "2023-01-10", "--count", "4", "--json"))
    assert [(window["name"][10:14], window["start"][:10]) for window in windows] == [
        ("Node", "2023-01-11"),
        ("Auto", "2023-01-15"),
        ("Node", "2023-01-16"),
        ("Node", "2023-01-21"),
    ]


def test_next_as_text() -> None:
    """Without a form it is a table: UTC, the configuration's own time, and the zone asked for."""
    lines = ok("next", REST, "--after", "2023-01-11T21:00Z", "--count", "1", "--time-zone", "Europe/Berlin")
    head, row = lines.decode().splitlines()
    assert head.split("  ")[0] == "CONFIGURATION"
    for part in (
        "aksManagedNodeOSUpgradeSchedule",
        "Wed 2023-01-11 20:30 - Thu 06:30",
        "Wed 2023-01-11 13:30 - 23:30 (-07:00)",
        "Wed 2023-01-11 21:30 - Thu 07:30",
        "running; approximate: AKS documents no example",
    ):
        assert part in row


def test_next_as_calendar() -> None:
    """`next --ics` is a calendar with an entry for each window, and the same bytes every time."""
    words = ("next", CLI, "--after", "2023-01-01", "--count", "2", "--output", "ics")
    file = ok(*words)
    assert file == ok(*words)
    entries = icalendar.Calendar.from_ical(file).walk("VEVENT")
    assert [entry["dtstart"].to_ical() for entry in entries] == [b"20230401T170000Z", b"20230701T170000Z"]
    assert {str(entry["status"]) for entry in entries} == {"TENTATIVE"}
    assert len({str(entry["uid"]) for entry in entries}) == 2
    assert "myAKSCluster" in str(entries[0]["summary"])


def test_standard_input() -> None:
    """`-` reads standard input, with or without a byte order mark."""
    given = Path(CLI).read_bytes()
    words = ("--after", "2023-01-01", "--count", "1", "--json")
    assert ok("next", "-", *words, given=b"\xef\xbb\xbf" + given) == ok("next", CLI, *words)


def test_no_window_to_come() -> None:
    """Where no window is to come, that is said, and nothing has failed."""
    body = json.loads(Path(CLI).read_text(encoding="utf-8"))
    body["maintenanceWindow"]["notAllowedDates"] = [{"start": "2000-01-01", "end": "9999-12-31"}]
    assert ok("next", "-", given=json.dumps(body).encode()) == b"No window to come.\n"
    assert ok("next", "-", "--json", given=json.dumps(body).encode()) == b"[]\n"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", b"-: not JSON: "),
        (b"\xff", b"-: not JSON: "),
        (b"[" * 100_000, b"-: not JSON: "),
        (b"{}", b"-: neither a cluster (az aks show) nor a maintenance configuration"),
        (b"[{}]", b"-: item 1: neither a cluster"),
        (
            b'{"name": "default", "properties": {"maintenanceWindow": {"durationHours": 30}}}',
            b"-: default: properties.maintenanceWindow.durationHours: expected a whole number",
        ),
    ],
)
def test_unreadable_input(body: bytes, why: bytes) -> None:
    """What cannot be read ends with 2 and one line that says where and why."""
    done = run("next", "-", given=body)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(why)
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("next", "no-such-file.json"), "no-such-file.json: No such file or directory"),
        (("next", CLI, "--after", "soon"), "'soon' is not a time such as"),
        (("next", CLI, "--count", "0"), "Invalid value for '--count'"),
        (("next", CLI, "--time-zone", "Mars"), "'Mars' is not an IANA time zone"),
        (("lint", "no-such-file.json"), "no-such-file.json: No such file or directory"),
        (
            ("next", "66667777-aaaa-8888-bbbb-9999cccc0000"),
            "expected a file with clusters or maintenance configurations, not a subscription",
        ),
        (("lint",), "Missing argument"),
    ],
)
def test_wrong_command_line(words: tuple[str, ...], why: str) -> None:
    """What is wrong with the command line ends with 2 and is named."""
    done = run(*words)
    assert done.returncode == 2
    assert why in done.stderr.decode()


AT = ("--at", "2026-11-21T09:00Z")


@pytest.mark.parametrize(
    ("rule", "words", "code"),
    [
        ("default-not-weekly", (), 1),
        ("no-node-os-window", (), 0),
        ("no-node-os-window", ("--strict",), 1),
        ("max-surge", ("--strict",), 0),
    ],
)
def test_lint_as_json(rule: str, words: tuple[str, ...], code: int) -> None:
    """`lint --json` is an array of findings; 1 means an error, or, being strict, a warning."""
    done = run("lint", str(FIXTURES / "lint" / f"{rule}.fails.json"), *AT, "--json", *words)
    assert (done.returncode, done.stderr) == (code, b"")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert rule in {one["rule"] for one in found}
    assert set(found[0]) == {"rule", "severity", "cluster", "part", "what", "why", "source", "fix"}


def test_lint_as_text() -> None:
    """Without a form it is a table, then why each matters and the commands, then the count."""
    done = run("lint", str(FIXTURES / "lint" / "default-not-weekly.fails.json"), *AT)
    lines = done.stdout.decode().splitlines()
    assert lines[0].split() == ["SEVERITY", "RULE", "CLUSTER", "PART", "WHAT"]
    assert lines[1].split()[:4] == ["error", "default-not-weekly", "prod-a", "default"]
    assert any(line.startswith("  az rest --method put --url ") for line in lines)
    assert lines[-1] == "1 error"
