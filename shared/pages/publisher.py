"""Pages and feeds for whoever holds a token, and the probe: what is read is kept for half a minute.

Cost: rows and tokens are read at most once in that time by a process, whatever is asked for and by whomever,
and a page is written once for the same rows, so many for a token at most. For a wrong token no
more than the tokens are read.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from shared.pages import responses, tokens
from shared.pages.board import FILTERS, MAX_FILTER_CHARACTERS, Board, board
from shared.store.table import TableError, TableUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.clock import Clock
    from shared.pages.responses import PageResponse
    from shared.routes import Routes
    from shared.store.present import PresentState
    from shared.store.rows import Token

log = logging.getLogger("notifier")

KEPT_SECONDS = 30.0
"""Seconds that rows and tokens are kept: with a page's own half a minute that is at most a minute."""

FAILED_SECONDS = 5.0
"""Seconds without another try after storage did not answer."""

WAIT_SECONDS = 1.0
"""Seconds that a request waits for another one's reading: threads are for events first of all."""

READINGS_A_SECOND = 10
"""Of the same rows at most, where nothing is kept: the probe needs no token."""

MAX_PAGES = 64
"""Written pages that are kept; the one that was written first gives way."""

MAX_WRITTEN = 32
"""Pages that are written for a token while rows are kept: who varies the filters of an address without end
would have one written each time, at a thousand times the cost of one that is kept."""

SILENT_AFTER = timedelta(minutes=10)
"""Without a sweep for so long the app is not well."""

VIEWS = frozenset({"inventory", "wall"})

FORMS = {
    "ics": "text/calendar; charset=utf-8",
    "json": "application/json; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
}

_T = TypeVar("_T")


class PageBranding(NamedTuple):
    """What the settings say of how pages look."""

    domain: str
    """Of the sender's address: calendar entries are named under it, as in mails."""
    portal: str


class Publisher:
    """Answers requests. Thread-safe."""

    def __init__(self, rows: PresentState, routes: Routes, clock: Clock, branding: PageBranding) -> None:
        self._rows = rows
        self._routes = routes
        self._branding = branding
        self._tokens = _Kept(rows.tokens, clock)
        self._stored = _Kept(lambda: (*rows.clusters(), rows.pulse()), clock)
        self._swept = _Kept(rows.swept, clock, seconds=0.0, failed=0.0)
        self._pages: dict[tuple[object, ...], PageResponse] = {}
        self._written_for: Counter[str] = Counter()
        self._written_from = 0
        self._lock = Lock()

    def calendar(self, token: str, form: str, if_none_match: str = "") -> PageResponse:
        """Return a feed as `ics`, `json` or `atom`."""

        def answer(found: Token) -> PageResponse:
            if form not in FORMS:
                return responses.NOT_FOUND
            key = ("feed", found.audience, form)
            return self._written(found, key, lambda: self._feed(found, form))

        return self._answer(token, answer, if_none_match)

    def status_page(
        self, token: str, query: Mapping[str, str], if_none_match: str = "", address: str = ""
    ) -> PageResponse:
        """Return the status page, or, by `view=inventory`, the clusters; `address` is what was asked for."""
        asked = {name: query.get(name, "")[:MAX_FILTER_CHARACTERS] for name in FILTERS}
        view = query.get("view", "")
        view = view if view in VIEWS else ""

        def answer(found: Token) -> PageResponse:
            key = ("page", found.hash, view, *asked.values())
            return self._written(found, key, lambda: self._page(found, token, view, asked))

        return responses.without_slash(self._answer(token, answer, if_none_match), address)

    def health(self) -> PageResponse:
        """Return whether storage answers and sweeps run."""
        try:
            swept, now = self._swept.get()
        except TableError:
            return responses.health("storage does not answer")
        if swept is None or now - swept > SILENT_AFTER:
            return responses.health("no sweep in the last ten minutes")
        return responses.health("")

    def _answer(
        self, token: str, answer: Callable[[Token], PageResponse], if_none_match: str
    ) -> PageResponse:
        """Return what a token opens: nothing for a token that is not known, 503 where storage is silent."""
        try:
            found = tokens.match(token, self._tokens.get())
            return responses.conditional(answer(found) if found else responses.NOT_FOUND, if_none_match)
        except TableError:
            return responses.UNAVAILABLE

    def _feed(self, token: Token, form: str) -> PageResponse:
        from shared.pages import feed

        shown = self._board(token.audience, {})
        found = feed.entries(shown, domain=self._branding.domain, portal_host=self._branding.portal)
        write = {"ics": feed.calendar, "json": feed.as_json, "atom": feed.atom}[form]
        return responses.content(write(shown, found), FORMS[form], filename=f"aks-maintenance.{form}")

    def _page(self, token: Token, address: str, view: str, asked: Mapping[str, str]) -> PageResponse:
        from shared.pages import inventory, page

        shown = self._board(token.audience, asked)
        if view == "inventory":
            rows = inventory.rows(shown, *self._stored.get()[:2])
            body = page.inventory(shown, rows, portal_host=self._branding.portal, token=address)
        else:
            body = page.status(
                shown, portal_host=self._branding.portal, token=address, filters=asked, wall=view == "wall"
            )
        return responses.content(body, "text/html; charset=utf-8", style=page.STYLE_HASH, form=True)

    def _board(self, audience: str, filters: Mapping[str, str]) -> Board:
        found, now, pulse = self._stored.get()
        return board(found, self._routes, audience, now, pulse=pulse, filters=filters)

    def _written(
        self, token: Token, key: tuple[object, ...], write: Callable[[], PageResponse]
    ) -> PageResponse:
        """Return a page as it was written from the rows that are kept, else write it, within bounds."""
        self._stored.get()
        number = self._stored.number
        whole = (*key, number)
        if answer := self._pages.get(whole):
            return answer
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            return responses.TOO_MANY
        try:  # writing is done by one at a time, and once
            if number > self._written_from:
                self._pages.clear()
                self._written_for.clear()
                self._written_from = number
            if answer := self._pages.get(whole):
                return answer
            if self._written_for[token.hash] >= MAX_WRITTEN:
                return responses.TOO_MANY
            self._written_for[token.hash] += 1
            answer = self._pages[whole] = write()
            while len(self._pages) > MAX_PAGES:
                del self._pages[next(iter(self._pages))]
            return answer
        finally:
            self._lock.release()


class _Kept(Generic[_T]):
    """What was read last, read again after some seconds by one caller at a time. Thread-safe.

    Who waits takes what a reading brings that began after them: of many who ask at once two read at most,
    even where nothing is kept.
    """

    def __init__(
        self,
        read: Callable[[], _T],
        clock: Clock,
        seconds: float = KEPT_SECONDS,
        failed: float = FAILED_SECONDS,
    ) -> None:
        self.number = 0
        """Of times that it was read."""
        self._read = read
        self._clock = clock
        self._seconds, self._failed = seconds, failed
        self._begun = 0
        self._value: _T | None = None
        self._fault: TableError | None = None
        self._until = 0.0
        self._times = deque[float](maxlen=READINGS_A_SECOND)
        self._lock = Lock()

    def get(self) -> _T:
        """Return it. Raises TableError where it cannot be read, or somebody else has not read it yet."""
        seen = self._begun
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            raise TableUnavailable("it is being read")
        try:
            if self._begun == seen and (not seen or self._clock.monotonic() >= self._until):
                self._refresh()
            if self._value is None:
                raise TableUnavailable(str(self._fault))
            return self._value
        finally:
            self._lock.release()

    def _refresh(self) -> None:
        self._begun += 1
        try:
            self._value, self._fault, keep = self._read(), None, self._seconds
            self.number += 1
        except TableError as error:
            log.warning("pages: storage does not answer: %s", error)
            self._value, self._fault, keep = None, error, self._failed
        now = self._clock.monotonic()
        self._times.append(now)
        full = len(self._times) == READINGS_A_SECOND
        self._until = max(now + keep, self._times[0] + 1.0 if full else 0.0)
