"""The setting ROUTES: any text is routes or one sentence, and routes lead any event to known audiences.

It is long because it writes routes in every form that is read, and in as many that are not.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import yaml
from hypothesis import strategies as st

from shared.audience import DEFAULT_AUDIENCE, Volume
from shared.events.model import Cluster, Event, Status, Upgrade
from shared.notices.kinds import Kind
from shared.routes import Outcome
from shared.setting_reader import SettingsError
from shared.settings import load
from testing.hostile import InputVerdict
from testing.hostile.material import (
    NASTY,
    SPLICES,
    TEXTS,
    VALUES,
    changes,
    cut,
    is_on_one_line,
    one_of_many,
    rewritten,
    written,
)
from testing.world import SETTINGS

if TYPE_CHECKING:
    from shared.audience import Audience
    from shared.routes import Routes
    from testing.hostile.material import Change

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
_MAX_LENGTH = 1_000
_SAMPLE = (Path(__file__).parents[2] / "samples" / "routes.yaml").read_text(encoding="utf-8")
_TREE = json.dumps(yaml.safe_load(_SAMPLE))

BOMBS = (
    "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(
        f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "audiences: &a [*a]",
    "audiences: &a {name: *a}\nroutes: *a",
    "routes: !!python/object/apply:os.system [reboot]",
    "!!python/name:os.system",
    "audiences: [!!binary aGk=, !!set {a}, !local x]",
    "<<: *x",
    "<<: {routes: []}",
    "? [a, b]\n: c",
    "? {routes: x}\n: ? - y",
    "routes: []\n---\nroutes: []\n...\n--- x",
    "%YAML 9.9\n---\nroutes: []",
    "%TAG ! tag:x,2026:\n--- !x {}",
    "routes:\n\t- match: {}",
    "routes: |\n  - audiences: x",
    "[" * 100_000,
    "{a: " * 5_000,
    "- " * 20_000,
    "routes: " + "'" * 9_999,
    "a" * 262_145,
    "routes: [" + "{audiences: default, continue: true}," * 5_000 + "]",
    "routes: [{match: {cluster: [" + "'*a'," * 20_000 + "]}, audiences: default}]",
    "routes:\n- match: {cluster: '" + "*a" * 400 + "b'}\n  audiences: default\n  continue: true\n" * 9,
    "\ufeff# only a comment",
    "routes: \x00",
    "routes: \x85- \u2028",
    "~",
    "&a *a",
    "* &",
)
"""Texts that would cost time, memory or more if they were loaded as YAML may be."""

_KEYS = (
    "audiences",
    "routes",
    "name",
    "to",
    "match",
    "cluster",
    "kind",
    "continue",
    "kinds",
    "volume",
    "region",
)
_WORDS = ("Payments", "a@b.de", "node-os", "*", "prod-*", "true", "no", "default", "7d", "0s", "9" * 30 + "d")
WORDS = st.sampled_from(_KEYS + _WORDS)
NAMES = ("prod-weu-1", "PROD-weu-1", "prod-weu-11", "westeurope", "West Europe", "a" * 256)
GLOBS = st.text(st.sampled_from("*?[]!-^\\pro.&|~"), min_size=1, max_size=12) | st.sampled_from(
    (
        *NAMES,
        *NAMES,
        "*" * 60,
        "*a" * 20 + "b",
        "[z-a]",
        "[!]",
        "[[:alpha:]]",
        "[a--b]",
        "[\\",
        "[]-]",
        "[a&&b]",
        "?" * 300,
    )
)


def _routed(audience: dict[str, Any], globs: list[tuple[str, str]], made: list[Change]) -> str:
    """Write routes to an audience and another one that ask for these globs, and damage them."""
    name = audience["name"]
    audiences = [{"to": "a@example.com", **audience}, {"name": "b", "to": "b@example.com"}]
    asked = [{"match": {field: glob}, "audiences": [name], "continue": True} for field, glob in globs]
    body = {"audiences": audiences, "routes": [*asked, {"audiences": ["b", name]}]}
    return rewritten(json.dumps(body), made)


def _changed(made: list[Change]) -> str:
    return rewritten(_TREE, made, is_ascii=len(made) != 1)


_AUDIENCES = st.fixed_dictionaries(
    {"name": st.sampled_from(("a", "a", "a", "a", "a", "x" * 64, "x" * 65, "a,b"))},
    optional={
        "kinds": st.lists(
            st.sampled_from(("failed", "started", "Completed", "reminder", "news")), min_size=1
        ),
        "runbook": st.sampled_from(
            (
                *["https://wiki.example.com/aks?b=c"] * 4,
                "https://somebody:secret@wiki.example.com/aks",
                "http://wiki.example.com/aks",
                "javascript:alert(1)//",
                "https://wiki.example.com/a b",
            )
        ),
        "reply_to": st.sampled_from(
            (
                *["o'hara+aks@example.com", "ops@b\u00fccher.example"] * 3,
                *("ops", "ops@example", "Ops <ops@example.com>", "\u00f6ps@example.com", "a@b@example.com"),
            )
        ),
    },
)


_FIELDS = st.sampled_from(("cluster", "region", "resource_group"))
_TREES = st.recursive(
    WORDS | VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=8,
).map(written)
_SYNTAX = st.text(st.sampled_from("-:?[]{},&*!|>'\"%@#~ \n\tab01.<=") | st.characters(), max_size=40)
TEXTS_OF_ROUTES = st.one_of(
    st.builds(
        _routed,
        _AUDIENCES,
        st.lists(st.tuples(_FIELDS, GLOBS), max_size=3),
        st.just([]) | changes(WORDS | TEXTS, 1),
    ),
    st.builds(_changed, changes(WORDS | GLOBS | VALUES, 2)),
    st.builds(cut, st.just(_SAMPLE), st.integers(0, 9_999), _SYNTAX | WORDS, is_cut=st.booleans()),
    _TREES,
    _SYNTAX | _SYNTAX.map("routes:\n{}".format),
)
_RARE = one_of_many((*BOMBS, *SPLICES.values()))

_ANY = st.sampled_from((*NASTY, *NAMES)) | st.sampled_from(NAMES) | st.text(max_size=8)
EVENTS = st.builds(
    Event,
    event_id=st.just("1"),
    status=st.sampled_from([*Status]) | _ANY,
    subject=st.builds(Cluster, _ANY, _ANY, _ANY),
    time=st.just(NOW),
    updated=st.just(NOW),
    upgrade=st.sampled_from([*Upgrade]),
    region=_ANY,
)


class Question(NamedTuple):
    """The setting, and an event to be asked about where it holds routes."""

    text: str
    event: Event
    label: str = ""


QUESTIONS = st.builds(
    lambda number, text, bomb, event, label: Question(text if number else bomb, event, label),
    st.integers(0, 40),
    TEXTS_OF_ROUTES,
    _RARE,
    EVENTS,
    st.sampled_from(("", "7d", "24h", "soon", "9" * 40 + "d")),
)


def check_question(question: Question) -> InputVerdict:
    """Check that a text is routes or one sentence that names the setting, and where routes lead an event."""
    try:
        routes = load(SETTINGS | {"ROUTES": question.text}).routes
    except SettingsError as error:
        check_sentence(str(error))
        return InputVerdict(("refused",))
    for audience in routes.audiences.values():
        _check_audience(audience)
    _check_heard(routes, question.event, question.label)
    _check_given(routes, question.text, question.event)
    return InputVerdict(("accepted",))


def check_sentence(said: str) -> None:
    """Check that an error is one sentence for the person who wrote the setting."""
    assert said.startswith("Setting ROUTES is wrong: ")
    assert said.endswith(".")
    assert is_on_one_line(said)
    assert len(said) <= _MAX_LENGTH


def _check_audience(audience: Audience) -> None:
    assert audience.to
    for address in (*audience.to, *audience.cc, *filter(None, [audience.reply_to])):
        assert _ADDRESS.fullmatch(address), f"no address: {address}"
    if audience.runbook:
        link = urlsplit(audience.runbook)
        assert link.scheme == "https"
        assert link.username is None, "a link with a password"
        assert _LINK.fullmatch(audience.runbook)
    assert audience.id.isprintable()
    assert len(audience.name) <= _MAX_NAME
    assert "," not in audience.name
    assert all(lead.ahead for lead in audience.leads)


_ADDRESS = re.compile(r"(?=.{3,254}$)[!#-'*+./0-9=?A-Z^-~-]+@[^\s@<>,;:\"()\[\]\\]+\.[^\s@<>,;:\"()\[\]\\.]+")
_LINK = re.compile(r"[!-~]+")
_MAX_NAME = 64
_OF_THE_APP = frozenset(
    {
        Kind.COVERAGE,
        Kind.MISSED_EVENTS,
        Kind.REJECTED,
        Kind.REPORT,
        Kind.TARGET_GONE,
        Kind.UNDELIVERED,
        Kind.UNREACHABLE,
        Kind.UNREADABLE,
    }
)
"""What an audience cannot choose not to hear of."""


def _check_heard(routes: Routes, event: Event, label: str) -> None:
    trace = routes.trace(event)
    addressed = [match.audience.id for match in trace.matches]
    assert addressed == [name for name in routes.audiences if name in addressed]
    assert len(trace.steps) == len(routes.routes)
    matched = [step.route for step in trace.steps if step.outcome is Outcome.MATCHED]
    named = {name for route in matched for name in route.audiences}
    assert set(addressed) == (named if matched else {DEFAULT_AUDIENCE})
    assert all(route.continues for route in matched[:-1])
    assert trace.routed == routes.is_routed(event)
    for kind in Kind:
        heard = routes.audiences_for(event, kind, label)
        assert [name for name in routes.audiences if name in heard] == list(heard)
        assert set(heard) <= set(addressed)
        for audience in map(routes.audiences.__getitem__, addressed):
            if kind in _OF_THE_APP:
                assert audience.id in heard
            elif audience.kinds and kind.value not in audience.kinds:
                assert audience.id not in heard, "told what it does not want"
            elif audience.volume is Volume.ALL and kind not in {Kind.REMINDER, Kind.GATE_CLOSED}:
                assert audience.id in heard, "not told what it wants"
    for match in trace.matches:
        for told in match.previews:
            heard = routes.audiences_for(event, told.kind, told.lead)
            assert (match.audience.id in heard) == told.wanted, "heard otherwise than explained"


def _check_given(routes: Routes, text: str, event: Event) -> None:
    """Check what was asked for, read by somebody else's code: kinds of notices, and names without globs."""
    given = _loaded(text)
    for one in given.get("audiences") or ():
        name, kinds = one.get("name"), one.get("kinds")
        if isinstance(name, str) and isinstance(kinds, list) and all(isinstance(kind, str) for kind in kinds):
            wanted = {kind.strip().lower() for kind in kinds}
            assert routes.audiences[name.strip().lower()].kinds == wanted
    said = {
        "cluster": event.subject.name,
        "resource_group": event.subject.resource_group,
        "region": event.region.replace(" ", ""),
    }
    for route, one in zip(routes.routes, given.get("routes") or (), strict=bool(given)):
        missed = {condition.field for condition in route.misses(event)}
        for field, asked in (one.get("match") or {}).items():
            if field in said and isinstance(asked, str) and not set(asked) & set("*?[,"):
                name = asked.strip().replace(" ", "" if field == "region" else " ")
                is_it = said[field].lower() == name.lower()
                assert is_it == (field not in missed), "a name is taken for another one, or not for itself"


def _loaded(text: str) -> dict[str, Any]:
    try:
        given = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError):
        return {}
    return given if isinstance(given, dict) else {}
