"""Filling the catalogue's texts and commands with facts. Nothing is ever evaluated.

In prose `{pod}` is the fact, or, where it is not known, words such as "a pod". `[in zone {zone}]` is left out
unless all its facts are known; `[node {node}|a node]` is the first alternative whose facts are all known.

In commands `{pod}` is the fact quoted for a POSIX shell, or a quoted placeholder `'<pod>'`. All other braces
and brackets stand for themselves: kubectl and JMESPath are full of them.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from shared.failures.facts import FACTS, words

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"\{([a-z][a-z_]*)\}")
_OPTION = re.compile(r"\[([^\[\]]*)\]")
_BEFORE_STOP = re.compile(r" (?=[.,;:](?:\s|$))")

_SINGLE_QUOTED = re.compile(r"'[^']*'")
_PROBE = "a $(b) 'c' \"d\" `e`"


def names(template: str) -> set[str]:
    """Find the facts that a template asks for."""
    return set(_NAME.findall(template))


def prose(template: str, facts: Mapping[str, str]) -> str:
    """Fill a sentence: one paragraph, blanks single."""
    if "[" in template:
        template = _OPTION.sub(lambda match: _first_known(match[1], facts), template)
    text = _NAME.sub(lambda match: facts.get(match[1]) or words(match[1]), template)
    return _BEFORE_STOP.sub("", " ".join(text.split()))


def _first_known(options: str, facts: Mapping[str, str]) -> str:
    for option in options.split("|"):
        if all(facts.get(name) for name in _NAME.findall(option)):
            return option
    return ""


def command(template: str, facts: Mapping[str, str]) -> str:
    """Fill a command, safe to paste: what is not known or not of its fact's form is a placeholder."""

    def quoted(match: re.Match[str]) -> str:
        name = match[1]
        value = facts.get(name, "")
        fact = FACTS.get(name)
        if not value or value.startswith("-") or (fact and not fact.form.fullmatch(value)):
            value = f"<{name.replace('_', '-')}>"
        return shlex.quote(value)

    return _NAME.sub(quoted, template.strip())


def command_fault(template: str) -> str:
    """Return what is wrong with a command template, or nothing: every value must stay within one word."""
    if not template.isprintable():
        return "has a line break or a control character"

    def tokens(value: str) -> list[str]:
        return shlex.split(_NAME.sub(lambda _: value, template))

    try:
        plain, quoted = tokens("X"), tokens(shlex.quote(_PROBE))
    except ValueError:
        return "has quotes that are not closed, or a {placeholder} inside quotes"
    wanted = shlex.split(_NAME.sub("\N{REPLACEMENT CHARACTER}", template))
    expected = [token.replace("\N{REPLACEMENT CHARACTER}", _PROBE) for token in wanted]
    if "`" in _SINGLE_QUOTED.sub("", template):
        return "has a backtick outside single quotes: a shell runs what stands between two of them"
    if len(plain) != len(quoted) or quoted != expected:
        return "has a {placeholder} inside quotes, which a value could break out of"
    return ""
