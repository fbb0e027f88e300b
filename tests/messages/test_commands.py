"""Commands: pasted into any shell, each works on the cluster the mail is about, or not at all."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from shared.channels.email.compose import Branding, compose
from shared.messages.commands import reaching
from testing import yaml_files
from testing.samples import mails

LOOK = Branding(domain="contoso.example")
CATALOGUE = Path(__file__).parents[2] / "shared" / "failures" / "catalogue.yaml"
CLUSTER = mails.cluster()
FREE = {"login", "logout", "account", "extension", "ad", "graph", "version"}
WHOLE_IDS = {"--subscription", "--ids", "--resource-id", "--resource", "--scope", "--scopes"}
STORIES = {story.name: story for story in mails.stories()}


def commands_in(text: str) -> list[str]:
    """Return the commands of a mail's text part: they stand alone on a line, indented."""
    return [line.strip() for line in text.splitlines() if re.match(r" {6,}(az|kubectl) ", line)]


def undirected(command: str) -> list[str]:
    """Return the calls of a command that would go wherever the shell was left."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|;&()")
    lexer.whitespace_split = True
    calls: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("|;&()"):
            calls.append([])
        else:
            calls[-1].append(word)
    wrong = []
    for words in calls:
        flags = {word.partition("=")[0] for word in words}
        if words[:1] == ["kubectl"] and "--context" not in flags:
            wrong.append(" ".join(words))
        if words[:1] == ["az"] and words[1] not in FREE and not flags & WHOLE_IDS:
            wrong.append(" ".join(words))
    return wrong


def catalogue_commands() -> list[str]:
    """Return every command of the failure catalogue, as it stands there."""
    found: list[str] = []

    def walk(value: object) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("run"), str):
                found.append(" ".join(value["run"].split()))
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    walk(yaml_files.read(CATALOGUE))
    return sorted(set(found))


@pytest.mark.slow
def test_every_command_of_the_catalogue_is_directed() -> None:
    """Whatever the catalogue advises names subscription or context once it has passed the function."""
    commands = catalogue_commands()
    assert len(commands) > 150
    assert [wrong for command in commands for wrong in undirected(reaching(command, CLUSTER))] == []


@pytest.mark.parametrize("name", sorted(STORIES))
def test_every_command_of_a_mail_is_directed(name: str) -> None:
    """In each mail, digests among them, every command names its subscription or its context."""
    story = STORIES[name]
    email = compose(story.mail, story.rows, mails.TEAM, LOOK)
    assert [wrong for command in commands_in(email.text) for wrong in undirected(command)] == []


@pytest.mark.parametrize("name", sorted(STORIES))
def test_the_context_is_made_first(name: str) -> None:
    """The step before the first kubectl command of a mail makes its context, and no other step does."""
    story = STORIES[name]
    if len(story.mail.members) > 1:
        return
    commands = commands_in(compose(story.mail, story.rows, mails.TEAM, LOOK).text)
    pointing = [at for at, command in enumerate(commands) if " get-credentials " in command]
    kubectl = [at for at, command in enumerate(commands) if command.startswith("kubectl ")]
    assert pointing == ([kubectl[0] - 1] if kubectl else [])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("az aks show -g rg -n c", "az aks show --subscription {s} -g rg -n c"),
        ("az network vnet list", "az network vnet list --subscription {s}"),
        ("az resource list -o tsv | sort", "az resource list --subscription {s} -o tsv | sort"),
        ("az login", "az login"),
        ("az resource show --ids '/subscriptions/x'", "az resource show --ids '/subscriptions/x'"),
        ("kubectl get pods -A", "kubectl --context prod-weu-1 get pods -A"),
        ("kubectl get po; kubectl get no", "kubectl --context {c} get po; kubectl --context {c} get no"),
        ("az aks command invoke -c 'kubectl x'", "az aks command invoke --subscription {s} -c 'kubectl x'"),
    ],
)  # fmt: skip
def test_reaching(given: str, expected: str) -> None:
    """The subscription follows the words of an az call, the context the word kubectl; and once is enough."""
    wanted = expected.format(s=CLUSTER.subscription, c=CLUSTER.name)
    assert reaching(given, CLUSTER) == wanted
    assert reaching(wanted, CLUSTER) == wanted


def test_without_a_cluster() -> None:
    """What several clusters have in common holds placeholders, which a shell hands on and az refuses."""
    assert reaching("kubectl get pdb -A", None) == "kubectl --context '<cluster>' get pdb -A"
