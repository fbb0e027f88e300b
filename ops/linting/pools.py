"""Rules about what an upgrade meets in a cluster: node pools and disruption budgets."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ops.linting import commands
from ops.linting.channels import SECURITY_PATCH
from ops.linting.rule import NODE_IMAGES, OPTIONS, ROLLING, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.linting.model import ListedCluster, Pool
    from ops.linting.rule import LintContext

SURGE = 33
"""Percent of a pool's nodes: recommended for production."""

MAX_NODES = 1_000
"""Instances in a virtual machine scale set, surge nodes among them."""

MIN_DRAIN_MINUTES, MAX_DRAIN_MINUTES = 5, 24 * 60
MAX_SOAK_MINUTES = 30

_GPU = re.compile(r"standard_n[cdgv]", re.IGNORECASE)  # NP is an FPGA
_ONE = json.dumps({"spec": {"minAvailable": None, "maxUnavailable": 1}}, separators=(",", ":"))


def security_patch_pools(listed: ListedCluster, _: LintContext) -> Iterator[Problem]:
    """Find pools that the SecurityPatch channel does not serve."""
    if listed.os_channel != SECURITY_PATCH:
        return
    mend = commands.update(listed, node_os_upgrade_channel="NodeImage")
    for pool in listed.pools:
        if pool.os.lower() == "windows":
            yield Problem(pool.name, "a Windows pool with the SecurityPatch channel", mend)
        elif pool.sku.lower().startswith("azurelinux") and _GPU.match(pool.size):
            yield Problem(pool.name, f"an Azure Linux GPU pool ({pool.size}) with SecurityPatch", mend)


def max_surge(listed: ListedCluster, _: LintContext) -> Iterator[Problem]:
    """Find pools whose maxSurge is not set, or is less than a third of the nodes."""
    for pool in listed.pools:
        percent = _percent(pool)
        if pool.max_surge is None and not pool.settings_known:
            continue
        if pool.max_surge is None:
            what = "maxSurge is not set: one node, or 10% from Kubernetes 1.32 on"
        elif percent is not None and percent < SURGE and _whole(pool.max_unavailable) == 0:
            what = f"maxSurge is {pool.max_surge}"
        else:
            continue
        yield Problem(pool.name, what, commands.pool(listed, pool.name, max_surge=f"{SURGE}%"))


def surge_beyond_scale_set(listed: ListedCluster, _: LintContext) -> Iterator[Problem]:
    """Find pools that cannot surge, because a scale set has no more instances."""
    for pool in listed.pools:
        percent = _percent(pool)
        if pool.count and percent is not None:
            nodes = pool.count + -int(-pool.count * percent // 100)
            if nodes > MAX_NODES:
                room = max(0, MAX_NODES - pool.count)
                mend = commands.pool(listed, pool.name, max_surge=str(room))
                yield Problem(pool.name, f"{pool.count} nodes and surge make {nodes}", mend)


def max_unavailable(listed: ListedCluster, _: LintContext) -> Iterator[Problem]:
    """Find system pools with maxUnavailable."""
    for pool in listed.pools:
        if pool.mode.lower() == "system" and _whole(pool.max_unavailable) != 0:
            mend = commands.pool(listed, pool.name, max_unavailable="0", max_surge=f"{SURGE}%")
            yield Problem(pool.name, f"a system pool with maxUnavailable {pool.max_unavailable}", mend)


def drain_limits(listed: ListedCluster, _: LintContext) -> Iterator[Problem]:
    """Find drain timeouts and soak times outside of what AKS allows."""
    for pool in listed.pools:
        drain, soak = pool.drain_minutes, pool.soak_minutes
        if drain is not None and not MIN_DRAIN_MINUTES <= drain <= MAX_DRAIN_MINUTES:
            nearest = max(MIN_DRAIN_MINUTES, min(drain, MAX_DRAIN_MINUTES))
            mend = commands.pool(listed, pool.name, drain_timeout=str(nearest))
            yield Problem(pool.name, f"the drain timeout is {drain} min", mend)
        if soak is not None and not 0 <= soak <= MAX_SOAK_MINUTES:
            nearest = max(0, min(soak, MAX_SOAK_MINUTES))
            mend = commands.pool(listed, pool.name, node_soak_duration=str(nearest))
            yield Problem(pool.name, f"the soak time is {soak} min", mend)


def blocking_budget(listed: ListedCluster, _: LintContext) -> Iterator[Problem]:
    """Find disruption budgets that allow no disruption of pods that there are."""
    for budget in listed.budgets:
        if budget.allowed == 0 and budget.expected != 0:
            place = ("--namespace", budget.namespace, "--type", "merge", "--patch", _ONE)
            mend = commands.kubectl(listed, "patch", "pdb", budget.name, *place)
            yield Problem(f"{budget.namespace}/{budget.name}", "0 disruptions allowed", mend)


def several_budgets(listed: ListedCluster, _: LintContext) -> Iterator[Problem]:
    """Find disruption budgets that select the same pods as another one of their namespace."""
    first: dict[tuple[str, str], str] = {}
    for budget in listed.budgets:
        if budget.selector:
            other = first.setdefault((budget.namespace, budget.selector), budget.name)
            if other != budget.name:
                words = ("delete", "pdb", budget.name, "--namespace", budget.namespace)
                mend = commands.kubectl(listed, *words)
                yield Problem(f"{budget.namespace}/{budget.name}", f"selects the same pods as {other}", mend)


def _percent(pool: Pool) -> float | None:
    """Return the surge as a percentage of the nodes; None where that cannot be told."""
    said = pool.max_surge or ""
    if said.endswith("%") and said[:-1].isdecimal():
        return int(said[:-1])
    return int(said) * 100 / pool.count if said.isdecimal() and pool.count else None


def _whole(said: str | None) -> int:
    """Return the digits of a number or percentage; 0 where there are none."""
    digits = (said or "").removesuffix("%")
    return int(digits) if digits.isdecimal() else 0


RULES = (
    Rule(
        "security-patch-pools",
        Severity.WARNING,
        "SecurityPatch does not patch Windows pools, nor Azure Linux pools with GPUs. (A policy that demands "
        "customer-managed keys for disks blocks it too; a listing does not show that.)",
        NODE_IMAGES,
        security_patch_pools,
    ),
    Rule(
        "max-surge",
        Severity.INFO,
        "For production a maxSurge of 33% is recommended; with less an upgrade may outlast its window.",
        ROLLING,
        max_surge,
    ),
    Rule(
        "surge-beyond-scale-set",
        Severity.INFO,
        "A virtual machine scale set holds 1,000 instances: surge nodes beyond that cannot be made.",
        ROLLING,
        surge_beyond_scale_set,
    ),
    Rule(
        "max-unavailable",
        Severity.ERROR,
        "maxUnavailable cannot be set on system pools.",
        ROLLING,
        max_unavailable,
    ),
    Rule(
        "drain-limits",
        Severity.ERROR,
        "The drain timeout is 5 minutes to 24 hours (30 minutes by default), the soak time up to 30 minutes.",
        ROLLING,
        drain_limits,
    ),
    Rule(
        "blocking-budget",
        Severity.WARNING,
        "A budget that allows no disruption stops the drain of a node, and the upgrade fails.",
        OPTIONS,
        blocking_budget,
    ),
    Rule(
        "several-budgets",
        Severity.WARNING,
        "A pod under several disruption budgets cannot be evicted.",
        OPTIONS,
        several_budgets,
    ),
)
