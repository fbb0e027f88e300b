"""The event subscriptions, deployed by the operator's command: `ops.subscribe`, which needs less, does it."""

from __future__ import annotations

from typing import Annotated

import typer

from ops import subscribe as deploying
from ops import terminal


def subscribe(
    deployment: Annotated[
        str, typer.Option(metavar="NAME", help="That of infra/main.bicep, where azd does not name it.")
    ] = "",
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", help="For the functions.")
    ] = deploying.WAIT_SECONDS,
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
    show: Annotated[bool, typer.Option("--show", help="Print the parameters, and deploy nothing.")] = False,
) -> None:
    """Deploy the event subscriptions, once the functions exist.

    `python -m ops.subscribe` is the same, on a Python without any package. Exit code 1: not deployed.
    """
    said = ["--wait", str(wait)]
    said += ["--deployment", deployment] if deployment else []
    said += ["--show"] if show else []
    said += ["--json"] if terminal.is_json(output, as_json=as_json) else []
    raise typer.Exit(deploying.main(said))
