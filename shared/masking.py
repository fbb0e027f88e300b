"""Secrets in texts: recognised by their looks, and never shown."""

from __future__ import annotations

import re

HIDDEN = "***"

_SECRET = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^\s/?#'\"<>@]*@)?(?P<host>[^\s/?#'\"<>@]*)(?P<rest>[/?#](?:[^\s'\"<>]*[^\s'\"<>.,;:)])?)?"
    r"|xox[a-z]-?[A-Za-z0-9-]+|xapp-[A-Za-z0-9-]+|whsec_[A-Za-z0-9+/=_-]+|\b[0-9a-f]{32}\b"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]+|(?<=[?&;])(?:sig|code|key|token)=[^\s&'\"<>]+",
    re.IGNORECASE,
)


def masked(text: str, *known: str) -> str:
    """Return the text without what looks like a secret, and without these known ones.

    An address keeps its host; its path and query may be a secret, as those of webhooks are.
    """
    for secret in sorted(filter(None, known), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _SECRET.sub(_hidden, text)


def _hidden(match: re.Match[str]) -> str:
    if not match["scheme"]:
        return HIDDEN
    user = f"{HIDDEN}@" if match["user"] else ""
    rest = f"/{HIDDEN}" if len(match["rest"] or "") > 1 else match["rest"] or ""
    return match["scheme"] + user + match["host"] + rest
