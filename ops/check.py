"""Settings and routes, checked offline: all that is wrong at once, unknown names with what was meant."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from local.settings_file import (
    ONE_OF,
    ROOT,
    SAMPLE,
    SettingsFileError,
    apply_found,
    apply_settings,
    found,
    values_of,
)
from ops import terminal
from ops.preview import routes_of
from ops.route_explanation import summary
from shared import routes, settings
from shared.channels import registry
from shared.routes import RoutesError
from shared.routes.faults import faults
from shared.setting_reader import SettingReader, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = re.compile(r"\b[A-Z][A-Za-z]*_\w+|\b(?:ROUTES|LEASE|PORTAL|CLUSTERS|FLEETS|PAGES)\b")
_HOST = re.compile(
    r"(AzureWebJobs|AzureFunctions|FUNCTIONS_|PYTHON_|WEBSITE_|APPLICATIONINSIGHTS_|AZURE_|Azure|ENABLE_|SCM_)\w*"
)
"""Settings of the Functions host, the platform and its SDKs, in a settings file: not read by this app."""


def check(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="Settings; else local.settings.json, or the sample."),
    ] = "",
    routes_file: Annotated[
        str, typer.Option("--routes", metavar="FILE", help="Check only this file of routes.")
    ] = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """Check settings and routes; name all that is wrong.

    They are checked as the app would have them here: the environment wins over the file. Exit code 0: all
    right. 1: something is wrong. 2: a file cannot be read.
    """
    if file.endswith((".yaml", ".yml")):
        raise typer.BadParameter(f"settings are JSON; for routes: --routes {file}", param_hint="FILE")
    environment = dict(os.environ)
    try:
        place = Path(file) if file else found()
        apply_settings(place, environment) if file else apply_found(environment)
        given = values_of(place)
        text = terminal.read(routes_file) if routes_file else ""
    except (SettingsFileError, ValueError) as error:
        raise terminal.refused(error) from None
    if routes_file:
        errors = _faults_of_routes(text, Path(routes_file).parent, environment)
    else:
        errors = [*_unknown(given, environment.get("ROUTES", "")), *_faults(environment)]
    if terminal.is_json(output, as_json=as_json):
        terminal.print_json({"file": routes_file or str(place), "errors": errors})
    elif errors:
        for sentence in errors:
            terminal.complain(sentence)
    else:
        print(f"{routes_file or place}: all right.\n")
        print(summary(routes_of(environment, routes_file), settings.routing(SettingReader(environment))))
    raise typer.Exit(terminal.NO if errors else 0)


def _faults_of_routes(text: str, folder: Path, environment: Mapping[str, str]) -> list[str]:
    """Return all that is wrong with routes by themselves."""
    try:
        defaults = settings.routing(SettingReader(environment))
    except SettingsError as error:
        return [str(error)]
    if not text.strip() and defaults.to:
        return []
    return faults(text, defaults, folder, registry.readers())


def _faults(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong, one by one: for the next look, what was named as wrong is as in the sample."""
    looked = dict(environment)
    sample = values_of(ROOT / SAMPLE)
    while True:
        try:
            settings.load(looked)
        except SettingsError as error:
            if str(error).startswith("Setting ROUTES is wrong"):
                yield from _faults_of_setting(looked, error)
            else:
                yield str(error)
            named = [
                name for name in _NAME.findall(str(error)) if looked.get(name, "") != sample.get(name, "")
            ]
            if not named:
                return
            for name in named:
                looked[name] = sample.get(name, "")
            for names in ONE_OF:
                if not any(looked.get(name) for name in names):
                    looked |= {name: sample[name] for name in names}
            if "ROUTES" in named:  # which may have been why nobody else had to be named
                looked["EMAIL_TO"] = looked.get("EMAIL_TO") or sample["EMAIL_TO"]
        else:
            return


def _faults_of_setting(environment: Mapping[str, str], first: SettingsError) -> list[str]:
    """Return all that is wrong with the setting ROUTES; the first of it is known."""
    said = environment.get("ROUTES", "")
    try:
        text = routes.read(said, settings.APP)
    except RoutesError:
        return [str(first)]
    found = _faults_of_routes(text, routes.folder(said, settings.APP), environment)
    return [f"Setting ROUTES is wrong: {each}" for each in found] or [str(first)]


def _unknown(given: Mapping[str, str], said: str) -> Iterator[str]:
    """Yield the names of a settings file that nothing reads; what routes name as $NAME is known."""
    known = {*values_of(ROOT / SAMPLE), *re.findall(r"\$\{?(\w+)", said)}
    for name in given:
        if name in known or _HOST.fullmatch(name):
            continue
        near = get_close_matches(name.upper(), known, n=1, cutoff=0.7)
        yield f"Setting {name} is unknown" + (f": did you mean {near[0]}?" if near else ".")
