"""The setting ROUTES, checked: every slip is named with its place in the file, and nothing is guessed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from shared.addresses import MAX_RECIPIENTS
from shared.audience import DEFAULT_AUDIENCE, EMAIL, Audience, Volume
from shared.documents import near
from shared.durations import spaced
from shared.events.model import Upgrade
from shared.notices.kinds import ABOUT_CLUSTERS
from shared.routes import fields
from shared.routes.conditions import TAG, VALUES, Condition
from shared.routes.defaults import RoutesError
from shared.routes.document import Field, parse
from shared.routes.matching import Route, Routes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.routes.defaults import Defaults
    from shared.routes.document import TargetReader
    from shared.routes.freezes import Freeze

MAX_AUDIENCES = 90
"""A notice for each of them and the event have to fit into one transaction of 100 operations."""

MAX_TOGETHER = 98
"""Audiences, and the reminders of all of them: the event and a watchdog go into the transaction as well."""

_AUDIENCE = (
    "name",
    "to",
    "cc",
    "reply_to",
    "runbook",
    "time_zone",
    "reminder_leads",
    "group_wait",
    "group_interval",
    "kinds",
    "volume",
    "escalate",
    "report",
)
_FILE = re.compile(r"^(freezes:[ \t]*)(@[^\s'\"#][^\r\n'#]*?)(?=[ \t]*(?:#.*)?$)", re.MULTILINE)
"""`freezes: @file.ics`: YAML keeps @ for itself, so that people would have to put it in quotes."""
_ROUTE = ("match", "audiences", "continue")


def routes(
    text: str, defaults: Defaults, folder: Path | None, channels: Mapping[str, TargetReader]
) -> Routes:
    """Read routes from YAML; files in it are relative to `folder`, else to the current one.

    `channels` read the targets of an audience, each from the field of its name. Raises RoutesError for the
    first thing that is wrong.
    """
    entries = _entries(text)
    items = entries["audiences"].items("audiences") if "audiences" in entries else []
    audiences = defaults.audiences()
    given: dict[str, Field] = {}
    for item in items:
        audience = _audience(item, given, defaults, channels)
        given[audience.id] = item
        audiences[audience.id] = audience
    _escalated(audiences, given)
    if not audiences:
        raise RoutesError("There is no audience at all: EMAIL_TO is not set, and ROUTES names none.")
    if len(audiences) > MAX_AUDIENCES:
        raise entries["audiences"].fault(
            f"expected at most {MAX_AUDIENCES} with the default audience, got {len(audiences)}"
        )
    targets = sum(len(audience.targets) for audience in audiences.values())
    if targets > MAX_AUDIENCES:
        raise entries["audiences"].fault(
            f"expected at most {MAX_AUDIENCES} targets of all audiences, got {targets}"
        )
    found = _routes(entries["routes"], audiences) if "routes" in entries else ()
    # An audience that no route names would wait for news that never come.
    used = {DEFAULT_AUDIENCE}.union(
        *(audiences if route.from_tag else route.audiences for route in found),
        (audience.escalate_to for audience in audiences.values()),
        (audience.id for audience in audiences.values() if audience.gets_report),
    )
    for name, item in given.items():
        if name not in used:
            raise item.fault(f"no route leads to {audiences[name].name!r}")
    read = Routes(
        audiences,
        found,
        _freezes(entries["freezes"], defaults.time_zone, folder) if "freezes" in entries else (),
    )
    leads = read.all_leads()
    if targets + len(leads) > MAX_TOGETHER:
        many = "audiences" if targets == len(audiences) else "targets of audiences"
        raise entries["audiences"].fault(
            f"expected at most {MAX_TOGETHER} {many} and different reminder leads together, "
            f"got {targets} and {len(leads)}"
        )
    return read


def freezes(text: str, time_zone: str, folder: Path | None = None) -> tuple[Freeze, ...]:
    """Read the freezes alone of routes in YAML. Raises RoutesError for the first thing wrong with them."""
    entries = _entries(text)
    return _freezes(entries["freezes"], time_zone, folder) if "freezes" in entries else ()


def _entries(text: str) -> dict[str, Field]:
    root = parse(_FILE.sub(r"\1'\2'", text))
    return root.mapping(("audiences", "routes", "freezes")) if root else {}


def _freezes(field: Field, time_zone: str, folder: Path | None) -> tuple[Freeze, ...]:
    from shared.routes import freezes as reader

    return reader.parse(field, time_zone, folder or Path(), _conditions)


# Audiences


def _audience(
    item: Field, given: Mapping[str, Field], defaults: Defaults, channels: Mapping[str, TargetReader]
) -> Audience:
    entries = item.mapping((*_AUDIENCE, *channels))
    others = tuple(
        target for name, read in channels.items() if name in entries for target in read(entries[name])
    )
    name = fields.name(item.required(entries, "name"))
    if name.lower() in given:
        raise entries["name"].expected(f"another name than that of {given[name.lower()].path}")
    is_default = name.lower() == DEFAULT_AUDIENCE
    if is_default and defaults.to:
        if "to" in entries:
            raise entries["to"].fault(
                "the default audience gets its recipients from EMAIL_TO, leave `to` out"
            )
        to = defaults.to
    elif others and not is_default and "to" not in entries:
        to = ()
    else:
        to = fields.addresses(item.required(entries, "to"))
    cc = fields.addresses(entries["cc"]) if "cc" in entries else ()
    if cc and not to:
        raise entries["cc"].fault("nobody would get a copy: there is no `to`")
    cc = tuple(address for address in cc if address not in to)
    if len(to) + len(cc) > MAX_RECIPIENTS:
        raise item.fault(f"expected at most {MAX_RECIPIENTS} addresses in `to` and `cc`, got {len(to + cc)}")
    volume = Volume(entries["volume"].choice(Volume)) if "volume" in entries else Volume.ALL
    leads = fields.leads(entries["reminder_leads"]) if "reminder_leads" in entries else defaults.leads
    audience = Audience(
        id=name.lower(),
        name="" if is_default else name,
        to=to,
        cc=cc,
        reply_to=fields.address(entries["reply_to"]) if "reply_to" in entries else "",
        runbook=fields.link(entries["runbook"]) if "runbook" in entries else "",
        time_zone=fields.time_zone(entries["time_zone"]) if "time_zone" in entries else defaults.time_zone,
        leads=spaced(leads, defaults.gap),
        wait=fields.grouping(entries["group_wait"]) if "group_wait" in entries else None,
        interval=fields.grouping(entries["group_interval"]) if "group_interval" in entries else None,
        kinds=fields.kinds(entries["kinds"]) if "kinds" in entries else frozenset(),
        volume=volume,
        gets_report="report" in entries and entries["report"].choice(("true", "false")) == "true",
        targets=(EMAIL, *others) if to else others,
    )
    if not any(audience.wants(kind, upgrade) for kind in ABOUT_CLUSTERS for upgrade in Upgrade):
        raise entries["kinds"].fault(f"with `volume: {volume}` nothing of these is ever told")
    return audience


def _escalated(audiences: dict[str, Audience], given: Mapping[str, Field]) -> None:
    """Note when and whom failures are told as well, now that all audiences are known. Raises RoutesError."""
    for name, item in given.items():
        value = item.value
        if not isinstance(value, dict) or "escalate" not in value:
            continue
        field = item.child("escalate", value["escalate"])
        entries = field.mapping(("after", "to"))
        after = fields.delay(field.required(entries, "after"))
        to = _named(field.required(entries, "to"), audiences)
        if len(to) != 1 or to[0] == name:
            raise entries["to"].expected("the name of one other audience")
        audiences[name] = msgspec.structs.replace(audiences[name], escalate_after=after, escalate_to=to[0])


# Routes


def _routes(field: Field, audiences: Mapping[str, Audience]) -> tuple[Route, ...]:
    routes: list[Route] = []
    for item in field.items("routes"):
        last = routes[-1] if routes else None
        if last and not last.conditions and not last.continues:
            raise item.fault(f"is never reached, since {last.path} matches everything and does not continue")
        routes.append(_route(item, audiences))
    return tuple(routes)


def _route(item: Field, audiences: Mapping[str, Audience]) -> Route:
    entries = item.mapping(_ROUTE)
    from_tag, to = _audiences(item.required(entries, "audiences"), audiences)
    continues = "continue" in entries and entries["continue"].choice(("true", "false")) == "true"
    if continues and not to:
        raise entries["continue"].fault("a route to nobody ends there, leave `continue` out")
    conditions = _conditions(entries["match"], tags=True) if "match" in entries else ()
    return Route(item.path, conditions, to, continues, from_tag)


def _audiences(field: Field, audiences: Mapping[str, Audience]) -> tuple[str, tuple[str, ...]]:
    """Return the tag that names the audience, if one does, and the audiences that a route names itself."""
    if not isinstance(field.value, dict):
        return "", _named(field, audiences)
    entries = field.mapping(("from_tag", "default"))
    tag = fields.tag(field.required(entries, "from_tag"))
    return tag, _named(field.required(entries, "default"), audiences)


def _named(field: Field, audiences: Mapping[str, Audience]) -> tuple[str, ...]:
    hints = {DEFAULT_AUDIENCE: " (the default audience is there if EMAIL_TO is set)"}
    named: dict[str, None] = {}
    for each in field.texts("names of audiences"):
        name = each.text("the name of an audience").lower()
        if name not in audiences:
            known = sorted(audiences)
            raise each.expected(
                "the name of an audience", hints.get(name) or near(name, known) or _listed(known)
            )
        named[name] = None
    return tuple(named)


def _listed(names: Sequence[str]) -> str:
    few = 8
    return f" (known: {', '.join(names[:few])}{', …' if len(names) > few else ''})"


def _conditions(field: Field, *, tags: bool = False) -> tuple[Condition, ...]:
    entries = field.mapping((*VALUES, TAG) if tags else VALUES)
    if not entries:
        raise field.fault("expected at least one condition (leave `match` out to match every event)")
    asked = entries.pop(TAG, None)
    plain = tuple(Condition(key, fields.globs(key, each)) for key, each in entries.items())
    return plain if asked is None else (*plain, *_tags(asked))


def _tags(field: Field) -> tuple[Condition, ...]:
    value = field.value
    if not isinstance(value, dict) or not value:
        raise field.expected("a mapping of tags to values, such as {team: shop-*}")
    entries = field.mapping(value)
    return tuple(
        Condition(TAG, fields.globs(TAG, each), fields.tag_name(name, each)) for name, each in entries.items()
    )
