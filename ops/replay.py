"""Dead letters: events that Event Grid could not deliver, through the same intake again."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops import terminal
from ops.dead_letters import DeadLettersError, letters
from ops.webhook import REPORTS, endpoint, post
from shared.messages.phrases import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ops.dead_letters import DeadLetter

    Take = Callable[[DeadLetter], tuple[bool, str]]


def replay(
    source: Annotated[
        str, typer.Argument(metavar="CONTAINER_URL|FOLDER", help="Where the dead letters are.")
    ],
    to: Annotated[str, typer.Option(metavar="URL", help="A function app that takes them.")] = "",
    key_file: Annotated[
        str, typer.Option(metavar="FILE|-", help="The app's system key eventgrid_extension.")
    ] = "",
    *,
    only_list: Annotated[
        bool, typer.Option("--list", help="Show what is there, and why; send nothing.")
    ] = False,
    output: terminal.AsOutput = terminal.Output.TABLE,
    as_json: terminal.AsJson = False,
) -> None:
    """Replay dead letters through the intake.

    An app takes them, as Event Grid delivers; without --to, they are taken here, by the settings at hand, and
    delivery reports are left alone.

    A container is read with your own identity, such as that of `az login`, or with a SAS in its URL. What is
    known already is a duplicate, so that replaying twice does no harm; nothing is deleted. Exit code 1: some
    were not taken. 2: a dead letter cannot be read.
    """
    is_json = as_json or output is terminal.Output.JSON
    if is_json and not only_list:
        raise typer.BadParameter("only what --list shows is JSON", param_hint="--output")
    try:
        found = letters(source)
        if only_list:
            _show(found, is_json=is_json)
            return
        code = hand_over(found, _app(to, _key(key_file)) if to else _here())
    except (DeadLettersError, OSError, ValueError) as error:
        raise terminal.refused(error) from None
    if code:
        raise typer.Exit(code)


def hand_over(found: Iterable[DeadLetter], take: Take) -> int:
    """Hand over each event by itself, so that one that is not taken holds up no other."""
    outcomes: Counter[bool] = Counter()
    for letter in found:
        taken, words = take(letter)
        outcomes[taken] += 1
        print(_plain(f"{'taken' if taken else 'NOT TAKEN'}: {words}: {letter.place}"), flush=True)
    print(f"{counted(outcomes.total(), 'event')}: {outcomes[True]} taken, {outcomes[False]} not taken")
    return 1 if outcomes[False] else 0


def _show(found: Iterable[DeadLetter], *, is_json: bool) -> None:
    if is_json:
        terminal.print_json(
            [{"place": each.place, "about": _about(each), "reason": each.reason or None} for each in found]
        )
        return
    count = 0
    for letter in found:
        about = _about(letter) or "no event"
        print(_plain(f"{letter.place}: {about}: {letter.reason or 'no reason given'}"))
        count += 1
    print(counted(count, "event"))


def _about(letter: DeadLetter) -> str | None:
    event = letter.event if isinstance(letter.event, dict) else {}
    about = event.get("subject") or event.get("type") or event.get("eventType")
    return str(about) if about else None


def _app(url: str, key: str) -> Take:
    addresses = {True: endpoint(url, REPORTS), False: endpoint(url)}

    def take(letter: DeadLetter) -> tuple[bool, str]:
        answer = post(addresses[letter.is_report], letter.text, key)
        return answer.is_taken, " ".join(filter(None, [str(answer.status or ""), answer.why])) or "no answer"

    return take


def _here() -> Take:
    """Take them in this process, with the app's own settings."""
    from local.settings_file import settings_here
    from shared import app, settings
    from shared.store.table import TableUnavailable

    intake = app.build(settings.load(settings_here())).intake

    def take(letter: DeadLetter) -> tuple[bool, str]:
        try:
            decisions = intake.take(letter.text)
        except TableUnavailable as error:
            return False, str(error)
        return True, ", ".join(decision.value for decision in decisions)

    return take


def _key(file: str | None) -> str:
    if not file:
        return ""
    return (sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")).strip()


def _plain(text: str) -> str:
    """Keep what comes from outside on one line, and away from the terminal's controls."""
    return "".join(character if character.isprintable() else "?" for character in text)
