"""Hostile input: for each kind of it, how it is made, and what must hold whatever it is.

material   texts, values and damage that all kinds share
events     deliveries to the event reader
intake     the same through the whole intake, into a table in memory
failures   reasons of failures, and the names that commands are filled with
routes     the setting ROUTES, and events held against it
windows    maintenance configurations, and the windows computed from them
emails     mails of any mixture of events, rows and kinds; their HTML is read by markup, what can be copied by
           commands, the whole by messages
chats      the same mails as cards, blocks, events and alerts
kinds      all of these, and how much of a proof each gets

A property takes one input, raises AssertionError where something does not hold, and returns an
`InputVerdict`. The tests try a few inputs of each kind, `python -m prove.hostile` a hundred thousand.
"""

from __future__ import annotations

from typing import NamedTuple


class InputVerdict(NamedTuple):
    """What became of an input whose property holds."""

    words: tuple[str, ...]
    """What each thing in it came to: `read`, `refused`; to be counted."""
    size: int = 0
    """Bytes of what was made from it, where that has a limit."""
