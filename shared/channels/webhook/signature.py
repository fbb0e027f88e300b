"""Signatures of webhooks, as Standard Webhooks has them.

What is signed is id, time and body. A repeat has the same id and body; the time, and so the signature, is
that of its own attempt.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"


def keys_of(secret: str) -> tuple[bytes, ...]:
    """Read a secret, or several of a rotation with blanks between them: `whsec_` and base64.

    Raises ValueError, which does not repeat it.
    """
    try:
        found = tuple(base64.b64decode(one.removeprefix(PREFIX), validate=True) for one in secret.split())
    except (binascii.Error, ValueError):
        found = ()
    if not found or not all(found):
        raise ValueError("is not a secret of the form whsec_ and base64")
    return found


def headers(secret: str, id_: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that sign a body; `timestamp` is when it is sent, in seconds since 1970."""
    signed = f"{id_}.{timestamp}.".encode() + body
    signatures = [
        "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys_of(secret)
    ]
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
