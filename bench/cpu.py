"""CPU time of what is pure: an email rendered, a failure explained, a window computed. `make bench`.

Times are the best of several rounds, in this process, once warm: they say what the code costs, not what the
machine was doing. Compare figures of one run with each other.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from local import made_up
from shared.emails.compose import Look, compose
from shared.failures import explain
from shared.failures.explanation import Context
from shared.windows import next_window, parse

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 7
AFTER = datetime(2026, 11, 20, tzinfo=UTC)


def best(action: Callable[[], object], times: int) -> float:
    """Give the CPU milliseconds of one call: the best round of several, each of `times` calls."""
    action()
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(times):
            action()
        rounds.append((time.process_time() - began) / times * 1_000)
    return min(rounds)


def rendering() -> None:
    """Print what each kind of email costs."""
    look = Look(domain="example.com")
    print("\nAn email rendered, once warm                    CPU ms   HTML bytes")
    for story in made_up.stories():
        cost = best(partial(compose, story.mail, story.rows, made_up.TEAM, look), 20)
        size = len(compose(story.mail, story.rows, made_up.TEAM, look).html.encode())
        print(f"  {story.name:<44} {cost:>8.2f} {size:>12,}")


def explaining() -> None:
    """Print what explaining a failure costs, by its length."""
    context = Context(cluster="prod-weu-1", resource_group="rg-prod")
    print("\nA failure explained, once warm                  CPU ms")
    for size in (1_000, 100_000):
        reason = (made_up.REASON + "\n") * (size // len(made_up.REASON) + 1)
        cost = best(partial(explain, reason[:size], context), 3)
        print(f"  {f'{size:,} characters':<44} {cost:>8.2f}")


def windows() -> None:
    """Print what computing the next window costs, by how long ago the schedule began."""
    print("\nThe next window computed                        CPU ms   of the first")
    first = 0.0
    for years in (1 / 12, 1, 20, 200):
        began = (AFTER - timedelta(days=365 * years)).date().isoformat()
        configuration = parse(
            {
                "name": "aksManagedNodeOSUpgradeSchedule",
                "properties": {
                    "maintenanceWindow": {
                        "schedule": {"weekly": {"intervalWeeks": 2, "dayOfWeek": "Sunday"}},
                        "durationHours": 4,
                        "utcOffset": "-08:00",
                        "startDate": began,
                        "startTime": "01:00",
                    }
                },
            }
        )
        cost = best(partial(next_window, configuration, AFTER), 500)
        first = first or cost
        print(f"  {f'begun {began}':<44} {cost:>8.4f} {cost / first:>11.2f} x")


if __name__ == "__main__":
    rendering()
    explaining()
    windows()
