"""The app on this machine: `make run` starts storage and the local host, with timers, until Ctrl-C.

Settings come from `local.settings.json`, or, where there is none, from `local.settings.sample.json`; the
environment wins. The storage is the one that they name, and so the one that `./notifier` sees; where that is
the development storage and none is running, Azurite is started, in memory.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from local import host
from local.settings_file import ROOT, SettingsFileError, apply_found
from shared.store.table import TableError
from testing.processes import Azurite, ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable

DEVELOPMENT_PORT = 10002
"""Of the table service that `UseDevelopmentStorage=true` stands for."""

_URI = "NOTIFIER_STORAGE__tableServiceUri"
_DEVELOPMENT = "usedevelopmentstorage=true"


def main() -> int:
    """Run until told to stop; 1 if something does not start."""
    os.chdir(ROOT)
    try:
        file = apply_found(os.environ)
        with ExitStack() as stack:
            print(f"Settings: {_short(file)} (the environment wins)")
            print(f"Storage: {_storage(stack)}; ./notifier reads the same")
            print(f"Mail: {_mail()}\n", flush=True)
            return host.main([*sys.argv[1:], "--no-settings"], _next_steps())
    except (ProcessError, SettingsFileError) as error:
        print(error, file=sys.stderr)
        return 1
    except TableError as error:
        print(f"The storage cannot be used: {error}", file=sys.stderr)
        return 1


def _storage(stack: ExitStack) -> str:
    """Return which storage it is, started if need be."""
    given = os.environ.get("NOTIFIER_STORAGE", "")
    if given.strip().rstrip(";").lower() != _DEVELOPMENT:
        parts = dict(part.partition("=")[::2] for part in given.split(";") if part)
        return parts.get("TableEndpoint") or parts.get("AccountName") or dict(os.environ).get(_URI, "none")
    where = f"the development storage, 127.0.0.1:{DEVELOPMENT_PORT}"
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", DEVELOPMENT_PORT)) == 0:
            return f"{where}, which is running already"
    stack.enter_context(Azurite(port=DEVELOPMENT_PORT))
    return f"{where}, in memory"


def _mail() -> str:
    folder = os.environ.get("EMAIL_FOLDER", "")
    if folder:
        return f"to {_short(Path(folder).resolve() / 'index.html')}, nowhere else"
    service = next((name for name in os.environ if name.startswith("EMAIL_") and os.environ[name]), "")
    return f"by {service}, to those that the routes name" if service else "no way out is set"


def _next_steps() -> Callable[[str], None]:
    def tell(url: str) -> None:
        elsewhere = "" if url.endswith(":7071") else f" --to {url}"
        print("\nIn another terminal:")
        for command, what in (
            (f"send samples/failed.cloudevent.json --new{elsewhere}", "a failure, mailed at once"),
            (f"send samples/scheduled.cloudevent.json --new{elsewhere}", "a maintenance to come"),
            ("list", "what came in, what was told"),
        ):
            print(f"  ./notifier {command:<{46 + len(elsewhere)}}  {what}")
        if os.environ.get("PAGES", "").lower() == "true":
            page = _token()
            print(f"Status page: {url}/status/{page}\nCalendar: {url}/calendar/{page}.ics")
        sys.stdout.flush()

    return tell


def _token() -> str:
    """Make a token for the first audience, and return it."""
    from ops import storage
    from ops.preview import routes_of
    from shared import keys
    from shared.pages import tokens
    from shared.store import codec
    from shared.store.rows import Token
    from shared.store.table import Operation, Verb

    made = tokens.new()
    audience = next(iter(routes_of(os.environ).audiences))
    values = codec.token_values(Token(tokens.hashed(made), audience, datetime.now(UTC)))
    with storage.opened(storage.location("", "")) as table:
        table.commit([Operation(Verb.INSERT, keys.token(tokens.hashed(made)), values)])
    return made


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    sys.exit(main())
