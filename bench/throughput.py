"""Events per second through the handler, one at a time and 32 at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

from bench import app
from bench.figures import Figure, Pair, Plot, Section, in_turns
from bench.handling import sides
from bench.relay import Relay
from testing.processes import Azurite

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = {1: 20, 4: 64, 8: 64, 16: 64, 32: 64}
"""In a block, by how many are in flight."""

TURNS = {1: 20, 4: 3, 8: 3, 16: 3, 32: 9}

COMPARED = (("loopback", 1), ("loopback", 32), ("10 ms away", 32))

_NAMES = {"loopback": "loopback", "10 ms away": "latency"}

_TEXT = f"""\
New Started events, by as many threads as are in flight, in one process: 32 is what
`PYTHON_THREADPOOL_THREAD_COUNT` allows. The floor is the same SDK calls, bare, from as many threads, in
turns of {EVENTS[32]} events ({EVENTS[1]} for one at a time), on a client that may keep as many connections.
The value is how many times as long an event takes with the app: the median of the turns' ratios, so it is not
quite what the two figures beside it, medians of their own, would give. On the loopback the CPUs are what
limits both sides: one Python process, which runs one thread at a time, and Azurite beside it. 10 ms from the
table, as from a real one, events in flight wait at the same time."""


def measure() -> Section:
    """Compare the handler's events per second with the bare calls'."""
    lines: dict[str, list[tuple[float, float]]] = {}
    figures = []
    with Azurite() as azurite, Relay(azurite.endpoint) as relay:
        for place, endpoint in (("loopback", azurite.endpoint), ("10 ms away", relay.endpoint)):
            for flight, pair in _compare(endpoint):
                lines.setdefault(f"handler, {place}", []).append((flight, EVENTS[flight] / pair.ours))
                lines.setdefault(f"bare SDK, {place}", []).append((flight, EVENTS[flight] / pair.bare))
                if (place, flight) in COMPARED:
                    figures.append(_figure(place, flight, pair))
    plot = Plot("throughput", "Events per second", "in flight", "events per second", lines=lines)
    return Section("Events per second", _TEXT, tuple(figures), plots=(plot,))


def _figure(place: str, flight: int, pair: Pair) -> Figure:
    return Figure(
        f"throughput.{_NAMES[place]}-{flight}",
        f"events per second, {flight} in flight, {place}",
        pair.ratio,
        floor="the same SDK calls, bare",
        ours=f"{EVENTS[flight] / pair.ours:.0f} events/s",
        bare=f"{EVENTS[flight] / pair.bare:.0f} events/s",
    )


def _compare(endpoint: str) -> list[tuple[int, Pair]]:
    found = []
    with ExitStack() as stack:
        functions = stack.enter_context(app.loaded(app.settings(endpoint)))
        take = functions["maintenance_events"]
        for flight, turns in TURNS.items():
            events = EVENTS[flight]
            pool = stack.enter_context(ThreadPoolExecutor(flight))
            client = stack.enter_context(app.bare(endpoint, connections=flight))
            ours, bare = sides(take, client, (turns + 1) * events)
            pair = in_turns(_block(pool, ours, events), _block(pool, bare, events), turns=turns)
            found.append((flight, pair))
    return found


def _block(pool: ThreadPoolExecutor, side: Callable[[int], object], events: int) -> Callable[[int], object]:
    """Return an action that takes all events of one block through the pool."""

    def run(turn: int) -> None:
        for _ in pool.map(side, range(turn * events, (turn + 1) * events)):
            pass

    return run
