"""What arrived in chats, at webhooks and at PagerDuty tells, read from the requests as they arrived."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from prove.mail_reader import CLUSTER, STATUS, Telling, heading_of
from shared.messages.phrases import REPEAT
from shared.notices.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prove.audiences import Place

_HEADLINE = {
    Kind.FAILED: r"failed\b",
    Kind.SCHEDULED: r"is (scheduled|planned)",
    Kind.REMINDER: r"starts in",
    Kind.STARTED: r"has started",
    Kind.COMPLETED: r"completed\b",
    Kind.CANCELED: r"was canceled",
    Kind.GATE: r"waits for approval",
    Kind.GATE_CLOSED: r"[Tt]he gate\b",
}
"""The kind of a message in Slack about one thing, by its headline."""

_REPEAT = REPEAT.partition(":")[0]
_RUN = re.compile(r"[Uu]pdate run (\S+)")


class ChatMessage(NamedTuple):
    """A message that came to a place."""

    place: Place
    operation_id: str
    """Empty where the message does not say: then what it tells says which one it is."""
    tellings: frozenset[Telling]
    is_repeat: bool
    """Whether it says that it may be one."""
    form: str
    """What is the same whenever it is sent, but for the sentence about a repeat."""


def place_of(places: Iterable[Place], path: str, body: bytes) -> Place | None:
    """Return where a request goes to; None for one to none of these places."""
    for place in places:
        match place.channel:
            case "webhook" | "teams":
                is_there = path.partition("?")[0].startswith(
                    (f"/hooks/{place.audience}", f"/workflows/{place.audience}/")
                ) and path.startswith("/hooks") == (place.channel == "webhook")
            case "slack":
                is_there = path.startswith("/api/") and f'"{place.said}"'.encode() in body
            case _:
                is_there = path.startswith("/v2/") and place.integration.encode() in body
        if is_there:
            return place
    return None


def read(places: Iterable[Place], path: str, body: bytes, clusters: dict[str, str]) -> ChatMessage | None:
    """Read a request; None where it is no message. `clusters` are by what names their alerts."""
    place = place_of(places, path, body)
    if place is None or path.startswith("/api/chat.update"):
        return None
    content = json.loads(body)
    is_repeat = _REPEAT in json.dumps(content)
    match place.channel:
        case "webhook":
            operation, news = content["id"], _event(content)
        case "pagerduty":
            operation, news = "", _alert(content, clusters)
        case "slack":
            operation = content["metadata"]["event_payload"]["notice"]
            # An answer in a thread is the same message as one that begins it.
            content = {"blocks": content["blocks"]}
            news = _chat(list(_texts(content)))
        case _:
            operation, news = "", _card(list(_texts(content)))
    tellings = frozenset(Telling(place.audience, kind, cluster, place.key) for kind, cluster in news)
    return ChatMessage(place, operation, tellings, is_repeat, json.dumps(content))


def _event(content: dict[str, Any]) -> Iterator[tuple[Kind, str]]:
    kind = Kind(content["type"].removeprefix("aks.maintenance."))
    yield kind, _name(content["subject"], content["data"]["headline"])


def _alert(content: dict[str, Any], clusters: dict[str, str]) -> Iterator[tuple[Kind, str]]:
    """Return what an alert tells: the name in its summary has to be the one that it is kept under."""
    cluster = clusters.get(content["dedup_key"].rpartition("/")[2], "")
    if content["event_action"] == "resolve":
        yield Kind.COMPLETED, cluster
    elif cluster in CLUSTER.findall(content["payload"]["summary"]):
        yield Kind.FAILED, cluster


def _card(texts: list[tuple[str, bool]]) -> Iterator[tuple[Kind, str]]:
    first = texts[0][0] if texts else ""
    name, _, status = first.rpartition(" · ")
    if name and status.lower() in STATUS:
        yield STATUS[status.lower()], _name(name, texts[1][0])
    else:
        yield from _digest(texts)


def _chat(texts: list[tuple[str, bool]]) -> Iterator[tuple[Kind, str]]:
    subject, _, said = (texts[0][0] if texts else "").partition(": ")
    kinds = [kind for kind, pattern in _HEADLINE.items() if re.search(pattern, said)]
    name = _name(subject, said)
    if kinds and name:
        yield kinds[0], name
    else:
        yield from _digest(texts)


def _digest(texts: list[tuple[str, bool]]) -> Iterator[tuple[Kind, str]]:
    """Return what stands under the headings of several things."""
    kind: Kind | None = None
    for text, is_bold in texts:
        heading = heading_of(text.lstrip("🔴🟠🔵🟣🟢⚪ ").upper())
        if is_bold and heading is not None:
            kind = heading
        elif kind is not None:
            yield from ((kind, name) for name in set(CLUSTER.findall(text)))


def _name(subject: str, headline: str) -> str:
    """Return the cluster, or, of a gate, the run: the fleet is the same for all."""
    found = CLUSTER.search(subject) or CLUSTER.search(headline)
    run = _RUN.search(headline)
    return run[1] if run else found[0] if found else ""


def _texts(part: Any) -> Iterator[tuple[str, bool]]:
    """Return the texts of a card or of blocks in their order, and whether each is in bold."""
    if isinstance(part, list):
        for each in part:
            yield from _texts(each)
    elif isinstance(part, dict):
        text = part.get("text")
        if isinstance(text, str) and _REPEAT not in text:
            is_bold = part.get("weight") == "Bolder" or bool(part.get("style", {}) == {"bold": True})
            yield text, is_bold
        elif isinstance(text, dict):
            yield from _texts(text)
        for name in ("attachments", "content", "body", "items", "elements", "blocks"):
            if name in part and not isinstance(part[name], str):
                yield from _texts(part[name])
