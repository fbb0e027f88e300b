"""The clusters that nobody would hear of: never announced, or never heard of here, and why."""

from __future__ import annotations

import typer

from ops import ledger, storage, surroundings, terminal
from shared import keys
from shared.rounds.uncovered import Findings, uncovered
from shared.store.meta import Meta
from shared.store.present import PresentState


def coverage(
    context: typer.Context,
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """List the clusters that nobody would hear of, and why.

    They are never announced, or never heard of here, as the last reading of the inventory left it. Exit code
    0: there are none, or no table yet. 1: there are some. 2: it could not be read fully.
    """
    with ledger.opened_table(context, account, table) as rows:
        now = surroundings.of(context).clock.now()
        is_empty = not rows.query("", keys.AFTER, 1).rows
        found = Findings(()) if is_empty else uncovered(Meta(rows), PresentState(rows), now)
    if terminal.is_json(output, as_json=as_json):
        terminal.print_json(
            [
                {
                    "cluster": one.known.cluster.id,
                    "name": one.known.cluster.name,
                    "subscription": one.known.cluster.subscription,
                    "reasons": [{"id": reason.id, "sentence": reason.sentence} for reason in one.reasons],
                }
                for one in found.uncovered
            ]
        )
    else:
        for one in found.uncovered:
            where = one.known.subscription_name or one.known.cluster.subscription
            print(f"{one.known.cluster.name} · {one.known.cluster.resource_group} · {where}")
            for reason in one.reasons:
                print(f"  {reason.id}: {reason.sentence}")
        if is_empty:
            print("Nothing is stored yet.")
        elif not found.uncovered and not found.troubles:
            print("Every cluster is announced, and heard of.")
    for trouble in found.troubles:
        terminal.complain(trouble)
    if found.troubles:
        raise typer.Exit(terminal.UNREADABLE)
    raise typer.Exit(terminal.NO if found.uncovered else 0)
