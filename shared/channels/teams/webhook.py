"""Handing a card to a workflow: 202 says that a run was queued, and nobody will ever say more.

A card that the flow cannot post fails there, unseen: so it is kept well below the limit of 28 KB. Libraries
that took 202 for a failure posted ten times (https://github.com/fluxcd/flagger/pull/1887).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channels import answers
from shared.channels.http import HttpResponse
from shared.channels.outcomes import Gone, Outcome, Refused, Unavailable

if TYPE_CHECKING:
    from shared.channels.http import Door
    from shared.channels.outcomes import Timeouts

_OFF = ("notenabled", "not enabled", "workflownotfound", "workflowdisabled")
"""Codes of a workflow that somebody switched off, or that stopped with its owner's account."""


def post(door: Door, url: str, body: bytes, timeouts: Timeouts) -> Outcome:
    """Post a message, with one request and no retry."""
    answer = answers.post(door, url, body, timeouts, {"Content-Type": "application/json"})
    if not isinstance(answer, HttpResponse):
        return answer
    made = answers.outcome(answer)
    if isinstance(made, (Refused, Unavailable)) and any(word in answer.text.lower() for word in _OFF):
        return Gone(made.reason)  # the workflow, not this card, is what has to be mended
    return made
