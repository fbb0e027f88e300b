"""What the app knows of a channel: each channel's module has its `REGISTRATION`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import msgspec

from shared.audience import Target
from shared.channels.channel import Channel
from shared.channels.context import ChannelContext

if TYPE_CHECKING:
    from shared.routes.document import TargetReader  # noqa: TC004 - nothing decodes a registration


class SecretCheck(Protocol):
    """Looks at the value of one of a target's secrets."""

    def __call__(self, target: Target, name: str, value: str, *, allows_loopback: bool) -> None:
        """Raise ValueError for a value that is no such secret, with a reason that does not repeat it."""


class Registration(msgspec.Struct, frozen=True):
    """What the app knows of a channel."""

    open: Callable[[Target, ChannelContext], Channel]
    """Makes the channel for a target. No round trip."""
    read: TargetReader | None = None
    """Reads targets from the field of an audience that bears the channel's name. Email's field is `to`."""
    check_secret: SecretCheck | None = None
    """Raises ValueError where a setting's value is not the secret that a target needs."""
    sample: str = ""
    """What an audience may say of it in routes, as YAML: for previews where nobody does."""
