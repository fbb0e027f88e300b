"""All channels: how a target of each is read from routes, and how a channel for it is made.

A new channel is a package or module beside this one, a function here, and its line in `CHANNELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Protocol

import msgspec

from shared.audience import EMAIL_CHANNEL, Target
from shared.channels.channel import Channel
from shared.channels.context import ChannelContext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.routes.document import Field, TargetReader  # noqa: TC004 - nothing decodes a registration


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


def _email() -> Registration:
    from shared.channels.email import channel as email

    return Registration(email.open_channel)


def _teams() -> Registration:
    from shared.channels.teams import channel as teams

    return Registration(teams.TeamsChannel, teams.read_targets, teams.check_secret)


def _slack() -> Registration:
    from shared.channels.slack import channel as slack

    return Registration(slack.SlackChannel, slack.read_targets, slack.check_secret)


def _pagerduty() -> Registration:
    from shared.channels.pagerduty import channel as pagerduty

    return Registration(pagerduty.PagerDutyChannel, pagerduty.read_targets, pagerduty.check_secret)


def _webhook() -> Registration:
    from shared.channels.webhook import channel as webhook

    return Registration(webhook.WebhookChannel, webhook.read_targets, webhook.check_secret)


def _eventgrid() -> Registration:
    from shared.channels.eventgrid import channel as eventgrid

    return Registration(eventgrid.EventGridChannel, eventgrid.read_targets, eventgrid.check_secret)


class _Channels(Mapping[str, Registration]):
    """Registrations, each imported when it is asked for: most installations have one or two channels."""

    def __init__(self, known: Mapping[str, Callable[[], Registration]]) -> None:
        self._known = known

    def __getitem__(self, name: str) -> Registration:
        return self._known[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


CHANNELS: Mapping[str, Registration] = _Channels(
    {
        EMAIL_CHANNEL: _email,
        "teams": _teams,
        "slack": _slack,
        "pagerduty": _pagerduty,
        "webhook": _webhook,
        "eventgrid": _eventgrid,
    }
)
"""By name."""


def readers(channels: Mapping[str, Registration] = CHANNELS) -> dict[str, TargetReader]:
    """Return what reads the targets of an audience, by the name of its field."""

    def read(name: str, field: Field) -> tuple[Target, ...]:
        registration = channels[name]
        assert registration.read is not None
        return registration.read(field)

    return {name: partial(read, name) for name in channels if name != EMAIL_CHANNEL}


def open_channels(
    targets: Iterable[Target], context: ChannelContext, channels: Mapping[str, Registration] = CHANNELS
) -> dict[str, Channel]:
    """Make the channels for these targets, by the targets' keys. No round trip."""
    return {target.key: channels[target.channel].open(target, context) for target in targets}
