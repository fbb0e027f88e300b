"""The commands of mails, as whoever copies one gets them: one line, each name in it one word, no option."""

from __future__ import annotations

import re
import shlex
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from testing.hostile.failures import QUOTED, fits_catalogue

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from shared.channels.email.email import Email

_QUOTED_HEADINGS = frozenset({"As AKS sent it", "As Fleet Manager says it", "How it begins"})
"""Headings under which there is what was sent; whatever stands in it is no command of ours."""

_NAMED = (
    (
        rf"az aks [a-z -]+ --subscription (?P<subscription>{QUOTED}) -g (?P<group>{QUOTED})"
        rf" (?:-n|--cluster-name) (?P<cluster>{QUOTED})"
        r"(?: -o table| --query \"[\w.:,{}\[\] ]+\"| --kubernetes-version '<version>'"
        r"| --auto-upgrade-channel none| --node-os-upgrade-channel None"
        r"| -n '<pool>')*"
    ),
    (
        rf"az fleet [a-z-]+ [a-z-]+ --subscription (?P<subscription>{QUOTED}) -g (?P<group>{QUOTED})"
        rf" --fleet-name (?P<fleet>{QUOTED})(?: --name (?P<name>{QUOTED})| --state Pending)"
    ),
    (
        rf"az aks maintenanceconfiguration (?:show|update) --subscription (?P<subscription>{QUOTED})"
        rf" -g (?P<group>{QUOTED}) --cluster-name (?P<cluster>{QUOTED}) -n (?:default|aks\w+)"
        r"(?: --query '[\w:{}]+' > window\.json| --config-file postponed\.json)"
    ),
    r"jq '[\w .,:;|=+<>\"/()\[\]{}-]+' window\.json > postponed\.json",
    (
        rf"az rest --method (?:get|put) --url (?P<id>{QUOTED})"
        r"(?: > window\.json| --body @postponed\.json)"
    ),
    rf"az account set --subscription (?P<subscription>{QUOTED})",
    r"\./notifier (?:show|resend|why|list|status|table)(?: [\w:.-]+)*",
    (
        rf"az monitor activity-log list --resource-id (?P<id>{QUOTED})(?: --subscription {QUOTED})?"
        r" --offset \d+d -o table --query \"[\w.:,{}\[\] ]+\""
    ),
)
_FORMS = tuple(map(re.compile, _NAMED))
_FIXED = frozenset(
    {
        "kubectl get nodes -o wide",
        "kubectl get nodes -w",
        "kubectl get pdb -A",
        "kubectl get --raw /metrics | grep apiserver_requested_deprecated_apis",
        "kubectl get pods -A --field-selector=status.phase=Pending",
        "kubectl get pods -A --field-selector=status.phase!=Running,status.phase!=Succeeded",
        "kubectl get events -A --sort-by=.lastTimestamp --field-selector involvedObject.kind=Node",
    }
)
_INDENT = " " * 6
_CUT = re.compile(r"(?:[\d,]+ more characters are left out here; they are kept with the event\.)?")
_PLAIN = "AKS maintenance news, in plain form"
_OF_PLAIN = (_PLAIN, "* ", "(", "Sent to the audience “", "Shadow mode: ", "…")


class _Codes(HTMLParser):
    """Collects what is shown as a command."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a command, or a line of it."""
        if tag == "code" and ("class", "command") in attrs:
            self._open = tag
            self.found.append("")
        elif tag == "br" and self._open == "code":
            self.found[-1] += "\n"

    def handle_endtag(self, tag: str) -> None:
        """End it."""
        if tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        """Take a text."""
        if self._open:
            self.found[-1] += data


def check_commands(made: Email) -> list[str]:
    """Check the commands of an email, and give them: each is one of ours, and both parts have the same."""
    codes = _Codes()
    codes.feed(made.html)
    codes.close()
    for command in codes.found:
        assert "\n" not in command, f"a command of several lines: {command!r}"
        assert _is_ours(command), f"no command of ours: {command}"
        shlex.split(command)
    # Details that are JSON are indented as well, so a line counts where it is a command of ours.
    lines = _before_quoted(made.text)
    shown = [line[6:] for line in lines if line.startswith(_INDENT) and _is_ours(line[6:])]
    assert shown == codes.found, "the parts of a mail have not the same commands"
    return codes.found


_TOGETHER = re.compile(
    rf"(az aks get-credentials --subscription {QUOTED} -g {QUOTED} -n {QUOTED}) && (kubectl .+)"
)


def _parts(command: str) -> tuple[str, ...]:
    """Return the commands of a line: one, or what makes a context and the kubectl that uses it."""
    match = _TOGETHER.fullmatch(command)
    return match.groups() if match else (command,)


def _is_ours(command: str) -> bool:
    return all(map(_is_one_of_ours, _parts(command)))


def _is_one_of_ours(command: str) -> bool:
    undirected = _undirected(command)
    return undirected in _FIXED or _named(command) is not None or fits_catalogue(undirected)


def _undirected(command: str) -> str:
    """Return a command as the catalogue has it: without the subscription or context that mails add."""
    return re.sub(rf" --(?:subscription|context) {QUOTED}", "", command)


def _named(command: str) -> re.Match[str] | None:
    return next((match for form in _FORMS if (match := form.fullmatch(command))), None)


def check_names(command: str, names: AbstractSet[str]) -> None:
    """Check that a shell gives each name in a command of the mails' own back whole, as one of these."""
    for part in _parts(command):
        match = None if fits_catalogue(_undirected(part)) else _named(part)
        for word in filter(None, match.groupdict().values()) if match else ():
            assert len(shlex.split(word)) == 1
            assert shlex.split(word)[0] in names, f"a name that nobody has: {word}"


def check_margin(text: str) -> None:
    """Check that what was sent is indented in the text part: no line of it can pass for one of ours."""
    lines = text.split("\n")
    ours = [line for line in lines if line and not line.startswith(" ")]
    if any(line.startswith(_PLAIN) for line in ours):
        odd = [line for line in ours if not line.startswith(_OF_PLAIN)]
        assert not odd, f"a line that is not ours begins where ours do: {odd}"
        return
    sent = lines[len(_before_quoted(text)) + 1 : -lines[::-1].index("-- ") - 1]
    odd = [line for line in sent if line and not line.startswith(" ")]
    assert _CUT.fullmatch(" ".join(odd)), f"a line of what was sent begins where ours do: {odd}"


def _before_quoted(text: str) -> list[str]:
    """Return the lines before the heading of what was sent."""
    lines = text.split("\n")
    headings = {heading.upper() for heading in _QUOTED_HEADINGS}
    ends = [number for number, line in enumerate(lines) if line in headings]
    return lines[: ends[-1]] if ends else lines
