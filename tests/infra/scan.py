"""checkov over the Bicep files, believed only where it has read them: `python -m tests.infra.scan`.

checkov skips a file that it cannot parse, and exits with 0. So its report is judged here: a file that was not
parsed fails, and so does a `checkov:skip` comment that skips nothing or gives no reason.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.infra import bicep

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
CHECKOV = ROOT / ".venv-infra" / "bin" / "checkov"

_SKIP = re.compile(r"//\s*checkov:skip=(\w+)(?::\s*(\S.*))?")


def problems(report: Mapping[str, Any], texts: Mapping[str, str]) -> Iterator[str]:
    """Return what is wrong with the files, or with checkov's reading of them."""
    results = report.get("results")
    if not results:
        yield "checkov has read nothing"
        return
    for path in results["parsing_errors"]:
        yield f"{path}: checkov cannot parse it"
    for check in results["failed_checks"]:
        yield f"{check['file_path']}: {check['resource']}: {check['check_id']} {check['check_name']}"
    skipped = {(check["file_path"].lstrip("/"), check["check_id"]) for check in results["skipped_checks"]}
    for path, text in texts.items():
        for check_id, reason in _SKIP.findall(text):
            if not reason:
                yield f"{path}: says nothing about why {check_id} is skipped"
            if (path, check_id) not in skipped:
                yield f"{path}: {check_id} is skipped, and would not fail"
    seen = {path for path, _ in skipped}
    seen |= {check["file_path"].lstrip("/") for check in results["passed_checks"]}
    if not seen:
        yield "checkov has checked nothing"


def main(arguments: list[str] | None = None) -> int:
    """Run checkov, judge its report, and print what is wrong. 0 if nothing is."""
    parser = argparse.ArgumentParser(description="checkov over infra/, believed only where it has read it")
    parser.add_argument("--checkov", type=Path, default=CHECKOV)
    parser.add_argument("--folder", type=Path, default=ROOT / "infra")
    given = parser.parse_args(arguments)
    command = [str(given.checkov), "-d", str(given.folder), "--framework", "bicep", "--skip-download"]
    try:
        ran = subprocess.run([*command, "-o", "json"], capture_output=True, text=True, check=False)
        report = json.loads(ran.stdout)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"checkov did not run: {error}\n")
        return 1
    wrong = list(problems(report, bicep.sources(given.folder)))
    summary = report.get("summary", {})
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    sys.stdout.write(
        f"checkov: {summary.get('passed')} checks passed, {summary.get('skipped')} skipped with a reason, "
        f"{len(wrong)} problems\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
