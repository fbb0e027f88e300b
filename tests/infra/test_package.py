"""The package as azd makes it, started by Azure's own worker library with the deployed Python."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pathspec
import pytest
import yaml

from testing.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure.data.tables import TableClient

    from testing.processes import Azurite

pytestmark = pytest.mark.slow

DEPLOYED = "3.13"  # the default of `pythonVersion`; the worker library is of 3.13 and later
BASE = ["due_notices", "email_reports", "healthz", "housekeeping", "maintenance_events"]
FEATURES = ["calendar", "poll_fleets", "reconcile", "refresh_windows", "status_page", "weekly_report"]
SUBSCRIPTION = "00000000-0000-0000-0000-00000000000a"
FULL = {
    "SUBSCRIPTIONS": SUBSCRIPTION,
    "FLEETS": SUBSCRIPTION,
    "REPORT_SCHEDULE": "0 0 8 * * 1",
    "PAGES": "true",
}


def deployed_python() -> str | Path | None:
    """Return a Python of the deployed version: this one, the PATH's, or pyenv's, active or not."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == DEPLOYED:
        return sys.executable
    found = shutil.which(f"python{DEPLOYED}")
    if found and subprocess.run([found, "-V"], capture_output=True, check=False).returncode == 0:
        return found
    return next((Path.home() / ".pyenv" / "versions").glob(f"{DEPLOYED}.*/bin/python"), None)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the deployed Python, with the worker library and the app's packages in an environment."""
    found = deployed_python()
    if not found:
        pytest.skip(f"no Python {DEPLOYED} on the PATH or in pyenv")
    folder = tmp_path_factory.mktemp("worker")
    subprocess.run([found, "-m", "venv", str(folder)], check=True)
    pins = (ROOT / "requirements-dev.txt").read_text()
    worker: list[str] = re.findall(r"^azure-functions-runtime==[\d.]+", pins, re.MULTILINE)
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(ROOT / "requirements.txt"), *worker], check=True, capture_output=True)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def package(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unpacked package: `prepackage` run in a clone, then zipped by .funcignore."""
    folder = tmp_path_factory.mktemp("package")
    clone, archive, unpacked = folder / "clone", folder / "app.zip", folder / "unpacked"
    for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    hook = yaml.safe_load((ROOT / "azure.yaml").read_text())["services"]["notifier"]["hooks"]["prepackage"]
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["sh", "-c", hook["posix"]["run"]], cwd=clone, env={"PATH": path}, check=True)
    ignored = pathspec.GitIgnoreSpec.from_lines(
        [*(ROOT / ".funcignore").read_text().splitlines(), "/.funcignore"]
    )
    with zipfile.ZipFile(archive, "w") as packed:
        for file in ignored.match_tree_files(clone, negate=True):
            packed.write(clone / file, file)
    zipfile.ZipFile(archive).extractall(unpacked)  # sets other times, as Azure's unpacking may
    return unpacked


def start(python: Path, package: Path, settings: Mapping[str, str], event: str = "{}") -> dict[str, Any]:
    """Return what the worker says; see `worker.py`."""
    environment = {
        "PYTHONDONTWRITEBYTECODE": "1",
        "SWEEP_SCHEDULE": "0 * * * * *",
        "EMAIL_FOLDER": str(package.parent / "mail"),
        "EMAIL_FROM": "aks@example.com",
        "EMAIL_TO": "ops@example.com",
        **settings,
    }
    ended = subprocess.run(
        [python, "-P", ROOT / "tests" / "infra" / "worker.py", package],
        cwd=package,
        env=environment,
        input=event,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    said: dict[str, Any] = json.loads(ended.stdout)
    return said


def test_contents(package: Path) -> None:
    """The package holds the app and nothing of its workshop."""
    held = {one.name for one in package.iterdir()}
    assert held == {"LICENSE", "function_app.py", "host.json", "requirements.txt", "shared"}


@pytest.mark.parametrize(
    ("features", "functions"), [({"PAGES": "false"}, BASE), (FULL, sorted(BASE + FEATURES))]
)
def test_indexed_and_recorded(
    python: Path,
    package: Path,
    azurite: Azurite,
    client: TableClient,
    features: dict[str, str],
    functions: list[str],
) -> None:
    """The worker finds the functions that are on, compiles nothing of `shared`, and records an event."""
    storage = {"NOTIFIER_STORAGE": azurite.connection_string, "NOTIFIER_TABLE": client.table_name}
    event = (ROOT / "samples" / "started.cloudevent.json").read_text()
    said = start(python, package, {**storage, **features}, event)
    assert said == {"functions": functions, "failures": [], "compiled": ["function_app.py"]}
    assert any(json.loads(event)["id"] in str(row) for row in client.list_entities())
