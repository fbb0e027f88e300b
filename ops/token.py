"""Tokens for the status page and the calendar feed: made, listed, revoked."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import typer

from local.settings_file import settings_here
from ops import ledger, storage, surroundings, terminal
from ops.preview import routes_of
from ops.send import LOCAL
from ops.text_table import fitted
from shared import keys
from shared.pages import tokens
from shared.store import codec
from shared.store.present import PresentState
from shared.store.rows import Token
from shared.store.table import Conflict, Operation, Verb

app = typer.Typer(
    help="Addresses of the status page and the feeds.", no_args_is_help=True, add_completion=False
)


@app.command("new")
def new(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    audience: Annotated[str, typer.Argument(metavar="AUDIENCE", help="Of ROUTES; `default` is EMAIL_TO's.")],
    site: Annotated[str, typer.Option(metavar="URL", help="The app's address.")] = LOCAL,
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """Make a token, and print its addresses, once.

    Only a hash of it is stored.
    """
    if urlsplit(site).scheme not in {"http", "https"} or not urlsplit(site).hostname:
        raise typer.BadParameter(
            f"{site!r} is not an address such as https://APP.azurewebsites.net", param_hint="--site"
        )
    environment = settings_here()
    with ledger.telling():
        known = routes_of(environment).audiences
    found = next((id_ for id_ in known if audience.lower() in {id_, known[id_].name.lower()}), None)
    if found is None:
        raise typer.BadParameter(
            f"{audience!r} is no audience: expected one of {', '.join(known)}", param_hint="AUDIENCE"
        )
    made = tokens.new()
    stored = Token(tokens.hashed(made), found, surroundings.of(context).clock.now())
    with ledger.opened_table(context, account, table) as rows:
        rows.commit([Operation(Verb.INSERT, keys.token(stored.hash), codec.token_values(stored))])
    addresses = {
        "status": f"{site.rstrip('/')}/status/{made}",
        "calendar": f"{site.rstrip('/')}/calendar/{made}.ics",
    }
    if terminal.is_json(output, as_json=as_json):
        terminal.print_json({"id": stored.id, "audience": found, **addresses})
    else:
        print(f"Token {stored.id} for the audience {found}; it is not shown again.")
        for name, address in addresses.items():
            print(f"{name}: {address}")
    if environment.get("PAGES", "").strip().lower() != "true":
        terminal.complain("PAGES is not true in the settings here: the app answers where it is.")


@app.command("list")
def list_(
    context: typer.Context,
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """List the tokens that are not revoked."""
    with ledger.opened_table(context, account, table) as rows:
        found = sorted(PresentState(rows).tokens(), key=lambda token: (token.audience, token.created))
    if terminal.is_json(output, as_json=as_json):
        terminal.print_json([_as_object(token) for token in found])
    elif found:
        cells = [(token.id, token.audience, f"{token.created:%Y-%m-%d %H:%M}") for token in found]
        print(fitted(("ID", "AUDIENCE", "CREATED (UTC)"), cells))
    else:
        print("No tokens.")


@app.command("revoke")
def revoke(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `token list` has it.")],
    account: storage.Account = "",
    table: storage.Table = "",
    output: terminal.AsOutput = terminal.Output.TABLE,
    *,
    as_json: terminal.AsJson = False,
) -> None:
    """Revoke a token: within a minute its addresses are 404."""
    with ledger.opened_table(context, account, table) as rows:
        found = [token for token in PresentState(rows).tokens() if token.hash.startswith(id_.lower())]
        if len(found) != 1 or not id_:
            raise ledger.NotDoneError(f"There {'are several tokens' if found else 'is no token'} {id_!r}.")
        try:
            rows.commit([Operation(Verb.DELETE, keys.token(found[0].hash))])
        except Conflict:
            raise ledger.NotDoneError("It was revoked at this moment.") from None
    if terminal.is_json(output, as_json=as_json):
        terminal.print_json(_as_object(found[0]))
    else:
        print(f"Revoked: {found[0].id}, of the audience {found[0].audience}.")


def _as_object(token: Token) -> dict[str, str]:
    return {"id": token.id, "audience": token.audience, "created": codec.text(token.created)}
