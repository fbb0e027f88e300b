"""A relay that passes TCP on and lets every request take longer: the distance to a service, put in by hand.

What comes from the client is passed on so many seconds later, in the order in which it came; answers are not
held up. So each request takes that much longer, however many packets it came in. It is a process of its own,
which shares no interpreter with what is measured.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from testing.child_process import ChildProcess, environment
from testing.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

LATENCY_SECONDS = 0.01
"""Seconds that every request takes longer."""

_SIGN = "Relaying on "


class Relay(ChildProcess):
    """The relay as a process, before the account of an Azurite: `with Relay(azurite.endpoint) as relay`."""

    def __init__(self, endpoint: str, seconds: float = LATENCY_SECONDS) -> None:
        super().__init__()
        self._upstream = urlsplit(endpoint)
        self._seconds = seconds
        self.endpoint = ""
        """The account behind the relay; the path is the same, as signatures cover it."""

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [sys.executable, "-m", "bench.relay", str(self._upstream.port), str(self._seconds)]
        self._spawn(command, environment({}), ROOT)
        self._wait_for(lambda output: output.endswith("\n"), "The relay")
        port = self.output().removeprefix(_SIGN).strip()
        self.endpoint = f"http://127.0.0.1:{port}{self._upstream.path}"


async def _relay(port: int, seconds: float) -> None:
    """Listen on a free port, and pass on to another one of this machine."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        later = partial(asyncio.get_running_loop().call_later, seconds)
        await asyncio.gather(
            _pass_on(reader, lambda data: later(back.write, data), lambda: later(back.close)),
            _pass_on(there, writer.write, writer.close),
            return_exceptions=True,
        )

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(f"{_SIGN}{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


async def _pass_on(
    reader: asyncio.StreamReader, write: Callable[[bytes], object], close: Callable[[], object]
) -> None:
    try:
        while data := await reader.read(65_536):
            write(data)
    finally:
        close()


if __name__ == "__main__":
    asyncio.run(_relay(int(sys.argv[1]), float(sys.argv[2])))
