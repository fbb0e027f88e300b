"""What a thousand readers a second of a cached page cost the intake of events."""

from __future__ import annotations

import logging
import statistics
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from bench.figures import Figure, Section, millis
from shared import keys
from shared.pages import tokens
from shared.store import codec
from shared.store.rows import Token
from shared.store.table import Operation, Verb
from testing.samples.payloads import event, scheduled
from testing.world import NOW, World

if TYPE_CHECKING:
    from collections.abc import Callable

CLUSTERS = 200
EVENTS = 300
A_SECOND = 1_000

_TEXT = f"""\
The status page of {CLUSTERS} clusters, as the app keeps it, is asked for {A_SECOND:,} times a second in the
process that takes events, all with the right token; the table is one in memory, so that only the process
is measured. The floor: the same {EVENTS} new events without readers. Medians."""


def measure() -> Section:
    """Compare the intake beside readers of a page with the intake alone."""
    logging.disable(logging.ERROR)
    try:
        world, read = _world()
        alone = _intake(world, "alone")
        with _Readers(read) as readers:
            beside = _intake(world, "beside")
        kept = _pages_a_second(read)
    finally:
        logging.disable(logging.NOTSET)
    figure = Figure(
        "pages.intake",
        f"a new event, beside {readers.a_second:,.0f} pages a second",
        beside / alone,
        floor="the same event without readers",
        ours=millis(beside),
        bare=millis(alone),
        compared=False,
    )
    return Section(
        "Readers of pages", f"{_TEXT} By itself the page is given {kept:,.0f} times a second.", (figure,)
    )


def _world() -> tuple[World, Callable[[], object]]:
    world = World()
    for number in range(CLUSTERS):
        world.take(scheduled(NOW, timedelta(days=8), name=f"planned {number}", cluster=f"prod-{number}"))
    token = tokens.new()
    stored = Token(tokens.hashed(token), "default", NOW)
    world.table.commit([Operation(Verb.INSERT, keys.token(stored.hash), codec.token_values(stored))])
    return world, lambda: world.notifier.pages.status_page(token, {})


def _intake(world: World, name: str) -> float:
    """Return the median of what an event takes, in seconds."""
    took = []
    for number in range(EVENTS):
        text = event("Started", NOW, name=f"{name} {number}", cluster="dev-1")
        since = time.perf_counter()
        world.take(text)
        took.append(time.perf_counter() - since)
    return statistics.median(took)


def _pages_a_second(read: Callable[[], object]) -> float:
    since = time.perf_counter()
    for _ in range(A_SECOND):
        read()
    return A_SECOND / (time.perf_counter() - since)


class _Readers:
    """Reads pages at a steady pace while it is entered."""

    def __init__(self, read: Callable[[], object]) -> None:
        self.a_second = 0.0
        self._read = read
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        since = time.perf_counter()
        count = 0
        while not self._ended.is_set():
            self._read()
            count += 1
            if (early := since + count / A_SECOND - time.perf_counter()) > 0:
                time.sleep(early)
        self.a_second = count / (time.perf_counter() - since)
