"""What an event would look like: who hears of it and why, and the mails, by the settings at hand.

Needs no storage and writes no row.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from local.gallery import SENDER, write, write_cards
from local.settings_file import settings_here
from ops import storage, surroundings, terminal, wire
from ops.route_explanation import as_object, explanation
from shared import ids, keys, routes, settings
from shared.addresses import bare
from shared.channels import registry
from shared.durations import duration
from shared.events.envelope import parse
from shared.events.model import Event, Ignored, Rejected
from shared.messages.branding import Branding
from shared.notices.kinds import Decision, Kind
from shared.notices.planning import plan
from shared.notices.records import Mail, MailItem, RejectedInput, StoredEvent
from shared.routes import RoutesError
from shared.setting_forms import addresses_or_none, host, sender
from shared.setting_reader import SettingReader, SettingsError
from testing.samples.mails import Story

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from shared.audience import Audience, Target
    from shared.events.model import DeliveredItem
    from shared.notices.records import Row
    from shared.routes import NoticePreview, Routes, Trace

OUT = Path("out/preview")
_NO_GAP = timedelta()


def preview(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="EVENT...", help="Files of events, in either schema; - for standard input."),
    ] = None,
    routes_file: Annotated[
        str, typer.Option("--routes", metavar="FILE", help="Routes of a file instead of the setting ROUTES.")
    ] = "",
    target: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Only for this audience; of a channel, such as teams, the JSON it sends."
        ),
    ] = "",
    history: Annotated[
        str,
        typer.Option(metavar="30d", help="With --routes: who of those that heard would hear more, who less."),
    ] = "",
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the mails go.")] = OUT,
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
    open_: Annotated[bool, typer.Option("--open", help="Open them in a browser.")] = False,
) -> None:
    """Show who would hear of events, and what, by your settings.

    The mails, as they would be, go to a folder. Exit code 0: somebody hears of every event, or is meant not
    to. 1: an event is unrouted or not handled. 2: an event, the settings or the routes cannot be read.
    """
    is_json = terminal.is_json(output, as_json=as_json)
    if bool(files) == bool(history) or (history and not routes_file):
        raise typer.BadParameter("give events, or --history with --routes", param_hint="EVENT")
    if history:
        _reroute(context, history, routes_file, (account, table), is_json=is_json)
        return
    environment, clock = settings_here(), surroundings.of(context).clock
    try:
        loaded = routes_of(environment, routes_file)
        found = [(file, item) for file in files or () for item in parse(terminal.read(file), clock.now())]
    except (SettingsError, RoutesError, ValueError) as error:
        raise terminal.refused(error) from None
    wanted = target.lower()
    names = [*loaded.audiences, *registry.CHANNELS]
    if wanted and wanted not in names:
        known = ", ".join(names)
        raise typer.BadParameter(f"{target!r} is unknown: expected one of {known}", param_hint="--target")
    is_channel = wanted in registry.CHANNELS and wanted not in loaded.audiences and not is_json
    told = _Told(loaded, "" if is_channel else wanted, clock.now())
    for file, item in found:
        told.take(file, item)
    if is_channel:
        messages = wire.sent(wanted, told.stories, _branding(environment, loaded)[0])
        terminal.print_json(messages[0] if len(messages) == 1 else messages)
        raise typer.Exit(told.worst)
    try:
        branding, from_ = _branding(environment, loaded)
        mails = [(story, audience) for story, audience, each in told.stories if each.key == ""]
        cards = [(story, audience, each) for story, audience, each in told.stories if each.key]
        gallery = write(mails, out, branding, from_) if told.stories else None
        written = write_cards(cards, out, branding)
    except (OSError, ValueError) as error:
        raise terminal.refused(error) from None
    paths = [str(path) for path in sorted(out.glob("*.eml"))] if mails else []
    if is_json:
        terminal.print_json(
            {
                "events": told.objects,
                "mails": paths,
                "cards": list(map(str, written)),
                "gallery": str(gallery) if mails else None,
            }
        )
    else:
        print("\n\n".join(told.words))
        print("\n".join(["", *paths, *map(str, written), *([f"All mails: {gallery}"] if mails else [])]))
    if open_ and gallery and mails:
        typer.launch(gallery.resolve().as_uri())
    raise typer.Exit(told.worst)


def routes_of(environment: Mapping[str, str], file: str = "") -> Routes:
    """Return the routes of a file, or of the settings. Raises SettingsError, RoutesError, ValueError."""
    defaults = settings.routing(SettingReader(environment))
    if file:
        return routes.load(terminal.read(file), defaults, Path(file).parent, registry.readers())
    said = environment.get("ROUTES", "")
    folder = routes.folder(said, settings.APP)
    return routes.load(routes.read(said, settings.APP), defaults, folder, registry.readers())


def _branding(environment: Mapping[str, str], loaded: Routes) -> tuple[Branding, str]:
    """Return what mails look like by the settings, and their sender. Raises SettingsError."""
    given = SettingReader(environment)
    from_ = given.get("EMAIL_FROM", sender, SENDER)
    branding = Branding(
        portal=given.get("PORTAL", host, "portal.azure.com"),
        domain=bare(from_).rpartition("@")[2],
        sender=bare(from_),
        only_to=given.get("EMAIL_ONLY_TO", addresses_or_none, ""),
        failures_file=given.text("FAILURES_FILE"),
        freezes=loaded.freezes,
    )
    return branding, from_


class _Told:
    """Takes events and gathers what would be said; those of one maintenance go on from each other."""

    def __init__(self, loaded: Routes, target: str, now: datetime) -> None:
        self.words: list[str] = []
        self.objects: list[dict[str, object]] = []
        self.stories: list[tuple[Story, Audience, Target]] = []
        self.worst = 0
        self._loaded = loaded
        self._target = target
        self._now = now
        self._history: dict[str, list[StoredEvent]] = {}

    def take(self, file: str, item: DeliveredItem) -> None:
        match item.reading:
            case Event() as event:
                trace = self._loaded.trace(event)
                self.words.append(explanation(event, trace))
                self.objects.append(as_object(event, trace))
                self.worst = max(self.worst, 0 if trace.routed else terminal.NO)
                self._tell(file, event, trace)
            case Ignored(reason):
                terminal.complain(f"{file}: none of ours: {reason}")
                self.worst = max(self.worst, terminal.NO)
            case Rejected(reason):
                terminal.complain(f"{file}: cannot be understood: {reason}")
                self.worst = max(self.worst, terminal.UNREADABLE)
                row = RejectedInput(keys.rejected(item.raw), reason, item.raw, self._now)
                default = next(iter(self._loaded.audiences.values()))
                self._add(Kind.REJECTED, "", [row], self._now, default)

    def _tell(self, file: str, event: Event, trace: Trace) -> None:
        history = self._history.setdefault(keys.event_id(event.event_id), [])
        planned = plan(event, history, leads=self._loaded.all_leads(), gap=_NO_GAP, now=event.time)
        if planned.key is None or planned.kind is None:
            terminal.complain(f"{file}: {planned.decision.value}, no mail")
            return
        history.append(StoredEvent(planned.key, event, Decision(planned.decision), planned.revision))
        for match in trace.matches:
            first = next(_wanted(planned.kind, match.previews), None)
            if first is None:
                continue
            as_of = event.time
            if first.kind is Kind.REMINDER and event.start:
                as_of = event.start - next(
                    lead.ahead for lead in match.audience.leads if lead.label == first.lead
                )
            self._add(first.kind, first.lead, history, as_of, match.audience)

    def _add(self, kind: Kind, lead: str, rows: Sequence[Row], as_of: datetime, audience: Audience) -> None:
        """Take in what one audience is told, on each of its targets that is asked for."""
        for target in audience.targets:
            is_asked_for = self._target in {"", audience.id, target.channel}
            if is_asked_for and (not target.kinds or kind in target.kinds):
                self.stories.append((_story(kind, lead, rows, as_of, audience, target), audience, target))


def _reroute(
    context: typer.Context, history: str, routes_file: str, place: tuple[str, str], *, is_json: bool
) -> None:
    """Print what other routes would have made of the events that are stored."""
    from ops import ledger
    from ops.rerouting import Rerouting

    try:
        since = surroundings.of(context).clock.now() - duration(history)
    except ValueError as error:
        raise typer.BadParameter(f"{history!r} {error}", param_hint="--history") from None
    environment = settings_here()
    with ledger.telling():
        now, then = routes_of(environment), routes_of(environment, routes_file)
    with ledger.opened(context, *place) as book:
        found = sorted(book.events(since), key=lambda received: received.at)
        compared = Rerouting((received.event.event for received in found), now, then)
    terminal.print_json(compared.as_object()) if is_json else print(compared.words())


def _wanted(kind: Kind, told: Sequence[NoticePreview]) -> Iterator[NoticePreview]:
    """Yield what an audience hears at once, or, where that is nothing, of a reminder."""
    yield from (one for one in told if one.wanted and one.kind is kind)
    yield from (one for one in told if one.wanted and one.kind is Kind.REMINDER)


def _story(  # noqa: PLR0917 - what one message is made of
    kind: Kind, lead: str, rows: Sequence[Row], as_of: datetime, audience: Audience, target: Target
) -> Story:
    member = MailItem(kind, rows[-1].key, tuple(row.key for row in rows), lead)
    operation = ids.operation_id([member.notice_id(audience.id, target.key)])
    mail = Mail(
        operation_id=operation, audience=audience.id, target=target.key, as_of=as_of, members=(member,)
    )
    return Story(kind.value, mail, {row.key: row for row in rows})
