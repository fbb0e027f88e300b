"""All channels: how a target of each is read from routes, and how a channel for it is made.

A new channel is a package beside this one whose module `channel` has a `REGISTRATION`, and its name here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, cast

from shared.audience import EMAIL_CHANNEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.audience import Target
    from shared.channels.channel import Channel
    from shared.channels.context import ChannelContext
    from shared.channels.registration import Registration
    from shared.routes.document import Field, TargetReader

NAMES = (EMAIL_CHANNEL, "teams", "slack", "pagerduty", "webhook", "eventgrid")
"""As an audience of the routes says them, and as their packages are called."""


class _Channels(Mapping[str, "Registration"]):
    """Registrations, each imported when it is asked for: most installations have one or two channels."""

    def __getitem__(self, name: str) -> Registration:
        if name not in NAMES:
            raise KeyError(name)
        return cast("Registration", import_module(f"shared.channels.{name}.channel").REGISTRATION)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


CHANNELS: Mapping[str, Registration] = _Channels()
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
    """Return the channels for these targets, by the targets' keys. No round trip."""
    return {target.key: channels[target.channel].open(target, context) for target in targets}
