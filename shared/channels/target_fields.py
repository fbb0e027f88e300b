"""What the routes may say of a target: each function takes a Field, or raises RoutesError.

A secret stands in a setting, and the routes name it, as `$NAME`. One that is written into the routes is
refused, and not repeated.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.web_addresses import web_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.audience import Target
    from shared.routes.document import Field

_NAME = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]{0,126}")
MAX_CHARACTERS = 2_000


def targets(field: Field, what: str, read: Callable[[Field], Target]) -> tuple[Target, ...]:
    """Read one target, or a list of targets, `what` they are; one that is there twice counts once."""
    items = field.items(what) if isinstance(field.value, list) else [field]
    if not items:
        raise field.fault(f"expected at least one of {what}, got none")
    return tuple({target.id: target for target in map(read, items)}.values())


def secret(field: Field, what: str) -> str:
    """Read the name of the setting that holds a secret, without its `$`; `what` says what secret."""
    value = field.value
    text = value.strip() if isinstance(value, str) else ""
    if not _NAME.fullmatch(text):
        raise field.fault(
            f"expected $NAME, the application setting that holds {what}; a secret does not belong into the "
            "routes, and what stands here is not repeated"
        )
    return text[1:]


def address(field: Field) -> str:
    """Read an https address. Whether the loopback is allowed, is for the settings to say."""
    text = field.text("an https address, or $NAME of a setting that holds it")
    try:
        if len(text) > MAX_CHARACTERS:
            raise ValueError("is too long for an address")  # noqa: TRY301
        return web_address(text, allows_loopback=True)
    except ValueError as error:
        raise field.fault(f"what stands here {error}") from None


def is_name(field: Field) -> bool:
    """Return whether a field names a setting."""
    value = field.value
    return isinstance(value, str) and value.strip().startswith("$")
