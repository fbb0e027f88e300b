"""A stand-in for the Azure Functions host: `python -m local.host --port 7071`.

It imports `function_app` and nothing else of the application, finds its functions through the
azure-functions library, and serves the URLs of the real host: the Event Grid webhook with the host's
answers, the functions' own HTTP routes, `/admin/functions/{name}` to run a function by hand, and timers by
their schedule. Schedules are read by this checkout's `shared/ncrontab.py`. One thing differs on purpose: a
run by hand is answered when it has ended, with 500 if it failed.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import sys
import threading
import time
import traceback
import typing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from local.functions import EVENT_GRID, TIMER, Function, Invoker, LoadError, load, threads
from local.http_functions import HttpFunctions, route_prefix
from local.server import ADMIN, Routes, Server
from local.settings_file import SETTINGS, SettingsFileError, apply_settings
from local.timers import Timers
from local.webhook import PATH

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DRAIN_SECONDS = 10.0
"""Seconds that requests and runs under way have to end once the host is told to stop."""

_log = logging.getLogger("host")


def main(arguments: Sequence[str] | None = None, ready: Callable[[str], None] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; 0 after a clean end, 1 if the app or the port does not allow a start.

    `ready` is called with the host's address once it listens.
    """
    options = _options(arguments)
    _log_to_stderr(quiet=options.quiet)
    try:
        if options.app:
            os.chdir(options.app)
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 - sys.path holds text
        if not options.no_settings:
            apply_settings(options.settings, os.environ)
        return _serve(options, _functions(), ready)
    except (LoadError, SettingsFileError) as error:
        print(error, file=sys.stderr)
        return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.host", description="A local Functions host.")
    parser.add_argument("--port", type=int, default=7071, help="0 picks a free one (default: 7071)")
    parser.add_argument(
        "--no-timers", action="store_true", help="run timers only by POST to /admin/functions"
    )
    parser.add_argument("--app", type=Path, help="folder of function_app.py (default: the current one)")
    parser.add_argument(
        "--settings", type=Path, help=f"a settings file (default: {SETTINGS}, if there is one)"
    )
    parser.add_argument("--no-settings", action="store_true", help="read no settings file")
    parser.add_argument(
        "--rewrite-dates", action="store_true", help="rewrite dates in events, as extensions before 3.4.3 do"
    )
    parser.add_argument("--quiet", action="store_true", help="log warnings and errors only")
    return parser.parse_args(arguments)


def _functions() -> list[Function]:
    try:
        return load()
    except LoadError:
        raise
    except Exception as error:
        # Known by its name: of the application the host imports function_app alone.
        names = {each.__name__ for each in type(error).__mro__}
        if "SettingsError" not in names and not isinstance(error, ValueError):
            traceback.print_exc()
        raise LoadError(str(error) or type(error).__name__) from error


def _serve(
    options: argparse.Namespace, functions: list[Function], ready: Callable[[str], None] | None
) -> int:
    invoker = Invoker(threads(os.environ))
    timers = Timers([] if options.no_timers else functions, invoker.start, os.environ)
    web = HttpFunctions(functions, invoker.run, route_prefix(Path()))
    routes = Routes(functions, invoker.start, web, rewrite_dates=options.rewrite_dates)
    try:
        server = Server(options.port, routes)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise LoadError(
            f"Port {options.port} cannot be used: {reason}. Is another host running? --port takes another."
        ) from error
    ended = _end_signal()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    timers.start()
    _print_urls(functions, f"http://127.0.0.1:{server.port}", web, timers)
    if ready is not None:
        ready(f"http://127.0.0.1:{server.port}")
    os.read(ended, 1)

    _log.info("Ending: requests and runs under way have %d s.", DRAIN_SECONDS)
    deadline = time.monotonic() + DRAIN_SECONDS
    timers.stop()
    server.shutdown()
    answered = server.drain(deadline - time.monotonic())
    finished = invoker.close(deadline - time.monotonic())
    server.server_close()
    if not (answered and finished):
        _log.warning("Not everything had ended after %d s.", DRAIN_SECONDS)
        sys.stderr.flush()
        os._exit(0)  # the interpreter would wait for the pool's threads
    return 0


def _end_signal() -> int:
    """Return a descriptor that becomes readable at the first SIGTERM or Ctrl-C; a second one kills."""
    reader, writer = os.pipe()

    def end(*_: object) -> None:
        # A pipe rather than threading.Event, whose lock the interrupted main thread may be holding.
        os.write(writer, b"\n")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    return reader


def _print_urls(functions: list[Function], url: str, web: HttpFunctions, timers: Timers) -> None:
    following = timers.next_times(datetime.now(UTC))
    for function in functions:
        name = quote(function.name)
        if function.kind == EVENT_GRID:
            told = f"POST {url}{PATH}?functionName={name}"
        elif function.kind == TIMER:
            time = following.get(function.name)
            coming = f"next {time:%Y-%m-%dT%H:%M:%SZ}, " if time else ""
            schedule = os.path.expandvars(re.sub("%(.*?)%", r"$\1", str(function.trigger["schedule"])))
            told = f"{schedule}, {coming}POST {url}{ADMIN}/{name}"
        else:
            told = f"{url}{web.routes[function.name]}"
        print(f"  {function.name}: {told}")
    print(f"Listening on {url}", flush=True)


def _log_to_stderr(*, quiet: bool) -> None:
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    # As in the worker, where the root logger's level is INFO.
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    if quiet:
        handler.setLevel(logging.WARNING)
        _log.setLevel(logging.WARNING)  # a record that nobody sees costs its invocation all the same


if __name__ == "__main__":
    sys.exit(main())
