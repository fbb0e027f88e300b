"""Peak memory of a worker: idle, after its first event, and through a patch night."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING

from bench import app
from bench.figures import Figure, Section
from testing.processes import Host
from testing.samples.patch_night import Course, patch_night

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testing.mail_endpoint import MailEndpoint

CLUSTERS, AUDIENCES = 500, 30

AT_ONCE = 32
"""Deliveries under way at the same time."""

MAX_AT_ONCE = 8
"""Events in one delivery."""

SETTINGS = {
    "GROUP_WAIT": "1s",
    "GROUP_INTERVAL": "5s",
    "EMAIL_PER_MINUTE": "1000000",
    "EMAIL_PER_HOUR": "1000000",
    "PYTHON_THREADPOOL_THREAD_COUNT": str(AT_ONCE),
}

QUIET_SECONDS = 7.0
"""Seconds without a mail after which the night is over: more than GROUP_INTERVAL."""


_SDKS = """\
import os, azure.functions as func
from azure.data.tables import TableClient
app = func.FunctionApp()
@app.function_name("maintenance_events")
@app.event_grid_trigger("event")
def maintenance_events(event: str) -> None:
    client = TableClient.from_connection_string(os.environ["NOTIFIER_STORAGE"], os.environ["NOTIFIER_TABLE"])
    client.upsert_entity({"PartitionKey": "aks", "RowKey": "first"})
"""

_TEXT = f"""\
The largest resident set of a process of its own (`VmHWM` in its status), in which the stand-in for the host
runs the app with {AT_ONCE} threads; Azurite, the mail service and whoever delivers are other processes. The
floor is the same host with an app that only imports the SDKs: before its first call for a worker that is
idle, and after it for the others.

The night is that of the storm test: {CLUSTERS} clusters of {AUDIENCES} audiences, announced, started,
completed or failed, mailed through the SDK of Azure Communication Services. It is delivered as fast as the
host takes it, up to {AT_ONCE} deliveries of up to {MAX_AT_ONCE} events at once, which is far faster than a
night, with a sweep every second."""


def measure() -> Section:
    """Measure the three, and the floor."""
    if not Path("/proc/self/status").exists():
        print("  peak memory is read from /proc: left out on this system", file=sys.stderr)
        return Section("Memory", _TEXT, (), left_out=True)
    with ExitStack() as stack:
        _, endpoint, settings = stack.enter_context(app.around(**SETTINGS))
        folder = Path(stack.enter_context(TemporaryDirectory()))
        (folder / "function_app.py").write_text(_SDKS)
        with Host(settings, app=folder) as host:
            imported = peak(host.pid)
            assert host.post_event(app.started()[0]).status == HTTPStatus.ACCEPTED
            called = peak(host.pid)
        night = patch_night(datetime.now(UTC), CLUSTERS, AUDIENCES, Course(speed=1_000))
        with Host({**settings, "ROUTES": night.routes}) as host:
            idle = peak(host.pid)
            assert host.post_event(app.started()[0]).status == HTTPStatus.ACCEPTED
            first = peak(host.pid)
            mails = _storm(host, [happening.text for happening in night.events], endpoint)
            storm = peak(host.pid)
    events = f"{len(night.events):,} events, {mails} mails"
    return Section(
        "Memory",
        _TEXT,
        (
            _figure("idle", "imported, functions indexed", idle, imported, "the SDKs, imported"),
            _figure("first", "after the first event", first, called, "the SDKs, after a call"),
            _figure("storm", f"through the patch night: {events}", storm, called, "the SDKs, after a call"),
        ),
    )


def peak(pid: int) -> int:
    """Return the largest resident set that a process has had so far, in bytes.

    Not `ru_maxrss`, which a process inherits from the one that started it.
    """
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _storm(host: Host, events: list[str], endpoint: MailEndpoint) -> int:
    """Deliver everything while sweeping, and sweep until nothing more is told; give the number of mails."""
    over = Event()

    def sweep() -> None:
        while not over.is_set():
            assert host.run("due_notices").status == HTTPStatus.ACCEPTED
            over.wait(1)

    with ThreadPoolExecutor(AT_ONCE) as pool, ThreadPoolExecutor(1) as timer:
        sweeps = timer.submit(sweep)
        try:
            list(pool.map(partial(app.deliver, host), _deliveries(events)))
            mails, since = 0, time.monotonic()
            while time.monotonic() - since < QUIET_SECONDS:
                if len(endpoint.mails) != mails:
                    mails, since = len(endpoint.mails), time.monotonic()
                time.sleep(0.1)
        finally:
            over.set()
        sweeps.result()
    assert mails > AUDIENCES, "not everyone was told"
    return mails


def _deliveries(events: list[str]) -> Iterator[str]:
    for start in range(0, len(events), MAX_AT_ONCE):
        yield json.dumps([json.loads(text) for text in events[start : start + MAX_AT_ONCE]])


def _figure(name: str, what: str, own: int, floor: int, bare: str) -> Figure:
    return Figure(
        f"memory.{name}",
        what,
        own / floor,
        floor=bare,
        ours=f"{own / 2**20:.0f} MiB",
        bare=f"{floor / 2**20:.0f} MiB",
    )
