"""Azure Resource Graph, over HTTP: an engine runs what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.sources.arm import Arm, ArmError
from shared.sources.resource_graph import GraphError, GraphThrottled, ResourceGraph, Scope, scopes
from testing.arm_endpoint import SUBSCRIPTION, ArmEndpoint, Tokens, cluster
from testing.services.stand_in import Fault, Reply
from tests.infra import kql

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER = "11112222-bbbb-3333-cccc-4444dddd5555"
HERE = Scope((SUBSCRIPTION,))


class Asking:
    """Resource Graph of a stand-in; what it waits for passes at once, and is written down."""

    def __init__(self, endpoint: ArmEndpoint) -> None:
        self.endpoint = endpoint
        self.waited: list[float] = []
        self.arm = Arm(Tokens(), endpoint.url)
        self.graph = ResourceGraph(self.arm, self.wait)
        endpoint.monotonic = lambda: sum(self.waited)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.waited.append(seconds)

    def names(self, scope: Scope = HERE, query: str = "clusters") -> list[str]:
        """Return the names of the rows of a query."""
        return [row["name"] for row in self.graph.rows(query, scope)]


@pytest.fixture
def asking() -> Iterator[Asking]:
    """Serve a stand-in."""
    with ArmEndpoint() as endpoint:
        asking = Asking(endpoint)
        with asking.arm:
            yield asking


def test_pages_are_read_to_the_end(asking: Asking) -> None:
    """Rows come page after page, ordered by id, each once."""
    asking.endpoint.graph_page_size = 2
    for number in (3, 1, 4, 0, 2):
        asking.endpoint.add(cluster(f"c{number}"), [])
    assert asking.names() == ["c0", "c1", "c2", "c3", "c4"]
    assert [one["options"].get("$skipToken") for one in asking.endpoint.questions] == [None, "2", "4"]


def test_one_question_for_many_subscriptions(asking: Asking) -> None:
    """Subscriptions are asked about by the hundred, and a management group as one."""
    ids = [f"00000000-0000-0000-0000-{number:012d}" for number in range(250)]
    for id_ in ids:
        asking.endpoint.add(cluster(f"c{id_[-3:]}", id_), [])
    asking.endpoint.management_groups["platform"] = ids[:3]
    assert sum(len(asking.names(scope)) for scope in scopes(ids)) == 250
    assert len(asking.endpoint.questions) == 3
    assert asking.names(Scope(management_group="platform")) == ["c000", "c001", "c002"]


def test_what_cannot_be_read_is_missing(asking: Asking) -> None:
    """A subscription that the identity may not read is no error; that it is missing tells."""
    for id_ in (SUBSCRIPTION, OTHER):
        asking.endpoint.add_subscription(id_, f"name of {id_[:4]}")
    asking.endpoint.denied.add(OTHER)
    assert asking.names(Scope((SUBSCRIPTION, OTHER)), "subscriptions") == ["name of 6666"]


def test_quota_is_kept(asking: Asking) -> None:
    """Where an answer says that no question is left, the next one waits for as long as it says."""
    asking.endpoint.quota, asking.endpoint.quota_resets = 2, 5
    asking.endpoint.graph_page_size = 1
    for number in range(5):
        asking.endpoint.add(cluster(f"c{number}"), [])
    assert len(asking.names()) == 5
    assert asking.waited == [5, 5]
    assert len(asking.endpoint.questions) == 5


def test_throttling_is_waited_for_as_long_as_a_run_may(asking: Asking) -> None:
    """A 429 waits for Retry-After, at most a minute over all questions of a run; then the run ends."""
    asking.endpoint.add(cluster(), [])
    asking.endpoint.script(*[Fault(kind="429", retry_after="25")] * 2)
    assert len(asking.names()) == 1
    asking.endpoint.script(Reply(429, "", {"x-ms-user-quota-resets-after": "00:00:11"}))
    with pytest.raises(GraphThrottled, match="11 s, and 10 s are left"):
        asking.names()
    assert asking.waited == [25, 25]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"data": [{"name": "a"}], "count": 2}, "a page of 2 rows came with 1"),
        ({"data": [{"name": "a"}], "count": 1, "resultTruncated": "true"}, "cut short"),
        ({"data": [{"name": "a"}], "count": 1, "$skipToken": 7}, "do not come to an end"),
    ],
)
def test_half_an_answer(asking: Asking, answer: dict[str, Any], said: str) -> None:
    """The rows of half an answer are taken, and that it is half of one is an error."""
    asking.endpoint.script(Reply(200, answer))
    rows = asking.graph.rows("clusters", HERE)
    assert next(rows)["name"] == "a"
    with pytest.raises(GraphError, match=said):
        next(rows)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(kind="403"), "403 Scripted: as the test asked for"),
        (Reply(200, '{"data": [{"na'), "not JSON"),
        (Reply(200, {"data": {}}), "expected a list"),
    ],
)
def test_bad_answers_are_errors(asking: Asking, fault: Fault | Reply, said: str) -> None:
    """Whatever is no answer is an error that says what came."""
    asking.endpoint.script(fault)
    with pytest.raises(ArmError, match=said):
        asking.names()


@pytest.mark.slow
def test_queries_are_what_resource_graph_takes() -> None:
    """Microsoft's parser finds nothing wrong with any query, and each keeps to what Resource Graph takes."""
    files = sorted(kql.QUERIES.glob("*.kql"))
    assert kql.findings("graph", *(file.read_text("utf-8") for file in files)) == [[]] * len(files)


@pytest.mark.slow
def test_a_wrong_query_is_found() -> None:
    """A column, an operator, an order, a number that Resource Graph does not take is found."""
    wrong = (
        "resources | where nme == 'a' | order by id asc",
        "resources | mv-apply zones on (take 1) | order by id asc",
        "resources | project id",
        "resources" + " | mv-expand zones limit 400" * 4 + " | order by id asc",
    )
    assert all(kql.findings("graph", *wrong))
