"""What a thousand readers a second of a cached page cost the intake of events: in the app, and over HTTP."""

from __future__ import annotations

import logging
import statistics
import threading
import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Self
from urllib.request import urlopen

from bench import app
from bench.figures import Figure, Section, millis
from bench.readers import AT_ONCE, Readers
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

DISTURBED = 1.5
"""The median of an event's time beside readers, to the same without them, from which on they disturb."""

MISSED = 1.05
"""Pages that are asked for, to those that are given, from which on it is another pace."""

_TEXT = f"""\
The status page of {CLUSTERS} clusters is asked for with the right token while events come. First as the app
keeps it, {A_SECOND:,} times a second, in the process that takes {EVENTS} new events; the table is one in
memory, so that only the process is measured. Then over HTTP on the loopback: {AT_ONCE} readers in a process
of their own ask the local host, {POSTED} events are posted to it, one after the other, and Azurite keeps the
rows; with readers who get the whole page each time, with those who know its ETag and get 304, and with those
who connect anew for each page. The floor is the same without readers. Medians.

Readers do not disturb where the median of an event stays within {DISTURBED:g} times what it is without them,
no event is refused, the row of each is there, and the readers got what they asked for. Who connects anew for
each page costs the host twice as much, most of it for the connection: this has no target, for on Azure
connections end before the app."""


def measure() -> Section:
    """Compare the intake beside readers of a page with the intake alone."""
    logging.disable(logging.ERROR)
    try:
        world, read = _world()
        alone = _intake(world, "alone")
        with _PagesRead(read) as readers:
            beside = _intake(world, "beside")
        kept = _pages_a_second(read)
        over_http = _over_http()
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
            target=DISTURBED,
        ),
        *over_http,
    )
    text = f"{_TEXT}\nBy itself the app gives the page {kept:,.0f} times a second."
    return Section("Readers of pages", text, figures)


def _over_http() -> list[Figure]:
    """Compare events over HTTP beside readers with the same alone. Raises AssertionError if one is lost."""
    with Azurite() as azurite:
        settings = app.settings(azurite.endpoint, PAGES="true", PYTHON_THREADPOOL_THREAD_COUNT="32")
        with Host(settings, options=("--no-settings", "--quiet")) as host:
            _post(host, [_coming(number) for number in range(CLUSTERS)])
            token = tokens.new()
            stored = Token(tokens.hashed(token), "default", datetime.now(UTC))
            with app.bare(azurite.endpoint) as client:
                rows = AzureTable(client)
                rows.commit([Operation(Verb.INSERT, keys.token(stored.hash), codec.token_values(stored))])
                page = f"{host.url}/status/{token}"
                with urlopen(page) as answer:
                    etag = answer.headers["ETag"]
                found = [
                    *_beside(host, page, "whole", "whole pages"),
                    *_beside(host, page, "known", "answers of 304", f"If-None-Match: {etag}"),
                    *_beside(host, page, "anew", "pages on connections of their own", "Connection: close"),
                ]
                events = client.query_entities("RowKey ge 'event:' and RowKey lt 'event;'", select="RowKey")
                assert len(list(events)) == CLUSTERS + 6 * POSTED
    return found


def _beside(host: Host, page: str, name: str, what: str, header: str = "") -> list[Figure]:
    alone = _post(host, app.started(POSTED // 2))
    with Readers(page, A_SECOND, header) as readers:
        beside = _post(host, app.started(POSTED))
    alone += _post(host, app.started(POSTED // 2))
    ours, bare = statistics.median(beside), statistics.median(alone)
    is_kept = header != "Connection: close"
    return [
        Figure(
            f"pages.http-{name}",
            f"an event over HTTP, beside {readers.answered:,.0f} {what} a second",
            ours / bare,
            floor="the same event without readers",
            ours=millis(ours),
            bare=millis(bare),
            target=DISTURBED if is_kept else None,
            compared=False,
        ),
        Figure(
            f"pages.given-{name}",
            f"{what} asked for meanwhile, to those given",
            A_SECOND / readers.answered,
            floor="all are given",
            ours=f"{A_SECOND:,} a second",
            bare=f"{readers.answered:,.0f} a second",
            target=MISSED if is_kept else None,
            compared=False,
        ),
    ]


def _coming(number: int) -> str:
    """Return the announcement of a maintenance of one of the clusters."""
    now = datetime.now(UTC)
    return scheduled(now, timedelta(days=8), name=f"planned {number}", cluster=f"prod-{number}")


def _post(host: Host, texts: list[str]) -> list[float]:
    """Post events one after the other; return what each took, in seconds."""
    took = []
    for text in texts:
        since = time.perf_counter()
        assert host.post_event(text).status == HTTPStatus.ACCEPTED
        took.append(time.perf_counter() - since)
    return took


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
