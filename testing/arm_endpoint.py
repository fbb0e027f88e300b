"""A stand-in for Azure Resource Manager over HTTP: clusters of subscriptions, and Azure Resource Graph.

    with ArmEndpoint(page_size=2) as endpoint:
        endpoint.add(cluster("prod"), [configuration("aksManagedNodeOSUpgradeSchedule")])
        endpoint.script(Fault(kind="429", retry_after="1"))     # the next request
        with Arm(Tokens(), endpoint.url) as arm:
            ...

Lists come in pages, as nextLink says. A request without the token, or with another API version, is refused.
What Resource Graph is asked, an engine runs over `graph`, to which what is added here belongs as well.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

from azure.core.credentials import AccessToken

from testing.graph_tables import GraphTables, QueryError
from testing.services.stand_in import Fault, Got, Reply, StandIn

if TYPE_CHECKING:
    from collections.abc import Callable

SUBSCRIPTION = "66667777-aaaa-8888-bbbb-9999cccc0000"
TOKEN = "a-token-for-tests"
API_VERSION = "2025-10-01"
GRAPH = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"


class Tokens:
    """A credential that has a token, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """See TokenCredential."""
        self.scopes += scopes
        return AccessToken(TOKEN, int(time.time()) + 3_600)


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


class ArmEndpoint(StandIn):
    """See StandIn: Azure Resource Manager."""

    def __init__(self, page_size: int = 100, *, takes_any_token: bool = False) -> None:
        super().__init__()
        self.page_size = page_size
        self._takes_any_token = takes_any_token
        self.denied: set[str] = set()
        """Subscriptions, and ids of clusters in lower case, that nobody may read."""
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

    def refusal(self, status: int, fault: Fault) -> Reply:
        """Put a scripted status the way the service does."""
        return _error(status, "Scripted", fault.message or "as the test asked for")

    def answer(self, got: Got) -> Reply:
        """Return what is there, or what Resource Graph says."""
        if got.headers.get("authorization") != f"Bearer {TOKEN}" and not self._takes_any_token:
            return Reply(401)
        if got.method == "GET":
            return self._find(got)
        return self._ask(got.json) if f"{got.path}?{got.query}" == GRAPH else Reply(404)

    def _ask(self, body: dict[str, Any]) -> Reply:
        self.questions.append(body)
        now = self.monotonic()
        while self._asked and self._asked[0] <= now - self.quota_resets:
            self._asked.popleft()
        resets = {"x-ms-user-quota-resets-after": f"00:00:{self.quota_resets:02d}"}
        if len(self._asked) >= self.quota:
            return Reply(429, "", {**resets, "Retry-After": str(self.quota_resets)})
        self._asked.append(now)
        groups = body.get("managementGroups")
        scope = body.get("subscriptions", [])
        if groups is not None:
            scope = [one for group in groups for one in self.management_groups.get(group, [])]
        readable = [one for one in scope if one.lower() not in self.denied]
        try:
            rows = self.graph.run(body["query"], readable)
        except QueryError as error:
            return _error(400, "BadRequest", f"Please provide a valid query: {error}")
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
        return Reply(200, page, {**resets, **left})

    def _find(self, got: Got) -> Reply:
        query, path = parse_qs(got.query), got.path.lower()
        if path in self.gone:
            return _error(404, "ResourceNotFound", "It was not found.")
        if query.get("api-version", [""])[0] not in self._versions and path not in self.bodies:
            return Reply(400)
        if any(f"/{one.strip('/')}/" in path for one in self.denied):
            return _error(403, "AuthorizationFailed", "The client may not read that.")
        if path in self.bodies:
            return Reply(200, self.bodies[path])
        skip = int(query.get("$skiptoken", ["0"])[0])
        items = self._lists[path]
        page: dict[str, Any] = {"value": items[skip : skip + self.page_size]}
        if skip + self.page_size < len(items):
            following = f"api-version={query['api-version'][0]}&$skiptoken={skip + self.page_size}"
            page["nextLink"] = f"{self.url}{quote(got.path)}?{following}"
        if self.next_link is not None:
            page["nextLink"] = self.next_link
        return Reply(200, page)


def _error(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"error": {"code": code, "message": message}})
