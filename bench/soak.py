"""Soak: tens of thousands of events and the sweeps that they need, through one process."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench import app
from bench.figures import Figure, Section
from shared.store.table import MAX_OPERATIONS, PARTITION
from testing.processes import Host
from testing.samples.payloads import event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.data.tables import TableClient

EVENTS, WARM = 50_000, 10_000
"""How many in all, and after how many the process is taken for settled."""

ROUND = 1_000
"""Events between two looks at what is left."""

AT_ONCE, TOGETHER = 8, 25
"""Deliveries under way at the same time, and events in each."""

MEMORY_TARGET = 1.1


SETTINGS = {
    "GROUP_WAIT": "1s",
    "GROUP_INTERVAL": "1s",
    "EMAIL_PER_MINUTE": "1000000",
    "EMAIL_PER_HOUR": "1000000",
    "STILL_RUNNING_AFTER": "0s",
    "PYTHON_THREADPOOL_THREAD_COUNT": str(AT_ONCE),
}

_TEXT = f"""\
{EVENTS:,} events, each of a maintenance of its own, and as many sweeps as they need, through one process
against Azurite: the stand-in for the host with the app, and mail through the SDK of Azure Communication
Services. The resident set after all is compared with that after {WARM:,}; files and threads are counted at
the same moments. Rows of what has been told, and of its clusters, are deleted along the way, as housekeeping
would in time: Azurite gets slower with each, and with each news that a cluster's row bears. It takes longer
than all else on this page together, so it is measured by itself."""


class State(msgspec.Struct, frozen=True):
    """What a process holds: memory in bytes, open files, threads."""

    memory: int
    files: int
    threads: int


def measure(events: int = EVENTS, warm: int = WARM) -> Section:
    """Deliver everything, and compare what the process holds in between and at the end."""
    if not Path("/proc/self/status").exists():
        print("  what a process holds is read from /proc: left out on this system", file=sys.stderr)
        return Section("Soak", _TEXT, (), left_out=True)
    with ExitStack() as stack:
        client, endpoint, settings = stack.enter_context(app.around(**SETTINGS))
        host = stack.enter_context(Host(settings))
        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        settled = state(host.pid)
        for done in range(0, events, ROUND):
            list(pool.map(partial(app.deliver, host), _deliveries(done)))
            while _waits(client):
                assert host.run("due_notices").status == HTTPStatus.ACCEPTED
            _forget(client)
            if done + ROUND == warm:
                settled = state(host.pid)
        last = state(host.pid)
        mails = len(endpoint.mails)
    assert mails >= events // MAX_OPERATIONS, "not everything was told"
    return Section(
        "Soak",
        f"{_TEXT} Taken on {datetime.now(UTC).date()}.",
        (
            Figure(
                "soak.memory",
                f"after {events:,} events, {mails:,} mails",
                last.memory / settled.memory,
                floor=f"after {warm:,}",
                ours=f"{last.memory / 2**20:.0f} MiB",
                bare=f"{settled.memory / 2**20:.0f} MiB",
                target=MEMORY_TARGET,
                compared=False,
            ),
            Figure(
                "soak.files",
                "open files more than then",
                last.files - settled.files,
                target=0,
                compared=False,
            ),
            Figure(
                "soak.threads",
                "threads more than then",
                last.threads - settled.threads,
                target=0,
                compared=False,
            ),
        ),
    )


def state(pid: int) -> State:
    """Return what a process holds at the moment."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    told = dict(line.split(":", 1) for line in lines)
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return State(int(told["VmRSS"].split()[0]) * 1024, files, int(told["Threads"]))


def _deliveries(first: int) -> Iterator[str]:
    for start in range(first, first + ROUND, TOGETHER):
        now = datetime.now(UTC)
        yield json.dumps(
            [
                json.loads(event("Started", now, name=f"soak-{number}", cluster=f"aks-{number % 200}"))
                for number in range(start, start + TOGETHER)
            ]
        )


def _waits(client: TableClient) -> bool:
    """Return whether anything is still to be done."""
    query = f"PartitionKey eq '{PARTITION}' and RowKey gt 'work:2' and RowKey lt 'work:3'"
    return bool(next(iter(client.query_entities(query, select=["RowKey"], results_per_page=1)), None))


def _forget(client: TableClient) -> None:
    """Delete what has been told."""
    query = f"PartitionKey eq '{PARTITION}' and (RowKey lt 'meta' or RowKey gt 'rejected')"
    rows = [row["RowKey"] for row in client.query_entities(query, select=["RowKey"])]
    old = [key for key in rows if key.startswith(("event:", "sent:", "told:", "cluster:"))]
    for start in range(0, len(old), MAX_OPERATIONS):
        batch = old[start : start + MAX_OPERATIONS]
        client.submit_transaction([("delete", {"PartitionKey": PARTITION, "RowKey": key}) for key in batch])


if __name__ == "__main__":
    from bench import report

    print(report.figures_table(measure(*map(int, sys.argv[1:])).figures))
