"""What a thousand readers a second of a cached page cost the intake of events: in the app, and over HTTP."""

from __future__ import annotations

import logging
import statistics
import threading
import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

from bench import app
from bench.figures import Figure, Section, millis
from bench.readers import Readers
from shared import keys
from shared.pages import tokens
from shared.store import codec
from shared.store.azure import AzureTable
from shared.store.rows import Token
from shared.store.table import Operation, Verb
from testing.processes import Azurite, Host
from testing.samples.payloads import event, scheduled
from testing.world import NOW, World

if TYPE_CHECKING:
    from collections.abc import Callable

CLUSTERS = 200
EVENTS = 300
A_SECOND = 1_000

POSTED = 150
"""Events that are posted beside readers over HTTP, and half as many before and after them."""

_TEXT = f"""\
The status page of {CLUSTERS} clusters is asked for with the right token while events come. First as the app
keeps it, {A_SECOND:,} times a second, in the process that takes {EVENTS} new events; the table is one in
memory, so that only the process is measured. Then over HTTP on the loopback: readers in a process of their
own ask the local host, {POSTED} events are posted to it, one after the other, and Azurite keeps the rows.
The floor is the same without readers. Medians.

The local host stands in for Microsoft's, and is slower: Python, in the process of the app, with a connection
and a thread for each request. What it reaches of {A_SECOND:,} a second, and how long events wait behind that,
is its own more than the app's, so these are not compared; the first figure is what a page costs the app."""


def measure() -> Section:
    """Compare the intake beside readers of a page with the intake alone."""
    logging.disable(logging.ERROR)
    try:
        world, read = _world()
        alone = _intake(world, "alone")
        with _PagesRead(read) as readers:
            beside = _intake(world, "beside")
        kept = _pages_a_second(read)
        over_http = [_over_http(rate) for rate in (A_SECOND // 10, A_SECOND)]
    finally:
        logging.disable(logging.NOTSET)
    figures = (
        Figure(
            "pages.intake",
            f"a new event, beside {readers.a_second:,.0f} pages a second",
            beside / alone,
            floor="the same event without readers",
            ours=millis(beside),
            bare=millis(alone),
        ),
        *over_http,
    )
    text = f"{_TEXT}\nBy itself the app gives the page {kept:,.0f} times a second."
    return Section("Readers of pages", text, figures)


def _over_http(a_second: int) -> Figure:
    """Compare events over HTTP beside readers with the same alone. Raises AssertionError if one is lost."""
    with Azurite() as azurite:
        settings = app.settings(azurite.endpoint, PAGES="true", PYTHON_THREADPOOL_THREAD_COUNT="32")
        with Host(settings, options=("--no-settings", "--quiet")) as host:
            coming = [_coming(number) for number in range(CLUSTERS)]
            assert all(_post(host, one) for one in coming)
            token = tokens.new()
            stored = Token(tokens.hashed(token), "default", datetime.now(UTC))
            with app.bare(azurite.endpoint) as client:
                rows = AzureTable(client)
                rows.commit([Operation(Verb.INSERT, keys.token(stored.hash), codec.token_values(stored))])
            page = f"{host.url}/status/{token}"
            alone = [_post(host, text) for text in app.started(POSTED // 2)]
            with Readers(page, a_second) as readers:
                beside = [_post(host, text) for text in app.started(POSTED)]
            alone += [_post(host, text) for text in app.started(POSTED // 2)]
    ours, bare = statistics.median(beside), statistics.median(alone)
    return Figure(
        f"pages.http-{a_second}",
        f"an event over HTTP, {a_second:,} pages a second asked for, {readers.answered:,.0f} given",
        ours / bare,
        floor="the same event without readers",
        ours=millis(ours),
        bare=millis(bare),
        compared=False,
    )


def _coming(number: int) -> str:
    """Return the announcement of a maintenance of one of the clusters."""
    now = datetime.now(UTC)
    return scheduled(now, timedelta(days=8), name=f"planned {number}", cluster=f"prod-{number}")


def _post(host: Host, text: str) -> float:
    """Post an event; return what it took, in seconds."""
    since = time.perf_counter()
    assert host.post_event(text).status == HTTPStatus.ACCEPTED
    return time.perf_counter() - since


def _world() -> tuple[World, Callable[[], object]]:
    world = World()
    for number in range(CLUSTERS):
        world.take(_coming(number))
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


class _PagesRead:
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
