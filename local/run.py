"""The app on this machine: `make run` starts Azurite and the local host, with timers, until Ctrl-C.

Settings come from `local.settings.json`, or, where there is none, from `local.settings.sample.json`; emails
go to the folder they name. The environment wins. Storage is Azurite's, in memory, unless the environment
names another.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from local import host
from local.settings_file import SETTINGS
from testing.processes import Azurite, ProcessError

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run until told to stop; 1 if something does not start."""
    arguments = sys.argv[1:]
    if not (ROOT / SETTINGS).exists():
        arguments += ["--settings", str(ROOT / "local.settings.sample.json")]
    try:
        if os.environ.get("NOTIFIER_STORAGE"):
            return host.main(arguments)
        with Azurite() as azurite:
            os.environ["NOTIFIER_STORAGE"] = azurite.connection_string
            return host.main(arguments)
    except ProcessError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
