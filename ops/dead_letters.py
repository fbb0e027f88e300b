"""Dead letters: what Event Grid could not deliver, out of a blob container or a folder.

Event Grid writes arrays of events, each with what became of it beside its own fields: deadLetterReason and
the like, in lower case where the events are CloudEvents. They stay in: the reader looks past them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "2023-11-03"
"""Of the Blob service's REST interface, which is all that is needed here of its SDK."""

DELIVERY_REPORT = "microsoft.communication.emaildeliveryreportreceived"

SCOPE = "https://storage.azure.com/.default"


class DeadLettersError(Exception):
    """They cannot be read. The message is for the operator."""


class DeadLetter(NamedTuple):
    """One event that could not be delivered, and where it was found."""

    place: str
    event: Any
    reason: str

    @property
    def is_report(self) -> bool:
        """Whether it is the mail service's report of a delivery, and not AKS's maintenance."""
        fields = self.event if isinstance(self.event, dict) else {}
        kind = str(fields.get("type") or fields.get("eventType") or "")
        return kind.lower() == DELIVERY_REPORT

    @property
    def text(self) -> str:
        """The event as it goes to the app."""
        return json.dumps(self.event)


def letters(source: str) -> Iterator[DeadLetter]:
    """Read all events of a container (https://ACCOUNT.blob…/CONTAINER, a SAS may follow) or of a folder.

    Raises DeadLettersError; blobs that are no JSON raise it, too, by name, once all others have been read.
    """
    texts: Iterator[tuple[str, str | bytes]]
    texts = _container(source) if "://" in source else _folder(Path(source))
    wrong: list[str] = []
    for place, text in texts:
        try:
            body = json.loads(text)
        except (ValueError, RecursionError) as error:
            wrong.append(f"{place} is no JSON: {error}")
            continue
        for event in body if isinstance(body, list) else [body]:
            yield DeadLetter(place, event, _reason(event))
    if wrong:
        raise DeadLettersError("; ".join(wrong))


def _reason(event: object) -> str:
    if not isinstance(event, dict):
        return ""
    fields = {str(name).lower(): value for name, value in event.items()}
    told = [fields.get(name) for name in ("deadletterreason", "lastdeliveryoutcome")]
    return ", ".join(str(one) for one in told if one)


def _folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    if not folder.exists():
        raise DeadLettersError(f"there is no {folder}")
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        try:
            yield str(path), path.read_bytes()
        except OSError as error:
            raise DeadLettersError(f"{path} cannot be read: {error}") from None


def _container(url: str) -> Iterator[tuple[str, str]]:
    from azure.core import PipelineClient
    from azure.core.exceptions import AzureError
    from azure.core.pipeline.policies import BearerTokenCredentialPolicy, HeadersPolicy, RetryPolicy

    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    policies: list[Any] = [HeadersPolicy({"x-ms-version": VERSION}), RetryPolicy(retry_total=3)]
    if "sig=" not in parts.query:
        from azure.identity import DefaultAzureCredential

        policies.append(BearerTokenCredentialPolicy(DefaultAzureCredential(), SCOPE))
    try:
        client: Any
        with PipelineClient(base, policies=policies) as client:
            for name in _names(client, base, parts.query):
                yield name, _get(client, f"{base}/{quote(name)}", parts.query)
    except (AzureError, ValueError) as error:  # a token is never sent over http
        why = str(error).partition("\n")[0]
        raise DeadLettersError(f"{base}: {why}") from None


def _names(client: Any, base: str, sas: str) -> Iterator[str]:  # noqa: ANN401 - its types are generic
    """List the blobs, page by page."""
    marker = ""
    while True:
        query = f"restype=container&comp=list&marker={quote(marker)}"
        text = _get(client, base, f"{query}&{sas}" if sas else query)
        page = ET.fromstring(text.lstrip("\ufeff"))  # noqa: S314 - from the storage account of one's own
        for name in page.iterfind("./Blobs/Blob/Name"):
            yield name.text or ""
        marker = page.findtext("NextMarker") or ""
        if not marker:
            return


def _get(client: Any, url: str, query: str) -> str:  # noqa: ANN401 - its types are generic
    from azure.core.rest import HttpRequest

    answer = client.send_request(HttpRequest("GET", f"{url}?{query}" if query else url))
    if answer.status_code == 200:  # noqa: PLR2004
        return str(answer.text("utf-8"))
    why = {403: "no right to read it: Storage Blob Data Reader is wanted", 404: "there is none such"}
    raise DeadLettersError(f"{url}: {answer.status_code} {why.get(answer.status_code, answer.reason)}")
