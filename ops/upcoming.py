"""What is coming, across all clusters: announced maintenance, and the windows to be expected."""

from __future__ import annotations

import sys
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer

from local.settings_file import settings_here
from ops import ledger, storage, terminal
from ops.pause import positive
from ops.preview import routes_of
from ops.text_table import fitted
from shared.addresses import bare
from shared.durations import duration
from shared.pages import feed
from shared.pages.board import board
from shared.store.present import PresentState


class OutputForm(StrEnum):
    """How it is written."""

    TABLE = "table"
    JSON = "json"
    ICS = "ics"


def upcoming(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    cluster: Annotated[str, typer.Option(metavar="GLOB", help="Names of clusters, such as `shop-*`.")] = "",
    ahead: Annotated[
        str, typer.Option("--within", callback=positive, metavar="30d", help="How far ahead.")
    ] = "30d",
    account: storage.Account = "",
    table: storage.Table = "",
    output: Annotated[OutputForm, typer.Option("--output", help="How it is written.")] = OutputForm.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """List announced maintenance and expected windows."""
    with ledger.opened_table(context, account, table) as rows:
        environment = settings_here()
        stored, now = PresentState(rows).clusters()
        shown = board(stored, routes_of(environment), None, now, filters={"cluster": cluster})
    sender = bare(environment.get("EMAIL_FROM", "").strip())
    found = feed.entries(
        shown,
        domain=sender.rpartition("@")[2] or "localhost",
        portal_host=environment.get("PORTAL") or "portal.azure.com",
    )
    until = now + duration(ahead)
    coming = [
        each for each in found if now - timedelta(days=1) <= each.entry.end and each.entry.start < until
    ]
    coming = [each for each in coming if each.phase in {"coming", "running", "expected", "overdue"}]
    if output is OutputForm.ICS and not as_json:
        sys.stdout.buffer.write(feed.calendar(shown, coming))
    elif as_json or output is OutputForm.JSON:
        sys.stdout.write(feed.as_json(shown, coming).decode() + "\n")
    elif not coming:
        print(f"Nothing is coming within {ahead}.")
    else:
        cells = [
            (
                f"{each.entry.start:%Y-%m-%d %H:%M}",
                f"{each.entry.end:%Y-%m-%d %H:%M}",
                each.cluster,
                each.kind,
                each.phase,
            )
            for each in coming
        ]
        print(fitted(("START (UTC)", "END (UTC)", "CLUSTER", "WHAT", "STATE"), cells))
    unknown = [one for one in shown.coming if one.planned is None]
    if unknown and output is OutputForm.TABLE and not as_json:
        names = ", ".join(one.cluster.name for one in unknown)
        print(f"\nAnnounced, without a start that is still to come: {names}.")
