"""The file `local.settings.json`: settings for a workstation, under `Values`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

SETTINGS = "local.settings.json"


class SettingsFileError(ValueError):
    """A settings file cannot be read; the message is one sentence that names it."""


def apply_settings(file: Path | None, environment: MutableMapping[str, str]) -> None:
    """Put the `Values` of a settings file into the environment, where the environment does not have them.

    Without `file` that is `local.settings.json` of the current folder, if there is one. Raises
    SettingsFileError.
    """
    path = file or Path(SETTINGS)
    if file is None and not path.exists():
        return
    try:
        values = dict(json.loads(path.read_text("utf-8-sig")).get("Values", {}))
    except OSError as error:
        raise SettingsFileError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise SettingsFileError(f"{path} must be JSON with an object 'Values': {error}.") from error
    for name, value in values.items():
        if isinstance(value, dict | list):
            raise SettingsFileError(f"{name} in {path} must be a text.")
        environment.setdefault(name, value if isinstance(value, str) else json.dumps(value))
