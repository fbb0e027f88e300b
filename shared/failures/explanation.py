"""What is known of a failure, in words: the values that the emails are made from."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Owner(StrEnum):
    """Whose problem a failure is: who can fix it."""

    YOU = "you"
    CAPACITY = "azure-capacity"
    SERVICE = "azure-service"
    POLICY = "policy"
    UNKNOWN = "unknown"


class Urgency(StrEnum):
    """How soon somebody should act."""

    NOW = "now"
    """Workloads suffer, or the cluster is about to."""
    TODAY = "today"
    """Nothing is down, but a pool or cluster is left half done, and more will fail until it is fixed."""
    NEXT_WINDOW = "next-window"
    """Before maintenance is tried again."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the event says besides the reason: fills in the commands. Empty where unknown."""

    subscription: str = ""
    resource_group: str = ""
    cluster: str = ""
    pools: tuple[str, ...] = ()
    region: str = ""
    upgrade: str = ""
    """An `events.Upgrade` value."""


class ActionStep(msgspec.Struct, frozen=True):
    """Something to do: what, and where there is one the command, safe to paste into a POSIX shell.

    Values are quoted; a value that is not known stands as a placeholder such as `<pod>`, quoted too.
    """

    what: str
    command: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One failure found in a message. All texts are plain text of one paragraph without line breaks."""

    entry: str
    """The id of the catalogue entry; `unknown` where none fits."""
    code: str = ""
    """The most telling code that AKS sent, as sent."""
    title: str
    """A phrase for the subject line: `a Pod Disruption Budget blocks the drain`."""
    summary: str
    """One short sentence with the names filled in, for the preview line."""
    happened: str
    """What happened and why, with the names filled in."""
    state: str
    """What state it leaves the cluster in; worded as likely where the facts are inference."""
    owner: Owner
    urgency: Urgency | None = None
    """How soon to act; None where an expert could not say."""
    quoted: bool = False
    """Whether the summary is AKS's own sentence."""
    retries: str = ""
    """Whether AKS tries again by itself, as a sentence."""
    steps: tuple[ActionStep, ...] = ()
    link: str = ""
    """An https address of the guide to it."""
    facts: tuple[tuple[str, str], ...] = ()
    """Label and value of each fact that was read out of the message: `Pod`, `shop/cart-7c9d8-xk2vp`."""
    more: tuple[str, ...] = ()
    """Further occurrences of the same failure in the message, a line each."""
    said: str = ""
    """The sentence of the message that tells most, in AKS's own words; empty without one."""


class Explanation(msgspec.Struct, frozen=True):
    """What a failure's reason comes down to: at least one finding, the one to act on first in front."""

    findings: tuple[Finding, ...]
    raw: str = ""
    """The reason as sent, made readable: JSON indented, escaped line breaks resolved."""
