"""Connections that stand in time, the look-up of the name included, which no time-out of a socket cuts."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from shared import deadlines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from urllib3.connection import HTTPConnection

    AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]

_MAX_SECONDS = 30.0
"""Seconds for a connection that nobody set a time for."""


def look_up(host: str, port: int, seconds: float) -> Sequence[AddressInfo]:
    """Return where a host is. Raises OSError, and TimeoutError where no answer comes in time."""
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        return deadlines.within(seconds, ask)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "its name cannot be a host's") from None
    except TimeoutError:
        raise TimeoutError("its name was not looked up in time") from None


def dial(
    host: str,
    port: int,
    seconds: float,
    *,
    check: Callable[[str], None] | None = None,
    options: Iterable[tuple[int, int, int | bytes]] = (),
) -> socket.socket:
    """Connect to one of a host's addresses, in time for all of them together. Raises OSError.

    `check` raises OSError for an address that nothing is to be sent to, before anything is.
    """
    until = time.monotonic() + seconds
    found = look_up(host.strip("[]"), port, seconds)
    for *_, address in found:
        if check is not None:
            check(str(address[0]))
    problem: OSError = OSError("its name leads nowhere")
    for at, (family, kind, protocol, _, address) in enumerate(found):
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("it took too long")
        made = None
        try:
            made = socket.socket(family, kind, protocol)
            for option in options:
                made.setsockopt(*option)
            made.settimeout(left / (len(found) - at))  # a share for each of those that are left
            made.connect(address)
            made.settimeout(seconds)
        except OSError as error:
            problem = error
            if made is not None:
                with suppress(OSError):
                    made.close()
        else:
            return made
    raise problem


class Dialing:
    """What makes a connection of urllib3 stand within its time-out for connecting, whatever takes long."""

    def _new_conn(self: HTTPConnection) -> socket.socket:  # type: ignore[misc]
        from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

        seconds = self.timeout if isinstance(self.timeout, (int, float)) else _MAX_SECONDS
        try:
            return dial(
                self._dns_host,
                self.port,
                seconds,
                check=getattr(self, "check_address", None),
                options=self.socket_options or (),
            )
        except socket.gaierror as problem:
            raise NameResolutionError(self.host, self, problem) from problem
        except TimeoutError as problem:
            raise ConnectTimeoutError(self, str(problem)) from problem
        except OSError as problem:
            raise NewConnectionError(self, str(problem)) from problem
