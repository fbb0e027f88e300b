"""Tokens of the identity that the environment offers.

In Azure it is the app's own, by the protocol of App Service, which is one GET to an address on the machine:
learn.microsoft.com/azure/app-service/overview-managed-identity, "REST endpoint reference". azure-identity
speaks it, too, and costs more to import than all else that the first event needs: it is no part of what is
deployed. On a workstation it is whoever `az` is logged in as, by azure-identity.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import msgspec

from shared.clock import SystemClock

if TYPE_CHECKING:
    import requests
    from azure.core.credentials import AccessToken, TokenCredential

    from shared.clock import Clock

API_VERSION = "2019-08-01"

CONNECT_SECONDS = 2
READ_SECONDS = 5
"""A delivery that gets no token has to be answered within 30 s, after a second try."""

RENEWED_BEFORE_SECONDS = 300
"""Seconds before its end at which a token is renewed: azure-core asks for another then, too."""

_ASKED_AGAIN_SECONDS = 10
"""Seconds between two attempts at renewing a token that still holds: App Service may give the same again."""


class Identity(msgspec.Struct, frozen=True):
    """Where tokens come from: App Service's endpoint and the header that it wants; none on a workstation."""

    endpoint: str = ""
    header: str = ""
    client_id: str = ""
    """That of a user-assigned identity."""

    def __repr__(self) -> str:
        """Leave out the header: with it, whoever is on the machine gets tokens."""
        return f"Identity({self.endpoint!r}, {self.client_id!r})"


def credential(identity: Identity, clock: Clock | None = None) -> TokenCredential:
    """Return the credential of an identity, as all clients of Azure take it. No round trip."""
    if identity.endpoint and identity.header:
        return AppServiceCredential(identity, clock or SystemClock())
    from azure.identity import AzureCliCredential

    return AzureCliCredential()


class _Held(msgspec.Struct):
    """A token, and by the monotonic clock until when it holds and when it is to be renewed."""

    token: str
    ends: float
    renewed: float


class AppServiceCredential:
    """Gets tokens from App Service, and keeps each until shortly before its end. Thread-safe.

    A token that cannot be renewed in time is used to its end.
    """

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock
        self._session: requests.Session | None = None
        self._held: dict[str, _Held] = {}
        self._failed_at, self._failure = float("-inf"), ""
        self._lock = Lock()

    def get_token(
        self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, **_: object
    ) -> AccessToken:
        """Return a token for a scope. Raises ClientAuthenticationError where there is none.

        With `claims` or a `tenant_id` the one before was refused: another is asked for.
        """
        from azure.core.credentials import AccessToken
        from azure.core.exceptions import ClientAuthenticationError

        (scope,) = scopes
        came = self._clock.monotonic()
        is_refused = bool(claims or tenant_id)
        with self._lock:
            held = self._held.get(scope)
            if held is None or held.renewed <= came or is_refused:
                # What another thread was told while this one waited for its turn is told to this one, too.
                problem = self._failure if self._failed_at >= came else self._renew(scope)
                held = self._held.get(scope)
                if problem and (held is None or held.ends <= self._clock.monotonic() or is_refused):
                    raise ClientAuthenticationError(f"no token for {scope}: {problem}")
            assert held is not None
            # Its end by this machine's clock, however wrong that is.
            left = held.ends - self._clock.monotonic()
            return AccessToken(held.token, int(self._clock.now().timestamp() + left))

    def _renew(self, scope: str) -> str:
        """Ask for a token and keep it; return what went wrong, empty where nothing did."""
        import requests

        from shared.connections import session

        if self._session is None:
            self._session = session()
        try:
            answer = self._session.get(
                self._identity.endpoint,
                params={
                    "resource": scope.removesuffix("/.default"),
                    "api-version": API_VERSION,
                    **({"client_id": self._identity.client_id} if self._identity.client_id else {}),
                },
                headers={"X-IDENTITY-HEADER": self._identity.header},
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
            )
            self._held[scope] = self._read(answer)
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            problem = f"{type(error).__name__}: {error}"[:500]
            self._failed_at, self._failure = self._clock.monotonic(), problem
            held = self._held.get(scope)
            if held is not None:
                held.renewed = self._failed_at + _ASKED_AGAIN_SECONDS
            return problem
        return ""

    def _read(self, answer: requests.Response) -> _Held:
        """Return an answer's token. Raises ValueError, KeyError or TypeError where it has no token."""
        from email.utils import parsedate_to_datetime

        if not answer.ok:
            raise ValueError(f"the identity endpoint says {answer.status_code} {answer.text[:300]}")
        body = answer.json()
        date = answer.headers.get("Date")
        # By the clock of whoever answers, and not by this machine's, which may be off.
        wall = parsedate_to_datetime(date) if date else self._clock.now()
        now = self._clock.monotonic()
        ends = now + float(body["expires_on"]) - wall.timestamp()
        return _Held(
            str(body["access_token"]), ends, max(ends - RENEWED_BEFORE_SECONDS, now + _ASKED_AGAIN_SECONDS)
        )
