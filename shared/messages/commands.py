"""Commands that reach the cluster they are meant for, whatever a shell is set to, wherever they come from.

`az` takes its subscription and kubectl its context from wherever the last command left them: at three in the
morning that is another cluster. So each command says where it goes, or holds a placeholder that fails.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from shared.messages.view import Step
from shared.text import line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.events.model import Cluster, Fleet, Subject

_PROGRAM = re.compile(
    r"(?P<lead>^|[|;&(]\s*)(?P<call>az(?: [a-z][a-z0-9-]*)+|kubectl)(?=\s|$)(?P<rest>[^|;&]*)"
)
_NO_SUBSCRIPTION = frozenset({"login", "logout", "account", "extension", "ad", "graph", "version"})
"""Groups of `az` whose commands act on no subscription, or name it themselves."""
_WHOLE_IDS = re.compile(r"--(?:subscription|ids|resource-id|resource|scope|scopes)[ =]")
"""Arguments that say which subscription is meant."""

_USES_KUBECTL = re.compile(r"(?:^|[|;&(]\s*)kubectl\s")


def quoted(text: str) -> str:
    """Quote a name for a POSIX shell; a placeholder stands for one that az would take for an option."""
    name = line(text)
    return shlex.quote("<name>" if name.startswith("-") else name)


def aks(command: str, cluster: Cluster, name: str = "-n") -> str:
    """Return an az command with the cluster's names filled in, each quoted for the shell."""
    return reaching(
        f"az aks {command} -g {quoted(cluster.resource_group)} {name} {quoted(cluster.name)}", cluster
    )


def latest_operation(what: str, cluster: Cluster) -> Step:
    """Return the step that asks AKS about its latest operation; `what` says what for."""
    return Step(f"{what} (needs the aks-preview extension of az).", aks("operation show-latest", cluster))


def upgrades(cluster: Cluster, what: str = "Check which versions the cluster can go to.") -> Step:
    """Return the step that asks which versions AKS offers a cluster."""
    return Step(what, aks("get-upgrades", cluster) + " -o table")


def windows(cluster: Cluster) -> Step:
    """Return the step that lists a cluster's maintenance windows."""
    return Step(
        "List the windows: the next one is when AKS is likely to try again.",
        aks("maintenanceconfiguration list", cluster, "--cluster-name"),
    )


def fleet(command: str, fleet_: Fleet, name: str) -> str:
    """Return a command of az's fleet extension on something of a fleet: a run, a gate."""
    return _of_fleet(command, fleet_, f"--name {quoted(name)}")


def fleet_gates(fleet_: Fleet) -> str:
    """Return the command of az's fleet extension that lists the gates of a fleet that wait."""
    return _of_fleet("gate list", fleet_, "--state Pending")


def _of_fleet(command: str, fleet_: Fleet, option: str) -> str:
    return reaching(
        f"az fleet {command} -g {quoted(fleet_.resource_group)} --fleet-name {quoted(fleet_.name)} {option}",
        fleet_,
    )


def own_context(cluster: Cluster) -> str:
    """Return the name of a context for a cluster that shares its name with another."""
    return f"{cluster.name}-{cluster.resource_group}-{cluster.subscription[:8]}"


def reaching(command: str, cluster: Subject | None, context: str = "") -> str:
    """Return the command so that it works on the cluster or not at all.

    Each `az` call gets its `--subscription`, each `kubectl` its `--context`, unless it says so already: the
    cluster's name, or `context`. Without a cluster placeholders stand for both. Doing it twice changes
    nothing.
    """
    subscription = quoted(cluster.subscription if cluster else "<subscription>")
    context = quoted(context or (cluster.name if cluster else "<cluster>"))

    def directed(match: re.Match[str]) -> str:
        call, rest = match["call"], match["rest"]
        if call == "kubectl":
            call = call if " --context" in rest else f"{call} --context {context}"
        elif call.split()[1] not in _NO_SUBSCRIPTION and not _WHOLE_IDS.search(rest):
            call = f"{call} --subscription {subscription}"
        return f"{match['lead']}{call}{rest}"

    return _PROGRAM.sub(directed, command)


def credentials(cluster: Cluster | None, context: str = "") -> str:
    """Return the command that makes the context which the others name."""
    if cluster is None:
        return "az aks get-credentials --subscription '<subscription>' -g '<resource-group>' -n '<cluster>'"
    return aks("get-credentials", cluster) + (f" --context {quoted(context)}" if context else "")


def together(command: str, cluster: Cluster | None, context: str = "") -> str:
    """Return a command that stands alone: a kubectl runs only once what makes its context has worked."""
    directed = reaching(command, cluster, context)
    return f"{credentials(cluster, context)} && {directed}" if uses_kubectl(command) else directed


def uses_kubectl(command: str) -> bool:
    """Return whether a command calls kubectl."""
    return bool(_USES_KUBECTL.search(command))


def steps(
    given: Iterable[Step], cluster: Cluster, context: str = "", *, is_pointed: bool = False
) -> tuple[Step, ...]:
    """Return the steps with commands that reach the cluster; before the first kubectl its context is made.

    `is_pointed` says that an earlier step has made it.
    """
    made: list[Step] = []
    for step in given:
        if uses_kubectl(step.command) and not is_pointed:
            is_pointed = True
            made.append(Step("Point kubectl at this cluster.", credentials(cluster, context)))
        made.append(Step(step.what, reaching(step.command, cluster, context)))
    return tuple(made)
