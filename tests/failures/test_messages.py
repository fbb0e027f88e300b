"""Reasons in the words of AKS: each finds its entry and gives up its facts, however it is wrapped."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from shared.failures import explain, load_catalogue
from shared.failures.catalogue import LAST_RESORT, QUOTING
from testing.samples.failure_messages import CONTEXT, MESSAGES, NODE_ERRORS, WRAPPERS, arm

if TYPE_CHECKING:
    from collections.abc import Callable


def _entries(reason: str) -> list[str]:
    return [finding.entry for finding in explain(reason, CONTEXT).findings]


def _check(reason: str, message: dict[str, Any]) -> None:
    findings = explain(reason, CONTEXT).findings
    assert [finding.entry for finding in findings] == [message["entry"]]
    facts = dict(findings[0].facts)
    expected = message.get("facts") or {}
    assert {label: facts.get(label) for label in expected} == expected


@pytest.mark.slow
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_each_message_finds_its_entry_and_facts_in_every_wrapper(wrapper: str) -> None:
    """Every known message, in every way AKS wraps it, finds its own entry, no other, and all its facts."""
    for message in MESSAGES:
        _check(WRAPPERS[wrapper](message["text"]), message)


@pytest.mark.parametrize("casing", [str.lower, str.upper])
def test_casing_does_not_matter(casing: Callable[[str], str]) -> None:
    """A message finds the same entry whatever the casing of its words."""
    found = {message["text"]: _entries(casing(message["text"])) for message in MESSAGES}
    assert found == {message["text"]: [message["entry"]] for message in MESSAGES}


def test_every_entry_has_a_message() -> None:
    """No entry of the catalogue goes without a message that finds it; two stand for what no other fits."""
    assert {message["entry"] for message in MESSAGES} == set(load_catalogue().entries) - QUOTING


def _pairs() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pairs of messages of different entries, a fixed choice of the thousands there are."""
    entries = load_catalogue().entries
    serious = [message for message in MESSAGES if entries[message["entry"]].priority >= LAST_RESORT]
    pairs = []
    for one in serious:
        for step in range(3):
            other = serious[zlib.crc32(f"{one['text']}{step}".encode()) % len(serious)]
            if other["entry"] != one["entry"]:
                pairs.append((one, other))
    return pairs


@pytest.mark.slow
@pytest.mark.parametrize("way", ["details", "JSON in JSON", "errors cut off"])
def test_several_failures_in_one_error_are_all_reported(way: str) -> None:
    """Two failures side by side in the details of an error are both found, with the facts of each."""
    for one, other in _pairs():
        details = [{"code": "BadRequest", "message": message["text"]} for message in (one, other)]
        reason = json.dumps({"code": "UpgradeFailed", "message": NODE_ERRORS, "details": details})
        if way == "JSON in JSON":
            reason = json.dumps({"code": "DeploymentFailed", "message": f"Failed: {reason}"})
        elif way == "errors cut off":
            reason = reason[:-4]
        findings = {finding.entry: dict(finding.facts) for finding in explain(reason, CONTEXT).findings}
        assert set(findings) == {one["entry"], other["entry"]}, reason
        for message in (one, other):
            expected = message.get("facts") or {}
            found = findings[message["entry"]]
            assert {label: found.get(label) for label in expected} == expected, reason


def _drain(node: str, pod: str, pdb: str) -> str:
    return (
        f"Drain node aks-blue-31415926-vmss{node} failed when evicting pod {pod} failed with Too Many"
        " Requests error. This error is often caused by a restrictive Pod Disruption Budget (PDB) policy."
        " See https://aka.ms/aks/debugdrainfailures. Original error: Cannot evict pod as it would violate the"
        f" pod's disruption budget.. PDB debug info: shop/{pod} blocked by pdb {pdb} with 0 unready pods."
    )


@pytest.mark.parametrize("separator", [" ", "\n", "; ", "\n\t* "])
@pytest.mark.parametrize("wrapper", ["as it is", "ARM", "deployment", "escaped JSON in text"])
def test_twenty_pods_of_three_budgets_are_three_findings(separator: str, wrapper: str) -> None:
    """A drain that lists many pods gives one finding for each budget, its further pods a line each."""
    drains = [_drain(f"00000{at % 10}", f"pod-{at}", f"pdb-{at % 3}") for at in range(20)]
    findings = explain(WRAPPERS[wrapper](separator.join(drains)), CONTEXT).findings
    assert [finding.entry for finding in findings] == ["pdb-blocks-drain"] * 3
    assert [dict(finding.facts)["Pod Disruption Budget"] for finding in findings] == [
        "pdb-0",
        "pdb-1",
        "pdb-2",
    ]
    assert [len(finding.more) for finding in findings] == [6, 6, 5]
    assert findings[0].more[0] == "pod shop/pod-3 on node aks-blue-31415926-vmss000003"
    assert findings[1].steps[0].command == "kubectl get pdb pdb-1 -n shop"


def test_pods_after_each_other_in_one_sentence_are_told_apart() -> None:
    """Budgets that are listed without the words around them are findings of their own too."""
    reason = "PDB debug info: shop/a-1 blocked by pdb a with 0 unready pods. pay/b-1 blocked by pdb b now."
    findings = explain(reason, CONTEXT).findings
    assert [dict(finding.facts)["Pod"] for finding in findings] == ["shop/a-1", "pay/b-1"]


def test_two_failures_in_one_paragraph_are_both_reported() -> None:
    """Failures of different kinds that stand after each other in plain text are both found."""
    reason = (
        "Code: SubnetIsFull Message: snet-aks with address prefix 10.1.0.0/24 doesn't have enough capacity"
        f" for IP addresses.\n{_drain('000001', 'pod-1', 'pdb-1')}"
    )
    assert sorted(_entries(reason)) == ["pdb-blocks-drain", "subnet-full"]


def test_the_same_failure_said_twice_is_reported_once() -> None:
    """A wrapper that repeats what is inside it adds nothing."""
    message = _drain("000001", "pod-1", "pdb-1")
    reason = json.dumps(
        {"code": "UpgradeFailed", "message": message, "details": [{"code": "X", "message": message}]}
    )
    (finding,) = explain(reason, CONTEXT).findings
    assert finding.more == ()


def test_facts_around_the_failures_count_for_each() -> None:
    """What the wrapper says, such as the node pool, is known of each failure inside."""
    details = [{"code": "SubnetIsFull", "message": "full"}, {"code": "QuotaExceeded", "message": "exceeded"}]
    reason = json.dumps({"code": "UpgradeFailed", "message": "Node pool 'blue' failed", "details": details})
    findings = explain(reason, CONTEXT).findings
    assert [finding.code for finding in findings] == ["SubnetIsFull", "QuotaExceeded"]
    assert all(dict(finding.facts)["Node pool"] == "blue" for finding in findings)


def test_an_unknown_failure_beside_a_known_one_is_named_too() -> None:
    """A code that is not in the catalogue is reported beside what is known, after it."""
    details = [
        {"code": "FluxCapacitorFailed", "message": "no 1.21 GW"},
        {"code": "SubnetIsFull", "message": "full"},
    ]
    reason = json.dumps({"code": "UpgradeFailed", "message": NODE_ERRORS, "details": details})
    known, unknown = explain(reason, CONTEXT).findings
    assert known.entry == "subnet-full"
    assert (unknown.entry, unknown.code) == ("unknown", "FluxCapacitorFailed")


def test_operation_not_allowed_is_four_different_failures() -> None:
    """The code OperationNotAllowed decides nothing; the message does, and without one it is unknown."""
    said = {
        "it results in exceeding approved standardEv3Family Cores quota.": "vcpu-quota",
        "Another operation (x) is in progress": "another-operation",
        "Upgrading Kubernetes version 1.24.9 to 1.26.6 is not allowed.": "version-skip",
        "too many requests have been received for this subscription.": "azure-throttles",
        "because.": "unknown",
    }
    for message, entry in said.items():
        for wrapper in ("CLI", "Go SDK", "ARM"):
            assert _entries(WRAPPERS[wrapper](f'Code="OperationNotAllowed" Message="{message}"')) == [entry]


def test_too_many_requests_on_a_drain_is_never_throttling() -> None:
    """Kubernetes answers an eviction that a budget forbids with 429: that is the budget, not throttling."""
    for code in ("TooManyRequests", "Throttled", "KubernetesAPICallFailed"):
        reason = json.dumps(arm(_drain("000001", "pod-1", "pdb-1"), code))
        assert _entries(reason) == ["pdb-blocks-drain"]


_DRAIN = "Drain node aks-blue-31415926-vmss00002k failed when evicting pod web-0"
_LINK = "See http://aka.ms/aks/debugdrainfailures"
_NEIGHBOURS = {
    # The link stands in every failed drain, whatever stopped it.
    f'{_DRAIN}. Original error: failed calling webhook "v.kb.io": x. {_LINK}': "webhook-blocks-eviction",
    f'{_DRAIN}. Original error: nodes "x" not found. {_LINK}': "drain-failed",
    # Kubernetes' 429 to an eviction, in Azure's words for throttling.
    f'{_DRAIN} failed with Too Many Requests error. Original error: Status=429 Code="TooManyRequests"'
    ' Message="Cannot evict pod as it would violate the pod\'s disruption budget."': "pdb-blocks-drain",
    # Nothing runs in these states.
    "cluster is in Provisioning State(Succeeded) and Power State(Stopped), x cannot be performed": (
        "cluster-stopped"
    ),
    "cluster is in Provisioning State(Failed) and Power State(Running), x cannot be performed": (
        "left-in-failed-state"
    ),
    "VM has reported a failure when processing extension 'MDE.Linux': 'exit code 52'": "vm-extension-failed",
    "SubCode: VMExtensionError; exit status=1, output: Insufficient memory": "node-bootstrap-failed",
    "Cannot create more than 1000 security rules for Network Security Group x": "unknown",
    "etcdserver: leader changed": "unknown",
    "The credentials in ServicePrincipalProfile were invalid. (Details: AADSTS7000215: Invalid client secret"
    " provided.)": "service-principal-secret-wrong",
}


@pytest.mark.parametrize("reason", _NEIGHBOURS)
def test_a_failure_is_not_taken_for_its_neighbour(reason: str) -> None:
    """Words that come with several failures do not decide which of them it was."""
    assert _entries(reason) == [_NEIGHBOURS[reason]]


def test_a_failure_that_opens_the_next_sentence_is_reported_too() -> None:
    """The end of a sentence is seen where the next one begins with the code itself."""
    for mark in (";", "."):
        reason = f"(UpgradeFailed) Upgrade failed: SubnetIsFull on blue{mark} QuotaExceeded on green"
        assert _entries(reason) == ["subnet-full", "vcpu-quota"]


def test_no_deletion_names_a_node_pool_that_the_message_may_not_mean() -> None:
    """The event names one pool, the message the cluster: a healthy pool is not put into a delete."""
    reason = "Unable to perform 'Upgrading' on 'prod-weu-1' since deletion was issued on 'prod-weu-1'."
    (finding,) = explain(reason, msgspec.structs.replace(CONTEXT, pools=("blue",))).findings
    deletes = [step.command for step in finding.steps if " delete " in step.command]
    assert deletes
    assert not any("blue" in command for command in deletes)


def test_exit_codes_of_windows_are_not_those_of_linux() -> None:
    """The same number means something else on Windows."""
    assert _entries("vmssCSE exit status=50") == ["node-no-outbound"]
    assert _entries("CSE Error: WINDOWS_CSE_ERROR_X. Exit Code: 50.") == ["windows-node-bootstrap-failed"]


def test_an_exit_code_of_something_else_is_not_taken_for_a_nodes_bootstrap() -> None:
    """An exit status counts only where the words speak of the bootstrap script."""
    assert _entries("the backup job ended with exit status=50") == ["unknown"]


def test_an_exit_code_in_the_table_is_said_in_words() -> None:
    """Exit codes come with their meaning; the catalogue is kept to what AKS documents."""
    (finding,) = explain("vmssCSE exit status=99, output=", CONTEXT).findings
    assert "apt" in finding.summary
    (finding,) = explain("vmssCSE exit status=240, output=", CONTEXT).findings
    assert "240" in finding.summary
    assert "means" not in dict(finding.facts)


def test_the_most_telling_code_is_named() -> None:
    """The code of a finding is the innermost that says something, as AKS spells it."""
    (finding,) = explain(json.dumps(arm("x", "SubnetIsFull")), CONTEXT).findings
    assert finding.code == "SubnetIsFull"
    (finding,) = explain(
        WRAPPERS["ARM"]('SubCode: ZonalAllocationFailed; OrginalError: Code="X"'), CONTEXT
    ).findings
    assert finding.code == "ZonalAllocationFailed"


def test_a_tag_before_a_sentence_stays_whole() -> None:
    """A level that a log puts in front is left out; any other tag in brackets is part of AKS's words."""
    said = "The widget is broken and cannot be updated"
    for text, told in (
        (f"[ERROR]: {said}", said),
        (f"[aks] [x 1] {said}", f"[aks] [x 1] {said}"),
        (f'["{said}"]', said),
    ):
        assert explain(text, CONTEXT).findings[0].said == told


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("", ""),
        ("   \n ", ""),
        ("Something odd happened.", ""),
        ("(UpgradeFailed) Upgrade failed.", "UpgradeFailed"),
        (json.dumps({"code": "UpgradeFailed", "message": NODE_ERRORS, "details": []}), "UpgradeFailed"),
        ("Code: FluxCapacitorFailed Message: no 1.21 GW", "FluxCapacitorFailed"),
        (json.dumps(arm("no 1.21 GW", "FluxCapacitorFailed")), "FluxCapacitorFailed"),
        ("null", ""),
        ("[]", ""),
        ("42", ""),
    ],
)
def test_what_is_not_known_is_called_unknown(reason: str, code: str) -> None:
    """What no entry fits is unknown: the code named if there is one, the generic path with the real names."""
    explanation = explain(reason, CONTEXT)
    (finding,) = explanation.findings
    assert (finding.entry, finding.code) == ("unknown", code)
    assert code in finding.title or code == "UpgradeFailed", "a wrapper is never told as the cause"
    assert "UpgradeFailed" not in finding.title + finding.summary
    commands = [step.command for step in finding.steps]
    assert any(
        command.startswith("az aks operation show-latest -g rg-prod -n prod-weu-1 ") for command in commands
    )
    assert any("activity-log" in command and "managedClusters/prod-weu-1 " in command for command in commands)
    assert "az aks update -g rg-prod -n prod-weu-1 --yes" in commands


@pytest.mark.parametrize(
    "prose",
    [
        "Throttled pumps were replaced in building 7.",
        "Too many requests for coffee.",
        "See https://example.com/error-code-zonalallocationfailed-allocationfailed for a joke.",
        "The drain in the kitchen is blocked.",
        "Quota of fish: 12.",
        "The upgrade of the node image failed.",
        "Maintenance of type NodeOSUpgrade failed",
    ],
)
def test_words_that_only_sound_alike_are_not_taken_for_a_failure(prose: str) -> None:
    """A reason is never explained as something it is not."""
    assert _entries(prose) == ["unknown"]
