"""What tests share: Azurite, and how hard property tests try."""

from __future__ import annotations

import gc
import signal
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from azure.data.tables import TableClient
from hypothesis import HealthCheck, settings

from testing.processes import Azurite

if TYPE_CHECKING:
    from collections.abc import Iterator

# Its assertions are told like those of the tests that run it.
pytest.register_assert_rewrite("tests.store.table_contract")

# A shell ignores SIGINT in what it does not wait for (`make test &`); what tests start and interrupt would
# inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples on every machine, so that a run says something about the change and not about its luck.
# `pytest --hypothesis-profile thorough` looks further.
settings.register_profile(
    "quick",
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=5_000, derandomize=False)
settings.load_profile("quick")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what needs Azurite count as slow; what is slow comes first, so that no core waits at the end."""
    for item in items:
        if "azurite" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """Spare the garbage collector from looking at thousands of tests again and again."""
    gc.freeze()


@pytest.fixture(scope="session")
def httpserver_listen_address() -> tuple[str, int]:
    """Let pytest-httpserver listen here, without looking up a name."""
    return "127.0.0.1", 0


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Run Azurite's table service in memory, once for each process that runs tests."""
    with Azurite() as running:
        yield running


@pytest.fixture
def client(azurite: Azurite) -> Iterator[TableClient]:
    """Return a client of a table of this test's own, which does not exist yet."""
    name = f"t{uuid4().hex}"
    with TableClient.from_connection_string(azurite.connection_string, table_name=name) as client:
        yield client
