"""Tokens: the secret in the address of a feed or page. Only their hashes are stored. Pure, but for chance."""

from __future__ import annotations

import hashlib
import secrets
from hmac import compare_digest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.store.rows import Token

_TOKEN_BYTES = 24
"""192 bits of chance: nobody guesses one."""

_MAX_CHARACTERS = 200


def new() -> str:
    """Return a new token."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def hashed(token: str) -> str:
    """Return what is stored of a token: its SHA-256 in hex."""
    return hashlib.sha256(token[:_MAX_CHARACTERS].encode("utf-8", "surrogatepass")).hexdigest()


def match(token: str, stored: Iterable[Token]) -> Token | None:
    """Return the stored token that this is, if any; all are compared, whichever it is."""
    wanted = hashed(token)
    found: Token | None = None
    for one in stored:
        if compare_digest(one.hash, wanted):
            found = one
    return found
