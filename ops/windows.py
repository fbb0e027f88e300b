"""Maintenance windows: when they come, and what AKS advises against.

    python -m ops.windows next FILE [--after TIME] [--count N] [--time-zone ZONE] [--json | --ics]
    python -m ops.windows lint FILE|SUBSCRIPTION... [--json] [--strict] [--portal HOST]

FILE is JSON, `-` is standard input: maintenance configurations as `az aks maintenanceconfiguration show` and
`list` print them or as Azure Resource Manager returns them, or clusters as `az aks show` and `list` print
them, with `maintenanceConfigurations` attached.

SUBSCRIPTION is the id of a subscription (a GUID): its clusters are read from Azure Resource Manager as
whoever `az` is logged in as; the role Reader is enough. In a sovereign cloud --portal tells which, such as
portal.azure.us.

Exit code 0: done, and lint found no error. 1: lint found an error, or, with --strict, a warning. 2: the input
cannot be read, or the command line is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ops import coming, subscriptions
from ops.linting import lint, reading, report
from shared.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ops.linting.listing import ListedCluster
    from shared.sources.arm import Arm

UNREADABLE = 2
"""The exit code of input that cannot be read; argparse's own for a wrong command line."""


class UnreadableError(ValueError):
    """A source cannot be read. The message names it and says why."""


def main(
    arguments: Sequence[str] | None = None, open_arm: Callable[[str], Arm] = subscriptions.open_arm
) -> int:
    """Do what the command line asks for; give the exit code. `open_arm` opens ARM of a portal's cloud."""
    chosen = _parser().parse_args(arguments)
    chosen.open_arm = open_arm
    try:
        code: int = chosen.run(chosen)
    except UnreadableError as error:
        print(error, file=sys.stderr)
        return UNREADABLE
    return code


def _next(chosen: argparse.Namespace) -> int:
    clusters = _read(chosen.source)
    for malformed in (malformed for listed in clusters for malformed in listed.malformed):
        name = f"{malformed.name}: " if malformed.name else ""
        raise UnreadableError(f"{chosen.source}: {name}{malformed.error}")
    windows = list(islice(coming.coming(clusters, chosen.after), chosen.count))
    if chosen.json:
        print(coming.as_json(windows))
    elif chosen.ics:
        sys.stdout.buffer.write(coming.as_calendar(windows))
    else:
        print(coming.as_text(windows, chosen.after, chosen.time_zone))
    return 0


def _lint(chosen: argparse.Namespace) -> int:
    findings = lint(reading.join([_listed(source, chosen) for source in chosen.source]), chosen.at)
    print(report.as_json(findings) if chosen.json else report.as_text(findings))
    return report.exit_code(findings, strict=chosen.strict)


def _listed(word: str, chosen: argparse.Namespace) -> list[ListedCluster]:
    """Read what a word of the command line stands for: a subscription, unless there is such a file."""
    subscription = subscriptions.named(word)
    if not subscription or Path(word).is_file():
        return _read(word)
    from shared.sources.arm import ArmError

    try:
        return subscriptions.fetch(subscription, lambda: chosen.open_arm(chosen.portal))
    except (ArmError, reading.ListingError) as error:
        raise UnreadableError(f"subscription {subscription}: {error}") from None


def _read(source: str) -> list[ListedCluster]:
    """Read what a word on the command line stands for: a file, or standard input."""
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return reading.read(json.loads(data.decode("utf-8-sig")))
    except OSError as error:
        why = str(error.strerror or error)
        if subscriptions.named(source):
            why = "expected a file with clusters or maintenance configurations, not a subscription"
        raise UnreadableError(f"{source}: {why}") from None
    except (ValueError, RecursionError) as error:
        kind = "" if isinstance(error, reading.ListingError) else "not JSON: "
        raise UnreadableError(f"{source}: {kind}{error}") from None


def _parser() -> argparse.ArgumentParser:
    about = __doc__ or ""
    parser = argparse.ArgumentParser(
        prog="python -m ops.windows",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    now = SystemClock().now()

    next_ = commands.add_parser("next", help="the windows to come, a running one first")
    next_.add_argument("source", metavar="FILE", help="JSON; - is standard input")
    next_.add_argument("--after", type=_time, default=now, metavar="TIME", help="ISO 8601, default now")
    next_.add_argument("--count", type=_count, default=10, metavar="N", help="so many in all (default 10)")
    next_.add_argument("--time-zone", type=_zone, metavar="ZONE", help="an IANA name, shown beside UTC")
    form = next_.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as an array, in UTC")
    form.add_argument("--ics", action="store_true", help="as a calendar")
    next_.set_defaults(run=_next)

    lint_ = commands.add_parser("lint", help="what AKS advises against")
    lint_.add_argument(
        "source", nargs="+", metavar="FILE|SUBSCRIPTION", help="JSON, - for standard input; or a subscription"
    )
    lint_.add_argument(
        "--portal", default="portal.azure.com", metavar="HOST", help="the portal of the subscriptions' cloud"
    )
    lint_.add_argument(
        "--at", type=_time, default=now, metavar="TIME", help="as things are then (default now)"
    )
    lint_.add_argument("--json", action="store_true", help="as an array of findings")
    lint_.add_argument("--strict", action="store_true", help="exit with 1 on warnings, too")
    lint_.set_defaults(run=_lint)
    return parser


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text.strip().upper())
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 2026-11-27T01:00Z") from None


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of windows")
    return int(text)


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (OSError, ValueError, KeyError):
        raise argparse.ArgumentTypeError(f"{text!r} is not an IANA time zone such as Europe/Berlin") from None


if __name__ == "__main__":
    raise SystemExit(main())
