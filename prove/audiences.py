"""Who hears in a run, and where: audiences, their targets, and what the channels do about a repeat."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from shared import keys
from shared.audience import DEFAULT_AUDIENCE
from shared.channels.channel import Temper
from testing.mail_endpoint import OperationIdMode
from testing.services import slack, webhook

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

PLATFORM = DEFAULT_AUDIENCE
"""The audience that hears of all clusters, by mail; others hear of one in three, each."""

TEAMS = ("team-0", "team-1")

CHANNELS = {
    "webhook": Temper.COLLAPSES,
    "pagerduty": Temper.COLLAPSES,
    "teams": Temper.BLIND,
    "slack": Temper.BLIND,
}


class MailWay(StrEnum):
    """How mail leaves in a run."""

    HONOURS = "Communication Services, which honours operation ids"
    IGNORES = "Communication Services, which ignores operation ids"
    DRAFTS = "Graph, by drafts"
    MAILBOX = "Graph, by sendMail"
    RELAY = "SMTP"

    @property
    def temper(self) -> Temper:
        """What the way of mail does about a repeat."""
        return Temper.BLIND if self in {MailWay.MAILBOX, MailWay.RELAY} else Temper.ASKABLE

    @property
    def keeps_operations(self) -> bool:
        """Whether what became of an operation can be asked by its id."""
        return self in {MailWay.HONOURS, MailWay.IGNORES}

    @property
    def of_endpoint(self) -> OperationIdMode:
        """What the stand-in of Communication Services does, where it is asked."""
        return OperationIdMode.IGNORES if self is MailWay.IGNORES else OperationIdMode.HONOURS


class Place(msgspec.Struct, frozen=True):
    """Where an audience is told beside its mail."""

    audience: str
    channel: str

    @property
    def secret(self) -> str:
        """The setting that holds the address or the key."""
        return f"{self.channel}_{self.audience}".upper().replace("-", "_")

    @property
    def said(self) -> str:
        """What the routes say of it, by which the app names it."""
        number = TEAMS.index(self.audience)
        return f"C000000000{number}" if self.channel == "slack" else f"${self.secret}"

    @property
    def integration(self) -> str:
        """The key of an integration of PagerDuty."""
        return f"{TEAMS.index(self.audience)}" * 32

    @property
    def key(self) -> str:
        """The name of the target in rows."""
        return keys.target(self.channel, self.said)

    @property
    def temper(self) -> Temper:
        """What the channel does about a repeat."""
        return CHANNELS[self.channel]

    def target(self) -> Any:
        """Return what the routes say."""
        match self.channel:
            case "webhook":
                return {"url": self.said, "secret": "$HOOK_SECRET"}
            case "slack":
                return {"channel": self.said, "token": "$SLACK_TOKEN"}
            case _:
                return self.said

    def value(self, services: str) -> str:
        """Return the value of its setting, where the services are at an address."""
        match self.channel:
            case "webhook":
                return f"{services}/hooks/{self.audience}"
            case "teams":
                return f"{services}/workflows/{self.audience}/triggers/manual/paths/invoke?sig=secret"
            case _:
                return self.integration


def places(random: Random) -> tuple[Place, ...]:
    """Return where the teams of a run are told beside their mails: each at one or two places."""
    return tuple(
        Place(team, channel)
        for team in TEAMS
        for channel in sorted(random.sample(sorted(CHANNELS), random.choice((1, 2))))
    )


def audiences(cluster: str) -> tuple[str, ...]:
    """Return the audiences that hear of a cluster."""
    return (PLATFORM, *(team for team in TEAMS if team in cluster))


def settings(at: Iterable[Place], services: str) -> dict[str, str]:
    """Return the settings of the channels, for an instance that reaches all services at one address."""
    return {
        **{place.secret: place.value(services) for place in at if place.channel != "slack"},
        "HOOK_SECRET": webhook.SECRET,
        "SLACK_TOKEN": slack.TOKEN,
        "SLACK_ENDPOINT": f"{services}/api",
        "PAGERDUTY_ENDPOINT": services,
    }


def routes(at: Iterable[Place] = ()) -> str:
    """Write the routes: JSON is YAML."""
    platform = {"match": {"cluster": "*"}, "audiences": [PLATFORM], "continue": "true"}
    # A gate is of no cluster: there the name of the run says whose it is.
    own = [
        {"match": {field: f"*-{team}-*"}, "audiences": [team]}
        for team in TEAMS
        for field in ("cluster", "run")
    ]
    said: dict[str, dict[str, Any]] = {name: {"name": name, "to": f"{name}@example.com"} for name in TEAMS}
    for place in at:
        said[place.audience][place.channel] = place.target()
    return msgspec.json.encode({"audiences": list(said.values()), "routes": [platform, *own]}).decode()
