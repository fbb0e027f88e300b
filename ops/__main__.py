"""The commands for people who run the notifier: `python -m ops COMMAND`."""

from __future__ import annotations

import typer

from ops import explain, ownership, windows

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command("explain")(explain.explain)
app.command("table")(ownership.table)
app.add_typer(windows.app, name="windows")


@app.callback()
def _commands() -> None:
    """Tools beside the AKS maintenance notifier."""


if __name__ == "__main__":
    app(prog_name="python -m ops")
