"""What a kind of notice is."""

from __future__ import annotations

from shared.notices.kinds import ESSENTIAL, URGENT, Kind


def test_urgent() -> None:
    """What has failed, and what waits for somebody's yes, is urgent, and nobody's volume keeps it away."""
    failed = {kind for kind in Kind if kind.endswith("failed")} | {Kind.FAILED_STATE}
    assert failed | {Kind.GATE} == URGENT
    assert URGENT <= ESSENTIAL
