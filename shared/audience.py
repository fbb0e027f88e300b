"""Audiences: who they are, and what they want to hear of."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from shared import ids, keys
from shared.durations import Lead, duration
from shared.events.model import Upgrade
from shared.masking import HIDDEN
from shared.notices.kinds import ABOUT_CLUSTERS, ESSENTIAL, Kind
from shared.notices.records import Notice

if TYPE_CHECKING:
    from collections.abc import Collection

DEFAULT_AUDIENCE = "default"

EMAIL_CHANNEL = "email"

_ROUTINE = frozenset({Upgrade.NODE_OS, Upgrade.WEEKLY_RELEASE})
"""What happens every week or so, and goes well nearly always."""

_ENOUGH_TIME = timedelta(hours=12)
_A_DAY = timedelta(hours=24)


class Volume(StrEnum):
    """How much an audience wants to hear, in one word."""

    ALL = "all"
    NORMAL = "normal"
    """Of node OS upgrades and weekly releases one reminder, and no Started; of all else everything."""
    ESSENTIAL = "essential"
    """The reminder a day ahead, and what went wrong or asks for a decision: failed, canceled, did not start,
    still running, end of support."""


class Target(msgspec.Struct, frozen=True):
    """One place where an audience is told: a channel, and which end of it, as the routes say."""

    channel: str
    id: str = ""
    """What the routes say of it: `$NAME`, a channel's id, an address; empty for email, whose are in `to`."""
    kinds: frozenset[str] = frozenset()
    """Values of Kind that go there; empty for all that the audience wants."""
    secrets: tuple[str, ...] = ()
    """Names of the settings that hold its secrets."""

    @property
    def key(self) -> str:
        """The name of the target in rows and ids: "" for email."""
        return "" if self.channel == EMAIL_CHANNEL else keys.target(self.channel, self.id)

    @property
    def label(self) -> str:
        """What people call it: an address without its query, which may hold a key."""
        address, mark, _ = self.id.partition("?")
        return f"{self.channel} {address}{mark and '?' + HIDDEN}".strip()


EMAIL = Target(EMAIL_CHANNEL)


class Destination(msgspec.Struct, frozen=True, order=True):
    """An audience's id, and the key of one of its targets: whom a notice tells, and where."""

    audience: str
    target: str = ""


def notices_for(told: Collection[Destination], kind: Kind, key: str, lead: str = "") -> list[Notice]:
    """Return the notices that tell these of a row, by its key."""
    default_hears = any(to.audience == DEFAULT_AUDIENCE for to in told)
    return [
        Notice(
            ids.notice_id(key, kind, lead, to.audience, to.target),
            kind,
            key,
            to.audience,
            lead,
            to.target,
            default_hears and to.audience != DEFAULT_AUDIENCE,
        )
        for to in told
    ]


def default_notice(kind: Kind, key: str, lead: str = "") -> Notice:
    """Return the notice that tells the default audience, by email, of a row, by its key."""
    id_ = ids.notice_id(key, kind, lead, DEFAULT_AUDIENCE)
    return Notice(id_, kind, key, DEFAULT_AUDIENCE, lead)


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """People who get the same mails: recipients, what they want to hear of, how they like to read times."""

    id: str = DEFAULT_AUDIENCE
    """The name in lower case."""
    name: str = ""
    """What people call it; empty for the default audience."""
    to: tuple[str, ...] = ()
    """Addresses of its emails."""
    cc: tuple[str, ...] = ()
    reply_to: str = ""
    runbook: str = ""
    """A link of the audience's own, shown in failures."""
    time_zone: str = "UTC"
    """IANA name, valid."""
    leads: tuple[Lead, ...] = ()
    """Its reminders, longest first. Without any, it takes whatever reminders there are."""
    wait: timedelta | None = None
    """How long its notices wait to be grouped; None for what the app does (`GROUP_WAIT`)."""
    interval: timedelta | None = None
    """How often it is mailed at most; None for what the app does (`GROUP_INTERVAL`)."""
    kinds: frozenset[str] = frozenset()
    """Values of Kind that it wants; empty for all."""
    volume: Volume = Volume.ALL
    escalate_after: timedelta | None = None
    """After so long a failure that nothing has resolved is told to `escalate_to` as well; None for never."""
    escalate_to: str = ""
    """The id of an audience."""
    gets_report: bool = False
    """Whether it gets the weekly report, as the default audience always does."""
    targets: tuple[Target, ...] = (EMAIL,)
    """Where it is told; each is a message of its own."""
    untold: tuple[Target, ...] = ()
    """Where it would be told, were it not for shadow mode."""

    def label(self, target: str = "") -> str:
        """Return what people call it, on one of its targets: `Shop`, or `Shop (teams)`."""
        name = self.name or ("the default audience" if self.id == DEFAULT_AUDIENCE else self.id)
        found = self.target(target)
        return f"{name} ({found.channel})" if target and found else name

    def target(self, key: str) -> Target | None:
        """Return one of its targets by its key."""
        return next((target for target in self.targets if target.key == key), None)

    def wants(self, kind: Kind, upgrade: Upgrade, lead: str = "", *, is_pressing: bool = False) -> bool:
        """Return whether this audience wants to hear of this kind of notice about this kind of upgrade.

        With `is_pressing` the notice counts as essential, whatever its kind.

        `lead` is a reminder's label. A reminder without one repeats an announcement whose start AKS still
        does not say; it takes the place of the reminder that could not be planned, and is wanted like one.
        """
        if kind not in ABOUT_CLUSTERS:
            return True
        if self.kinds and kind not in self.kinds:
            return False
        if kind is Kind.GATE_CLOSED and not self.wants(Kind.GATE, upgrade):
            return False  # it was not asked
        if kind is Kind.REMINDER and lead and not self._reminds(upgrade, lead):
            return False
        match self.volume:
            case Volume.ALL:
                return True
            case Volume.NORMAL:
                return not (kind is Kind.STARTED and upgrade in _ROUTINE)
            case Volume.ESSENTIAL:
                return is_pressing or kind in ESSENTIAL

    def reminders(self, upgrade: Upgrade) -> tuple[Lead, ...]:
        """Return the leads at which this audience is reminded of this kind of upgrade.

        `normal` keeps one for routine upgrades: the shortest that still leaves half a day, or, where none
        does, the longest. `essential` keeps the one that is nearest to a day; of two as near, the longer.
        """
        if self.volume is Volume.ESSENTIAL:
            nearest = sorted(self.leads, key=lambda lead: (abs(lead.ahead - _A_DAY), -lead.ahead))
            return tuple(nearest[:1])
        if self.volume is Volume.NORMAL and upgrade in _ROUTINE:
            by_length = sorted(self.leads, key=lambda lead: lead.ahead)
            early = [lead for lead in by_length if lead.ahead >= _ENOUGH_TIME]
            return tuple(early[:1] or by_length[-1:])
        return self.leads

    def _reminds(self, upgrade: Upgrade, label: str) -> bool:
        if not self.leads:
            return True
        leads = self.reminders(upgrade)
        if any(lead.label == label for lead in leads):
            return True
        # `1d` is `24h`: another audience, or an earlier version of the settings, may have written it so.
        try:
            ahead = duration(label)
        except ValueError:
            return False
        return any(lead.ahead == ahead for lead in leads)
