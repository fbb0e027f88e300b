"""Times as services write them."""

from __future__ import annotations

from datetime import UTC, datetime

ZERO_YEARS = 1900
"""A time before this year is .NET's zero time, `0001-01-01T00:00:00`: not set."""

NEVER_YEAR = 9999
"""A time in this year is .NET's last one, `9999-12-31T23:59:59.9999999`: not set either."""


def parse(value: object) -> datetime | None:
    """Read a time with up to nine digits of fraction, with or without a zone (then UTC); None if not set.

    A date of HTTP (RFC 9110: `Mon, 30 Nov 2026 22:17:12 GMT`) is read, too: Event Grid's VM maintenance
    writes NotBefore like this.
    """
    if not isinstance(value, str):
        return None
    try:
        text = value.strip().upper()  # RFC 3339 allows `t` and `z`
        time = _http_date(text) if text[:1].isalpha() else datetime.fromisoformat(text)
        time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return time if ZERO_YEARS <= time.year < NEVER_YEAR else None


def _http_date(text: str) -> datetime:
    from email.utils import parsedate_to_datetime  # an import of its own: it is hardly ever needed

    try:
        return parsedate_to_datetime(text)
    except (TypeError, IndexError) as error:
        raise ValueError(text) from error
