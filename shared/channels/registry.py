"""All channels: how a target of each is read from routes, and how a channel for it is made.

A new channel is a package or module beside this one, and a line in `CHANNELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec

from shared.audience import EMAIL_CHANNEL, Target
from shared.channels.channel import Channel
from shared.channels.context import ChannelContext
from shared.channels.email import channel as email
from shared.channels.eventgrid import channel as eventgrid
from shared.channels.pagerduty import channel as pagerduty
from shared.channels.slack import channel as slack
from shared.channels.teams import channel as teams
from shared.channels.webhook import channel as webhook

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.routes.document import TargetReader  # noqa: TC004 - nothing decodes a registration


class SecretCheck(Protocol):
    """Looks at the value of one of a target's secrets."""

    def __call__(self, target: Target, name: str, value: str, *, allows_loopback: bool) -> None:
        """Raise ValueError where it is none, with a reason that does not repeat it."""


class Registration(msgspec.Struct, frozen=True):
    """What the app knows of a channel."""

    open: Callable[[Target, ChannelContext], Channel]
    """Makes the channel for a target. No round trip."""
    read: TargetReader | None = None
    """Reads targets from the field of an audience that bears the channel's name. Email's field is `to`."""
    check_secret: SecretCheck | None = None
    """Raises ValueError where a setting's value is not the secret that a target needs."""


CHANNELS: Mapping[str, Registration] = {
    EMAIL_CHANNEL: Registration(email.open_channel),
    teams.NAME: Registration(teams.open_channel, teams.read_targets, teams.check_secret),
    slack.NAME: Registration(slack.open_channel, slack.read_targets, slack.check_secret),
    pagerduty.NAME: Registration(pagerduty.open_channel, pagerduty.read_targets, pagerduty.check_secret),
    webhook.NAME: Registration(webhook.open_channel, webhook.read_targets, webhook.check_secret),
    eventgrid.NAME: Registration(eventgrid.open_channel, eventgrid.read_targets, eventgrid.check_secret),
}
"""By name."""


def readers(channels: Mapping[str, Registration] = CHANNELS) -> dict[str, TargetReader]:
    """Return what reads the targets of an audience, by the name of its field."""
    return {name: known.read for name, known in channels.items() if known.read is not None}


def open_channels(
    targets: Iterable[Target], context: ChannelContext, channels: Mapping[str, Registration] = CHANNELS
) -> dict[str, Channel]:
    """Make the channels for these targets, by the targets' keys. No round trip."""
    return {target.key: channels[target.channel].open(target, context) for target in targets}
