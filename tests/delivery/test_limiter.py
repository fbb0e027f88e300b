"""Pace: with the mail service's limits known, nothing is sent that it would refuse, by any instance."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shared.channels.email.services import MANAGED_DOMAIN, OWN_DOMAIN
from shared.channels.outcomes import Accepted, Throttled
from shared.delivery import limiter
from testing.samples.payloads import event
from testing.world import NOW, World

if TYPE_CHECKING:
    from datetime import datetime

    from shared.channels.email.email import Email
    from shared.channels.limits import Limits
    from shared.channels.outcomes import Outcome

SERVICE = {
    "EMAIL_FOLDER": "",
    "EMAIL_CONNECTION_STRING": "endpoint=https://name.communication.azure.com/;accesskey=a2V5",
}


class Quota:
    """A mail service's own count, in exact rolling windows, of all requests."""

    def __init__(self, world: World, limits: Limits) -> None:
        self._clock = world.clock
        self._limits = limits
        self.requests: list[datetime] = []
        self.refused = 0

    def __call__(self, email: Email, operation_id: str) -> Outcome:
        """Answer one request."""
        now = self._clock.now()
        self.requests.append(now)
        for span, limit in ((60, self._limits.per_minute), (3_600, self._limits.per_hour)):
            if sum(now - time < timedelta(seconds=span) for time in self.requests) > limit:
                self.refused += 1
                return Throttled(60, "TooManyRequests")
        return Accepted()


@pytest.mark.slow
@pytest.mark.parametrize("instances", [1, 3])
@pytest.mark.parametrize("limits", [OWN_DOMAIN, MANAGED_DOMAIN])
def test_no_request_is_refused(limits: Limits, instances: int) -> None:
    """However many failures come to however many instances, no request goes over a limit, and all is told."""
    sender = "aks@x.azurecomm.net" if limits == MANAGED_DOMAIN else "aks@example.com"
    world = World(**SERVICE, EMAIL_FROM=sender, GROUP_INTERVAL="1m")
    quota = Quota(world, limits)
    world.mailer.script.extend([quota] * 10_000)
    notifiers = [world.instance() for _ in range(instances)]
    for minute in range(150):
        for number, notifier in enumerate(notifiers):
            if minute < 90:
                name = f"{minute} {number}"
                notifier.intake.take(event("Failed", world.clock.now(), name=name))
                notifier.intake.take(event("Started", world.clock.now(), name=f"started {name}"))
            notifier.delivery.sweep()
        world.clock.forward(minutes=1)
    assert quota.refused == 0
    told = "".join(email.text for _, email in world.mailer.arrived)
    assert len(world.table.keys("event:")) == 180 * instances
    assert [
        row.key for row in world.table.query("work:1", "work;").rows if row.values["kind"] != "check"
    ] == []
    assert told


def test_failures_keep_a_reserve() -> None:
    """What is not urgent leaves room: after a storm of news a failure still goes out at once."""
    world = World(**SERVICE, GROUP_WAIT="0s")
    quota = Quota(world, OWN_DOMAIN)
    world.mailer.script.extend([quota] * 1_000)
    for number in range(200):
        world.take(event("Started", NOW, name=str(number)))
    world.settle_down(30)
    before = len(world.mailer.arrived)
    assert before == 60
    world.take(event("Failed", world.clock.now(), name="failed"))
    assert len(world.mailer.arrived) == before + 1
    assert quota.refused == 0


def test_counting_costs_no_round_trip() -> None:
    """Counting a send against the limits costs no round trip of its own."""
    world = World(**SERVICE)
    world.sweep(seconds=1)
    world.table.trips.clear()
    world.take(event("Failed", NOW))
    assert world.table.trips == {"query": 1, "commit": 2}


def test_stretched_interval_keeps_all_audiences_inside_the_limits() -> None:
    """The interval between grouped mails grows with the number of audiences, so that together they fit."""
    five = timedelta(minutes=5)
    assert limiter.stretched(five, 1, OWN_DOMAIN) == five
    assert limiter.stretched(five, 30, OWN_DOMAIN) == timedelta(minutes=30)
    assert limiter.stretched(five, 3, MANAGED_DOMAIN) == timedelta(minutes=30)
    assert limiter.stretched(five, 90, None) == five


def test_what_is_counted_is_forgotten_after_an_hour() -> None:
    """The count holds an hour of sends, and never grows beyond it."""
    sends: dict[int, int] = {}
    for second in range(0, 20_000, 10):
        sends = limiter.counted(sends, NOW + timedelta(seconds=second))
    assert len(sends) <= limiter.HOUR_SECONDS // limiter.BUCKET_SECONDS + 2
