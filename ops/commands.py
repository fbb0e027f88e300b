"""The commands, a line each, in the order that help lists them. A module is imported when it is asked for."""

from __future__ import annotations

COMMANDS = {
    "preview": "ops.preview:preview",
    "explain": "ops.explain:explain",
    "send": "ops.send:send",
    "test-channel": "ops.trial:trial",
    "status": "ops.status:status",
    "list": "ops.ledger:list_",
    "show": "ops.ledger:show",
    "why": "ops.why:why",
    "resend": "ops.ledger:resend",
    "upcoming": "ops.upcoming:upcoming",
    "inventory": "ops.inventory:inventory",
    "coverage": "ops.coverage:coverage",
    "check": "ops.check:check",
    "windows": "ops.windows:app",
    "lint": "ops.windows:lint_",
    "table": "ops.ownership:table",
    "silence": "ops.silence:app",
    "pause": "ops.pause:pause",
    "resume": "ops.pause:resume",
    "token": "ops.token:app",
    "replay": "ops.replay:replay",
    "subscribe": "ops.subscribing:subscribe",
}
"""Name to `module:attribute`; the attribute is a function for typer, or a `typer.Typer` of subcommands."""
