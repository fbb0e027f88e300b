"""Reasons of failures: any text is explained, and nothing in it gets out of a command's quotes."""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from hypothesis import strategies as st

from shared.failures import explain, load_catalogue, templates
from shared.failures.catalogue import UNKNOWN
from shared.failures.explanation import Context
from testing.hostile import InputVerdict
from testing.hostile.material import (
    COMMANDS,
    MARK,
    NASTY,
    SPLICES,
    TEXTS,
    cut,
    is_on_one_line,
    one_of_many,
)
from testing.samples.failure_messages import CONTEXT, MESSAGES, WRAPPERS

if TYPE_CHECKING:
    from shared.failures.explanation import Explanation, Finding

HOSTS = frozenset({"learn.microsoft.com", "github.com"})
"""Where the catalogue's guides are."""

_MAX_LENGTH = 3_000
_MAX_FINDINGS = 60
_MAX_LINES = 41

_CATALOGUE = load_catalogue()
_NAME = re.compile(r"\{([a-z][a-z_]*)\}")
QUOTED = r"(?:'(?!-)(?:[^'\n]|'\"'\"')*'|(?!-)[A-Za-z0-9_@%+=:,./-]+)"
"""One word to a shell, and no option: in single quotes, or of characters that mean nothing to it."""

_WORD = re.compile(r"[A-Za-z]{3,}")


class Failure(NamedTuple):
    """The reason that AKS gives, and what the event says besides."""

    reason: str
    context: Context = CONTEXT


_REAL = tuple(message["text"] for message in MESSAGES)
_PATTERNS = tuple(source for entry in _CATALOGUE.entries.values() for source in entry.patterns)
_CODES = tuple(code for entry in _CATALOGUE.entries.values() for code in entry.codes)
_NOISE = "{}[]\"\\:,' \n\taA1(/)*.;=n"


def _filled(pattern: str, values: list[str]) -> str:
    """Write a message that the catalogue knows, with these values where it keeps facts."""
    rest = iter(values)
    return re.sub(r"\*|\{[a-z_]+\}", lambda _: next(rest, "x"), pattern)


def _infected(text: str, at: int, value: str) -> str:
    """Put a value in the place of one word of a message."""
    words = text.split(" ")
    words[at % len(words)] = value
    return " ".join(words)


_NAMES = st.sampled_from((*COMMANDS, *NASTY)) | st.text(max_size=8)
_KNOWN = (
    one_of_many(_REAL)
    | st.builds(_infected, one_of_many(_REAL), st.integers(0, 400), _NAMES)
    | st.builds(_filled, one_of_many(_PATTERNS), st.lists(_NAMES, max_size=3))
    | st.builds("{}: {}".format, one_of_many(_CODES), TEXTS)
)
_WRAPPED = st.builds(
    lambda wrap, text: WRAPPERS[wrap](text), st.sampled_from(sorted(WRAPPERS)), _KNOWN | TEXTS
)
_TREES = st.recursive(
    TEXTS | _KNOWN | st.none() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("code", "message", "details", "error", "subcode", "x", "")), inner, max_size=3
        )
    ),
    max_leaves=6,
)
REASONS = st.one_of(
    _KNOWN,
    _WRAPPED,
    st.builds(cut, _WRAPPED | _KNOWN, st.integers(0, 3_000), TEXTS, is_cut=st.booleans()),
    st.lists(_KNOWN | TEXTS, max_size=4).map("\n".join),
    _TREES.map(json.dumps),
    st.text(_NOISE, max_size=60) | TEXTS | st.sampled_from(tuple(SPLICES.values())),
)
_CONTEXTS = st.just(CONTEXT) | st.builds(
    Context,
    subscription=_NAMES,
    resource_group=_NAMES,
    cluster=_NAMES,
    pools=st.lists(_NAMES, max_size=2).map(tuple),
    region=_NAMES,
    upgrade=st.sampled_from(("kubernetes", "node-os", "weekly-release", "platform", "unknown", "", MARK)),
)
FAILURES = st.builds(Failure, REASONS, _CONTEXTS)


def check_failure(failure: Failure) -> InputVerdict:
    """Check that a reason is explained: the same way every time, in bounded words, with safe commands."""
    explanation = explain(failure.reason, failure.context)
    check_explanation(explanation)
    if "\\" not in failure.reason:  # what is escaped may become two words
        lost = set(_WORD.findall(failure.reason)) - set(_WORD.findall(explanation.raw))
        assert not lost, f"words of the reason that are not shown: {lost}"
    assert explain(failure.reason, failure.context) == explanation
    is_known = any(finding.entry != UNKNOWN for finding in explanation.findings)
    return InputVerdict(("explained" if is_known else "unknown",))


def check_explanation(explanation: Explanation) -> None:
    """Check what holds of any explanation."""
    assert 0 < len(explanation.findings) <= _MAX_FINDINGS
    explanation.raw.encode("utf-8")
    for finding in explanation.findings:
        _check_words(finding)
        for step in finding.steps:
            check_command(finding.entry, step.command)


def _check_words(finding: Finding) -> None:
    for text in (finding.title, finding.summary, finding.happened, finding.state, finding.retries):
        assert text == " ".join(text.split())
        assert len(text) <= _MAX_LENGTH
        text.encode("utf-8")
    assert finding.title
    assert finding.summary
    assert finding.steps
    link = urlsplit(finding.link)
    assert (link.scheme, link.username) == ("https", None)
    assert link.hostname in HOSTS
    assert len(finding.more) <= _MAX_LINES
    for line in (*finding.more, *(value for _, value in finding.facts)):
        assert is_on_one_line(line)
        assert len(line) <= _MAX_LENGTH


def check_command(entry: str, command: str) -> None:
    """Check that a command is one of its entry's, with one quoted word and nothing else in each place."""
    if not command:
        return
    assert command.isprintable()
    assert len(command) <= _MAX_LENGTH
    fitting = [template for template in _commands(entry) if re.fullmatch(_form(template), command)]
    assert fitting, f"no command of {entry}: {command}"
    words = shlex.split(command)
    assert any(len(words) == len(shlex.split(_NAME.sub("X", template))) for template in fitting)


def fits_catalogue(command: str) -> bool:
    """Return whether this is a command of any entry, with one quoted word in each place."""
    forms = (_form(template) for entry in _CATALOGUE.entries for template in _commands(entry))
    return any(form.fullmatch(command) for form in forms)


@cache
def _commands(entry: str) -> tuple[str, ...]:
    return tuple(step.run.strip() for step in _CATALOGUE.entries[entry].steps if step.run)


@cache
def _form(template: str) -> re.Pattern[str]:
    """Return the form of a filled command."""
    assert set(_NAME.findall(template)) == templates.names(template)
    return re.compile(QUOTED.join(re.escape(part) for part in _NAME.split(template)[0::2]))
