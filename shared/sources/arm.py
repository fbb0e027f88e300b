"""Azure Resource Manager, as far as it is needed here: a subscription's clusters and their configurations.

Over REST with azure-core's pipeline, which the table's SDK brings along anyway, and not with the management
SDK: azure-mgmt-containerservice adds tens of megabytes to the package and hundreds of milliseconds of import
to say two GET requests, and its models drop the properties that they do not know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from azure.core import PipelineClient
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy, UserAgentPolicy
from azure.core.rest import HttpRequest

from shared.connections import transport
from shared.maintenance.inventory import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from azure.core.credentials import TokenCredential
    from azure.core.pipeline import PipelineResponse

API_VERSION = "2025-10-01"
WINDOWS_API_VERSION = "2026-04-02-preview"
"""The version that brought shared maintenance windows."""
LINKS_API_VERSION = "2026-05-02-preview"
"""The version in which maintenance configurations name the shared window that they are linked to."""

_HOSTS = {"portal.azure.us": "management.usgovcloudapi.net", "portal.azure.cn": "management.chinacloudapi.cn"}

_MAX_RETRIES = 5
_MAX_WAIT_SECONDS = 60
"""Seconds after which a request is not made again, and the longest that throttling is waited for: the host
ends a function after five minutes."""
_THREADS = 4
"""Clusters whose configurations are asked for at the same time: more would only be throttled."""
_MAX_PAGES = 1_000
_OK, _THROTTLED = 200, 429


class ArmError(Exception):
    """Azure Resource Manager did not give what was asked for. The message says what it said."""


def endpoint(portal: str) -> str:
    """Return the endpoint of the cloud that a portal belongs to; each sovereign cloud has its own."""
    return f"https://{_HOSTS.get(portal.lower(), 'management.azure.com')}"


class _Retries(RetryPolicy[Any, Any]):
    """Waits as long as Retry-After says, unless that is longer than a request may take.

    Where a question is posted, whoever asks waits: for all of its questions together.
    """

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        if response.http_request.method == "POST" and response.http_response.status_code == _THROTTLED:
            return False
        return (
            super().is_retry(settings, response)
            and (self.get_retry_after(response) or 0) <= _MAX_WAIT_SECONDS
        )


class ArmResponse(msgspec.Struct, frozen=True):
    """What Azure Resource Manager answered, whatever it is."""

    status: int
    headers: Mapping[str, str]
    """Their names in lower case."""
    text: str

    @property
    def words(self) -> str:
        """The code and message of an error, as far as there are any."""
        return _words(self.text)

    def json(self) -> dict[str, Any]:
        """Return the object that the answer holds. Raises ArmError."""
        try:
            body = json.loads(self.text)
        except (ValueError, RecursionError):
            raise ArmError("the answer is not JSON") from None
        if not isinstance(body, dict):
            raise ArmError("the answer is not an object")
        return body


class Arm:
    """Azure Resource Manager, asked with a credential that may read. Close it, or use it as a context.

    A request that is throttled waits as long as Retry-After says, or, where that is too long, fails. The
    token goes to the endpoint alone: no redirect and no link to another place is followed. It is for
    `audience`: the cloud's own endpoint, where another one stands in for it. Over http only where the
    endpoint says so, for trying things out.
    """

    def __init__(self, credential: TokenCredential, endpoint: str, audience: str = "") -> None:
        self._endpoint = endpoint.rstrip("/")
        self._is_plain = urlsplit(endpoint).scheme == "http"
        scope = f"{audience or self._endpoint}/.default"
        self._client: PipelineClient[Any, Any] = PipelineClient(
            self._endpoint,
            policies=[
                UserAgentPolicy("aks-maintenance-notifier"),
                _Retries(
                    retry_total=_MAX_RETRIES, retry_backoff_max=_MAX_WAIT_SECONDS, timeout=_MAX_WAIT_SECONDS
                ),
                BearerTokenCredentialPolicy(credential, scope),
            ],
            transport=transport(),
        )

    def shared_windows(self, subscription: str) -> list[dict[str, Any]]:
        """Return a subscription's shared maintenance windows; none where this cloud has no such preview."""
        path = f"/subscriptions/{quote(subscription, safe='')}/providers/Microsoft.ContainerService"
        try:
            return list(self._pages(f"{path}/maintenanceWindows", WINDOWS_API_VERSION))
        except ArmError:
            return []

    def listed(
        self, subscription: str, missed: Callable[[str, ArmError], None], api_version: str = ""
    ) -> Iterator[dict[str, Any]]:
        """Yield a subscription's clusters as they come, each with `maintenanceConfigurations` attached.

        `api_version` is that of the configurations: links to shared windows are in LINKS_API_VERSION alone.
        A cluster whose configurations cannot be had is left out, and `missed` is told its id and why. Raises
        ArmError where the clusters cannot be listed.
        """
        yield from self.attached(self.clusters(subscription), missed, api_version)

    def clusters(self, subscription: str) -> Iterator[dict[str, Any]]:
        """Yield a subscription's clusters as they come. Raises ArmError where they cannot be listed."""
        path = f"/subscriptions/{quote(subscription, safe='')}/providers/Microsoft.ContainerService"
        yield from self._pages(f"{path}/managedClusters")

    def attached(
        self, bodies: Iterable[dict[str, Any]], missed: Callable[[str, ArmError], None], api_version: str = ""
    ) -> Iterator[dict[str, Any]]:
        """Yield these clusters with `maintenanceConfigurations` attached; as for `listed`."""
        bodies = iter(bodies)
        with ThreadPoolExecutor(_THREADS) as pool:
            while some := list(islice(bodies, _THREADS)):
                configurations = pool.map(partial(self._configurations, api_version), some)
                for body, found in zip(some, configurations, strict=True):
                    if isinstance(found, ArmError):
                        missed(str(body.get("id"))[:300], found)
                    else:
                        yield {**body, "maintenanceConfigurations": found}

    def _configurations(self, api_version: str, body: dict[str, Any]) -> list[dict[str, Any]] | ArmError:
        """Return the configurations of a cluster, or why they cannot be had."""
        cluster = identity(body.get("id"))
        if cluster is None:
            return ArmError("not the id of a cluster")
        try:
            return list(self._pages(f"{quote(cluster.id)}/maintenanceConfigurations", api_version))
        except ArmError as error:
            return error

    def _pages(self, path: str, api_version: str = "") -> Iterator[dict[str, Any]]:
        """Yield the elements of a list, page after page."""
        url = f"{self._endpoint}{path}?api-version={api_version or API_VERSION}"
        seen: set[str] = set()
        while url:
            if url in seen or len(seen) >= _MAX_PAGES:
                raise ArmError("its pages do not come to an end")
            seen.add(url)
            page = self._get(url)
            items = page.get("value")
            if not isinstance(items, list):
                raise ArmError("expected a list under value")
            yield from (item for item in items if isinstance(item, dict))
            url = self._following(page.get("nextLink"))

    def _following(self, link: object) -> str:
        if not link:
            return ""
        if not isinstance(link, str) or not _same_origin(link, self._endpoint):
            raise ArmError(f"its next page is somewhere else: {str(link)[:100]!r}")
        return link

    def get(self, path: str, api_version: str, **query: str) -> dict[str, Any]:
        """Return what stands at a path, an object. Raises ArmError."""
        asked = urlencode({**query, "api-version": api_version}, quote_via=quote)
        return self._get(f"{self._endpoint}{path}?{asked}")

    def post(self, path: str, api_version: str, body: dict[str, Any]) -> ArmResponse:
        """Post a question, and return whatever is answered. Raises ArmError where nothing is.

        What passes is asked again, throttling excepted.
        """
        url = f"{self._endpoint}{path}?api-version={api_version}"
        return self._send(HttpRequest("POST", url, json=body))

    def _get(self, url: str) -> dict[str, Any]:
        answer = self._send(HttpRequest("GET", url))
        if answer.status != _OK:
            raise ArmError(f"{answer.status} {answer.words}".strip())
        return answer.json()

    def _send(self, request: HttpRequest) -> ArmResponse:
        try:
            response = self._client.send_request(request, enforce_https=not self._is_plain)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return ArmResponse(response.status_code, headers, response.read().decode("utf-8-sig", "replace"))
        except AzureError as error:  # no credential, no connection, too many retries
            raise ArmError(str(error).partition("\n")[0][:300]) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _same_origin(one: str, other: str) -> bool:
    try:
        ours, theirs = urlsplit(one), urlsplit(other)
        return (ours.scheme, ours.netloc.lower()) == (theirs.scheme, theirs.netloc.lower())
    except ValueError:
        return False


def _words(text: str) -> str:
    """Return the code and message of an error, as far as there are any."""
    try:
        error = json.loads(text)["error"]
        words = f"{error['code']}: {error['message']}"
    except (ValueError, LookupError, TypeError, RecursionError):
        words = text
    return " ".join(words.split())[:300]
