"""The clusters: version, channels, window, last upgrade; what auditors ask for."""

from __future__ import annotations

import csv
import sys
from enum import StrEnum
from typing import Annotated

import typer

from ops import ledger, storage, terminal
from ops.text_table import fitted
from shared.pages.inventory import HEAD, all_rows
from shared.store.present import PresentState


class OutputForm(StrEnum):
    """How it is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def inventory(
    context: typer.Context,
    account: storage.Account = "",
    table: storage.Table = "",
    output: Annotated[OutputForm, typer.Option("--output", help="How it is written.")] = OutputForm.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """List the clusters, and how their last upgrade ended.

    Versions, channels and windows are read daily where SUBSCRIPTIONS or CLUSTERS asks for it; else only what
    events tell. A table leaves out what is known of no cluster.
    """
    with ledger.opened_table(context, account, table) as rows:
        found = all_rows(*PresentState(rows).clusters())
    if as_json or output is OutputForm.JSON:
        terminal.print_json([row.as_object() for row in found])
    elif output is OutputForm.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(HEAD)
        writer.writerows(map(_safe, (row.cells() for row in found)))
    elif found:
        cells = [row.cells() for row in found]
        print(fitted([name.upper() for name in HEAD], cells))
    else:
        print("No clusters are known yet.")


def _safe(cells: tuple[str, ...]) -> list[str]:
    """Keep spreadsheets from reading a cell as a formula."""
    return [f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t"} else cell for cell in cells]
