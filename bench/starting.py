"""Cold start: a new process, its imports, and the first event recorded, beside the SDKs' own."""

from __future__ import annotations

import compileall
import json
import os
import py_compile
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from bench import app, calls, imports
from bench.figures import EVENT_TARGET, IMPORT_TARGET, Figure, Plot, Section, millis
from shared.store.azure import CONNECT_SECONDS, READ_SECONDS
from testing.child_process import environment
from testing.processes import ROOT, Azurite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROUNDS = 15

_PYTHON = (sys.executable, "-P", "-c")
"""`-P`: the app is found where the environment says, not in the current folder."""

_SDKS = "import azure.functions, azure.data.tables\n"

_BARE = f"""\
import azure.functions, json, os, sys
from azure.data.tables import TableClient
rows = json.loads(sys.argv[1])
rows[0]["raw0"] = bytes.fromhex(rows[0]["raw0"])
for row in rows:
    row["RowKey"] += str(os.getpid())
client = TableClient.from_connection_string(
    os.environ["NOTIFIER_STORAGE"],
    os.environ["NOTIFIER_TABLE"],
    connection_timeout={CONNECT_SECONDS},
    read_timeout={READ_SECONDS},
)
client.submit_transaction([("create", row) for row in rows], retry_total=0)
"""

OURS = """\
import logging, sys, function_app
logging.disable()  # the library warns of every app without HTTP functions
functions = function_app.app.get_functions()
logging.disable(logging.NOTSET)
for function in functions:
    if function.get_function_name() == "maintenance_events":
        function.get_user_function()(sys.argv[1])
"""

_TEXT = f"""\
New processes, each a fresh interpreter, {ROUNDS} of each kind in turns; the ratio is that of the fastest of
each. The floor of importing is `import azure.functions, azure.data.tables`. The floor of the first event is
a process that imports the two, makes a client, and submits the transaction that the app would; both sides
find the table there. Ours imports `function_app`, indexes its functions as a worker does, and runs
`maintenance_events` once. Times begin with the start of a process and end with its end; files are in the
page cache, installed packages are compiled, as pip leaves them. The worker itself, which is there before,
is on neither side.

The app's own modules are compiled, too (`compileall --invalidation-mode checked-hash`), as every documented
way to deploy packs them, and the targets are for these. Beside it, without a target, is measured what a start
takes where nobody has compiled them, and each start does it anew. `ROUTES` takes PyYAML to read. Importing
`function_app` leaves the table's SDK for the first event, which is why the first event is the stricter of the
two. Ratios of starts differ by some 0.04 from run to run."""

_ROUTES = """\
audiences:
  - name: shop
    to: shop@example.com
    time_zone: Europe/Berlin
  - name: platform
    to: [platform@example.com, oncall@example.com]
routes:
  - match: {cluster: "shop-*"}
    audiences: [shop]
  - match: {resource_group: "rg-*"}
    audiences: [platform]
"""


class Start(msgspec.Struct, frozen=True):
    """What a process took, in seconds."""

    wall: float
    cpu: float


class Apps(msgspec.Struct, frozen=True):
    """The folders of two copies of the app: its modules as they are, and compiled."""

    plain: Path
    compiled: Path


def measure() -> Section:
    """Compare the app's start with the SDKs' own."""
    with Azurite() as azurite, TemporaryDirectory() as folder:
        settings = app.settings(azurite.endpoint)
        with app.loaded(settings) as functions, calls.captured() as seen:
            for text in app.started(2):
                functions["maintenance_events"](text)
        rows, apps = as_json(seen[-1]), copies(Path(folder))
        starts = _in_turns(rows, apps, settings)
        sides = {
            "SDKs: import": _breakdown([_SDKS], apps.plain, settings),
            "ours: import": _breakdown(["import function_app"], apps.compiled, settings),
            "SDKs: first event": _breakdown([_BARE, rows], apps.plain, settings),
            "ours: first event": _breakdown([OURS, *app.started()], apps.compiled, settings),
            "ours not compiled: first event": _breakdown([OURS, *app.started()], apps.plain, settings),
        }
    sdks, bare = starts["sdks"], starts["bare"]
    figures = (
        figure("starting.import", "import function_app", starts["import"], sdks, IMPORT_TARGET),
        figure("starting.event", "start to first event recorded", starts["event"], bare, EVENT_TARGET),
        figure("starting.routes", "the same, with ROUTES", starts["routes"], bare, EVENT_TARGET),
        figure("starting.plain-import", "not compiled: import function_app", starts["plain-import"], sdks),
        figure("starting.plain", "not compiled: start to first event recorded", starts["plain"], bare),
    )
    plot = Plot("starting", "Cold start by module", "", "ms, as -X importtime counts them", bars=sides)
    return Section("Cold start", _TEXT, figures, tables=(imports.table(sides),), plots=(plot,))


def copies(folder: Path) -> Apps:
    """Copy what is deployed of the app, and compile one of the copies."""
    apps = Apps(folder / "plain", folder / "compiled")
    for copy in (apps.plain, apps.compiled):
        shutil.copytree(ROOT / "shared", copy / "shared", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "function_app.py", copy)
    hashed = py_compile.PycInvalidationMode.CHECKED_HASH  # a package's times do not survive its packing
    assert compileall.compile_dir(apps.compiled / "shared", quiet=2, invalidation_mode=hashed)
    return apps


def figure(
    name: str, what: str, ours: Sequence[Start], bare: Sequence[Start], target: float | None = None
) -> Figure:
    """Return the ratio of the fastest of our starts to the fastest of the floor's."""
    # The fastest: what else runs on the machine can only make a start slower.
    mine, theirs = min(start.wall for start in ours), min(start.wall for start in bare)
    return Figure(
        name,
        what,
        mine / theirs,
        floor="the SDKs' own",
        ours=f"{millis(mine)} ({millis(min(start.cpu for start in ours))} CPU)",
        bare=f"{millis(theirs)} ({millis(min(start.cpu for start in bare))} CPU)",
        target=target,
    )


def as_json(transaction: calls.Transaction) -> str:
    """Write the rows of an event's transaction; the raw event in them, the one that is bytes, in hex."""
    return json.dumps([entity for _, entity, _ in transaction], default=bytes.hex)


def _in_turns(rows: str, apps: Apps, settings: Mapping[str, str]) -> dict[str, list[Start]]:
    """Start processes of each kind, in turns; the first turn is not counted."""
    found: dict[str, list[Start]] = {}
    routed = {**settings, "ROUTES": _ROUTES}
    for turn in range(ROUNDS + 1):
        commands = {
            "sdks": ([_SDKS], apps.plain, settings),
            "import": (["import function_app"], apps.compiled, settings),
            "bare": ([_BARE, rows], apps.plain, settings),
            "event": ([OURS, *app.started()], apps.compiled, settings),
            "routes": ([OURS, *app.started()], apps.compiled, routed),
            "plain-import": (["import function_app"], apps.plain, settings),
            "plain": ([OURS, *app.started()], apps.plain, settings),
        }
        for kind, command in commands.items():
            one = start(*command)
            if turn:
                found.setdefault(kind, []).append(one)
    return found


def start(command: Sequence[str], folder: Path, settings: Mapping[str, str]) -> Start:
    """Start Python on a program and its arguments; return what it took until its end."""
    variables = _environment(folder, settings)
    began = time.perf_counter()
    pid = os.posix_spawn(_PYTHON[0], [*_PYTHON, *command], variables)
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - began
    assert status == 0, f"a process ended with {os.waitstatus_to_exitcode(status)}"
    return Start(wall, used.ru_utime + used.ru_stime)


def _breakdown(command: Sequence[str], folder: Path, settings: Mapping[str, str]) -> dict[str, float]:
    """Return what importing takes, by what the modules belong to."""
    program = [*_PYTHON[:-1], "-X", "importtime", "-c", *command]
    return imports.breakdown(program, _environment(folder, settings))


def _environment(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process that finds the app there, and leaves nothing behind."""
    return environment({**settings, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"})
