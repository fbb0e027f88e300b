"""An entry of the failure catalogue: the form of the data, field by field."""

from __future__ import annotations

import msgspec

from shared.events.model import Upgrade
from shared.failures.explanation import Owner, Urgency
from shared.failures.speakers import Speaker


class AdviceStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step as the catalogue has it: a template, and when it applies."""

    do: str = ""
    run: str = ""
    use: str = ""
    """Instead of the two above: the name of steps in `common_steps`."""
    only_for: tuple[Upgrade, ...] = ()
    """Kinds of upgrade for which it makes sense; empty for all."""
    needs: tuple[str, ...] = ()
    """Facts without which it makes no sense."""
    unless: tuple[str, ...] = ()
    """Facts that make it superfluous when all of them are known."""
    says: tuple[str, ...] = ()
    """Words one of which the message has to contain."""


class CatalogueEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A failure that is known: how to tell it, and what to say about it. Texts are templates."""

    id: str
    title: str
    summary: str
    happened: str
    state: str
    owner: Owner
    link: str
    steps: tuple[AdviceStep, ...]
    urgency: Urgency | None = None
    retries: str = ""
    said_by: tuple[Speaker, ...] = ()
    """Whose codes and exit codes these are; empty where nobody else uses them."""
    quote: bool = False
    """Whether AKS's own sentence says more than this entry can, and is to be the summary."""
    codes: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    """Words one of which stands in the text or its codes, where its patterns are used of other things too."""
    not_about: tuple[str, ...] = ()
    """Words of those other things: where they are named, only those of `about` count as evidence."""
    linux_exit_codes: tuple[int, ...] = ()
    windows_exit_codes: tuple[int, ...] = ()
    priority: int = 50
    inferred: tuple[str, ...] = ()
    """Fields that say what is likely, not what is documented."""
    group_by: tuple[str, ...] = ()
    """Facts that tell one failure of this kind from another; without any, all in a message are one."""
    occurrence: str = ""
    """How each further occurrence is listed."""
    instead_of: tuple[str, ...] = ()
    """Entries whose words a message of this kind contains as well."""
