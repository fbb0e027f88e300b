"""What an event would look like: who hears of it and why, and the mails, by the settings at hand.

Needs no storage and writes no row.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from local.gallery import SENDER, write
from local.settings_file import settings_here
from ops import surroundings, terminal, wire
from ops.hearing import as_object, explanation
from shared import ids, keys, routes, settings
from shared.addresses import bare
from shared.channels import registry
from shared.channels.email.compose import Branding
from shared.events.envelope import parse
from shared.events.model import Event, Ignored, Rejected
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

    from shared.audience import Audience
    from shared.events.model import Item
    from shared.notices.records import Row
    from shared.routes import NoticePreview, Routes, Trace

OUT = Path("out/preview")
_NO_GAP = timedelta()


def preview(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(metavar="EVENT...", help="Files of events, in either schema; - for standard input."),
    ],
    routes_file: Annotated[
        str, typer.Option("--routes", metavar="FILE", help="Routes of a file instead of the setting ROUTES.")
    ] = "",
    target: Annotated[
        str,
        typer.Option(
            metavar="AUDIENCE|CHANNEL",
            help="Only what this audience would get; or the JSON that a channel such as teams would send.",
        ),
    ] = "",
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the mails go.")] = OUT,
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
    open_: Annotated[bool, typer.Option("--open", help="Open them in a browser.")] = False,
) -> None:
    """Show who would hear of events, and what, by your settings.

    The mails, as they would be, go to a folder. Exit code 0: somebody hears of every event, or is meant not
    to. 1: an event is unrouted or none of ours. 2: an event, the settings or the routes cannot be read.
    """
    environment = settings_here()
    try:
        loaded = routes_of(environment, routes_file)
        found = [
            (file, item) for file in files for item in parse(read(file), surroundings.of(context).clock.now())
        ]
    except (SettingsError, RoutesError, ValueError) as error:
        raise terminal.refused(error) from None
    is_channel = target in registry.CHANNELS and target not in loaded.audiences
    if target and not is_channel and target not in loaded.audiences:
        known = ", ".join((*loaded.audiences, *registry.CHANNELS))
        raise typer.BadParameter(
            f"{target!r} is no audience and no channel: expected one of {known}", param_hint="--target"
        )
    told = _Told(loaded, "" if is_channel else target, surroundings.of(context).clock.now())
    for file, item in found:
        told.take(file, item)
    if is_channel:
        messages = wire.sent(target, told.stories, _look(environment, loaded)[0])
        if messages:
            terminal.print_json(messages[0] if len(messages) == 1 else messages)
        raise typer.Exit(told.worst)
    try:
        gallery = write(told.stories, out, *_look(environment, loaded)) if told.stories else None
    except (OSError, ValueError) as error:
        raise terminal.refused(error) from None
    if as_json or output is terminal.Output.JSON:
        mails = [str(path) for path in sorted(out.glob("*.eml"))] if gallery else []
        terminal.print_json(
            {"events": told.objects, "mails": mails, "gallery": str(gallery) if gallery else None}
        )
    else:
        print("\n\n".join([*told.words, *([f"{len(told.stories)} mails: {gallery}"] if gallery else [])]))
    if open_ and gallery:
        typer.launch(gallery.resolve().as_uri())
    raise typer.Exit(told.worst)


def routes_of(environment: Mapping[str, str], file: str = "") -> Routes:
    """Return the routes of a file, or of the settings. Raises SettingsError, RoutesError, ValueError."""
    defaults = settings.routing(SettingReader(environment))
    if file:
        return routes.load(read(file), defaults, Path(file).parent, registry.readers())
    said = environment.get("ROUTES", "")
    folder = routes.folder(said, settings.APP)
    return routes.load(routes.read(said, settings.APP), defaults, folder, registry.readers())


def _look(environment: Mapping[str, str], loaded: Routes) -> tuple[Branding, str]:
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


def read(file: str) -> str:
    """Return the text of a file, or of standard input. Raises ValueError with a sentence."""
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{file} cannot be read: it is not UTF-8 text.") from None
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}.") from None


class _Told:
    """Takes events and gathers what would be said; those of one maintenance go on from each other."""

    def __init__(self, loaded: Routes, target: str, now: datetime) -> None:
        self.words: list[str] = []
        self.objects: list[dict[str, object]] = []
        self.stories: list[tuple[Story, Audience]] = []
        self.worst = 0
        self._loaded = loaded
        self._target = target
        self._now = now
        self._history: dict[str, list[StoredEvent]] = {}

    def take(self, file: str, item: Item) -> None:
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
                if self._target in {"", default.id}:
                    self.stories.append((_story(Kind.REJECTED, "", [row], self._now, default), default))

    def _tell(self, file: str, event: Event, trace: Trace) -> None:
        history = self._history.setdefault(keys.event_id(event.event_id), [])
        planned = plan(event, history, leads=self._loaded.all_leads(), gap=_NO_GAP, now=event.time)
        if planned.key is None or planned.kind is None:
            terminal.complain(f"{file}: {planned.decision.value}, no mail")
            return
        history.append(StoredEvent(planned.key, event, Decision(planned.decision), planned.revision))
        for hearing in trace.hearings:
            first = next(_wanted(planned.kind, hearing.told), None)
            if first is None or self._target not in {"", hearing.audience.id}:
                continue
            as_of = event.time
            if first.kind is Kind.REMINDER and event.start:
                as_of = event.start - next(
                    lead.ahead for lead in hearing.audience.leads if lead.label == first.lead
                )
            story = _story(first.kind, first.lead, history, as_of, hearing.audience)
            self.stories.append((story, hearing.audience))


def _wanted(kind: Kind, told: Sequence[NoticePreview]) -> Iterator[NoticePreview]:
    """Yield what an audience hears at once, or, where that is nothing, of a reminder."""
    yield from (one for one in told if one.wanted and one.kind is kind)
    yield from (one for one in told if one.wanted and one.kind is Kind.REMINDER)


def _story(kind: Kind, lead: str, rows: Sequence[Row], as_of: datetime, audience: Audience) -> Story:
    member = MailItem(kind, rows[-1].key, tuple(row.key for row in rows), lead)
    operation = ids.operation_id([member.notice_id(audience.id)])
    mail = Mail(operation_id=operation, audience=audience.id, as_of=as_of, members=(member,))
    return Story(kind.value, mail, {row.key: row for row in rows})
