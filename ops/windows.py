"""Maintenance windows: when they come, what AKS refuses, ignores or advises against, and how to freeze them.

FILE is JSON, `-` is standard input: maintenance configurations as `az aks maintenanceconfiguration show` and
`list` print them or as Azure Resource Manager returns them; clusters as `az aks show` and `list` print them,
with `maintenanceConfigurations` attached; shared windows as `az aks maintenancewindow list` prints them; a
Terraform plan (`terraform show -json`); an ARM template, or Bicep built into one.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from local.settings_file import SettingsFileError, settings_here
from ops import freezing, subscriptions, surroundings, terminal, upcoming_windows
from ops.linting import baseline, joining, lint, parsing, reading, report
from shared import routes
from shared.routes import freezes
from shared.routes import parsing as routes_parsing
from shared.setting_reader import SettingsError
from shared.settings import APP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ops.linting.model import Listing
    from shared.routes.freezes import Freeze
    from shared.sources.arm import Arm

app = typer.Typer(
    help="Maintenance windows to come, and what keeps a freeze.",
    no_args_is_help=True,
    add_completion=False,
)


class UnreadableError(ValueError):
    """A source cannot be read. The message names it and says why."""


class Windows(StrEnum):
    """How windows are written."""

    TABLE = "table"
    JSON = "json"
    ICS = "ics"


class Findings(StrEnum):
    """How findings are written."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (OSError, ValueError, KeyError):
        raise typer.BadParameter(f"{text!r} is not an IANA time zone such as Europe/Berlin") from None


_TimeZone = Annotated[
    ZoneInfo | None,
    typer.Option(parser=_zone, metavar="ZONE", help="An IANA name (default: TIME_ZONE, where that is set)"),
]
_At = Annotated[
    datetime | None, typer.Option(parser=terminal.moment, metavar="TIME", help="ISO 8601 (default: now)")
]
_Portal = Annotated[str, typer.Option(metavar="HOST", help="The portal of the subscriptions' cloud")]


@app.command("next")
def next_(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FILE", help="JSON; - is standard input.")],
    after: _At = None,
    count: Annotated[int, typer.Option(min=1, metavar="N", help="So many in all.")] = 10,
    time_zone: _TimeZone = None,
    output: Annotated[Windows, typer.Option("--output", help="How they are written.")] = Windows.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """Print the windows to come, a running one first.

    FILE holds configurations or clusters as `az` prints them, a Terraform plan, or an ARM template.
    """
    after = after or surroundings.of(context).clock.now()
    with _Complaining():
        listing = _read(source)
        _name_unread(listing, source)
        windows = list(islice(upcoming_windows.upcoming(listing, after), count))
        if as_json or output is Windows.JSON:
            print(upcoming_windows.as_json(windows))
        elif output is Windows.ICS:
            sys.stdout.buffer.write(upcoming_windows.as_calendar(windows))
        else:
            zone = time_zone or _setting_zone(settings_here())
            print(upcoming_windows.as_text(windows, after, zone))


def lint_(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|SUBSCRIPTION...", help="JSON, - for standard input; or a subscription's ID."
        ),
    ],
    portal: _Portal = "portal.azure.com",
    at: _At = None,
    time_zone: _TimeZone = None,
    output: Annotated[Findings, typer.Option("--output", help="How findings are written.")] = Findings.TABLE,
    baseline_file: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="Leave out the findings of this file.")
    ] = None,
    write_baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the findings down as known, and end with 0.")
    ] = None,
    *,
    as_json: terminal.AsJson = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 on warnings, too.")] = False,
) -> None:
    """Find what AKS refuses or ignores in maintenance windows.

    FILE holds configurations or clusters as `az` prints them, a Terraform plan, or an ARM template. A
    subscription is read as whoever `az` is logged in as; Reader is enough. Exit code 1: an error was found,
    or, with --strict, a warning.
    """
    with _Complaining():
        environment = settings_here()
        opener = surroundings.of(context).open_arm
        listing = joining.join([_listed(source, portal, opener) for source in sources])
        for sentence in listing.unread:
            print(f"left out: {sentence}", file=sys.stderr)
        zone = time_zone or _setting_zone(environment)
        now = at or surroundings.of(context).clock.now()
        findings = lint(listing, now, time_zone=zone, freezes=_freezes(environment))
        if baseline_file is not None:
            findings = baseline.unknown(findings, baseline_file)
        if write_baseline is not None:
            baseline.write(findings, write_baseline)
        print(_WRITERS[Findings.JSON if as_json else output](findings))
        code = 0 if write_baseline is not None else report.exit_code(findings, strict=strict)
    raise typer.Exit(code)


@app.command("freeze")
def freeze_(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A freeze of ROUTES")],
    source: Annotated[
        str | None, typer.Argument(metavar="FILE", help="Clusters (default: those of CLUSTERS)")
    ] = None,
    portal: _Portal = "portal.azure.com",
    at: _At = None,
    routes_file: Annotated[
        Path | None, typer.Option("--routes", metavar="FILE", help="A file of routes instead of ROUTES")
    ] = None,
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """Print the bash script that keeps a freeze.

    It sets the not-allowed dates of every cluster concerned.
    """
    with _Complaining():
        environment = settings_here()
        if routes_file is not None:
            environment["ROUTES"] = f"@{routes_file.resolve()}"
        every = _freezes(environment)
        found = freezes.named(every, name)
        now = at or surroundings.of(context).clock.now()
        if not found:
            known = ", ".join(dict.fromkeys(freeze.name for freeze in every))
            raise UnreadableError(
                f"ROUTES has no freeze {name!r}: {f'expected one of {known}' if known else 'it names none'}."
            )
        coming = [freeze for freeze in found if freeze.end > now]
        if not coming:
            raise UnreadableError(f"The freeze {name!r} is over.")
        words = [source] if source else _clusters(environment)
        listing = joining.join([_listed(word, portal, surroundings.of(context).open_arm) for word in words])
        for sentence in listing.unread:
            print(f"left out: {sentence}", file=sys.stderr)
        steps = freezing.steps(coming, listing, now)
        if terminal.is_json(output, as_json=as_json):
            terminal.print_json(freezing.as_object(coming, steps))
        else:
            print(freezing.as_script(coming, steps))


def _clusters(environment: Mapping[str, str]) -> list[str]:
    """Return what CLUSTERS names: subscriptions, or a file."""
    said = environment.get("CLUSTERS", "").strip()
    if said.lower() in {"", "off"}:
        raise UnreadableError("Setting CLUSTERS is off: name a FILE with clusters.")
    if said.startswith("@"):
        return [said.removeprefix("@").strip()]
    return [word.strip() for word in said.split(",") if word.strip()]


app.command("lint", hidden=True)(lint_)  # as it was called before it stood by itself

_WRITERS = {
    Findings.TABLE: report.as_text,
    Findings.JSON: report.as_json,
    Findings.SARIF: report.as_sarif,
    Findings.GITHUB: report.as_annotations,
}


class _Complaining:
    """Ends the process with one sentence where what it was asked to read cannot be read."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, UnreadableError | SettingsError | SettingsFileError | baseline.BaselineError):
            raise terminal.refused(error) from None


def _setting_zone(environment: Mapping[str, str]) -> ZoneInfo | None:
    name = environment.get("TIME_ZONE", "").strip()
    try:
        return ZoneInfo(name) if name else None
    except (OSError, ValueError, KeyError):
        raise SettingsError(
            f"Setting TIME_ZONE ({name!r}) is no IANA time zone such as Europe/Berlin."
        ) from None


def _freezes(environment: Mapping[str, str]) -> Sequence[Freeze]:
    """Return the freezes of ROUTES, as the app reads them; none where it is not set."""
    text = environment.get("ROUTES", "")
    if not text.strip():
        return ()
    try:
        zone = str(_setting_zone(environment) or "UTC")
        return routes_parsing.freezes(routes.read(text, APP), zone, routes.folder(text, APP))
    except routes.RoutesError as error:
        raise SettingsError(f"Setting ROUTES is wrong: {str(error).rstrip('.')}.") from None


def _listed(word: str, portal: str, open_arm: Callable[[str], Arm]) -> Listing:
    """Read what a word of the command line stands for: a subscription, unless there is such a file."""
    subscription = subscriptions.named(word)
    if not subscription or Path(word).is_file():
        return _read(word)
    from shared.sources.arm import ArmError

    try:
        return subscriptions.fetch(subscription, lambda: open_arm(portal))
    except (ArmError, parsing.ListingError) as error:
        raise UnreadableError(f"subscription {subscription}: {error}") from None


def _read(source: str) -> Listing:
    """Read what a word on the command line stands for: a file, or standard input."""
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return reading.read(json.loads(data.decode("utf-8-sig")), source)
    except OSError as error:
        why = str(error.strerror or error)
        if subscriptions.named(source):
            why = "expected a file with clusters or maintenance configurations, not a subscription"
        raise UnreadableError(f"{source}: {why}") from None
    except (ValueError, RecursionError) as error:
        kind = "" if isinstance(error, parsing.ListingError) else "not JSON: "
        raise UnreadableError(f"{source}: {kind}{error}") from None


def _name_unread(listing: Listing, source: str) -> None:
    """Name what cannot be read and what has no windows; raise UnreadableError where nothing else is there."""
    every = (*listing.clusters, *listing.shared)
    sentences = list(listing.unread)
    for listed in every:
        of = f"{listed.name}: " if listed.name and len(every) > 1 else ""
        for malformed in listed.malformed:
            name = f"{malformed.name}: " if malformed.name else ""
            sentences.append(f"{of}{name}{malformed.error}")
    if sentences and not any(listed.configurations for listed in every):
        raise UnreadableError("\n".join(f"{source}: {sentence}" for sentence in sentences))
    for listed in every:
        of = f"{listed.name}: " if listed.name and len(every) > 1 else ""
        for found in listed.configurations:
            if found.window is None:
                why = (
                    f"linked to {found.window_id}, which is not here"
                    if found.window_id
                    else "holds no window"
                )
                sentences.append(f"{of}{found.name or 'a configuration without a name'}: {why}")
    for sentence in sentences:
        print(f"{source}: {sentence}", file=sys.stderr)
