"""The commands, a line each, in the order that help lists them. A module is imported when it is asked for."""

from __future__ import annotations

COMMANDS = {
    "preview": "ops.preview:preview",
    "explain": "ops.explain:explain",
    "send": "ops.send:send",
    "list": "ops.ledger:list_",
    "show": "ops.ledger:show",
    "resend": "ops.ledger:resend",
    "check": "ops.check:check",
    "windows": "ops.windows:app",
    "lint": "ops.windows:lint_",
    "table": "ops.ownership:table",
    "replay": "ops.replay:replay",
}
"""Name to `module:attribute`; the attribute is a function for typer, or a `typer.Typer` of subcommands."""
