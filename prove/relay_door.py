"""The relay as all instances reach it: at one address, each as a user of its own, with its own faults."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from testing.fault_proxy import Cut, Delay, Phase, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from testing.fault_proxy import OnRequest
    from testing.smtp_server import SmtpServer

PASSWORD = "a password"
_USER = "instance"

_REPLIES = {400: "554 5.6.0 as scheduled", 429: "451 4.3.2 as scheduled", 500: ""}
"""What a relay says in place of a service over HTTP; where that says nothing of the mail, it cuts."""


def settings(relay: SmtpServer, number: int) -> dict[str, str]:
    """Return the settings by which an instance reaches the relay."""
    return {
        "EMAIL_SMTP_URL": relay.url.replace("://", f"://{_USER}{number}@"),
        "EMAIL_SMTP_PASSWORD": PASSWORD,
    }


class RelayDoor:
    """Shows each message of an instance to that instance's hook, before it is taken and after."""

    def __init__(self, relay: SmtpServer, hooks: Sequence[OnRequest], taken: Callable[[bytes], None]) -> None:
        """`hooks` are in the order of the instances' numbers; `taken` hears of what the relay took."""
        self._hooks = hooks
        self._taken = taken
        self._counts: Counter[int] = Counter()
        relay.users = {f"{_USER}{number}": PASSWORD for number in range(len(hooks))}
        relay.on_message = self._show

    def _show(self, user: str, is_taken: bool, content: bytes) -> str | float | None:
        number = int(user.removeprefix(_USER))
        phase = Phase.AFTER if is_taken else Phase.BEFORE
        self._counts[number] += not is_taken
        if is_taken:
            self._taken(content)
        request = Request(self._counts[number], "POST", "", {}, content, 250 if is_taken else None)
        match self._hooks[number](request.number, phase, request):
            case Delay(seconds):
                return seconds
            case Reply(status):
                return _REPLIES[status]
            case Cut():
                return ""
        return None
