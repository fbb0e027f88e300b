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
from typing import TYPE_CHECKING

import pytest

from local.processes import Azurite, Host
from tests.support.fault_proxy import CUT, Fault, Phase, Request
from tests.support.mail_endpoint import Temper
from tests.support.real import RealWorld
from tests.support.stories import event, guid, scheduled

if TYPE_CHECKING:
    from collections.abc import Iterator

LEASE = 10
AT_ONCE = 12
"""Stories told at the same time: most of each is waiting for a lease to run out."""

EXPECTED = {
    f"failed event:{guid('failed')}:Failed",
    f"started event:{guid('started')}:Started",
    f"scheduled event:{guid('scheduled')}:Scheduled",
    f"reminder event:{guid('scheduled')}:Scheduled 24h",
}


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    """Run Azurite."""
    with Azurite() as running:
        yield running


class Trap:
    """Kills a host at one moment of its requests, counted over all of them."""

    def __init__(self, at: int) -> None:
        self.host: Host | None = None
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


def _story(host: Host, step: int) -> int:
    """Tell the story from a step on, as far as it goes; give the step that is next."""
    now = datetime.now(UTC)

    def sweep_after(seconds: float) -> int:
        time.sleep(seconds)
        return host.run("due_notices").status

    steps = [
        lambda: host.post_event(scheduled(now, timedelta(hours=24, seconds=5), name="scheduled")).status,
        lambda: host.post_event(event("Failed", now, name="failed")).status,
        lambda: host.post_event(event("Started", now, name="started")).status,
        lambda: sweep_after(1.1),
        lambda: sweep_after(4.5),
    ]
    while step < len(steps):
        try:
            if steps[step]() != 202:
                return step
        except (ConnectionError, TimeoutError):
            return step
        step += 1
    return step


def _live(azurite: Azurite, temper: Temper, at: int) -> Trap:
    """Tell the story, killed at one moment, and go on with another process."""
    with RealWorld(azurite, temper, LEASE=f"{LEASE}s") as world:
        trap = Trap(at)
        world.table_proxy.on_request = world.mail_proxy.on_request = trap
        with world.host() as host:
            host.run("due_notices")  # makes the table
            trap.host = host
            step = _story(host, 0)
        trap.host = None
        world.table_proxy.on_request = world.mail_proxy.on_request = None
        if trap.sprung:
            killed = time.monotonic()
            with world.host() as host:
                _story(host, step)
                time.sleep(max(0.0, killed + LEASE + 2 - time.monotonic()))
                for _ in range(2):
                    host.run("due_notices")
                    time.sleep(1.1)
        told = world.told()
        assert set(told) == EXPECTED, f"killed at moment {at}"
        assert set(told.values()) == {1}, f"killed at moment {at}"
        assert world.keys("work:2") == [], f"killed at moment {at}"
        return trap


@pytest.mark.timeout(600)
@pytest.mark.parametrize("temper", list(Temper))
def test_killed_at_each_request_boundary(azurite: Azurite, temper: Temper) -> None:
    """Killed at any request boundary and started again, the app loses no notice and sends none twice."""
    moments = _live(azurite, temper, 0).passed
    assert moments > 30
    with ThreadPoolExecutor(AT_ONCE) as pool:
        traps = list(pool.map(lambda at: _live(azurite, temper, at), range(1, moments + 1)))
    # The last moments may go by differently when sweeps fall apart; nearly all are hit.
    assert sum(trap.sprung for trap in traps) >= moments - 2
