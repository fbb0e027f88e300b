"""`python -m ops explain`: a failure's text in, its explanation out.

Needs no settings and no storage.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import replace
from rich.console import Console
from rich.text import Text

from ops import terminal
from shared.events.envelope import parse
from shared.events.model import Cluster, Event
from shared.failures import explain as explain_reason
from shared.failures import load_catalogue
from shared.failures.explanation import Context, Finding
from shared.messages import verdicts
from shared.text import clean

MAX_BYTES = 4_000_000
"""A longer text is no failure's reason."""

_OWNERS = {
    "you": "you, the cause lies in the cluster or subscription",
    "policy": "whoever keeps the policies and locks",
    "azure-capacity": "Azure, in time, for it has too little capacity there",
    "azure-service": "Azure, the service itself",
    "unknown": "not known",
}


class UpgradeOption(StrEnum):
    """The kinds of upgrade that steps differ for."""

    KUBERNETES = "kubernetes"
    NODE_OS = "node-os"
    WEEKLY_RELEASE = "weekly-release"
    PLATFORM = "platform"


def explain(  # noqa: PLR0917 - the options of the command
    file: Annotated[Path, typer.Argument(metavar="FILE|-", help="The text; - reads standard input.")] = Path(
        "-"
    ),
    upgrade: Annotated[UpgradeOption | None, typer.Option(help="What was being upgraded.")] = None,
    cluster: Annotated[str, typer.Option(help="The cluster's name, for the commands.")] = "",
    resource_group: Annotated[str, typer.Option(help="Its resource group.")] = "",
    subscription: Annotated[str, typer.Option(help="The ID of its subscription.")] = "",
    catalogue: Annotated[
        Path | None, typer.Option(help="Entries of your own, as in the setting FAILURES_FILE.")
    ] = None,
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """Explain why AKS maintenance failed.

    The text of the failure in, or its event; the cause, the state it leaves, who can fix it, and what to do.
    An event names cluster and upgrade by itself; options win.
    """
    reason = _read(file)
    event = _event(reason)
    given = Context(
        subscription=subscription, resource_group=resource_group, cluster=cluster, upgrade=upgrade or ""
    )
    context = _context(event, given) if event else given
    reason = event.details if event else reason
    try:
        own = load_catalogue(str(catalogue) if catalogue else None)
    except ValueError as error:
        raise terminal.refused(error) from None
    explanation = explain_reason(reason, context, own)
    findings = explanation.findings
    if terminal.is_json(output, as_json=as_json):
        typer.echo(json.dumps({"findings": [as_object(finding) for finding in findings]}, indent=2))
        return
    console = Console(highlight=False, emoji=False, color_system="auto" if terminal.is_styled() else None)
    for number, finding in enumerate(findings):
        if number:
            console.print()
        _show(finding, console)
    if findings[0].entry == "unknown":
        console.print()
        console.print(_text("As AKS sent it", "bold"))
        console.print(_text(explanation.raw), soft_wrap=True)


def _event(text: str) -> Event | None:
    """Return the event that a text is, where it says why something failed; None for any other text."""
    if not text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return None
    readings = (item.reading for item in parse(text, datetime.now(UTC)))
    events = (each for each in readings if isinstance(each, Event) and isinstance(each.subject, Cluster))
    return next((event for event in events if event.details), None)


def _context(event: Event, given: Context) -> Context:
    cluster = event.subject
    return replace(
        given,
        subscription=given.subscription or cluster.subscription,
        resource_group=given.resource_group or cluster.resource_group,
        cluster=given.cluster or cluster.name,
        pools=event.pools,
        region=event.region,
        upgrade=given.upgrade or event.upgrade.value,
    )


def as_object(finding: Finding) -> dict[str, Any]:
    """Return a finding as the JSON tells it; `run` and `retries` are None where there is none."""
    return {
        "id": finding.entry,
        "title": finding.title,
        "summary": finding.summary,
        "happened": finding.happened,
        "state": finding.state,
        "retries": finding.retries or None,
        "urgency": finding.urgency,
        "owner": finding.owner,
        "facts": dict(finding.facts),
        "steps": [{"do": step.what, "run": step.command or None} for step in finding.steps],
        "quoted": finding.quoted,
        "code": finding.code or None,
        "guide": finding.link,
        "more": list(finding.more),
    }


def _read(file: Path) -> str:
    name = "standard input" if str(file) == "-" else str(file)
    if str(file) == "-" and sys.stdin.isatty():
        typer.echo("Paste the text, then press Ctrl-D.", err=True)
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with file.open("rb") as opened:
                content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise terminal.refused(f"{name} cannot be read: {error.strerror}.") from None
    if len(content) > MAX_BYTES:
        raise terminal.refused(f"{name}: longer than {MAX_BYTES:,} bytes, so it is no failure's reason")
    # UTF-16 is what `>` of Windows PowerShell writes.
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise terminal.refused(f"{name}: not UTF-8 text") from None
    if "\0" in text:
        raise terminal.refused(f"{name}: binary, not text")
    if not text.strip():
        raise terminal.refused(f"{name}: empty, so there is nothing to explain")
    return text


def _show(finding: Finding, console: Console) -> None:
    known = {
        "Urgency": verdicts.URGENCY.get(finding.urgency or "", verdicts.NOT_KNOWN),
        "Who can fix it": _OWNERS[finding.owner],
        **dict(finding.facts),
        **({"Code": finding.code} if finding.code else {}),
    }
    console.print(_text(_capitalized(finding.title), "bold"))
    for paragraph in (finding.happened, finding.state, finding.retries):
        if paragraph:
            console.print()
            console.print(_text(paragraph))
    console.print()
    for name, value in known.items():
        console.print(Text.assemble((f"{clean(name)}: ", "dim"), clean(value)), soft_wrap=True)
    if finding.more:
        console.print()
        console.print(_text("The same again:", "dim"))
        for line in finding.more:
            console.print(_text(f"- {line}"))
    console.print()
    console.print(_text("What to do", "bold"))
    for number, step in enumerate(finding.steps, 1):
        console.print(_text(f"{number}. {step.what}"))
        if step.command:
            # A command stays on one line, to be copied whole.
            console.print(_text(f"   {step.command}", "cyan"), soft_wrap=True)
    console.print()
    console.print(Text.assemble(("Guide: ", "dim"), finding.link), soft_wrap=True)


def _capitalized(title: str) -> str:
    """Return a title as a heading; a word such as vCPU stays as it is."""
    return title[:1].upper() + title[1:] if title[1:2].islower() or title[1:2] == " " else title


def _text(content: str, style: str = "") -> Text:
    return Text(clean(content), style=style)
