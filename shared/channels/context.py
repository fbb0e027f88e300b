"""What channels are made from, beside what the routes say of a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from shared.channels.email.services import MailSettings
from shared.messages.branding import Branding

if TYPE_CHECKING:
    from shared.channels.http import Door

SLACK = "https://slack.com/api"
PAGERDUTY = "https://events.pagerduty.com"


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Base addresses of services, without a slash at the end."""

    slack: str = SLACK
    """With `/api`."""
    pagerduty: str = PAGERDUTY
    """Without `/v2`."""


class ChannelSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say for channels, beside the routes."""

    endpoints: Endpoints = Endpoints()
    secrets: Mapping[str, str] = {}
    """By the names of the settings that hold them."""
    allows_loopback: bool = False
    """Whether messages may go to the machine itself: for trying things out, and not in Azure."""

    def __repr__(self) -> str:
        """Leave out the secrets."""
        return f"ChannelSettings({self.endpoints!r}, {sorted(self.secrets)!r})"


class ChannelContext(msgspec.Struct, frozen=True, kw_only=True):
    """What channels are made from, beside what the routes say of a target."""

    branding: Branding
    mail: MailSettings
    credential: Callable[[], Any]
    """Returns the app's identity."""
    settings: ChannelSettings = ChannelSettings()

    def door(self) -> Door:
        """Return the door for HTTP; imports `requests`."""
        from shared.channels.http import Door

        return Door(allows_loopback=self.settings.allows_loopback)
