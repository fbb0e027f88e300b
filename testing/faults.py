"""What can go wrong with a request on its way, and when; see `fault_proxy`."""

from __future__ import annotations

import typing
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Phase(Enum):
    """Where on its way a request is."""

    BEFORE = "before upstream has seen it"
    AFTER = "after upstream has answered, before the client knows"


@dataclass(frozen=True)
class Request:
    """A request as it came in; `status` is upstream's, once there is one."""

    number: int
    method: str
    path: str
    """With the query, as the client sent it."""
    headers: Mapping[str, str]
    body: bytes
    status: int | None = None

    @property
    def batch(self) -> bool:
        """Whether it is a transaction of Table Storage."""
        return urlsplit(self.path).path.endswith("/$batch")


@dataclass(frozen=True)
class Cut:
    """Close the client's connection without an answer."""


@dataclass(frozen=True)
class Delay:
    """Wait this many seconds, then go on."""

    seconds: float


@dataclass(frozen=True)
class Reply:
    """Answer the client with this: before, upstream never sees the request; after, its answer is lost."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Fault = Cut | Delay | Reply
OnRequest: typing.TypeAlias = "Callable[[int, Phase, Request], Fault | None]"
CUT = Cut()


def at(number: int, phase: Phase, fault: Fault, then: Callable[[], object] | None = None) -> OnRequest:
    """Return a hook with one fault, at one request; `then` is called just before it takes effect."""

    def on_request(n: int, now: Phase, _: Request) -> Fault | None:
        if (n, now) != (number, phase):
            return None
        if then is not None:
            then()
        return fault

    return on_request
