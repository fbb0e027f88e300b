"""The processes of a local run: Azurite's table service, and the local host.

Each lives in a `with` block and ends with it, also on Ctrl-C; see `testing.child_process` for what else ends
it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import socket
import sys
import typing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from testing.child_process import ChildProcess, ProcessError, environment

if typing.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Azurite",
    "Client",
    "Host",
    "HttpResponse",
    "ProcessError",
    "connection_string",
    "free_port",
    "listening",
]

ROOT = Path(__file__).resolve().parent.parent
"""The repository: where `node_modules` and `local` are."""

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's account and key, the same on every machine and published in its documentation."""


class HttpResponse(NamedTuple):
    """What the host answered: the HTTP status and the text."""

    status: int
    text: str


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Azurite(ChildProcess):
    """Azurite's table service in memory, on a port of 127.0.0.1: `with Azurite() as azurite`.

    The port is a free one, unless one is given. With a certificate (its file and its key's) it speaks https,
    and takes tokens as well as its key.
    """

    def __init__(
        self, log: Path | None = None, certificate: tuple[Path, Path] | None = None, port: int = 0
    ) -> None:
        super().__init__(log)
        self.port = 0
        self._certificate = certificate
        self._wanted = port

    @property
    def endpoint(self) -> str:
        """The URL of the account, as in a connection string."""
        return f"http{'s' if self._certificate else ''}://127.0.0.1:{self.port}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        """The connection string for azure-data-tables and for the app's `NOTIFIER_STORAGE`."""
        return connection_string(self.endpoint)

    def start(self) -> None:
        """Start it and wait until it answers; raises `ProcessError`, also if it is not installed."""
        program = ROOT / "node_modules" / ".bin" / "azurite-table"
        if not program.exists():
            raise ProcessError(f"{program.relative_to(ROOT)} is missing: run make install.")
        if shutil.which("node") is None:
            raise ProcessError("node is not on the path: install Node.js 20 or newer.")
        for last in (False, False, True):
            self.port = self._wanted or free_port()
            options = ["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
            if self._certificate:
                cert, key = map(str, self._certificate)
                options += ["--cert", cert, "--key", key, "--oauth", "basic"]
            address = ["--tableHost", "127.0.0.1", "--tablePort", str(self.port)]
            self._spawn([str(program), *options, *address], environment({}), ROOT)
            try:
                # Its own word for it: a port that can be reached might be somebody else's by now.
                self._wait_for(lambda output: "successfully started" in output, "Azurite")
            except ProcessError:
                if last or "EADDRINUSE" not in self.output():
                    raise
            else:
                return


def connection_string(endpoint: str) -> str:
    """Return a connection string for Azurite behind this URL of its account (its own, or a proxy's)."""
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};TableEndpoint={endpoint};"


class Client:
    """Asks a running host for something, by its URL."""

    def __init__(self, url: str = "") -> None:
        self.url = url

    def post_event(
        self, text: str | bytes, function: str = "maintenance_events", seconds: float = 60
    ) -> HttpResponse:
        """Post a notification, one event or an array, as Event Grid does.

        Raises `ConnectionError` if the host goes away before it has answered.
        """
        path = f"/runtime/webhooks/EventGrid?functionName={quote(function)}"
        headers = {"aeg-event-type": "Notification"}
        return self.request("POST", path, text, headers, seconds=seconds)

    def run(self, function: str, text: str = "", seconds: float = 120) -> HttpResponse:
        """Run a function by hand and wait for its end: 202, or 500 with its name if it failed."""
        return self.request(
            "POST", f"/admin/functions/{quote(function)}", json.dumps({"input": text}), seconds=seconds
        )

    def request(
        self,
        method: str,
        path: str,
        body: str | bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        seconds: float = 60,
    ) -> HttpResponse:
        """Send any request; raises `ConnectionError` if the host goes away, `TimeoutError` if silent."""
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=seconds)
        data = body.encode() if isinstance(body, str) else body
        with contextlib.closing(connection):
            try:
                connection.request(
                    method, path, data, {"Content-Type": "application/json", **(headers or {})}
                )
                response = connection.getresponse()
                return HttpResponse(response.status, response.read().decode("utf-8", "replace"))
            except http.client.HTTPException as error:
                raise ConnectionError(f"The host went away: {error!r}") from error


class Host(Client, ChildProcess):
    """`python -m local.host` as a process: `with Host({"NOTIFIER_STORAGE": …}) as host`.

    It gets these settings and nothing of the caller's own environment but what Python needs, and reads no
    `local.settings.json`. After `kill()` or `stop()` it can be started again with `start()`.
    """

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        app: Path = ROOT,
        timers: bool = False,
        log: Path | None = None,
        options: Sequence[str] = ("--no-settings",),
    ) -> None:
        ChildProcess.__init__(self, log)
        Client.__init__(self)
        self.settings = dict(settings)
        self._app = app.resolve()
        self._options = [*options, *([] if timers else ["--no-timers"])]

    def start(self) -> None:
        """Start it and wait until it listens; raises `ProcessError` with what it printed if it does not."""
        command = [sys.executable, "-m", "local.host", "--port", "0", "--app", str(self._app)]
        self._spawn([*command, *self._options], environment(self.settings), ROOT)
        self._wait_for(lambda output: listening(output) is not None, "The local host")
        self.url = str(listening(self.output()))


def listening(output: str) -> str | None:
    """Find in what a host has printed the URL that it listens on; None as long as it has not."""
    sign = "Listening on "
    # Only whole lines: the file is read while it is being written.
    lines = [
        line for line in output.splitlines(keepends=True) if line.startswith(sign) and line.endswith("\n")
    ]
    return lines[0].removeprefix(sign).strip() if lines else None
