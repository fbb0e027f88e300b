"""Every command that a message or a document tells people to run exists, as azure-cli has it."""

from __future__ import annotations

import pytest

from tests.failures import commands
from tests.failures.commands import TABLE, commands_in, faults

_SOURCES = {
    "catalogue": commands.of_catalogue,
    "wording": commands.of_wording,
    "documents": commands.of_documents,
}


@pytest.mark.slow
@pytest.mark.parametrize("source", _SOURCES)
def test_every_command_exists_with_its_options(source: str) -> None:
    """A command exists, has what it requires, only options that it has, and names its extension."""
    found = list(_SOURCES[source]())
    assert found
    assert [fault for command in found for fault in faults(command)] == []


def _faults(text: str, beside: str = "", *, whole: bool = True) -> list[str]:
    return [
        fault.split(": ")[1]
        for command in commands_in(text, "x", beside, whole=whole)
        for fault in faults(command)
    ]


def test_the_check_finds_what_is_wrong() -> None:
    """Options that are not there, required ones that are missing, commands of extensions: each is a fault."""
    wrong = {
        "az aks nodepool update -g a --cluster-name b -n c --max-surges 2": (
            "az aks nodepool update has no option --max-surges"
        ),
        "az aks nodepool update -g a --cluster-name b -n c --max-blocked-nodes 2": (
            "it needs the extension aks-preview, which is not said beside it"
        ),
        "az network route-table list --query x": "az network route-table list requires --resource-group|-g",
        "az aks operation show-latest -g a -n b": (
            "it needs the extension aks-preview, which is not said beside it"
        ),
        "az aks upgrades -g a": "there is no such command",
        "echo $(az aks show -g a --query id -o tsv)": "az aks show requires --name|-n",
        "az aks show -g a -n b | grep x | kubectl fetch pods": (
            "kubectl has no verb fetch (or the table of verbs lacks it)"
        ),
        "kubectl get pods --nmespace x": (
            "kubectl get has no flag --nmespace (or the table of flags lacks it)"
        ),
    }
    for text, fault in wrong.items():
        assert _faults(text) == [fault], text


def test_the_check_passes_what_is_right() -> None:
    """Short forms, ids in place of names, pipes, quotes, continued lines, named extensions are no faults."""
    for text in (
        "az network vnet subnet show --ids <id> --query \"{a:b, c:d}\" -o table | grep -Ei '^x -y'",
        "az aks show -g {resource_group} -n {cluster} \\\n  --query nodeResourceGroup -o tsv",
        "kubectl get pods -A --field-selector spec.nodeName={node} -o wide",
        'az monitor activity-log list --resource-id "$(az aks show -g a -n b -o tsv)" --offset 24h',
    ):
        assert _faults(text) == [], text
    assert not _faults("az aks operation show-latest -g a -n b", "See it (needs the extension aks-preview)")
    # A sentence may name a command or a group of commands without its options.
    assert not _faults("az aks maintenanceconfiguration", whole=False)


def test_the_table_says_which_version_it_is_of() -> None:
    """The table names the azure-cli that it was made from, and holds the commands of AKS."""
    assert TABLE["azure-cli"].count(".") == 2
    assert "!--resource-group|-g" in TABLE["commands"]["aks upgrade"]
