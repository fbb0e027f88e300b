"""The failure catalogue: data that holds what it promises, commands safe to paste, and users' own entries."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING

import msgspec
import pytest
import yaml

from shared.failures import catalogue, explain, load_catalogue, templates
from shared.failures.catalogue import MAX_TITLE_CHARACTERS, OWN_FILE, UNKNOWN, CatalogueError, load
from shared.failures.explanation import Context, Finding, Owner, Urgency
from shared.failures.facts import FACTS, accepted
from shared.failures.patterns import Pattern
from shared.failures.text import lower
from testing import yaml_files
from testing.samples.failure_messages import CONTEXT, MESSAGES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENTRIES = list(load(thorough=True).entries.values())

HOSTILE = (
    "$(rm -rf ~)",
    "`reboot`",
    "a'b",
    'a"b',
    "a b",
    "a\nb",
    "-rf",
    "--all",
    "a;b",
    "a|b",
    "a&&b",
    "a>b",
    "*",
    "~",
    "a\\",
    "\x1b[31m",
    "\u202eevil",
    "\ud800",
    "{pod}",
    "<pod>",
    "",
    "x" * 5_000,
)


@pytest.fixture(autouse=True, scope="module")
def _read_once() -> Iterator[None]:
    """Read our own file once: it is long, and the same under every file of a user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "_own", cache(catalogue._own))
        yield


def test_every_entry_is_complete() -> None:
    """Each entry has a short title, whole sentences, an owner, an urgency, a guide to link to, and steps."""
    for entry in ENTRIES:
        assert 0 < len(templates.prose(entry.title, {})) <= MAX_TITLE_CHARACTERS, entry.id
        assert not entry.title.endswith("."), entry.id
        for text in (entry.summary, entry.happened, entry.state):
            assert templates.prose(text, {}).endswith("."), text
        assert entry.owner in Owner, entry.id
        assert entry.id == UNKNOWN or entry.urgency in set(Urgency), entry.id
        assert re.fullmatch(r"https://(learn\.microsoft\.com|github\.com/Azure/AKS)/[\w/.#-]+", entry.link)
        assert any(advice.run for advice in entry.steps), entry.id


def test_what_is_inferred_is_worded_with_care() -> None:
    """What Microsoft does not document is marked as such in the data, and said as likely, not as certain."""
    for entry in ENTRIES:
        assert set(entry.inferred) <= {"summary", "happened", "state", "retries", "patterns"}, entry.id
        for field in set(entry.inferred) - {"patterns"}:
            text = getattr(entry, field)
            assert re.search(r"\b([Ll]ikely|may|[Oo]ften|[Uu]sually)\b", text), f"{entry.id}: {text}"


@pytest.mark.parametrize("facts", [{}, {name: name.upper() for name in FACTS}], ids=["without", "with"])
def test_texts_read_well(facts: dict[str, str]) -> None:
    """A text is one paragraph of whole sentences, whether its facts are known or not."""
    for entry in ENTRIES:
        for field in ("title", "summary", "happened", "state", "retries", "occurrence"):
            text = templates.prose(getattr(entry, field), facts)
            assert not re.search(r"[\n{}\[\]|]|  | [.,;:]|\.\.|,,|\(\)|\ba a\b|\bthe the\b", text), text
            assert field in {"title", "occurrence"} or not text or (text[0].isupper() or text[0] == "{"), text


def test_ids_are_unique() -> None:
    """No two entries have the same id."""
    ids = [entry["id"] for entry in yaml_files.read(OWN_FILE)["entries"]]
    assert len(ids) == len(set(ids))


def _tokens(template: str, values: dict[str, str]) -> list[str]:
    """Return the tokens a command is to have: those of the template, values in place of placeholders."""
    tokens = shlex.split(re.sub(r"\{([a-z][a-z_]*)\}", "\x00\\1\x00", template))
    filled = {name: values.get(name) or f"<{name.replace('_', '-')}>" for name in templates.names(template)}
    for name, value in filled.items():
        tokens = [token.replace(f"\x00{name}\x00", value) for token in tokens]
    return tokens


@pytest.mark.slow
def test_commands_are_safe_to_paste() -> None:
    """Whatever the names are, a command has the tokens it is meant to have: a hostile name becomes none."""
    for run in {advice.run for entry in ENTRIES for advice in entry.steps}:
        names = templates.names(run)
        for hostile in HOSTILE if names else HOSTILE[:1]:
            command = templates.command(run, dict.fromkeys(names, hostile))
            kept = {
                name: hostile
                for name in names
                if name in FACTS and not hostile.startswith("-") and FACTS[name].form.fullmatch(hostile)
            }
            assert shlex.split(command) == _tokens(run, kept)
            assert "\n" not in command


def test_backticks_that_a_shell_would_run_are_refused() -> None:
    """JMESPath's literals stand between backticks: harmless between single quotes only."""
    assert not templates.command_fault("az x --query 'length(a||`[]`)'")
    assert "backtick" in templates.command_fault('az x --query "length(a||`[]`)"')


def test_values_of_facts_that_users_invent_are_quoted() -> None:
    """A fact without a form of its own may be anything, and stays one token."""
    for hostile in HOSTILE:
        command = templates.command("echo {anything} end", {"anything": hostile})
        value = "<anything>" if hostile.startswith("-") or not hostile else hostile
        assert shlex.split(command) == ["echo", value, "end"]


def test_no_fact_takes_what_a_shell_or_a_terminal_would_act_on() -> None:
    """No kind of fact accepts a value with control characters, quotes, or what a shell expands."""
    for name in FACTS:
        for hostile in HOSTILE[:4] + HOSTILE[14:16]:
            assert not re.search(r"[$`'\"\\\x00-\x1f]", accepted(name, hostile)), name


def test_names_from_the_event_are_checked_as_well() -> None:
    """A cluster, group or region whose name is none stands as a placeholder in commands."""
    hostile = Context(
        subscription="x'; rm -rf ~; '",
        resource_group="$(reboot)",
        cluster="-n",
        pools=("a b",),
        region="west europe",
        upgrade="node-os",
    )
    for message in MESSAGES[:20]:
        for finding in explain(message["text"], hostile).findings:
            for step in finding.steps:
                tokens = shlex.split(step.command)
                assert not {"rm", "$(reboot)", "b"} & set(tokens), step.command
    (finding,) = explain("", hostile).findings
    assert "az aks update -g '<resource-group>' -n '<cluster>' --yes" in [
        step.command for step in finding.steps
    ]


def test_the_names_of_message_and_event_are_filled_in() -> None:
    """Commands come with the real names: pod, budget and pool from the message, cluster from the event."""
    (finding,) = explain(MESSAGES[1]["text"], CONTEXT).findings
    commands = [step.command for step in finding.steps]
    assert "kubectl get pdb cart-pdb -n shop" in commands
    assert (
        "az aks nodepool upgrade -g rg-prod --cluster-name prod-weu-1 -n blue --node-image-only" in commands
    )
    assert "cart-pdb" in finding.summary
    assert "pod shop/cart-7c9d8-xk2vp" in finding.happened


@pytest.mark.parametrize(
    "upgrade", ["kubernetes", "node-os", "weekly-release", "platform", "unknown", "", "new"]
)
def test_the_way_to_try_again_fits_the_upgrade(upgrade: str) -> None:
    """A Kubernetes upgrade is repeated by az aks upgrade, a node image by its own, others reconciled."""
    context = msgspec.structs.replace(CONTEXT, upgrade=upgrade)
    commands = [step.command for step in explain(MESSAGES[1]["text"], context).findings[0].steps]
    again = [command for command in commands if "--kubernetes-version" in command]
    assert bool(again) == (upgrade == "kubernetes")
    assert any("--node-image-only" in command for command in commands) == (upgrade == "node-os")
    assert any(
        re.search(r"az aks (nodepool )?upgrade|az aks update .*--yes", command) for command in commands
    )


def _own(tmp_path: Path, text: str) -> str:
    file = tmp_path / "failures.yaml"
    file.write_text(text, "utf-8")
    return str(file)


_MINE = """
entries:
  - id: mesh-not-ready
    title: the service mesh is not ready
    summary: Mesh {mesh} was not ready.
    happened: The mesh {mesh} held up the drain of {pod}.
    state: Nothing is broken.
    owner: you
    patterns: ["mesh gate {mesh} refused", failed when evicting pod * mesh gate]
    link: https://wiki.example.com/mesh
    steps:
      - do: Look at it
        run: meshctl status {mesh} -n {namespace}
      - use: retry
"""


def _explain(reason: str, path: str) -> Finding:
    return explain(reason, CONTEXT, load_catalogue(path)).findings[0]


def test_users_add_entries_of_their_own(tmp_path: Path) -> None:
    """An entry of a user's file is found like ours, reads facts of its own, and goes before ours."""
    path = _own(tmp_path, _MINE)
    finding = _explain(MESSAGES[1]["text"].removesuffix(".") + ", mesh gate istio-1 refused.", path)
    assert finding.entry == "mesh-not-ready"
    assert finding.summary == "Mesh istio-1 was not ready."
    assert ("Mesh", "istio-1") in finding.facts
    assert finding.steps[0].command == "meshctl status istio-1 -n shop"
    assert _explain(MESSAGES[1]["text"], path).entry == "pdb-blocks-drain"


def test_users_override_fields_of_ours(tmp_path: Path) -> None:
    """An entry with an id of ours replaces the fields that it gives, and keeps the rest."""
    path = _own(tmp_path, "entries:\n  - {id: subnet-full, link: 'https://wiki.example.com/subnets'}\n")
    finding = _explain("Code: SubnetIsFull Message: full", path)
    assert finding.link == "https://wiki.example.com/subnets"
    assert finding.title == load_catalogue().entries["subnet-full"].title


def test_users_may_say_what_is_said_of_the_unknown(tmp_path: Path) -> None:
    """Even the entry for what is not known can be replaced."""
    path = _own(tmp_path, f"entries:\n  - {{id: {UNKNOWN}, state: Call the platform team.}}\n")
    assert _explain("odd", path).state == "Call the platform team."


def _changed(field: str, value: object) -> str:
    entries = yaml.safe_load(_MINE)
    entries["entries"][0][field] = value
    return json.dumps(entries)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a mapping with the key 'entries'"),
        ("[1]", "expected a mapping with the key 'entries'"),
        ("entries: {", "not YAML at line "),
        ("entries: " + "[" * 100_000, "nested more than 10 deep at line 1"),
        ("entries: !!python/object:os.system {}", "expected a plain value"),
        ("entires: []", "unknown key 'entires', expected 'entries'"),
        ("entries: 5", "'entries' has to be a list"),
        ("entries: [5]", "entry number 1 has to be a mapping"),
        ("entries: [{title: x}]", "entry number 1, field 'id': expected"),
        ("entries: [{id: 'A B'}]", "entry number 1, field 'id': expected"),
        ("entries: [{id: a}, {id: a}]", "entry 'a', field 'id': expected a new id, this one comes twice"),
        ("entries: [{id: a}]", "entry 'a', field 'title': "),
        (_changed("title", 5), "entry 'mesh-not-ready', field 'title': expected 'str', got 'int'"),
        (_changed("title", "x" * 61), "field 'title': expected at most 60 characters"),
        (_changed("title", " "), "field 'title': expected a text, got nothing"),
        (_changed("owner", "me"), "entry 'mesh-not-ready', field 'owner': invalid enum value 'me'"),
        (_changed("link", "http://a/"), "field 'link': expected an https address"),
        (_changed("link", "javascript:alert(1)"), "field 'link': expected an https address"),
        (_changed("priority", 101), "field 'priority': expected a number from 0 to 100, got 101"),
        (_changed("patterns", []), "field 'codes': expected a code, a pattern or an exit code"),
        (_changed("patterns", ["*"]), "field 'patterns': a pattern begins with at least three characters"),
        (_changed("patterns", ["mesh gate {mesh} *"]), "field 'patterns': a pattern does not end with `*`"),
        (_changed("patterns", "mesh"), "field 'patterns': expected 'array', got 'str'"),
        (_changed("summary", "{nonsense}"), "field 'summary': 'nonsense' is not a fact"),
        (_changed("group_by", ["nonsense"]), "field 'group_by': 'nonsense' is not a fact"),
        (_changed("colour", "red"), "field 'colour': object contains unknown field 'colour'"),
        (_changed("steps", []), "field 'steps': expected at least one step"),
        (_changed("steps", [{"run": "ls"}]), "field 'steps': expected a text under 'do'"),
        (_changed("steps", [{"use": "nothing"}]), "field 'steps': 'use: nothing' is none of common_steps"),
        (_changed("steps", [{"do": "x", "run": "echo '{pod}'"}]), "{placeholder} inside quotes"),
        (_changed("steps", [{"do": "x", "run": 'echo "a {pod}"'}]), "{placeholder} inside quotes"),
        (_changed("steps", [{"do": "x", "run": "echo 'a"}]), "quotes that are not closed"),
        (_changed("steps", [{"do": "x", "run": "echo a\nreboot"}]), "line break"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    """A user's mistake is named: which file, which entry, which field, and what was expected."""
    path = _own(tmp_path, text)
    with pytest.raises(CatalogueError) as raised:
        load_catalogue(path)
    assert isinstance(raised.value, ValueError)
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    assert said in message
    assert "\n" not in message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing file, a folder and a binary file are refused as clearly."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "missing.yaml", tmp_path, binary):
        with pytest.raises(CatalogueError, match=f"^{re.escape(str(path))}: cannot be read: "):
            load_catalogue(str(path))


def test_a_pattern_finds_words_whatever_their_case_and_blanks() -> None:
    """Patterns are plain words: case and the width of blanks do not matter, and nothing else is special."""
    pattern = Pattern("Subnet (full?)  {subnet} has * left.")
    text = "the SUBNET (Full?) snet-1 has nothing left."
    (match,) = pattern.find(text, lower(text))
    assert match.facts == {"subnet": "snet-1"}
    assert not list(pattern.find("subnet xfullx", "subnet xfullx"))
    assert not list(pattern.find(*["subnet (full?) a has " + "x" * 301 + " left."] * 2))


def test_importing_and_explaining_load_only_what_they_need() -> None:
    """YAML is loaded with the catalogue, and the catalogue with the first failure."""
    code = (
        "import sys, shared.failures\n"
        "assert not {'yaml', 'msgspec'} & set(sys.modules), 'at import'\n"
        "from shared.failures.explanation import Context\n"
        "assert 'yaml' not in sys.modules, 'with the values'\n"
        "first = shared.failures.explain('x', Context())\n"
        "import yaml\n"
        "yaml.load = None\n"
        "assert shared.failures.explain('x', Context()) == first\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
