"""Backlogs: how long it takes to freeze and hand over what has piled up, at so many ms a round trip."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bench.figures import Figure, Section
from bench.sweeping import PutForward, Taking
from shared import settings
from shared.app import Notifier
from testing.memory_table import MemoryTable
from testing.samples.payloads import event
from testing.world import SETTINGS, email_channel

if TYPE_CHECKING:
    from collections.abc import Callable

NOTICES, AUDIENCES, AWAY, ALLOWED = 5_000, 90, 0.02, 60.0
DIGEST, DIGEST_AWAY, DIGEST_ALLOWED = 97, 0.01, 0.2

_TEXT = f"""\
A table in this process, each of whose round trips takes {AWAY * 1_000:.0f} ms, holds {NOTICES:,} notices
that are due, of as many events, for {AUDIENCES} audiences; mail limits are off, and a mailer takes each mail
at once. They are swept until nothing is left: histories are read side by side, mails are frozen and settled
one after the other. The digest is one mail of {DIGEST} at {DIGEST_AWAY * 1_000:.0f} ms a round trip. The
value is the time in parts of what is allowed."""


class _Away(MemoryTable):
    """A table whose round trips take their time."""

    takes = 0.0

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)

        def wait(_: object) -> None:
            time.sleep(self.takes)

        self.before = self.asked = wait


def measure() -> Section:
    """Return how long a backlog and a digest take, in parts of what is allowed."""
    backlog = _swept(NOTICES, AUDIENCES, AWAY)
    digest = min(_swept(DIGEST, 1, DIGEST_AWAY) for _ in range(3))
    many = f"{NOTICES:,} notices of {AUDIENCES} audiences at {AWAY * 1_000:.0f} ms a round trip"
    one = f"a digest of {DIGEST} at {DIGEST_AWAY * 1_000:.0f} ms a round trip"
    return Section(
        "Backlogs",
        _TEXT,
        (
            _figure("backlog.many", many, backlog, ALLOWED),
            _figure("backlog.digest", one, digest, DIGEST_ALLOWED),
        ),
    )


def _figure(name: str, what: str, took: float, allowed: float) -> Figure:
    return Figure(
        name,
        what,
        took / allowed,
        floor="what is allowed",
        ours=f"{took:.2f} s",
        bare=f"{allowed:g} s",
        target=1.0,
        compared=False,
    )


def _swept(notices: int, audiences: int, away: float) -> float:
    """Return the seconds of sweeping that it takes until nothing is left."""
    names = [f"team-{number}" for number in range(audiences)]
    teams = names[1:]  # the first is the default audience, which hears of what no route names
    routes = {
        "audiences": [{"name": name, "to": f"{name}@example.com"} for name in teams],
        "routes": [{"match": {"cluster": f"{name}-*"}, "audiences": [name]} for name in teams],
    }
    clock = PutForward()
    table = _Away(lambda: datetime.now(UTC) + clock.ahead)
    given = {"STILL_RUNNING_AFTER": "0s", "ROUTES": json.dumps(routes) if teams else ""}
    config = settings.load(SETTINGS | given)
    notifier = Notifier(config, table, {"": email_channel(config, Taking())}, clock)
    for number in range(notices):
        cluster = f"{names[number % audiences]}-{number}"
        notifier.intake.take(event("Started", clock.now(), name=f"e{number}", cluster=cluster))
    took = 0.0
    table.takes = away
    while table.keys("work:2"):
        clock.forward(timedelta(minutes=1))
        began = time.perf_counter()
        notifier.delivery.sweep()
        took += time.perf_counter() - began
    return took
