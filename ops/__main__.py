"""The commands for people who run the notifier: `./notifier COMMAND`, or `python -m ops COMMAND`.

Errors are a line on standard error; 2 is the exit code of a wrong command line and of what cannot be read.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer._click.exceptions import NoArgsIsHelpError, UsageError
from typer.core import TyperGroup

from local.interruption import INTERRUPTED
from local.settings_file import SettingsFileError
from ops import terminal
from ops.commands import COMMANDS
from shared.setting_reader import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.surroundings import Surroundings


class _Commands(TyperGroup):
    """Imports a command when it is asked for, so that each costs only what it needs."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - as inherited
        """Return the names, in the order that help lists them."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - as inherited
        """Return a command; None where there is none of the name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        found = getattr(importlib.import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            single = typer.Typer(add_completion=False, rich_markup_mode=_markup())
            single.command(cmd_name)(found)
            found = single
        found.rich_markup_mode = _markup()
        made = typer.main.get_command(found)
        made.name = cmd_name  # a group has none of its own, and help lists it by that
        return made

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - as inherited
        """Return what a command line names. Raises UsageError, which names what may have been meant."""
        try:
            return super().resolve_command(ctx, args)
        except UsageError as error:
            from shared.documents import near

            error.message = error.message.rstrip(".") + near(args[0], COMMANDS)
            raise


def _markup() -> Any:  # noqa: ANN401 - a literal of typer's own
    """Return how help is laid out: with boxes and colours for a person who can see them."""
    is_boxed = terminal.is_styled() and (sys.stdout.encoding or "").lower().startswith("utf")
    return "markdown" if is_boxed else None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=_markup(),
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"notifier {terminal.version()}")
        raise typer.Exit


@app.callback()
def _commands(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version, and end."),
    ] = False,
) -> None:
    """Preview, explain, look after and steer the AKS maintenance notifier."""


def main(arguments: Sequence[str] | None = None, surroundings: Surroundings | None = None) -> int:
    """Do what a command line asks for; return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # whatever the terminal's encoding
    logging.getLogger("azure").setLevel(logging.CRITICAL)  # the error that follows says the same
    try:
        code = app(arguments, prog_name="notifier", standalone_mode=False, obj=surroundings)
        sys.stdout.flush()
    except typer.TyperException as error:
        return _complain(error, (sys.argv[1:] if arguments is None else arguments)[:1])
    except (SettingsFileError, SettingsError) as error:  # whichever command reads them
        terminal.complain(error)
        return terminal.UNREADABLE
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # whoever read this has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0


def _complain(error: typer.TyperException, first: Sequence[str]) -> int:
    """Write what is wrong with a command line, which begins so, as a line, and where help is as another."""
    words = error.format_message().replace("Value error, ", "")  # the library's own, of no use to people
    if isinstance(error, NoArgsIsHelpError):  # where help is boxed, it has been printed already
        print(words, file=sys.stderr)
        return terminal.UNREADABLE
    terminal.complain(words)
    context = getattr(error, "ctx", None)  # the library's parser of options gives none
    path = context.command_path if context else " ".join(["notifier", *(set(first) & set(COMMANDS))])
    print(f"Try: {path} --help", file=sys.stderr)
    return terminal.UNREADABLE


if __name__ == "__main__":
    sys.exit(main())
