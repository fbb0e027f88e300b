"""Routes: who would hear of an event and why, and whether a file of routes is right.

    python -m ops.routes EVENT.json... [--routes FILE]
    python -m ops.routes --check [FILE]

EVENT.json is what Event Grid delivers: one event or an array, in either schema; `-` is standard input.
Without FILE the routes are those of the setting ROUTES. Settings (ROUTES, EMAIL_TO, TIME_ZONE,
REMINDER_LEADS and so on) come from the environment and, where it lacks them, from local.settings.json.

Exit code 0: somebody hears of every event, or is meant not to; with --check, the routes are right. 1: an
event is unrouted or none of ours; with --check, the routes are wrong. 2: an event, the settings or the routes
to ask about cannot be read, or the command line is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local.settings_file import apply_settings
from ops.hearing import explanation, summary
from shared import routes, settings
from shared.channels import registry
from shared.clock import SystemClock
from shared.events.envelope import parse
from shared.events.model import Event, Ignored, Rejected
from shared.routes import RoutesError
from shared.setting_reader import SettingReader, SettingsError
from shared.text import line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shared.routes import Routes

FINDING = 1
UNREADABLE = 2
"""Exit codes; the second is argparse's own for a wrong command line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for; give the exit code."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    checks = chosen.check is not None
    if checks == bool(chosen.event) or (checks and chosen.routes):
        parser.error("give either events, with --routes FILE if need be, or --check")
    try:
        environment = dict(os.environ)
        apply_settings(None, environment)
        defaults = settings.routing(SettingReader(environment))
        text = _routes(chosen.check or chosen.routes, environment)
    except (SettingsError, RoutesError, OSError, ValueError) as error:
        return _complain(error, UNREADABLE)
    try:
        loaded = routes.load(
            text, defaults, _folder(chosen.check or chosen.routes, environment), registry.readers()
        )
    except RoutesError as error:
        return _complain(error, FINDING if checks else UNREADABLE)
    if checks:
        print(summary(loaded, defaults))
        return 0
    return _tell(chosen.event, loaded)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ops.routes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("event", nargs="*", help="a file with events, or - for standard input")
    parser.add_argument("--routes", metavar="FILE", help="a file of routes instead of the setting ROUTES")
    parser.add_argument(
        "--check", nargs="?", const="", metavar="FILE", help="validate FILE, or the setting ROUTES"
    )
    return parser


def _routes(file: str, environment: Mapping[str, str]) -> str:
    if file:
        return _text(file)
    return routes.read(environment.get("ROUTES", ""), Path())


def _folder(file: str, environment: Mapping[str, str]) -> Path:
    """Return the folder that files named in the routes are relative to."""
    return Path(file).parent if file else routes.folder(environment.get("ROUTES", ""), Path())


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{file} cannot be read: it is not UTF-8 text.") from None
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}.") from None


def _complain(error: Exception | str, code: int) -> int:
    print(line(str(error)), file=sys.stderr)
    return code


def _tell(files: Iterable[str], loaded: Routes) -> int:
    worst = 0
    for file in files:
        try:
            items = parse(_text(file), SystemClock().now())
        except ValueError as error:
            return _complain(error, UNREADABLE)
        for item in items:
            match item.reading:
                case Event() as event:
                    trace = loaded.trace(event)
                    print(explanation(event, trace), end="\n\n")
                    worst = max(worst, 0 if trace.routed else FINDING)
                case Ignored(reason):
                    worst = max(worst, _complain(f"{file}: none of ours: {reason}", FINDING))
                case Rejected(reason):
                    worst = max(worst, _complain(f"{file}: cannot be understood: {reason}", UNREADABLE))
    return worst


if __name__ == "__main__":
    sys.exit(main())
