"""Deterministic ids: the same wherever and whenever they are computed.

A notice, a mail, its Message-ID and its thread are named from what they are about, never from a clock or a
random number: that is what lets two instances, or one that starts again, agree that something was sent.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMESPACE = UUID("7d0bd5e6-3a0d-5f0a-9d0c-52e1f0a4c6b1")
"""Fixed for ever: another namespace would send again whatever is under way."""


def notice_id(key: str, kind: str, lead: str, audience: str, target: str = "") -> str:
    """Return a notice's id: by the key of its row, kind, lead, audience and target, which for email is ""."""
    where = f"\n{target}" if target else ""
    return str(uuid5(NAMESPACE, f"notice\n{key}\n{kind}\n{lead}\n{audience}{where}"))


def check_id(key: str, kind: str, lead: str) -> str:
    """Return a check's id: something to look at when its time comes, for all audiences of that moment."""
    return str(uuid5(NAMESPACE, f"check\n{key}\n{kind}\n{lead}"))


def operation_id(notice_ids: Iterable[str]) -> str:
    """Return the id of the mail that tells these notices. The mail service knows it as the Operation-Id."""
    return str(uuid5(NAMESPACE, "\n".join(("mail", *sorted(notice_ids)))))


def resend_id(operation_id_: str, number: int) -> str:
    """Return the id of the mail that repeats another for the `number`th time, by an operator's wish."""
    return str(uuid5(NAMESPACE, f"resend\n{operation_id_}\n{number}"))


def message_id(operation_id_: str, domain: str) -> str:
    """Return a mail's Message-ID."""
    return f"<{operation_id_}@{domain}>"


def thread_index(event_id_part: str) -> str:
    """Return the header by which Outlook puts the mails of one maintenance into one conversation.

    22 bytes in base64 (MS-OXOMSG, 2.2.1.3): one that is 1, five of a time and sixteen that name the
    conversation. The time is the same for all, so that no mail has to know when the first was sent.
    """
    return b64encode(b"\x01" + bytes(5) + uuid5(NAMESPACE, f"thread\n{event_id_part}").bytes).decode()


def thread_id(event_id_part: str, domain: str) -> str:
    """Return the id of a message that never was: the root that all mails of one maintenance refer to."""
    return f"<maintenance-{event_id_part}@{domain}>"
