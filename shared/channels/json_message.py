"""A message that is a body of JSON: what chats, pagers and webhooks are sent."""

from __future__ import annotations

from typing import Any

import msgspec


class JsonMessage(msgspec.Struct, frozen=True, kw_only=True):
    """See Message. `content` holds no secret: those are added when it is sent."""

    subject: str
    recipients: tuple[str, ...]
    content: dict[str, Any]
    is_urgent: bool = False
    """Whether it is worth to be seen by all, where it follows another message."""

    is_aside: bool = False
    """Whether it is about a part of what the message that it follows tells: that one stays as it is."""

    @property
    def body(self) -> bytes:
        """The content as JSON in UTF-8: the same content gives the same bytes."""
        return msgspec.json.encode(self.content)
