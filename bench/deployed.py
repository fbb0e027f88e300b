"""Cold start as deployed: no key, the table over https with a token of the app's identity."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import trustme

from bench import app, calls, starting
from bench.figures import EVENT_TARGET, Section
from shared import identity
from shared.store.azure import CONNECT_SECONDS, READ_SECONDS
from testing.identity_endpoint import CLIENT_ID, IdentityEndpoint
from testing.processes import Azurite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROUNDS = 12

SCOPE = "https://storage.azure.com/.default"

_BARE = f"""\
import azure.functions, json, os, sys
from azure.core.credentials import AccessToken
from azure.data.tables import TableClient

class Token:
    def get_token(self, *scopes, **options):
        return AccessToken(os.environ["TOKEN"], 4_000_000_000)

rows = json.loads(sys.argv[1])
rows[0]["raw0"] = bytes.fromhex(rows[0]["raw0"])
for row in rows:
    row["RowKey"] += str(os.getpid())
client = TableClient(
    os.environ["NOTIFIER_STORAGE__tableServiceUri"],
    os.environ["NOTIFIER_TABLE"],
    credential=Token(),
    connection_timeout={CONNECT_SECONDS},
    read_timeout={READ_SECONDS},
)
client.submit_transaction([("create", row) for row in rows], retry_total=0)
"""

_WITH_IDENTITY = _BARE.replace(
    "credential=Token()", "credential=ManagedIdentityCredential(client_id=os.environ['AZURE_CLIENT_ID'])"
).replace(
    "import azure.functions", "from azure.identity import ManagedIdentityCredential\nimport azure.functions"
)

_TEXT = f"""\
The same in the shape that runs in Azure: compiled, as `azure.yaml` packs it; the table over https (Azurite
with a certificate of its own and `--oauth basic`), with a token of the identity endpoint, which a stand-in
gives at once; the table's owner asked for. New processes, {ROUNDS} of each kind in turns; the ratio is that
of the fastest of each. The floor has its token from the environment and asks nobody for it. Beside it,
without a target, the floor with `azure-identity`: what a start would cost that got its token that way."""


def measure() -> Section:
    """Compare the deployed app's start with the SDKs' own."""
    with _deployed() as (settings, apps, rows):
        found: dict[str, list[starting.Start]] = {}
        for turn in range(ROUNDS + 1):
            commands = {
                "event": [starting.OURS, *app.started()],  # first, for it makes the table
                "bare": [_BARE, rows],
                "identity": [_WITH_IDENTITY, rows],
            }
            for kind, command in commands.items():
                start = starting.start(command, apps.plain, settings)
                if turn:
                    found.setdefault(kind, []).append(start)
            compiled = starting.start([starting.OURS, *app.started()], apps.compiled, settings)
            if turn:
                found.setdefault("compiled", []).append(compiled)
    what = "start to first event recorded, by token"
    figures = (
        starting.figure("deployed.event", what, found["compiled"], found["bare"], EVENT_TARGET),
        starting.figure("deployed.plain", f"not compiled: {what}", found["event"], found["bare"]),
        starting.figure(
            "deployed.azure-identity", "the SDKs with azure-identity", found["identity"], found["bare"]
        ),
    )
    return Section("Cold start as deployed", _TEXT, figures)


@contextmanager
def _deployed() -> Iterator[tuple[Mapping[str, str], starting.Apps, str]]:
    """Run what stands in for Azure; give the app's environment, its copies, and the rows that it writes."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1")
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        issued.private_key_pem.write_to_path(str(folder / "key.pem"))
        issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
        azurite = stack.enter_context(Azurite(certificate=(folder / "cert.pem", folder / "key.pem")))
        endpoint = stack.enter_context(IdentityEndpoint())
        given = endpoint.settings
        source = identity.Identity(given["IDENTITY_ENDPOINT"], given["IDENTITY_HEADER"], CLIENT_ID)
        settings = {
            **app.SETTINGS,
            **endpoint.settings,
            "NOTIFIER_STORAGE__tableServiceUri": azurite.endpoint,
            "NOTIFIER_TABLE": app.TABLE,
            "AZURE_CLIENT_ID": CLIENT_ID,
            "WEBSITE_SITE_NAME": "func-bench",
            "REQUESTS_CA_BUNDLE": str(folder / "ca.pem"),
            "TOKEN": identity.credential(source).get_token(SCOPE).token,
        }
        yield settings, starting.copies(folder), _rows()


def _rows() -> str:
    """Return the rows that the app writes for an event."""
    with Azurite() as azurite:
        settings = app.settings(azurite.endpoint)
        with app.loaded(settings) as functions, calls.captured() as seen:
            for text in app.started(2):
                functions["maintenance_events"](text)
        return starting.as_json(seen[-1])
