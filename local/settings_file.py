"""The file `local.settings.json`: settings for a workstation, under `Values`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

SETTINGS = "local.settings.json"
SAMPLE = "local.settings.sample.json"

ROOT = Path(__file__).resolve().parent.parent

ONE_OF = (
    ("NOTIFIER_STORAGE__tableServiceUri", "NOTIFIER_STORAGE"),
    ("EMAIL_ENDPOINT", "EMAIL_CONNECTION_STRING", "EMAIL_SMTP_URL", "EMAIL_FOLDER", "EMAIL_GRAPH_MAILBOX"),
)
"""Settings of which one is set: where the environment sets one, the sample says nothing of the others."""


class SettingsFileError(ValueError):
    """A settings file cannot be read; the message is one sentence that names it."""


def found() -> Path:
    """Return the settings file that tools go by: of this folder, of the app's, or else the app's sample."""
    return next((path for path in (Path(SETTINGS), ROOT / SETTINGS) if path.exists()), ROOT / SAMPLE)


def settings_here() -> dict[str, str]:
    """Return the settings as tools have them: the environment, then the file. Raises SettingsFileError."""
    environment = dict(os.environ)
    apply_found(environment)
    return environment


def apply_found(environment: MutableMapping[str, str]) -> Path:
    """Put the settings of the file that is found into the environment; return the file."""
    file = found()
    if file == ROOT / SAMPLE:
        for names in ONE_OF:
            if any(environment.get(name) for name in names):
                for name in names:
                    environment.setdefault(name, "")
    apply_settings(file, environment)
    return file


def apply_settings(file: Path | None, environment: MutableMapping[str, str]) -> None:
    """Put the `Values` of a settings file into the environment, where the environment does not have them.

    Without `file` that is `local.settings.json` of the current folder, if there is one. Raises
    SettingsFileError.
    """
    path = file or Path(SETTINGS)
    if file is None and not path.exists():
        return
    for name, value in values_of(path).items():
        environment.setdefault(name, value)


def values_of(file: Path) -> dict[str, str]:
    """Return the `Values` of a settings file, each as a text. Raises SettingsFileError."""
    try:
        found = json.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise SettingsFileError(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise SettingsFileError(f"{file} must be JSON with an object 'Values': {error}.") from error
    values = found.get("Values", {}) if isinstance(found, dict) else None
    if not isinstance(values, dict):
        raise SettingsFileError(f"{file} must be JSON with an object 'Values'.")
    for name, value in values.items():
        if isinstance(value, dict | list):
            raise SettingsFileError(f"{name} in {file} must be a text.")
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
