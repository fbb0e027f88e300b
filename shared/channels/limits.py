"""How much a service takes."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """How many mails the service takes in a minute and in an hour."""

    per_minute: int
    per_hour: int
