"""checkov's report is judged, not its exit code: it exits with 0 for what it could not read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.infra import scan

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SKIPPING = "resource a 'A/b@1' = {\n  // checkov:skip=CKV_1: because\n}\n"


def report(**more: list[Any]) -> dict[str, Any]:
    """Make a report of checkov in which nothing is wrong, and change it."""
    seen = {"file_path": "/a.bicep", "resource": "A/b.a", "check_id": "CKV_1", "check_name": "Ensure"}
    results: dict[str, Any] = {
        "parsing_errors": [],
        "failed_checks": [],
        "skipped_checks": [seen],
        "passed_checks": [seen],
    }
    return {"summary": {"passed": 1, "skipped": 1}, "results": {**results, **more}}


def test_good_report() -> None:
    """A report without a failure, of files that were read, is good."""
    assert list(scan.problems(report(), {"a.bicep": SKIPPING})) == []


def test_unread_file_is_a_problem() -> None:
    """A file that checkov cannot parse fails, though checkov itself does not."""
    wrong = list(scan.problems(report(parsing_errors=["/x/a.bicep"]), {"a.bicep": SKIPPING}))
    assert wrong == ["/x/a.bicep: checkov cannot parse it"]


def test_failed_check_is_a_problem() -> None:
    """A check that fails is named, with file and resource."""
    failed = {"file_path": "/a.bicep", "resource": "A/b.a", "check_id": "CKV_2", "check_name": "Ensure more"}
    wrong = list(scan.problems(report(failed_checks=[failed]), {"a.bicep": SKIPPING}))
    assert wrong == ["/a.bicep: A/b.a: CKV_2 Ensure more"]


def test_skipping_needs_a_reason_and_something_to_skip() -> None:
    """A check that is skipped would fail otherwise, and says why it is skipped."""
    text = SKIPPING.replace(": because", "") + "// checkov:skip=CKV_9: long gone\n"
    wrong = list(scan.problems(report(), {"a.bicep": text}))
    assert wrong == [
        "a.bicep: says nothing about why CKV_1 is skipped",
        "a.bicep: CKV_9 is skipped, and would not fail",
    ]


def test_empty_report_is_a_problem() -> None:
    """A scan that has looked at nothing does not pass."""
    assert list(scan.problems({"passed": 0}, {})) == ["checkov has read nothing"]
    empty = report(skipped_checks=[], passed_checks=[])
    assert list(scan.problems(empty, {})) == ["checkov has checked nothing"]


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command runs checkov and fails with what its report says, whatever checkov exits with."""
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "a.bicep").write_text(SKIPPING, "utf-8")
    checkov = tmp_path / "checkov"
    arguments = ["--checkov", str(checkov), "--folder", str(tmp_path / "infra")]
    assert scan.main(arguments) == 1
    assert "checkov did not run" in capsys.readouterr().err
    for wanted, said in ((0, report()), (1, report(parsing_errors=["a.bicep"]))):
        checkov.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(said)}\nEND\n", "utf-8")
        checkov.chmod(0o755)
        assert scan.main(arguments) == wanted
    assert "a.bicep: checkov cannot parse it" in capsys.readouterr().err
