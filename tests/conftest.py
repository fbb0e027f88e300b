"""What tests share: Azurite, and how hard property tests try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from testing.processes import Azurite

if TYPE_CHECKING:
    from collections.abc import Iterator

# Its assertions are told like those of the tests that run it.
pytest.register_assert_rewrite("tests.table_contract")

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


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Run Azurite's table service in memory, once for each process that runs tests."""
    with Azurite() as running:
        yield running
