"""What tests of the infrastructure share: Azure's compiler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra import compiler

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def bicep() -> Iterator[compiler.Compiler]:
    """Return the compiler, once for each process that runs tests, or skip."""
    program = compiler.find()
    if program is None:
        pytest.skip("there is no Bicep compiler (BICEP, PATH, az bicep install)")
    with compiler.Compiler(program) as running:
        yield running
