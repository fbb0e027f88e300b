"""Input that could not be understood: kept whole, told once a day, and acknowledged."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shared import keys
from shared.audience import default_notice
from shared.decision_log import log_decision
from shared.events.envelope import named
from shared.notices.kinds import Decision, Kind
from shared.notices.records import RejectedInput

if TYPE_CHECKING:
    from datetime import datetime

    from shared.store.protocol import Store


def reject(store: Store, raw: str, reason: str, now: datetime) -> Decision:
    """Keep input with the reason why, and return whether it is new. Raises TableUnavailable.

    It is known again by what its envelope calls it: Event Grid's extensions rewrite dates on the way, so that
    the same input comes in more than one spelling. Input without such a name is known by its bytes.
    """
    rejected = RejectedInput(keys.rejected(named(raw) or raw), reason, raw, now)
    new = store.reject(rejected, default_notice(Kind.REJECTED, rejected.key))
    decision = Decision.REJECTED if new else Decision.DUPLICATE
    log_decision(decision, rejected.key, level=logging.ERROR, why=reason, size=len(raw))
    return decision
