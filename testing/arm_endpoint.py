"""A stand-in for Azure Resource Manager over HTTP: clusters of subscriptions, and Azure Resource Graph.

    with ArmEndpoint(page_size=2) as endpoint:
        endpoint.add(cluster("prod"), [configuration("aksManagedNodeOSUpgradeSchedule")])
        endpoint.script(Fault(429, {"Retry-After": "1"}))     # the next request
        with Arm(Tokens(), endpoint.url) as arm:
            ...

Lists come in pages, as nextLink says. A request without the token, or with another API version, is refused.
What Resource Graph is asked, an engine runs over `graph`, to which what is added here belongs as well.
"""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from azure.core.credentials import AccessToken
from werkzeug import Request, Response

from testing.graph_tables import GraphTables, QueryError
from testing.services.stand_in import QuickServer

if TYPE_CHECKING:
    from collections.abc import Callable

SUBSCRIPTION = "66667777-aaaa-8888-bbbb-9999cccc0000"
TOKEN = "a-token-for-tests"
API_VERSION = "2025-10-01"
GRAPH = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"
ANY = re.compile(".*")


class Tokens:
    """A credential that has a token, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """See TokenCredential."""
        self.scopes += scopes
        return AccessToken(TOKEN, int(time.time()) + 3_600)


@dataclass(frozen=True)
class Fault:
    """An answer instead of the right one."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"error": {"code": "Scripted", "message": "as the test asked for"}}'


def cluster(name: str = "prod-weu-1", subscription: str = SUBSCRIPTION, **properties: Any) -> dict[str, Any]:
    """Describe a cluster as ARM does."""
    return {
        "id": f"/subscriptions/{subscription}/resourcegroups/rg-prod"
        f"/providers/Microsoft.ContainerService/managedClusters/{name}",
        "name": name,
        "location": "westeurope",
        "properties": {
            "provisioningState": "Succeeded",
            "kubernetesVersion": "1.33",
            "currentKubernetesVersion": "1.33.2",
            "autoUpgradeProfile": {"upgradeChannel": "stable", "nodeOSUpgradeChannel": "NodeImage"},
            **properties,
        },
    }


def configuration(
    name: str = "aksManagedNodeOSUpgradeSchedule", interval: int = 1, **window: Any
) -> dict[str, Any]:
    """Describe a configuration as ARM does: Saturdays 01:00 to 05:00 in UTC-08:00, unless told otherwise."""
    return {
        "name": name,
        "properties": {
            "maintenanceWindow": {
                "schedule": {"weekly": {"intervalWeeks": interval, "dayOfWeek": "Saturday"}},
                "durationHours": 4,
                "utcOffset": "-08:00",
                "startDate": "2026-01-03",
                "startTime": "01:00",
                **window,
            }
        },
    }


class ArmEndpoint:
    """Azure Resource Manager on a port of its own: a context manager."""

    def __init__(self, page_size: int = 100, *, takes_any_token: bool = False) -> None:
        self.page_size = page_size
        self._takes_any_token = takes_any_token
        self.denied: set[str] = set()
        """Subscriptions, and ids of clusters in lower case, that nobody may read."""
        self.requests: list[str] = []
        self.next_link: str | None = None
        """What every page says comes next, instead of the right thing."""
        self.graph = GraphTables()
        self.questions: list[dict[str, Any]] = []
        """What Resource Graph was asked."""
        self.management_groups: dict[str, list[str]] = {}
        """The subscriptions below each."""
        self.graph_page_size = 1_000
        self.quota, self.quota_resets = 15, 1
        """Questions that Resource Graph takes in so many seconds."""
        self.monotonic: Callable[[], float] = time.monotonic
        self.bodies: dict[str, dict[str, Any]] = {}
        """What stands at other paths, in lower case and without their query."""
        self.gone: set[str] = set()
        """Paths, in lower case, at which there is nothing any more."""
        self._lists: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._versions = {API_VERSION}
        self._asked: deque[float] = deque()
        self._faults: deque[Fault | None] = deque()
        self._server = QuickServer("127.0.0.1", threaded=True)
        self._server.expect_request(ANY, method="GET").respond_with_handler(self._answer)
        self._server.expect_request(ANY, method="POST").respond_with_handler(self._answer_question)

    @property
    def url(self) -> str:
        """Where it is."""
        return self._server.url_for("").rstrip("/")

    def add(self, body: dict[str, Any], configurations: list[dict[str, Any]]) -> None:
        """Add a cluster and its configurations."""
        clusters = body["id"].lower().split("/resourcegroups/")[0]
        self._lists[f"{clusters}/providers/microsoft.containerservice/managedclusters"].append(body)
        self._lists[f"{body['id'].lower()}/maintenanceconfigurations"] += configurations
        self.graph.add("resources", {"type": "microsoft.containerservice/managedclusters", **body})

    def add_subscription(self, id_: str, name: str) -> None:
        """Let there be a subscription that can be read."""
        row = {"id": f"/subscriptions/{id_}", "type": "microsoft.resources/subscriptions", "name": name}
        self.graph.add("resourcecontainers", row)

    def add_window(self, body: dict[str, Any]) -> None:
        """Add a shared maintenance window; from then on there are previews of the API."""
        subscription = body["id"].lower().split("/resourcegroups/")[0]
        self._lists[f"{subscription}/providers/microsoft.containerservice/maintenancewindows"].append(body)
        self._versions |= {"2026-04-02-preview", "2026-05-02-preview"}

    def script(self, *faults: Fault) -> None:
        """Let the next requests go wrong, one after the other."""
        self._faults.extend(faults)

    def script_after(self, right: int, *faults: Fault) -> None:
        """Let requests go wrong after so many that are answered as they should be."""
        self._faults.extend([None] * right)
        self._faults.extend(faults)

    def _scripted(self) -> Fault | None:
        return self._faults.popleft() if self._faults else None

    def _answer(self, request: Request) -> Response:
        found = self._find(request.environ["RAW_URI"], request.headers.get("Authorization", ""))
        return Response(found.body, found.status, found.headers, content_type="application/json")

    def _answer_question(self, request: Request) -> Response:
        target = request.environ["RAW_URI"]
        found = self._ask(target, request.headers.get("Authorization", ""), request.get_data())
        return Response(found.body, found.status, found.headers, content_type="application/json")

    def _ask(self, target: str, token: str, asked: bytes) -> Fault:
        if fault := self._scripted():
            return fault
        if token != f"Bearer {TOKEN}" and not self._takes_any_token:
            return Fault(401)
        if target != GRAPH:
            return Fault(404)
        body = json.loads(asked)
        self.questions.append(body)
        now = self.monotonic()
        while self._asked and self._asked[0] <= now - self.quota_resets:
            self._asked.popleft()
        resets = {"x-ms-user-quota-resets-after": f"00:00:{self.quota_resets:02d}"}
        if len(self._asked) >= self.quota:
            return Fault(429, {**resets, "Retry-After": str(self.quota_resets)})
        self._asked.append(now)
        groups = body.get("managementGroups")
        scope = body.get("subscriptions", [])
        if groups is not None:
            scope = [one for group in groups for one in self.management_groups.get(group, [])]
        readable = [one for one in scope if one.lower() not in self.denied]
        try:
            rows = self.graph.run(body["query"], readable)
        except QueryError as error:
            words = {"error": {"code": "BadRequest", "message": f"Please provide a valid query: {error}"}}
            return Fault(400, body=json.dumps(words).encode())
        skip = int(body["options"].get("$skipToken", "0"))
        some = rows[skip : skip + min(body["options"].get("$top", 100), self.graph_page_size)]
        page: dict[str, Any] = {
            "totalRecords": len(rows),
            "count": len(some),
            "data": some,
            "facets": [],
            "resultTruncated": "false",
        }
        if skip + len(some) < len(rows):
            page["$skipToken"] = str(skip + len(some))
        left = {"x-ms-user-quota-remaining": str(self.quota - len(self._asked))}
        return Fault(200, {**resets, **left}, json.dumps(page).encode())

    def _find(self, target: str, token: str) -> Fault:
        self.requests.append(target)
        if fault := self._scripted():
            return fault
        parts = urlsplit(target)
        query, path = parse_qs(parts.query), unquote(parts.path).lower()
        if token != f"Bearer {TOKEN}" and not self._takes_any_token:
            return Fault(401)
        if path in self.gone:
            return Fault(404, body=b'{"error": {"code": "ResourceNotFound", "message": "It was not found."}}')
        if query.get("api-version", [""])[0] not in self._versions and path not in self.bodies:
            return Fault(400)
        if any(f"/{one.strip('/')}/" in path for one in self.denied):
            words = {"error": {"code": "AuthorizationFailed", "message": "The client may not read that."}}
            return Fault(403, body=json.dumps(words).encode())
        if path in self.bodies:
            return Fault(200, body=json.dumps(self.bodies[path]).encode())
        skip = int(query.get("$skiptoken", ["0"])[0])
        items = self._lists[path]
        page: dict[str, Any] = {"value": items[skip : skip + self.page_size]}
        if skip + self.page_size < len(items):
            following = f"api-version={query['api-version'][0]}&$skiptoken={skip + self.page_size}"
            page["nextLink"] = f"{self.url}{parts.path}?{following}"
        if self.next_link is not None:
            page["nextLink"] = self.next_link
        return Fault(200, body=json.dumps(page).encode())

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
