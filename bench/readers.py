"""Readers of an address: `python -m bench.readers URL A_SECOND [HEADER]`, until standard input ends.

They ask at a steady pace from a process of their own, so that only the server shares a processor with what
is measured beside them, and keep their connections where the server does. One thread waits for all of them
and keeps nothing of what it reads: what a reader costs is taken from the server. Prints what they reached as
JSON.
"""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from typing import Self
from urllib.parse import urlsplit

from testing.processes import ROOT

AT_ONCE = 64
"""Connections: who finds none free comes late, and is counted as not there."""

_received = memoryview(bytearray(1 << 20))


class Readers:
    """Readers in a process of their own, while it is entered; each request has the header that is given.

    Who says what they know (`If-None-Match: …`) is to get 304, others 200.
    """

    def __init__(self, url: str, a_second: int, header: str = "") -> None:
        self.answered = 0.0
        """Whole answers a second with the right status; known at the end."""
        self._command = [sys.executable, "-m", "bench.readers", url, str(a_second), header]
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


class _Connection:
    """One reader's, and what has come of the answer."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self._head = b""
        self._left = 0

    def ask(self, request: bytes) -> None:
        self._head, self._left = b"", -1
        self.socket.sendall(request)

    def read(self) -> bytes | None:
        """Read what there is; return the head of the answer once all is there, empty where it was cut off."""
        size = self.socket.recv_into(_received)
        if not size:
            return b""
        if self._left < 0:
            head, blank, body = (self._head + _received[:size]).partition(b"\r\n\r\n")
            self._head = head + blank
            if not blank:
                return None
            _, _, after = head.lower().partition(b"\r\ncontent-length:")
            self._left = int(after.partition(b"\r\n")[0] or 0) - len(body)
        else:
            self._left -= size
        return None if self._left else self._head


def _read(url: str, a_second: int, header: str) -> dict[str, float]:
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 80)
    headers = [f"Host: {parts.netloc}", *([header] if header else [])]
    request = "\r\n".join([f"GET {parts.path} HTTP/1.1", *headers, "", ""]).encode()
    wanted = b" 304 " if header.startswith("If-None-Match:") else b" 200 "
    answered = asked = 0
    with selectors.DefaultSelector() as waiting:
        waiting.register(sys.stdin, selectors.EVENT_READ)
        free = [_Connection(address) for _ in range(AT_ONCE)]
        for one in free:
            waiting.register(one.socket, selectors.EVENT_READ, one)
        print("reading", flush=True)
        began = time.monotonic()
        while True:
            while free and asked < (time.monotonic() - began) * a_second:
                free.pop().ask(request)
                asked += 1
            pause = began + asked / a_second - time.monotonic() if free else 1
            for key, _ in waiting.select(max(0.0, pause)):
                one = key.data
                if one is None:
                    return {"answered": answered / (time.monotonic() - began)}
                head = one.read()
                if head is None:
                    continue
                answered += wanted in head[:20]
                if not head or b"\r\nconnection: close" in head.lower():
                    waiting.unregister(one.socket)
                    one.socket.close()
                    one = _Connection(address)
                    waiting.register(one.socket, selectors.EVENT_READ, one)
                free.append(one)


if __name__ == "__main__":
    asked, pace, *more = sys.argv[1:]
    print(json.dumps(_read(asked, int(pace), "".join(more))))
