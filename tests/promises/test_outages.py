"""Outages: what is wrong with the sender, the account or the service pauses mail, and loses none of it."""

from __future__ import annotations

import pytest

from shared.channels.outcomes import Accepted, Outcome, Postponed, Refused, Throttled, Unavailable
from testing.samples.payloads import event
from testing.world import NOW, World

QUIET = {"NOT_STARTED_AFTER": "0s", "STILL_RUNNING_AFTER": "0s"}
BLOCKED = Unavailable("554 5.7.1 blocked", of_this_mail=Refused("554 5.7.1 blocked"))
ROUTES = """\
audiences:
  - {name: bad, to: bad@example.com}
routes:
  - {match: {cluster: "bad-*"}, audiences: bad}
  - {audiences: default}
"""


def _states(world: World) -> list[str]:
    return sorted(fate.state for fate in world.fates)


def test_refusal_of_all_mail_loses_none() -> None:
    """A relay that refuses all recipients by policy pauses mail; when it relents, all goes out, once."""
    world = World(**QUIET)
    world.mailer.script.extend([BLOCKED] * 1_000)
    for number in range(3):
        world.take(event("Failed", NOW, name=f"f{number}", cluster=f"c{number}"))
        world.take(event("Started", NOW, name=f"s{number}", cluster=f"c{number}"))
    for _ in range(24 * 6):
        world.sweep(minutes=10)
    assert _states(world) == []
    world.mailer.script.clear()
    for _ in range(24):
        world.sweep(minutes=10)
    assert set(_states(world)) == {"sent"}
    text = "".join(email.text for _, email in world.mailer.arrived)
    assert all(f"c{number}" in text for number in range(3))


@pytest.mark.parametrize("otherwise", [Refused("554 5.7.1 no"), Postponed("450 4.7.1 no")], ids=str)
def test_refusal_of_one_mail_keeps_no_other(otherwise: Refused | Postponed) -> None:
    """Where the relay takes another mail meanwhile, the refusal is this recipient's, and settles."""
    world = World(ROUTES=ROUTES, **QUIET)

    def answer(email: object, _: str) -> Outcome:
        if "bad@example.com" in email.to:  # type: ignore[attr-defined]
            return Unavailable(otherwise.reason, of_this_mail=otherwise)
        return Accepted()

    world.mailer.script.extend([answer] * 1_000)
    world.take(event("Failed", NOW, name="bad", cluster="bad-1"))
    for number in range(3):
        world.take(event("Failed", NOW, name=f"f{number}", cluster=f"c{number}"))
    world.settle_down(6)
    told = [email.to for _, email in world.mailer.arrived if "c0" in email.text]
    assert told
    if isinstance(otherwise, Refused):
        assert "failed" in _states(world)
        assert any("bad@example.com" in email.text for _, email in world.mailer.arrived)
    else:
        assert "failed" not in _states(world)


def test_refusal_of_one_event_costs_no_other() -> None:
    """A digest that is refused for what it tells of one event goes out in parts, once others are taken."""
    world = World(ROUTES=ROUTES, **QUIET)
    poison = Unavailable("554 5.7.1 filtered", of_this_mail=Refused("554 5.7.1 filtered"))

    def answer(email: object, _: str) -> Outcome:
        return poison if "poison" in email.text else Accepted()  # type: ignore[attr-defined]

    world.mailer.script.extend([answer] * 1_000)
    for name in ("bad-1", "bad-2", "bad-poison"):
        world.take(event("Started", NOW, name=name, cluster=name))
    world.sweep(minutes=1)
    world.take(event("Started", NOW, name="c", cluster="c"))
    for _ in range(60):
        world.sweep(minutes=1)
    text = " ".join(email.text for _, email in world.mailer.arrived if email.to == ("bad@example.com",))
    assert "bad-1" in text
    assert "bad-2" in text
    assert _states(world).count("failed") == 1


def test_slow_storage_gives_no_mail_up() -> None:
    """A mail whose events take longer to read than its lease would allow is sent all the same, once."""
    world = World(**QUIET)
    world.mailer.script.append(Throttled(60, "429"))
    world.take(event("Failed", NOW))

    def slow(first: str) -> None:
        if first.startswith("event:"):
            world.clock.forward(seconds=40)

    world.table.asked = slow
    world.settle_down(5)
    assert _states(world) == ["sent"]
    assert len(world.mailer.arrived) == 1
