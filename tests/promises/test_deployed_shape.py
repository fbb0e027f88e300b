"""The app as Azure runs it: no key anywhere, the table over https with tokens, mail by its endpoint."""

from __future__ import annotations

import ast
import re
import ssl
import subprocess
import sys
import time
from functools import cache
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import trustme
from azure.core.exceptions import ClientAuthenticationError

from shared import identity
from shared.app import Notifier, build
from shared.identity import Identity
from shared.settings import load
from shared.store import azure
from shared.store.table import TableUnavailable
from testing.child_process import environment
from testing.identity_endpoint import CLIENT_ID, IdentityEndpoint
from testing.mail_endpoint import MailEndpoint
from testing.processes import ROOT, Azurite
from testing.samples.payloads import event
from testing.services.stand_in import Fault
from testing.world import NOW, SETTINGS, StoppedClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

STORAGE = "https://storage.azure.com/.default"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, trustme.LeafCert]:
    """Make an authority, and a certificate of it, in a folder."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    return folder, issued


@pytest.fixture(scope="module")
def tables(certificates: tuple[Path, trustme.LeafCert]) -> Iterator[Azurite]:
    """Run Azurite over https, taking tokens."""
    folder, _ = certificates
    with Azurite(certificate=(folder / "cert.pem", folder / "key.pem")) as azurite:
        yield azurite


@pytest.fixture
def mails(certificates: tuple[Path, trustme.LeafCert]) -> Iterator[MailEndpoint]:
    """Run a mail service over https that wants a token."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates[1].configure_cert(context)
    with MailEndpoint(ssl_context=context) as running:
        yield running


@pytest.fixture
def endpoint() -> Iterator[IdentityEndpoint]:
    """Run the identity endpoint."""
    with IdentityEndpoint() as running:
        yield running


@pytest.fixture(params=["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def app(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    certificates: tuple[Path, trustme.LeafCert],
    tables: Azurite,
    mails: MailEndpoint,
    endpoint: IdentityEndpoint,
) -> Callable[[], Notifier]:
    """Start an instance of the app that trusts the authority, by either variable."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(request.param, str(certificates[0] / "ca.pem"))
    settings = {
        "NOTIFIER_STORAGE__tableServiceUri": tables.endpoint,
        "NOTIFIER_TABLE": f"t{uuid4().hex}",
        "EMAIL_ENDPOINT": mails.url,
        "EMAIL_FROM": "aks@example.com",
        "EMAIL_TO": "ops@example.com",
        "SWEEP_SCHEDULE": "0 * * * * *",
        "AZURE_CLIENT_ID": CLIENT_ID,
        **endpoint.settings,
    }
    return lambda: build(load(settings))


def test_recorded_and_mailed(
    app: Callable[[], Notifier], mails: MailEndpoint, endpoint: IdentityEndpoint
) -> None:
    """An event is recorded and mailed with tokens alone, one for each service, of the identity named."""
    notifier = app()
    text = event("Failed", NOW)
    assert notifier.intake.take(text) == ["new"]
    assert notifier.intake.take(text) == ["duplicate"]
    assert len(mails.mails) == 1
    assert all(post.headers["authorization"].startswith("Bearer ") for post in mails.posts)
    assert [query["resource"] for query in endpoint.asked] == [
        "https://storage.azure.com",
        "https://communication.azure.com/",
    ]
    assert {query["client_id"] for query in endpoint.asked} == {CLIENT_ID}


@pytest.mark.parametrize("trouble", [Fault(kind="500"), Fault(kind="403"), Fault(delay_before=1)], ids=str)
def test_no_token_yet(
    app: Callable[[], Notifier],
    endpoint: IdentityEndpoint,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Fault,
) -> None:
    """Where there is no token the delivery is to come again, soon said; when there is one it is recorded."""
    monkeypatch.setattr(identity, "READ_SECONDS", 0.3)
    endpoint.script(*[trouble] * 2)
    notifier, text = app(), event("Failed", NOW)
    began = time.monotonic()
    with pytest.raises(TableUnavailable):
        notifier.intake.take(text)
    assert time.monotonic() - began < 30
    assert notifier.intake.take(text) == ["new"]


@cache
def _loaded(code: str) -> frozenset[str]:
    """Return the modules that are loaded once the app has been imported, and has run some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, function_app; {code}; print(*sys.modules)"],
        env=environment(SETTINGS),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return frozenset(done.stdout.split())


def test_an_event_waits_for_nothing_that_it_does_not_need() -> None:
    """A start for events imports no page, sweep, window or channel that it has no use for."""
    needless = (
        r"shared\.(pages|rounds|maintenance|sources|failures|messages\.view|delivery\.(sweep|reports))\b"
    )
    channels = r"shared\.channels\.(teams|slack|pagerduty|webhook|eventgrid)\b"
    assert not [
        name
        for name in _loaded("function_app._notifier()")
        if re.match(f"{needless}|{channels}|jinja2", name)
    ]


LOADED_BY_OTHERS = {"concurrent.futures", "email.utils"}
"""Azure's libraries load these, in some of their versions."""


def test_imports_are_put_off_for_the_start_alone() -> None:
    """What a function imports for itself, importing the app has not loaded: no such import hides a circle."""
    needless = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "shared").rglob("*.py")
        for function in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and node.module not in LOADED_BY_OTHERS
        if _modules(node) <= _loaded("pass")
    }
    assert needless == set()


def _modules(node: ast.ImportFrom) -> set[str]:
    """Return what an import loads: modules of a package, or the one that it takes names from."""
    paths = {alias.name: ROOT / (node.module or "").replace(".", "/") / alias.name for alias in node.names}
    inside = {f"{node.module}.{name}" for name, path in paths.items() if path.with_suffix(".py").exists()}
    return inside or {node.module or ""}


def test_answer_within_30_seconds() -> None:
    """A token and a step of the table, each got at the last moment of a second try, fit into 28 seconds."""
    tokens = identity.CONNECT_SECONDS + identity.READ_SECONDS
    assert 2 * (tokens + azure.CONNECT_SECONDS + azure.READ_SECONDS) <= 28


class TestCredential:
    """The credential by itself, on a clock that stands still."""

    @pytest.fixture
    def clock(self) -> StoppedClock:
        """Return the clock."""
        return StoppedClock(NOW)

    def test_renewed_before_its_end(self, clock: StoppedClock) -> None:
        """A token is asked for once, and again from five minutes before its end."""
        with IdentityEndpoint(lifetime=3_600) as endpoint:
            credential = identity.credential(_source(endpoint), clock)
            first = credential.get_token(STORAGE)
            # By a clock that is years off, too, the token lasts as long as its giver says.
            assert abs(first.expires_on - clock.now().timestamp() - 3_600) <= 2
            clock.forward(minutes=54)
            credential.get_token(STORAGE)
            assert len(endpoint.asked) == 1
            clock.forward(minutes=2)
            credential.get_token(STORAGE)
            credential.get_token(STORAGE)
            assert len(endpoint.asked) == 2

    def test_used_to_its_end(self, clock: StoppedClock) -> None:
        """A token that cannot be renewed is used to its end, and renewing tried every ten seconds."""
        with IdentityEndpoint(lifetime=3_600) as endpoint:
            credential = identity.credential(_source(endpoint), clock)
            first = credential.get_token(STORAGE)
            endpoint.script(*["500"] * 9)
            clock.forward(minutes=56)
            assert [credential.get_token(STORAGE).token for _ in range(5)] == [first.token] * 5
            assert len(endpoint.asked) == 2
            clock.forward(minutes=5)
            with pytest.raises(ClientAuthenticationError, match="500"):
                credential.get_token(STORAGE)

    def test_refused_token_is_not_given_again(self, clock: StoppedClock) -> None:
        """After a challenge another token is asked for."""
        with IdentityEndpoint() as endpoint:
            credential = identity.credential(_source(endpoint), clock)
            credential.get_token(STORAGE)
            credential.get_token(STORAGE, tenant_id="72f988bf-86f1-41af-91ab-2d7cd011db47")
            assert len(endpoint.asked) == 2

    def test_wrong_header(self, clock: StoppedClock) -> None:
        """What the endpoint says is in the error; the header is in no words of ours."""
        with IdentityEndpoint() as endpoint:
            wrong = Identity(_source(endpoint).endpoint, "secret-header")
            with pytest.raises(ClientAuthenticationError, match=r"401 .*Unauthorized"):
                identity.credential(wrong, clock).get_token(STORAGE)
            assert "secret-header" not in repr(wrong)


def _source(endpoint: IdentityEndpoint) -> Identity:
    settings = endpoint.settings
    return Identity(settings["IDENTITY_ENDPOINT"], settings["IDENTITY_HEADER"])
