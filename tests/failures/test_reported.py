"""Texts from public reports: what is said of them is right, and nothing is claimed that is not so."""

from __future__ import annotations

import html
import itertools
import json
import re
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from shared.failures import explain, load_catalogue
from shared.failures.catalogue import CHANGE_REFUSED, REFUSED, UNKNOWN
from testing.samples.failure_messages import CONTEXT, MESSAGES
from tests.failures.scoring import Verdict, cases, figures, judged, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

REPORTED = cases("reported.yaml")
WILD = cases("wild.yaml")
NEAR_MISSES = cases("near_misses.yaml")
ENTRIES = load_catalogue().entries


def _names(texts: list[dict[str, Any]]) -> list[str]:
    return [case["id"] for case in texts]


def _entries(text: str) -> list[str]:
    return [finding.entry for finding in explain(text, CONTEXT).findings]


@pytest.mark.parametrize("case", REPORTED, ids=_names(REPORTED))
def test_what_is_said_of_a_reported_text_is_right(case: dict[str, Any]) -> None:
    """Each text that somebody met gets a title and summary that hold, with what the text itself says."""
    assert verdict(case) is Verdict.RIGHT


@pytest.mark.parametrize("case", NEAR_MISSES, ids=lambda case: case["text"][:60])
def test_the_words_of_a_known_failure_with_another_cause_claim_nothing_false(case: dict[str, Any]) -> None:
    """A text that shares words or a code with a known failure is not told as that failure."""
    assert judged(explain(case["text"], CONTEXT).findings, case) is not Verdict.WRONG


@pytest.mark.slow
def test_of_texts_from_the_field_few_are_thin_and_hardly_one_is_wrong() -> None:
    """Of texts from the field at most 2 % are told wrong and 80 % right or thin; others are quoted."""
    counted = figures(WILD)
    assert counted[Verdict.WRONG] <= len(WILD) * 0.02, counted
    assert counted[Verdict.RIGHT] + counted[Verdict.THIN] >= len(WILD) * 0.8, counted
    assert counted[Verdict.UNKNOWN] == 0, counted


@pytest.mark.slow
def test_an_unknown_is_told_in_the_words_of_aks() -> None:
    """What no entry explains is quoted: the sentence begins in the subject, marked as AKS's own words."""
    for text in (case["text"] for case in REPORTED + WILD):
        for finding in explain(text, CONTEXT).findings:
            if finding.entry == UNKNOWN and finding.quoted:
                begin = finding.summary[:40].rstrip("\u2026")
                assert finding.title.startswith(f'AKS says "{begin}')
                said = " ".join(text.replace("\\n", " ").replace('\\"', '"').split())
                assert begin in said or "\\" in text


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("(BadRequest) The flux capacitor is not supported with this cluster.", REFUSED),
        ("ERROR: (FluxNotSupported) The flux capacitor cannot be used here.", REFUSED),
        ("2026-11-30T01:47:02Z ERROR (BadRequest) The flux capacitor must be charged.", REFUSED),
        ("1 error occurred:\n\t* (InvalidFlux) The flux capacitor must be charged.", REFUSED),
        ("unexpected status 400 (400 Bad Request) with response: flux is not allowed here", REFUSED),
        ("VMSSAgentPoolReconciler retry failed: Code: BadRequest; the flux is not supported", CHANGE_REFUSED),
        ("Category: ClientError; SubCode: FluxGone; OrginalError: the flux must be charged", CHANGE_REFUSED),
        ("The flux of the node pool is not supported with Kubernetes version 1.40.0.", REFUSED),
        ("(BadRequest) If the flux is not supported, use another.", UNKNOWN),
        ("The flux capacitor is not supported.", UNKNOWN),
    ],
)
def test_a_request_that_was_refused_is_told_as_such_in_the_words_of_aks(text: str, entry: str) -> None:
    """Where AKS refuses before it does anything, or Azure a change later, that is said, with its sentence."""
    (finding,) = explain(text, CONTEXT).findings
    assert finding.entry == entry
    if entry != UNKNOWN:
        assert finding.quoted
        assert f'"{finding.summary[:30]}' in finding.title


def test_the_verdict_on_wrong_words_is_wrong() -> None:
    """The measure itself tells a wrong claim, a thin one and an unknown apart."""
    findings = explain("(SubnetIsFull) subnet snet-1 is full", CONTEXT).findings
    assert judged(findings, {"any_of": ["addresses"], "must_not": []}) is Verdict.RIGHT
    assert judged(findings, {"any_of": ["lock"], "must_not": []}) is Verdict.THIN
    assert judged(findings, {"any_of": [], "must_not": ["IP addresses"]}) is Verdict.WRONG
    findings = explain("The flux capacitor cannot reach 1.21 GW", CONTEXT).findings
    assert judged(findings, {"any_of": ["flux"], "must_not": ["flux"]}) is Verdict.QUOTED


HARMLESS = (
    "Upgrade completed successfully. The budget cart-pdb blocked evictions for a while, then the pods moved.",
    "Drain node aks-1 failed when evicting pod a: Too Many Requests. It was evicted after a retry.",
    "The quota was not exceeded: 120 of 450 vCPUs are in use.",
    "If the operation fails with QuotaExceeded, request more quota.",
    "Please make sure that no resource lock is set on the node resource group.",
    "Last month an upgrade failed with SubnetIsFull; this time the reason is unknown.",
    "Is a Pod Disruption Budget blocking the drain?",
    "This error can be caused by an expired certificate or by a network security group rule.",
    "The node image upgrade was successful; AllocationFailed was seen once and retried.",
    "No admission webhook denied the request.",
    "Common causes: SubnetIsFull, QuotaExceeded, ZonalAllocationFailed.",
    'Note: pods "a" were blocked by pdb b during the last upgrade.',
    "Upgrade failed for an unknown reason. It was not caused by throttling (TooManyRequests) nor by a lock.",
    "Retrying after 429 Too Many Requests ... the request succeeded with 200 OK",
    "Node pool blue: all nodes Ready, upgrade finished. No QuotaExceeded errors.",
    "AKS drained node aks-blue-31415926-vmss00002k without being blocked by pdb cart-pdb",
    "etcdserver: request timed out, then the request succeeded",
    "A webhook with failurePolicy Fail exists; failed calling webhook was not observed.",
    "Spot node aks-spot-31415926-vmss000001 was preempted by another spot node",
    "Code Conflict in the merge of two branches was resolved.",
    "The message does not say whether the subnet is full or the quota exceeded.",
)


@pytest.mark.parametrize("text", HARMLESS)
def test_words_that_state_nothing_claim_nothing(text: str) -> None:
    """Advice, denial, history, condition, question and success claim no cause, whatever words they hold."""
    assert _entries(text) == [UNKNOWN]


@pytest.mark.parametrize("way", ["If ", "Please check whether ", "In the past, "])
def test_a_known_message_in_a_condition_claims_nothing_by_its_first_words(way: str) -> None:
    """A pattern whose sentence became a condition or advice is no evidence any more."""
    for message in MESSAGES:
        first = re.split(r"[.;] ", message["text"], maxsplit=1)[0]
        if "Code" in first or first.startswith("(") or "{" in first or "/subscriptions/" in first:
            continue  # a code in its own place counts, whatever the sentence does
        before, after = _entries(first), _entries(way + first[:1].lower() + first[1:])
        assert after == [UNKNOWN] or set(after) < set(before) or ENTRIES[after[0]].linux_exit_codes, first


ABOUT_WORDS = (
    "If {}, ask your administrator.",
    "Make sure the following does not apply: {}.",
    "This can happen when {}.",
    "Common causes: {}.",
    "Last week the upgrade failed because {}; this week it succeeded.",
    "The upgrade completed successfully; {} was seen once and retried.",
    "We checked whether {}; it was not the cause.",
    "Did the upgrade fail because {}?",
    "An upgrade fails when {}.",
    "When {}, the upgrade stops.",
    "Previously {}, but that has been resolved.",
    "Upgrade of pool blue succeeded. The words {} did not occur.",
    "Node pool upgrades might fail because {}.",
    "To avoid that {}, plan ahead.",
)
ABOUT_CODES = (
    "This article describes how to resolve the {} error.",
    "Troubleshoot the {} error code.",
    "The {} error occurs when a request is too large.",
    "Common errors are {} and others.",
    "Upgrade succeeded after one retry ({}).",
    "Earlier today {} was returned; the retry succeeded.",
    "An alert fires on {}.",
    "{} can be ignored here.",
)
# What a person would put into such a sentence: no full stop, no second clause.
PHRASES = [
    re.sub(r"\{[a-z_]+\}|\*", "x1", pattern)
    for entry in ENTRIES.values()
    for pattern in entry.patterns
    if not re.search(r"[.;,:?(]|^[^a-z]|^\w+ing\b|exit", pattern, re.IGNORECASE)
]
CODES = [code for entry in ENTRIES.values() for code in entry.codes]


@pytest.mark.parametrize("frame", ABOUT_WORDS + ABOUT_CODES)
def test_sentences_about_failures_claim_none(frame: str) -> None:
    """Advice, conditions, history and success in the catalogue's own words and codes claim nothing."""
    filled = PHRASES[::4] if frame in ABOUT_WORDS else CODES[::4]
    claimed = {words: _entries(frame.format(words)) for words in filled}
    assert {words: found for words, found in claimed.items() if set(found) != {UNKNOWN}} == {}


def test_who_speaks_decides_what_a_code_means() -> None:
    """A code is throttling from Azure, a limit of its tier from a registry, and nothing from nobody known."""
    said = {
        "Code: TooManyRequests Message: slow down for subscription 'x'": "azure-throttles",
        'Failed to pull image "r.example/a:1": Code: TooManyRequests': "registry-throttles",
        "evicting pod a: Code: TooManyRequests": UNKNOWN,
        "Code: TooManyRequests": UNKNOWN,
        "Dependency: Microsoft.Network/x; Code: AnotherOperationInProgress": "network-operation-running",
        "managed cluster x: Code: AnotherOperationInProgress": "another-operation",
        "Code: AnotherOperationInProgress": UNKNOWN,
    }
    for text, entry in said.items():
        assert _entries(text) == [entry], text


@pytest.mark.parametrize("number", [5, 13, 50, 51, 52, 53])
def test_an_exit_code_belongs_to_whom_it_comes_from(number: int) -> None:
    """The number of a VM extension is never told as that of the bootstrap, nor Windows' as Linux'."""
    foreign = f"reported failure for VMExtension 'KeyVaultForLinux': Enable failed with exit status={number}"
    windows = (
        "VM has reported a failure when processing extension 'vmssCSE'. Error message: \"Command execution"
        f" finished, but failed because it returned a non-zero exit code of: '{number}'\""
    )
    assert _entries(foreign) == ["vm-extension-failed"]
    (finding,) = explain(windows, CONTEXT).findings
    assert finding.entry.startswith("windows-")
    assert not any("RunShellScript" in step.command for step in finding.steps)


def test_what_aks_says_of_retries_and_state_goes_before_the_catalogue() -> None:
    """That AKS goes on by itself, that a retry may help or not, that nothing was changed: told as said."""
    going_on = "AKS encountered an internal error. AKS will continuously retry the requested operation."
    assert "goes on trying by itself" in explain(going_on, CONTEXT).findings[0].retries
    for value in ("true", "false"):
        record = f"SubCode: SubnetIsFull; AKSTeam: Networking, Retriable: {value}"
        assert f"Retriable: {value}" in explain(record, CONTEXT).findings[0].retries
    refused = "Preflight validation check for resource(s) failed. Message: SubnetIsFull"
    assert "nothing was changed" in explain(refused, CONTEXT).findings[0].state


def test_the_remedy_that_aks_names_is_told() -> None:
    """Where AKS says what to do, its advice stands beside its sentence."""
    text = "The flux capacitor is not charged to 1.21 GW. Please use 'az flux charge' to charge it."
    (finding,) = explain(text, CONTEXT).findings
    assert finding.summary == "The flux capacitor is not charged to 1.21 GW."
    assert "az flux charge" in finding.happened


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("typical-standard-lb-conflict", ""),
        ("typical-internal-update-credentials", ""),
        ("typical-control-plane-internal", ""),
        ("typical-etag-azapi", "Operation is not allowed: Another operation is in progress"),
        ("typical-subnet-full-upgrade", "Subnet snet-aks with address prefix 192.168.1.0/24 does not have"),
        ("typical-gpu-size-zones", "The requested size for resource"),
        ("typical-autoscaler-family-quota", "The operation couldn't be completed as it results in exceeding"),
        ("typical-pool-cannot-go-back", "Upgrade agent pool version from 1.22.2 to 1.21.2 is not allowed"),
        ("typical-new-pool-through-cluster", "Adding agent pools to an existing cluster is not allowed"),
    ],
)
def test_what_wraps_a_failure_is_never_quoted_as_its_words(case: str, said: str) -> None:
    """Loggers, SDK calls, deployments and the portal's "Failed to …" are not what AKS says of the cause."""
    text = next(each["text"] for each in WILD if each["id"] == case)
    first = explain(text, CONTEXT).findings[0]
    assert first.said.startswith(said)
    assert said or not first.said


def test_a_name_that_our_own_words_lack_is_quoted() -> None:
    """An entry that says less than the text has the telling sentence at its end."""
    text = (
        "(AuthorizationFailed) The client does not have authorization to perform action 'a.b/c' on flux-2000."
    )
    (finding,) = explain(text, CONTEXT).findings
    assert finding.entry == "permission-missing"
    assert "flux-2000" in finding.happened


def _boxed(text: str) -> str:
    lines = [line for part in text.split("\n") for line in (textwrap.wrap(part, 100) or [""])]
    return "\n".join(
        ["\u2577", *(f"\u2502 {line}" for line in ["Error: waiting for the operation:", *lines]), "\u2575"]
    )


WRAPPINGS: dict[str, Callable[[str], str]] = {
    "HTML": html.escape,
    "HTML twice": lambda text: html.escape(html.escape(text)),
    "escaped apostrophes": lambda text: json.dumps({"message": text}).replace("'", "\\u0027"),
    "go-multierror": lambda text: f"1 error occurred:\n\t* {text}\n\n",
    "CRLF": lambda text: text.replace("\n", "\r\n") + "\r\n",
    "colours": lambda text: f"\x1b[31mError:\x1b[0m {text}",
    "Terraform": _boxed,
    "log line": lambda text: f"2026-11-30T01:47:02Z ERROR {text}",
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WRAPPINGS)
def test_wrappings_change_nothing(way: str) -> None:
    """Entities of HTML, Unicode escapes, bullets, Windows line breaks, colours and boxes hide no cause."""
    for message in MESSAGES:
        if way == "Terraform" and any(len(word) > 90 for word in message["text"].split()):
            continue  # Terraform does not break such a word either
        assert message["entry"] in _entries(WRAPPINGS[way](message["text"])), message["text"]


@pytest.mark.slow
def test_what_was_cut_off_claims_no_other_cause() -> None:
    """A text cut at any fifth of its length finds its own entry, a more general one, or none."""
    wrong = []
    for message in MESSAGES:
        for part in range(2, 5):
            text = message["text"][: len(message["text"]) * part // 5]
            others = set(_entries(text)) - {UNKNOWN, message["entry"]}
            wrong += [
                (found, message["entry"], text)
                for found in others
                if ENTRIES[found].priority >= ENTRIES[message["entry"]].priority
            ]
    assert len(wrong) <= len(MESSAGES) * 3 * 0.02, wrong


JOININGS: dict[str, Callable[[str, str], str]] = {
    "line": lambda one, other: f"{one}\n{other}",
    "paragraph": lambda one, other: f"{one}\n\n{other}",
    "sentence": lambda one, other: f"{one.rstrip('.')}. {other}",
    "semicolon": lambda one, other: f"{one}; {other}",
    "JSON, then text": lambda one, other: (
        json.dumps({"error": {"code": "BadRequest", "message": one}}) + f" {other}"
    ),
    "text, then JSON": lambda one, other: (
        f"{one}\n" + json.dumps({"error": {"code": "BadRequest", "message": other}})
    ),
    "two objects": lambda one, other: "\n".join(
        json.dumps({"code": "BadRequest", "message": text}) for text in (one, other)
    ),
    "go-multierror": lambda one, other: f"2 errors occurred:\n\t* {one}\n\t* {other}\n\n",
}


def _pairs() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every pair of 24 known failures, 276 in all."""
    serious: dict[str, dict[str, Any]] = {}
    for message in MESSAGES:
        if ENTRIES[message["entry"]].priority >= 50 and message.get("facts"):
            serious.setdefault(message["entry"], message)
    return list(itertools.combinations(list(serious.values())[:24], 2))


@pytest.mark.slow
@pytest.mark.parametrize("way", JOININGS)
def test_two_failures_in_one_text_are_both_told_with_their_own_names(way: str) -> None:
    """Whatever form each has, neither of two failures is lost, and no name of one is a fact of the other."""
    lost, mixed = [], []
    pairs = _pairs()
    assert len(pairs) == 276
    alone = {}
    for message in {id(one): one for pair in pairs for one in pair}.values():
        (finding,) = explain(message["text"], CONTEXT).findings
        alone[message["entry"]] = {value for _, value in finding.facts}
    for one, other in pairs:
        text = JOININGS[way](one["text"], other["text"])
        findings = explain(text, CONTEXT).findings
        found = {finding.entry: {value for _, value in finding.facts} for finding in findings}
        for message in (one, other):
            name = message["entry"]
            if name not in found:
                lost.append((name, text))
            elif found[name] - alone[name]:
                mixed.append((name, found[name] - alone[name], text))
    assert not lost, (len(lost), lost[:3])
    assert not mixed, (len(mixed), mixed[:3])
