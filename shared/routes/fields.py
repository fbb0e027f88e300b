"""What may stand in a single field of the routes: an address, a duration, a glob.

Each function takes a Field and returns its value; it raises RoutesError if the value has another form.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from shared.addresses import is_address
from shared.documents import near
from shared.durations import Lead, duration
from shared.events.model import Status, Upgrade
from shared.notices.kinds import ABOUT_CLUSTERS
from shared.routes.conditions import TAG
from shared.text import GUID

if TYPE_CHECKING:
    from shared.routes.document import Field

MAX_NAME_CHARACTERS = 64
MAX_TAG_CHARACTERS = 512
MAX_LINK_CHARACTERS = 2_000
MAX_LEADS = 10

MAX_GROUPING = timedelta(days=1)
"""What waits longer than this is no news any more."""

_SUBSCRIPTION = re.compile(rf"{GUID.pattern}|[0-9a-f-]*[*?\[][0-9a-f*?\[\]!-]*")
_LINK = re.compile(r"[!#$%&()*+,./0-9:;=?@A-Z\[\]_a-z~-]+")

_HINT_UPGRADE = " (that is a kind of upgrade, which a route asks for as `kind` under `match`)"
_HINT_STATUS = " (a route sees the event that a notice follows from; what to tell is an audience's `kinds`)"
_UPGRADES = {upgrade.value: _HINT_UPGRADE for upgrade in Upgrade}
_KINDS = {kind.value: _HINT_STATUS for kind in ABOUT_CLUSTERS}


def name(field: Field) -> str:
    """Read what an audience is called. A list of names may be written with commas, so a name has none."""
    text = field.text("a name")
    if len(text) > MAX_NAME_CHARACTERS or "," in text:
        raise field.expected(f"a name of at most {MAX_NAME_CHARACTERS} characters without commas")
    return text


def address(field: Field) -> str:
    """Read one email address."""
    what = "an email address such as ops@example.com"
    text = field.text(what)
    if not is_address(text):
        raise field.expected(what)
    return text


def addresses(field: Field) -> tuple[str, ...]:
    """Read at least one email address; one that is there twice counts once."""
    found = tuple(address(each) for each in field.texts("email addresses such as ops@example.com"))
    if not found:
        raise field.fault("expected at least one email address, got none")
    return tuple(dict.fromkeys(found))


def link(field: Field) -> str:
    """Read an https address that can stand in a mail as it is: escaped where it has to be, no password."""
    what = "an https address"
    text = field.text(what)
    try:
        parts = urlsplit(text)
        is_right = parts.scheme == "https" and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        is_right = False
    if not is_right or not _LINK.fullmatch(text) or len(text) > MAX_LINK_CHARACTERS:
        raise field.expected(what)
    return text


def time_zone(field: Field) -> str:
    """Read the IANA name of a time zone."""
    what = "an IANA time zone such as Europe/Berlin"
    text = field.text(what)
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError):
        raise field.expected(what, near(text, sorted(available_timezones()))) from None
    return text


def leads(field: Field) -> tuple[Lead, ...]:
    """Read how long before the start reminders go out: at least one, none of them twice."""
    found: dict[timedelta, Lead] = {}
    for each in field.texts("durations such as 7d or 24h"):
        ahead = _duration(each)
        if not ahead:
            raise each.expected("how long before the start, such as 24h")
        if ahead in found:
            raise each.expected(f"another lead than {found[ahead].label}")
        found[ahead] = Lead(each.text("a duration"), ahead)
    if not found:  # an audience without leads would take everybody's
        raise field.fault("expected at least one lead (for no reminders, list `kinds` without `reminder`)")
    if len(found) > MAX_LEADS:
        raise field.fault(f"expected at most {MAX_LEADS} leads, got {len(found)}")
    return tuple(found.values())


def grouping(field: Field) -> timedelta:
    """Return how long notices wait, or how often mail goes out; `0s` is allowed."""
    given = _duration(field)
    if given > MAX_GROUPING:
        raise field.expected(f"at most {MAX_GROUPING.days}d")
    return given


def delay(field: Field) -> timedelta:
    """Read how long something is waited for; not no time at all."""
    given = _duration(field)
    if not given:
        raise field.expected("how long to wait, such as 4h")
    return given


def kinds(field: Field) -> frozenset[str]:
    """Read which notices an audience wants: at least one kind."""
    found = [
        each.choice(ABOUT_CLUSTERS, _UPGRADES) for each in field.texts("kinds of notices such as failed")
    ]
    if not found:
        raise field.fault("expected at least one kind of notice (leave `kinds` out for all)")
    return frozenset(found)


def globs(key: str, field: Field) -> tuple[str, ...]:
    """Read what a condition compares with: at least one word or glob, in lower case."""
    found = tuple(_glob(key, each) for each in field.texts("a text"))
    if not found:
        raise field.fault("expected at least one value, an empty list never matches")
    return tuple(dict.fromkeys(found))


def tag(field: Field) -> str:
    """Read the name of a tag, in lower case."""
    return tag_name(field.text("the name of a tag"), field)


def tag_name(text: str, field: Field) -> str:
    """Return the name of a tag, in lower case: Azure takes no account of case there."""
    name = text.strip().lower()
    if not name or len(name) > MAX_TAG_CHARACTERS or not name.isprintable():
        raise field.expected("the name of a tag")
    return name


def _glob(key: str, field: Field) -> str:
    if key == TAG:
        return field.text("a value of a tag, or a glob such as shop-*").lower()
    if key == "kind":
        return field.choice(Upgrade)
    if key == "status":
        word = field.choice((*Status, "Cancelled"), _KINDS)
        return (Status.CANCELED if word == "Cancelled" else word).lower()
    what = "a name or a glob such as prod-*"
    text = field.text(what).lower()
    if key == "subscription":
        if not _SUBSCRIPTION.fullmatch(text):
            raise field.expected("the ID of a subscription (events do not carry its name), or a glob of one")
    elif "/" in text:
        raise field.expected(f"{what}, not a resource ID")
    return text.replace(" ", "") if key == "region" else text


def _duration(field: Field) -> timedelta:
    text = field.text("a duration such as 7d, 24h, 5m or 30s")
    try:
        return duration(text)
    except ValueError as error:
        raise field.fault(f"{text[:MAX_NAME_CHARACTERS]!r} {error}") from None
