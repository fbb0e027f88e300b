"""Rows that cannot be read, from a newer version or by hand, are set aside; everything else goes on."""

from __future__ import annotations

import json

import pytest

from shared.store.table import Operation, Verb
from testing.samples.payloads import event
from testing.world import NOW, World

TEAMS = ("t0", "t1", "t2")
ROUTES = json.dumps(
    {
        "audiences": [{"name": name, "to": f"{name}@example.com"} for name in TEAMS],
        "routes": [{"audiences": TEAMS}],
    }
)
WORK = "work:2026-11-20T09:00:00.000000Z:x"
NOTICE = {"kind": "notice", "what": "started", "of": "event:a:b", "audience": "t0", "lead": ""}
DUE = "2026-11-20T09:00:00Z"
MAIL = {
    "kind": "mail",
    "audience": "t0",
    "asOf": DUE,
    "members": '[["started", "event:a:b"]]',
    "token": "x",
    "attempts": 1,
    "turns": 0,
    "leased": True,
    "doubt": False,
    "refused": "",
}
LIMITS = {"EMAIL_PER_MINUTE": "30", "EMAIL_PER_HOUR": "100"}


@pytest.mark.slow
@pytest.mark.parametrize("status", ["Started", "Failed"])
@pytest.mark.parametrize("limits", [{}, LIMITS], ids=["free", "limited"])
@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("audience:t0", {"last": "yesterday"}),
        ("audience:t0", {"last": "2026-11-20T09:01:00"}),
        ("work:0", {"kind": "pause", "sends": '{"a": {"n": 1}}'}),
        ("work:0", {"kind": "pause", "until": "soon"}),
        ("work:0", {"kind": "pause", "reason": 7, "strikes": 1}),
        ("work:0", {"kind": "pause", "strikes": -1}),
        (WORK, NOTICE | {"lead": 24}),
        (WORK, NOTICE | {"lead": b"24h"}),
        (WORK, MAIL | {"turns": -1}),
        (WORK, MAIL | {"turns": "2"}),
        (WORK, MAIL | {"attempts": 1.5}),
        (WORK, {"kind": "spread", "received": DUE, "done": "all", "raw0": b""}),
        ("work:0:later:1", {"kind": "pause", "until": "soon"}),
        (WORK, {"kind": "summary"}),
        (WORK, NOTICE | {"what": "of a newer version"}),
        (WORK, NOTICE | {"of": "event:zz"}),
        (
            WORK,
            {
                "kind": "check",
                "what": "reminder",
                "of": "cluster",
                "lead": "24h",
                "due": "2026-11-20T09:00:00Z",
            },
        ),
        (WORK, {"kind": "mail", "audience": "t0"}),
        ("work:1:x", NOTICE),
    ],
)
def test_foreign_row(key: str, values: dict[str, object], limits: dict[str, str], status: str) -> None:
    """Whatever row cannot be read, every audience hears of the next event; work stays as it is."""
    world = World(ROUTES=ROUTES, STILL_RUNNING_AFTER="0s", GROUP_INTERVAL="1m", **limits)
    world.take(event("Started", NOW, name="first"))
    world.settle_down(3)
    world.mailer.arrived.clear()
    verb = Verb.MERGE if world.table.get(key) else Verb.INSERT
    world.table.commit([Operation(verb, key, values)])
    world.clock.forward(hours=1)
    assert world.take(event(status, world.clock.now(), name="second", cluster="second")) == "new"
    world.settle_down(10)
    told = [email.to[0] for _, email in world.mailer.arrived if "second" in email.text]
    assert sorted(told) == [f"{name}@example.com" for name in TEAMS]
    if key in {WORK, "work:1:x"}:
        assert key in world.table.keys("work:")


def test_foreign_rows_are_told_once_a_day() -> None:
    """The default audience hears once a day which rows cannot be read, by whichever instance."""
    world = World(STILL_RUNNING_AFTER="0s")
    world.table.commit([Operation(Verb.INSERT, WORK, {"kind": "summary"})])
    for hour in range(26):
        world.notifier.sweep()
        world.clock.forward(minutes=1)
        world.sweep(minutes=59)
        if hour == 3:
            world.notifier = world.instance()
    told = [email for _, email in world.mailer.arrived if "unreadable" in dict(email.headers)["X-AKS-Notice"]]
    assert len(told) == 2
    assert WORK in told[1].text
