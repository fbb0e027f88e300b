"""All channels: how a target of each is read from routes, and how a channel for it is made.

A new channel is a package or module beside this one, and a line in `CHANNELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from shared.audience import EMAIL_CHANNEL, Target
from shared.channels.channel import Channel
from shared.channels.context import ChannelContext
from shared.channels.email import channel as email

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.routes.document import TargetReader  # noqa: TC004 - nothing decodes a registration


class Registration(msgspec.Struct, frozen=True):
    """What the app knows of a channel."""

    open: Callable[[Target, ChannelContext], Channel]
    """Makes the channel for a target. No round trip."""
    read: TargetReader | None = None
    """Reads targets from the field of an audience that bears the channel's name. Email's field is `to`."""


CHANNELS: Mapping[str, Registration] = {EMAIL_CHANNEL: Registration(email.open_channel)}
"""By name."""


def readers(channels: Mapping[str, Registration] = CHANNELS) -> dict[str, TargetReader]:
    """Return what reads the targets of an audience, by the name of its field."""
    return {name: known.read for name, known in channels.items() if known.read is not None}


def open_channels(
    targets: Iterable[Target], context: ChannelContext, channels: Mapping[str, Registration] = CHANNELS
) -> dict[str, Channel]:
    """Make the channels for these targets, by the targets' keys. No round trip."""
    return {target.key: channels[target.channel].open(target, context) for target in targets}
