"""Replay dead letters: events that Event Grid could not deliver, through the same intake again.

    python -m ops.replay CONTAINER_URL|FOLDER --to https://APP.azurewebsites.net --key-file FILE
    python -m ops.replay CONTAINER_URL|FOLDER --list
    python -m ops.replay CONTAINER_URL|FOLDER

With --to the app takes them, as it does Event Grid's deliveries; its system key eventgrid_extension comes
from --key-file (`-`: standard input). Without it they are taken here, with the settings of the environment
and of local.settings.json; reports of deliveries are left alone then. A container is read with your own
identity, such as that of `az login`, or with a SAS in its URL.

What is known already is a duplicate, so that replaying twice does no harm; nothing is deleted. Exit code 0:
all were taken. 1: some were not. 2: the settings or the command line are wrong, or a dead letter cannot be
read; the others were taken.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ops.dead_letters import DeadLettersError, letters
from ops.webhook import REPORTS, endpoint, post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ops.dead_letters import Letter

    Take = Callable[[Letter], tuple[bool, str]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for; give the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.replay", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="CONTAINER_URL|FOLDER", help="where the dead letters are")
    parser.add_argument("--to", metavar="URL", help="a function app that takes them")
    parser.add_argument(
        "--key-file", metavar="FILE", help="a file with the app's key, or - for standard input"
    )
    parser.add_argument("--list", action="store_true", help="show what is there, and why; send nothing")
    chosen = parser.parse_args(arguments)
    try:
        found = letters(chosen.source)
        if chosen.list:
            return _show(found)
        return replay(found, _app(chosen.to, _key(chosen.key_file)) if chosen.to else _here())
    except (DeadLettersError, OSError, ValueError) as error:
        print(f"ops.replay: {_plain(str(error))}", file=sys.stderr)
        return 2


def replay(found: Iterable[Letter], take: Take) -> int:
    """Hand over each event by itself, so that one that is not taken holds up no other."""
    outcomes: Counter[bool] = Counter()
    for letter in found:
        taken, words = take(letter)
        outcomes[taken] += 1
        print(_plain(f"{'taken' if taken else 'NOT TAKEN'}: {words}: {letter.place}"), flush=True)
    print(f"{outcomes.total()} events: {outcomes[True]} taken, {outcomes[False]} not taken")
    return 1 if outcomes[False] else 0


def _show(found: Iterable[Letter]) -> int:
    count = 0
    for letter in found:
        event = letter.event if isinstance(letter.event, dict) else {}
        about = event.get("subject") or event.get("type") or event.get("eventType") or "no event"
        print(_plain(f"{letter.place}: {about}: {letter.reason or 'no reason given'}"))
        count += 1
    print(f"{count} events")
    return 0


def _app(url: str, key: str) -> Take:
    addresses = {True: endpoint(url, REPORTS), False: endpoint(url)}

    def take(letter: Letter) -> tuple[bool, str]:
        answer = post(addresses[letter.is_report], letter.text, key)
        return answer.is_taken, " ".join(filter(None, [str(answer.status or ""), answer.why])) or "no answer"

    return take


def _here() -> Take:
    """Take them in this process, with the app's own settings."""
    from local.settings_file import SettingsFileError, apply_settings
    from shared import app, settings
    from shared.store.table import TableUnavailable

    environment = dict(os.environ)
    try:
        apply_settings(None, environment)
    except SettingsFileError as error:
        raise ValueError(str(error)) from None
    intake = app.build(settings.load(environment)).intake

    def take(letter: Letter) -> tuple[bool, str]:
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


if __name__ == "__main__":
    sys.exit(main())
