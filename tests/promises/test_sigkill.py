"""SIGKILL at every request boundary: the process dies, another goes on, and all is told once.

The host runs the whole story: a failure mailed at once, a digest, a reminder. At one request, to the table or
to the mail service, before it has left or after it was answered, the process is killed. Event Grid then
delivers again what it got no answer for, to a host that starts anew.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import pytest

from prove.fork_server import ForkServer
from prove.forked import Forked
from testing.fault_proxy import CUT, Fault, Phase, Request
from testing.mail_endpoint import OperationIdMode
from testing.processes import Azurite
from testing.real_app import RealWorld
from testing.samples.payloads import event, guid, scheduled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.proof

LEASE = 10
REMINDER_IN = 12
"""Seconds: its announcement is told before, since together with that it would say nothing new."""

PATIENCE = 12 * LEASE

MOMENTS = 46
"""As many as a story has where all of its sweeps send something; on a busy machine they send less."""

AT_ONCE = 32
"""Stories told at the same time: nearly all of each is waiting for a lease to run out."""

EXPECTED = {
    f"failed event:{guid('failed')}:Failed",
    f"started event:{guid('started')}:Started",
    f"scheduled event:{guid('scheduled')}:Scheduled",
    f"scheduled event:{guid('reminded')}:Scheduled",
    f"reminder event:{guid('reminded')}:Scheduled 24h",
}


class Stage(NamedTuple):
    """What all stories are told on."""

    azurite: Azurite
    fork_server: ForkServer
    folder: Path


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Run Azurite, and what hosts are forked from."""
    with Azurite() as azurite, ForkServer() as fork_server:
        yield Stage(azurite, fork_server, tmp_path)


class Trap:
    """Kills a host at one moment of its requests, counted over all of them."""

    def __init__(self, at: int) -> None:
        self.host: Forked | None = None
        self.at = at
        self.passed = 0
        self.sprung = False
        self._lock = Lock()

    def __call__(self, _number: int, _phase: Phase, _request: Request) -> Fault | None:
        """Count a moment; kill if it is the one."""
        with self._lock:
            if self.host is None:
                return None
            self.passed += 1
            if self.sprung or self.passed != self.at:
                return CUT if self.sprung else None
            self.sprung = True
            self.host.kill()
            return CUT


def _story(host: Forked, step: int, due: float) -> int:
    """Return the story from a step on, as far as it goes; give the step that is next.

    `due` is when the reminder is, by the monotonic clock.
    """
    now = datetime.now(UTC)

    def sweep_after(seconds: float) -> int:
        time.sleep(max(0.0, seconds))
        return host.run("due_notices").status

    steps = [
        lambda: host.post_event(scheduled(now, None, name="scheduled")).status,
        lambda: host.post_event(event("Failed", now, name="failed")).status,
        lambda: host.post_event(event("Started", now, name="started")).status,
        lambda: sweep_after(1.1),
        lambda: sweep_after(due - time.monotonic()),
    ]
    while step < len(steps):
        try:
            if steps[step]() != 202:
                return step
        except (ConnectionError, TimeoutError):
            return step
        step += 1
    return step


def _announced(host: Forked, world: RealWorld, due: float) -> bool:
    """Let the announcement be told; False where a busy machine took until the reminder's hour for that."""
    while time.monotonic() < due - 2:
        time.sleep(1.1)
        host.run("due_notices")
        if world.fates:
            return True
    return False


def _finish(host: Forked, world: RealWorld) -> None:
    """Sweep until nothing is left to do; a busy machine may let a lease or two run out on the way."""
    patience = time.monotonic() + PATIENCE
    while world.keys("work:2") and time.monotonic() < patience:
        time.sleep(2)
        host.run("due_notices")


def _live(stage: Stage, mode: OperationIdMode, at: int) -> Trap:
    """Let the story begin until its announcement is told in time, killed at one moment; another goes on."""
    trap = None
    while trap is None:
        trap = _lived(stage, mode, at)
    return trap


def _lived(stage: Stage, mode: OperationIdMode, at: int) -> Trap | None:
    """Live the story once; None where it could not begin as it should."""
    # Without watchdogs, so that at the end nothing is left to do.
    watch = {"NOT_STARTED_AFTER": "0s", "STILL_RUNNING_AFTER": "0s"}
    with RealWorld(stage.azurite, mode, LEASE=f"{LEASE}s", **watch) as world:
        log = stage.folder / f"{world.table_name}.log"
        trap = Trap(at)
        world.table_proxy.on_request = world.mail_proxy.on_request = trap
        with Forked(stage.fork_server, world.settings, log) as host:
            host.run("due_notices")  # makes the table
            soon = timedelta(hours=24, seconds=REMINDER_IN)
            host.post_event(scheduled(datetime.now(UTC), soon, name="reminded"))
            due = time.monotonic() + REMINDER_IN + 0.1
            if not _announced(host, world, due):
                return None
            trap.host = host
            step = _story(host, 0, due)
            trap.host = None
            world.table_proxy.on_request = world.mail_proxy.on_request = None
            if not trap.sprung:
                _finish(host, world)
        if trap.sprung:
            with Forked(stage.fork_server, world.settings, log) as host:
                _story(host, step, due)
                _finish(host, world)
        told = world.told()
        assert set(told) == EXPECTED, f"killed at moment {at}"
        assert set(told.values()) == {1}, f"killed at moment {at}"
        assert world.keys("work:2") == [], f"killed at moment {at}"
        return trap


@pytest.mark.timeout(600)
def test_killed_at_each_request_boundary(stage: Stage) -> None:
    """Killed at any request boundary and started again, the app loses no notice and sends none twice."""
    lives = [(mode, at) for at in range(1, MOMENTS + 1) for mode in OperationIdMode]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        traps = list(pool.map(lambda life: _live(stage, *life), lives))
    assert sum(trap.sprung for trap in traps) > len(lives) // 2
