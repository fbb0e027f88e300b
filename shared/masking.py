"""Secrets in texts: recognised by their looks, and never shown."""

from __future__ import annotations

import re

HIDDEN = "***"

_REST = r"(?:[^\s'\"<>]*[^\s'\"<>.,;:)])?"
_SECRET = (
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^\s/?#'\"<>@]*@)?(?P<host>[^\s/?#'\"<>@]*)"
    rf"(?P<rest>[/?#]{_REST})?"
    # An address that was pasted without its scheme.
    rf"|(?<![\w@./-])(?P<bare>(?:[a-z0-9-]+\.)+(?:com|net|org|io|us|eu|cn|dev)(?::\d+)?)[/?#]{_REST}"
    r"|xox[a-z]-?[A-Za-z0-9-]+|xapp-[A-Za-z0-9-]+|whsec_[A-Za-z0-9+/=_-]+"
    r"|(?<![a-z0-9])(?:[0-9a-f]{32}|(?=[a-z]*[0-9])(?=[0-9]*[a-z])[a-z0-9]{32})(?![a-z0-9])"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]+|(?<=[?&;])(?:sig|code|key|token)=[^\s&'\"<>]+"
)
"""Compiled where it is first needed, and not at a cold start."""


def masked(text: str, *known: str) -> str:
    """Return the text without what looks like a secret, and without these known ones.

    An address keeps its host; its path and query may be a secret, as those of webhooks are.
    """
    for secret in sorted(filter(None, known), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return re.sub(_SECRET, _hidden, text, flags=re.IGNORECASE)


def _hidden(match: re.Match[str]) -> str:
    if match["bare"]:
        return f"{match['bare']}/{HIDDEN}"
    if not match["scheme"]:
        return HIDDEN
    user = f"{HIDDEN}@" if match["user"] else ""
    rest = f"/{HIDDEN}" if len(match["rest"] or "") > 1 else match["rest"] or ""
    return match["scheme"] + user + match["host"] + rest
