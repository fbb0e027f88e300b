"""Readers of an address: `python -m bench.readers URL A_SECOND`, until standard input ends.

They ask at a steady pace from a process of their own, so that only the server shares a processor with what is
measured beside them, and keep their connections where the server does. Prints what they reached as JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from testing.processes import ROOT

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

AT_ONCE = 64
"""Connections: who finds none free comes late, and is counted as not there."""


class Readers:
    """Readers in a process of their own, while it is entered."""

    def __init__(self, url: str, a_second: int) -> None:
        self.answered = 0.0
        """Whole answers with status 200 a second; known at the end."""
        self._command = [sys.executable, "-m", "bench.readers", url, str(a_second)]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        self._process.stdout.readline()  # they have begun
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process
        said = self._process.communicate()[0]
        self.answered = json.loads(said)["answered"]


async def _read(url: str, a_second: int) -> dict[str, float]:
    address = urlsplit(url)
    request = f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode()
    began = time.monotonic()
    slots = iter(range(sys.maxsize))
    statuses: Counter[int] = Counter()

    async def one() -> None:
        connection: tuple[StreamReader, StreamWriter] | None = None
        for slot in slots:
            await asyncio.sleep(max(0.0, began + slot / a_second - time.monotonic()))
            with suppress(OSError, asyncio.IncompleteReadError):
                connection = connection or await asyncio.open_connection(address.hostname, address.port)
                status, stays = await _ask(*connection, request)
                statuses[status] += 1
                if stays:
                    continue
            if connection:
                connection[1].close()
            connection = None

    print("reading", flush=True)
    tasks = [asyncio.create_task(one()) for _ in range(AT_ONCE)]
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    return {"answered": statuses[200] / (time.monotonic() - began)}


async def _ask(reader: StreamReader, writer: StreamWriter, request: bytes) -> tuple[int, bool]:
    """Ask once; return the status, and whether the server keeps the connection."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    fields = dict(line.split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
    await reader.readexactly(int(fields["content-length"]))
    return int(head.split()[1]), fields.get("connection") != "close" and not head.startswith("http/1.0")


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_read(sys.argv[1], int(sys.argv[2])))))
