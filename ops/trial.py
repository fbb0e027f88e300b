"""A test notice, by all targets of an audience: what each service says to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import msgspec
import typer

from local.settings_file import SettingsFileError, settings_here
from ops import surroundings, terminal
from shared import settings
from shared.app import open_channels
from shared.audience import EMAIL_CHANNEL
from shared.channels.channel import Drafting
from shared.channels.outcomes import Accepted, Outcome, Timeouts
from shared.events.model import Cluster, Event, Status
from shared.notices.kinds import Kind
from shared.notices.records import Mail, MailItem, StoredEvent
from shared.setting_reader import SettingsError
from shared.text import line

if TYPE_CHECKING:
    from datetime import datetime

    from shared.audience import Audience, Target
    from shared.channels.channel import Channel

TIMEOUTS = Timeouts(5, 30)
_WORDS = (
    "This is a test of AKS Maintenance Notifier, sent by hand. Nothing is the matter, nothing is to be done."
)
_NAME = "this-is-a-test"
_TAKEN = Accepted.__name__.lower()


def trial(
    context: typer.Context,
    audience: Annotated[str, typer.Argument(metavar="AUDIENCE", help="Its name in the routes, or default.")],
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """Send a test notice by each target of an audience.

    And say what each service answers. PagerDuty opens an alert, and resolves it again. Exit code 0: all took
    it. 1: one did not. 2: the settings or the audience cannot be used.
    """
    try:
        config = settings.load(settings_here())
    except (SettingsError, SettingsFileError) as error:
        raise terminal.refused(error) from None
    found = config.routes.audiences.get(audience.lower())
    if found is None:
        known = ", ".join(config.routes.audiences)
        raise terminal.refused(f"{audience!r} is no audience: expected one of {known}.")
    if not found.targets:
        raise terminal.refused(f"{audience!r} has no target.")
    now = surroundings.of(context).clock.now()
    channels = open_channels(config)
    wants_json = terminal.is_json(output, as_json=as_json)
    told = []
    for target in found.targets:
        told.append(_told(target, _send(channels[target.key], target, found, now)))
        if not wants_json:
            print(_line(told[-1]), flush=True)
    untold = [target.label for target in found.untold]
    if wants_json:
        terminal.print_json({"audience": found.id, "targets": told, "untold": untold})
    elif untold:
        print(f"Shadow mode: {', '.join(untold)} are not told.")
    raise typer.Exit(0 if all(one["taken"] for one in told) else terminal.NO)


def _told(target: Target, outcomes: list[Outcome]) -> dict[str, Any]:
    """Return what a service said to what it was sent."""
    return {
        "target": target.label,
        "channel": target.channel or EMAIL_CHANNEL,
        "taken": all(isinstance(outcome, Accepted) for outcome in outcomes),
        "outcomes": [type(outcome).__name__.lower() for outcome in outcomes],
        "answers": [
            line(outcome.said if isinstance(outcome, Accepted) else outcome.reason) for outcome in outcomes
        ],
    }


def _line(told: dict[str, Any]) -> str:
    failures = ", ".join(dict.fromkeys(one for one in told["outcomes"] if one != _TAKEN))
    word = "taken" if told["taken"] else f"not taken ({failures})"
    return line(": ".join(filter(None, (told["target"], word, "; ".join(filter(None, told["answers"]))))))


def _send(channel: Channel, target: Target, audience: Audience, now: datetime) -> list[Outcome]:
    """Send a test to a target; to one that opens alerts, also what closes it again."""
    is_pager = target.channel == "pagerduty"
    event = Event(
        event_id=str(uuid4()),
        status=Status.FAILED if is_pager else "Test",
        subject=Cluster("00000000-0000-0000-0000-000000000000", _NAME, _NAME),
        time=now,
        updated=now,
        description=_WORDS,
        details=_WORDS,
    )
    kinds = (Kind.FAILED, Kind.COMPLETED) if is_pager else (Kind.NEWS,)
    rows: dict[str, StoredEvent] = {}
    outcomes: list[Outcome] = []
    for kind in kinds:
        status = Status.COMPLETED if kind is Kind.COMPLETED else event.status
        told = msgspec.structs.replace(event, status=status)
        rows[told.row_key()] = StoredEvent(told.row_key(), told)
        mail = Mail(
            operation_id=str(uuid4()),
            audience=audience.id,
            target=target.key,
            as_of=now,
            members=(MailItem(kind, told.row_key(), tuple(rows)),),
        )
        outcomes.append(_hand_over(channel, mail, rows, audience))
    return outcomes


def _hand_over(channel: Channel, mail: Mail, rows: dict[str, StoredEvent], audience: Audience) -> Outcome:
    message = channel.compose(mail, rows, audience)
    if not isinstance(channel, Drafting):
        return channel.send(message, mail.operation_id, TIMEOUTS)
    draft = channel.draft(message, mail.operation_id, TIMEOUTS)
    return channel.send_draft(draft, TIMEOUTS) if isinstance(draft, str) else draft
