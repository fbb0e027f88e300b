"""What commands reach outside: the clock, the table, Azure Resource Manager. Tests bring their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ops import storage, subscriptions
from shared.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import typer

    from shared.clock import Clock
    from shared.settings import Storage
    from shared.sources.arm import Arm
    from shared.store.table import BrowsableTable


@dataclass(frozen=True)
class Surroundings:
    """As a person at a keyboard has them."""

    clock: Clock = field(default_factory=SystemClock)
    open_table: Callable[[Storage], AbstractContextManager[BrowsableTable]] = storage.opened
    open_arm: Callable[[str], Arm] = subscriptions.open_arm


def of(context: typer.Context) -> Surroundings:
    """Return the surroundings of a command."""
    found = context.find_object(Surroundings)
    return found or Surroundings()
