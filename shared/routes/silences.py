"""Silences: what nobody is to be told for a while, by matchers as in routes. Pure.

Without kinds a silence covers everything but failures and what else is urgent.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from shared import decoding
from shared.documents import near
from shared.notices.kinds import URGENT, Kind
from shared.routes import fields
from shared.routes.conditions import VALUES, Condition
from shared.routes.defaults import RoutesError
from shared.routes.document import Field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.events.model import Event


class Silence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What nobody is told until a time: what meets all conditions, and is of one of the kinds."""

    id: str
    conditions: tuple[Condition, ...]
    kinds: tuple[str, ...] = ()
    until: datetime
    comment: str = ""
    created: datetime

    def covers(self, event: Event, kind: Kind, now: datetime) -> bool:
        """Return whether it keeps news of this kind about an event from being told now."""
        if now >= self.until or not (kind in self.kinds if self.kinds else kind not in SPOKEN):
            return False
        return all(condition.holds(event) for condition in self.conditions)

    @property
    def is_for_urgent(self) -> bool:
        """Whether it covers what is told at once."""
        return not URGENT.isdisjoint(self.kinds)


SPOKEN = URGENT | {kind for kind in Kind if "failed" in kind.value}
"""Kinds that only a silence which names them covers."""


def read(text: str) -> tuple[Silence, ...]:
    """Return what `write` wrote; nothing of what cannot be read: better told than lost."""
    try:
        return decoding.from_json(text or "[]", tuple[Silence, ...])
    except msgspec.MsgspecError:
        return ()


def write(silences: Iterable[Silence]) -> str:
    """Return silences as text."""
    return msgspec.json.encode(tuple(silences)).decode()


def matcher(text: str) -> Condition:
    """Return what `cluster=prod-*` asks for; several values with commas. Raises RoutesError."""
    name, equals, value = text.partition("=")
    name = name.strip().lower()
    if not equals:
        raise RoutesError(f"{text!r} is no matcher such as cluster=prod-*")
    if name not in VALUES:
        hint = near(name, VALUES) or f" (expected one of {', '.join(VALUES)})"
        raise RoutesError(f"{name!r} is nothing that a matcher can ask for{hint}")
    return Condition(name, fields.globs(name, Field(value, text, 1)))
