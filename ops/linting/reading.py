"""Reading decoded JSON of whatever form: what the CLI prints, a Terraform plan, an ARM template."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ops.linting import joining, parsing, template, terraform
from ops.linting.model import Listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ops.linting.model import ListedCluster


def read(body: object, file: str = "") -> Listing:
    """Read decoded JSON: clusters, configurations, shared windows, a Terraform plan, or an ARM template.

    Without a plan or a template it is one of the first three, or a list (or ARM's `value`) of any of them.
    Configurations are put with their clusters, and schedules with the configurations that are linked to them.
    What cannot be read is kept with its reason, so that the others can be checked. Raises ListingError where
    nothing can be read. `file` names the input.
    """
    for reader in (terraform, template):
        if reader.is_one(body):
            found = reader.read(body)
            break
    else:
        found = parsing.listing(body)
    return joining.with_shared_windows(_of_file(found, file))


def _of_file(listing: Listing, file: str) -> Listing:
    def named(items: Iterable[ListedCluster]) -> tuple[ListedCluster, ...]:
        return tuple(
            msgspec.structs.replace(listed, file=file, files=dict.fromkeys(_parts(listed), file))
            for listed in items
        )

    return Listing(named(listing.clusters), named(listing.shared), listing.unread)


def _parts(listed: ListedCluster) -> Iterator[str]:
    """Yield the names of what belongs to a cluster, as findings give them."""
    yield from (found.name for found in listed.configurations)
    yield from (found.name for found in listed.malformed)
    yield from (pool.name for pool in listed.pools)
    yield from (f"{budget.namespace}/{budget.name}" for budget in listed.budgets)
