"""Handing a card to a workflow: 202 says that a run was queued, and nobody will ever say more.

A card that the flow cannot post fails there, unseen: so it is kept well below the limit of 28 KB. Libraries
that took 202 for a failure posted ten times (https://github.com/fluxcd/flagger/pull/1887).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channels import answers
from shared.channels.http import Answer

if TYPE_CHECKING:
    from shared.channels.http import Door
    from shared.channels.outcomes import Outcome, Timeouts


def post(door: Door, url: str, body: bytes, timeouts: Timeouts) -> Outcome:
    """Post a message, with one request and no retry."""
    answer = answers.post(door, url, body, timeouts, {"Content-Type": "application/json"})
    return answers.outcome(answer) if isinstance(answer, Answer) else answer
