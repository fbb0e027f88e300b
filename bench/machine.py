"""What a figure was measured on: the machine, and the versions of what ran.

Nothing in it says whose machine it is: no name of a host or a user, no address, no path.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

SDKS = ("azure-functions", "azure-data-tables", "azure-core", "azure-communication-email", "azure-identity")

UNKNOWN = "unknown"


def facts() -> list[tuple[str, str]]:
    """Return what there is to say, each with its name, in the order in which to show it.

    What cannot be found out is "unknown". Starts `node` to ask for its version.
    """
    return [
        ("Date", datetime.now(UTC).date().isoformat()),
        ("CPU", _cpu()),
        ("Cores", str(os.cpu_count() or UNKNOWN)),
        ("Memory", _memory()),
        ("Kernel", f"{platform.system()} {platform.release().partition('-')[0]}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("Node.js", _node()),
        ("Azurite", _azurite()),
        *((name, _version(name)) for name in SDKS),
    ]


def _cpu() -> str:
    """Return the model of the CPU; without `/proc` (macOS), the architecture."""
    return _proc("cpuinfo", "model name") or platform.processor() or platform.machine() or UNKNOWN


def _memory() -> str:
    """Return the memory of the machine in GiB."""
    kib = _proc("meminfo", "MemTotal").removesuffix("kB").strip()
    return f"{int(kib) / 2**20:.0f} GiB" if kib.isdigit() else UNKNOWN


def _proc(file: str, name: str) -> str:
    """Return the first value of a name in a file of `/proc`; nothing, where there is none."""
    try:
        lines = Path("/proc", file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    found = (line.partition(":")[2] for line in lines if line.partition(":")[0].strip() == name)
    return " ".join(next(found, "").split())


def _node() -> str:
    program = shutil.which("node")
    if program is None:
        return UNKNOWN
    asked = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return asked.stdout.strip().removeprefix("v") or UNKNOWN


def _azurite() -> str:
    try:
        return str(json.loads((ROOT / "node_modules" / "azurite" / "package.json").read_bytes())["version"])
    except (OSError, ValueError, KeyError):
        return UNKNOWN


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return UNKNOWN
