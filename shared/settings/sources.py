"""What is asked, and where: subscriptions, Azure Resource Manager, how often, what is kept to itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from shared.base_addresses import base_address
from shared.ncrontab import TimerSchedule
from shared.notices.kinds import Kind
from shared.setting_forms import flag
from shared.text import GUID

if TYPE_CHECKING:
    from shared.setting_reader import SettingReader

_GROUP = re.compile(r"[A-Za-z0-9_().-]{1,90}")
_GROUP_PREFIX = "mg:"


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, and where."""

    subscriptions: tuple[str, ...] = ()
    """Ids, in lower case."""
    management_groups: tuple[str, ...] = ()
    """Names: all subscriptions below them."""
    arm_endpoint: str = ""
    """Where Azure Resource Manager is; empty for the address of the portal's cloud."""
    fleets: tuple[str, ...] = ()
    """Ids, in lower case, of the subscriptions whose fleets are polled."""
    advisories: bool = False
    report_schedule: str = ""
    """As the host reads it; empty for no report."""

    @property
    def is_on(self) -> bool:
        """Whether there is anything to ask about."""
        return bool(self.subscriptions or self.management_groups)


def sources(read: SettingReader, clusters: tuple[str, ...]) -> SourceSettings:
    """Return what is asked; `clusters` are the subscriptions of CLUSTERS. Raises SettingsError."""
    subscriptions, groups = read.get("SUBSCRIPTIONS", _scope, ",".join(clusters))
    schedule = read.get("REPORT_SCHEDULE", _schedule, "", as_it_stands=True)
    return SourceSettings(
        subscriptions=subscriptions,
        management_groups=groups,
        arm_endpoint=arm_endpoint(read),
        fleets=fleets(read),
        advisories=read.get("ADVISORIES", flag, "false"),
        report_schedule=schedule,
    )


def arm_endpoint(read: SettingReader) -> str:
    """Return Azure Resource Manager's address; empty for that of the portal's cloud. Raises SettingsError."""
    return base_address(read, "ARM_ENDPOINT", "") if read.text("ARM_ENDPOINT") else ""


def fleets(read: SettingReader) -> tuple[str, ...]:
    """Return the ids of the subscriptions whose fleets are polled. Raises SettingsError."""
    return read.get("FLEETS", _subscriptions, "")


def quiet_kinds(read: SettingReader) -> frozenset[str]:
    """Return the kinds that nobody hears of. Raises SettingsError."""
    return read.get("QUIET_KINDS", _kinds, "")


def _scope(value: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    parts = dict.fromkeys(part.strip() for part in value.split(",") if part.strip())
    groups = [part[len(_GROUP_PREFIX) :] for part in parts if part.lower().startswith(_GROUP_PREFIX)]
    ids = [part.lower() for part in parts if not part.lower().startswith(_GROUP_PREFIX)]
    for group in groups:
        if not _GROUP.fullmatch(group):
            raise ValueError(f"holds {group[:100]!r}, which is not the name of a management group")
    for id_ in ids:
        if not GUID.fullmatch(id_):
            raise ValueError(f"holds {id_[:100]!r}, neither a subscription's id (a GUID) nor mg:NAME")
    return tuple(dict.fromkeys(ids)), tuple(groups)


def _subscriptions(value: str) -> tuple[str, ...]:
    ids = [part.strip().lower() for part in value.split(",") if part.strip()]
    for id_ in ids:
        if not GUID.fullmatch(id_):
            raise ValueError(f"holds {id_[:100]!r}, which is not a subscription's id (a GUID)")
    return tuple(dict.fromkeys(ids))


def _kinds(value: str) -> frozenset[str]:
    found = [part.strip().lower() for part in value.split(",") if part.strip()]
    for kind in found:
        if kind not in set(Kind):
            raise ValueError(f"holds {kind[:100]!r}, which is not a kind of notice such as new-version")
    return frozenset(found)


def _schedule(value: str) -> str:
    if not value or value.strip().lower() == "off":
        return ""
    TimerSchedule.parse(value)
    return value
