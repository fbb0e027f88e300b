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
    subprocess.run([found, "-m", "venv", "--without-pip", str(folder)], check=True)
    pins = (ROOT / "requirements-dev.txt").read_text()
    worker: list[str] = re.findall(r"^azure-functions-runtime==[\d.]+", pins, re.MULTILINE)
    pip = [sys.executable, "-m", "pip", "--python", str(folder), "--quiet", "--disable-pip-version-check"]
    installed = subprocess.run(
        [*pip, "install", "-r", str(ROOT / "requirements.txt"), *worker],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode:
        pytest.skip(f"the worker library cannot be installed: {installed.stderr.strip()[-200:]}")
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the repository as git has it: nothing installed, nothing made."""
    made = (".git", ".venv", "node_modules", "out", "__pycache__", ".*_cache", "local.settings.json")
    folder = tmp_path_factory.mktemp("package") / "clone"
    return Path(shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*made)))


def packed(folder: Path) -> list[str]:
    """Return the files that azd packs: all but what .funcignore names, and .funcignore."""
    left_out = [*(folder / ".funcignore").read_text("utf-8").splitlines(), "/.funcignore"]
    return list(pathspec.GitIgnoreSpec.from_lines(left_out).match_tree_files(folder, negate=True))


@pytest.fixture(scope="module")
def package(python: Path, clone: Path) -> Path:
    """Return the unpacked package, as azd makes it after its hook `prepackage`."""
    hook = yaml.safe_load((clone / "azure.yaml").read_text())["services"]["notifier"]["hooks"]["prepackage"]
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["sh", "-c", hook["posix"]["run"]], cwd=clone, env={"PATH": path}, check=True)
    archive, unpacked = clone.parent / "app.zip", clone.parent / "unpacked"
    with zipfile.ZipFile(archive, "w") as target:
        for file in packed(clone):
            target.write(clone / file, file)
    with zipfile.ZipFile(archive) as source:
        source.extractall(unpacked)  # sets other times, as Azure's unpacking may
    return unpacked


def start(python: Path, package: Path, settings: Mapping[str, str], event: str) -> dict[str, Any]:
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


def test_contents(clone: Path) -> None:
    """The package holds all that the app reads, and nothing of the workshop."""
    files = {Path(file) for file in packed(clone)}
    assert {file.parts[0] for file in files if len(file.parts) > 1} == {"shared"}
    assert {Path(name) for name in ("function_app.py", "host.json", "requirements.txt")} <= files
    assert not {"notifier", "requirements-dev.txt", "pyproject.toml"} & {file.name for file in files}
    read = {file.relative_to(clone) for file in (clone / "shared").rglob("*") if file.is_file()}
    assert read <= files


@pytest.mark.slow
@pytest.mark.timeout(600)  # the installation
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
