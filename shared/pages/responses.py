"""Answers to a browser, a calendar or a probe: bytes with their headers. Pure.

An address holds a token: so nothing is cached by others, indexed, or told to the next site.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from http import HTTPStatus

import msgspec

MAX_AGE_SECONDS = 30
"""Seconds that a reader may keep a page or feed; what it was written from is kept as long before that."""

_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

_EVERYWHERE = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": _POLICY,
}


class PageResponse(msgspec.Struct, frozen=True):
    """What goes back."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def content(
    body: bytes, media_type: str, *, style: str = "", filename: str = "", form: bool = False
) -> PageResponse:
    """Return a page or feed. `style` is the hash of its one style sheet; with `form`, it may ask itself."""
    policy = _POLICY
    if style:
        policy += f"; style-src '{style}'"
    if form:
        policy = policy.replace("form-action 'none'", "form-action 'self'")
    headers = {
        **_EVERYWHERE,
        "Content-Security-Policy": policy,
        "Content-Type": media_type,
        "Cache-Control": f"private, max-age={MAX_AGE_SECONDS}",
        "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"',
    }
    if filename:
        headers["Content-Disposition"] = f'inline; filename="{filename}"'
    return PageResponse(200, headers, body)


def conditional(answer: PageResponse, if_none_match: str) -> PageResponse:
    """Return 304 without a body where the caller has these bytes already; else the answer."""
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    etag = answer.headers.get("ETag", "")
    if not etag or not known & {etag, "*"}:
        return answer
    kept = {name: value for name, value in answer.headers.items() if not name.startswith("Content-T")}
    return PageResponse(304, kept)


def without_slash(answer: PageResponse, address: str) -> PageResponse:
    """Return where the page is if its address ends with a slash: its links are relative; else the answer."""
    path, mark, query = address.partition("?")
    if answer.status != HTTPStatus.OK or not path.endswith("/"):
        return answer
    name = path.rstrip("/").rpartition("/")[2]
    return PageResponse(308, {**NOT_FOUND.headers, "Location": f"../{name}{mark}{query}"})


NOT_FOUND = PageResponse(
    404,
    {**_EVERYWHERE, "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"},
    b"There is nothing here.\n",
)
"""For a wrong token, a revoked token, and a text that is no token: the same."""


UNAVAILABLE = PageResponse(
    503,
    {**NOT_FOUND.headers, "Retry-After": "30", "Refresh": "30"},
    b"The storage does not answer. Try again in a while.\n",
)
"""Calendars and feed readers keep what they have, and come again; so does a browser, on a wall as well."""

TOO_MANY = PageResponse(
    429,
    UNAVAILABLE.headers,
    b"Too many pages are asked for at once. Try again in half a minute.\n",
)
"""Of one token, with filters that vary, or while another page takes long to write; what has been written is
there all the same."""


def health(fault: str) -> PageResponse:
    """Return the answer to a probe: 200, or 503 with what is wrong, in words without names."""
    body = f"{fault or 'ok'}\n".encode()
    headers = {**_EVERYWHERE, "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
    return PageResponse(503 if fault else 200, headers, body)
