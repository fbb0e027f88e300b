"""What channels are made from, beside what the routes say of a target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from shared.channels.email.services import MailSettings
from shared.messages.view import Branding


class ChannelContext(msgspec.Struct, frozen=True, kw_only=True):
    """What channels are made from, beside what the routes say of a target."""

    branding: Branding
    mail: MailSettings
    credential: Callable[[], Any]
    """Returns the app's identity."""
