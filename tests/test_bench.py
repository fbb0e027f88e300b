"""The benchmarks decide by ratios and counts, say what they missed, and count the round trips promised."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4
from xml.etree import ElementTree as ET

import msgspec
import pytest
from azure.data.tables import TableClient

from bench import app, calls, figures, plots, report, trips
from bench.__main__ import NAMES
from bench.figures import Figure, Plot, Section, adopt, in_turns, load, missed, worse
from bench.relay import Relay
from local import machine, markdown
from local.processes import connection_string

if TYPE_CHECKING:
    from local.processes import Azurite

RATIO = Figure("a.ratio", "a thing done", 1.1, floor="the least", ours="11 ms", bare="10 ms", target=1.2)
COUNT = Figure("a.count", "round trips", 2, target=2)


def _worth(figure: Figure, value: float) -> Figure:
    return msgspec.structs.replace(figure, value=value)


# Against the baseline


@pytest.mark.parametrize(("value", "fails"), [(0.5, False), (1.2, False), (1.3199, False), (1.33, True)])
def test_ratio_may_be_a_fifth_worse(value: float, fails: bool) -> None:
    """A ratio may be a fifth worse than the baseline's, and no more."""
    assert bool(worse([_worth(RATIO, value)], {"a.ratio": 1.1})) is fails


@pytest.mark.parametrize(("value", "fails"), [(1, False), (2, False), (3, True)])
def test_count_may_not_be_higher(value: float, fails: bool) -> None:
    """A count that is higher than the baseline's fails, by however little."""
    assert bool(worse([_worth(COUNT, value)], {"a.count": 2})) is fails


def test_what_is_new_or_only_shown_does_not_fail() -> None:
    """A figure that the baseline does not know, or that is not to be compared, is never worse."""
    shown = msgspec.structs.replace(_worth(RATIO, 9), compared=False)
    assert worse([_worth(RATIO, 9), shown], {"a.other": 1.0}) == []
    assert worse([shown], {"a.ratio": 1.0}) == []


def test_worse_says_what_was_and_what_may_be() -> None:
    """The sentence names the figure, its value, the one before, and the most that is allowed."""
    assert worse([_worth(RATIO, 2)], {"a.ratio": 1.1}) == ["a.ratio: 2, was 1.1, may be 1.32"]


def test_missed_target() -> None:
    """A target that is not met is told, whatever the baseline says; one that is just met is not."""
    assert missed([RATIO, COUNT, _worth(RATIO, 1.2)]) == []
    assert missed([_worth(RATIO, 1.21)]) == ["a.ratio: 1.21, is to be at most 1.2"]


def test_adopted_baseline_is_read_back(tmp_path: Path) -> None:
    """What is adopted is the next baseline; adopting some leaves the others alone only if asked to."""
    path = tmp_path / "baseline.json"
    assert load(path) == {}
    adopt([RATIO, COUNT, msgspec.structs.replace(RATIO, name="a.shown", compared=False)], path)
    assert load(path) == {"a.count": 2, "a.ratio": 1.1}
    adopt([_worth(COUNT, 3)], path, others=True)
    assert load(path) == {"a.count": 3, "a.ratio": 1.1}
    adopt([COUNT], path)
    assert load(path) == {"a.count": 2}


def test_committed_baseline_keeps_the_promised_round_trips() -> None:
    """The committed baseline knows every path, and none costs more than the design promises."""
    baseline = load()
    assert {path: baseline[f"trips.{path}"] for path in trips.PROMISED} == {
        path: number for path, (_, number) in trips.PROMISED.items()
    }
    assert {name.partition(".")[0] for name in baseline} == set(NAMES)


# Measuring in turns


def test_in_turns_calls_both_alike() -> None:
    """Both are called with the same numbers, none of them twice, and each goes first in every other turn."""
    seen: list[tuple[str, int]] = []
    pair = in_turns(
        lambda number: seen.append(("ours", number)),
        lambda number: seen.append(("bare", number)),
        turns=2,
        calls=2,
    )
    assert pair.ratio > 0
    assert [number for who, number in seen if who == "ours"] == list(range(6))
    assert [number for who, number in seen if who == "bare"] == list(range(6))
    assert "".join(who[0] for who, _ in seen) == "bboo" + "oobb" + "bboo"


def test_ratio_is_the_median_of_the_turns() -> None:
    """One turn that was disturbed does not move the ratio, and the first is not counted."""
    now = 0.0

    def take(seconds: float) -> None:
        nonlocal now
        now += seconds

    pair = in_turns(
        lambda number: take({0: 50.0, 2: 90.0}.get(number, 3.0)),
        lambda _: take(2.0),
        turns=3,
        clock=lambda: now,
    )
    assert pair == figures.Pair(3.0, 2.0, 1.5)


# Report


def _section(**more: object) -> Section:
    return msgspec.structs.replace(Section("A thing", "How it is done.", (RATIO, COUNT)), **more)


def test_page_says_what_is_missed() -> None:
    """The page says at its top which targets are missed, with the value, and in the table as well."""
    page = report.page({"a": _section(figures=(_worth(RATIO, 1.5), COUNT))}, [("Cores", "2")], {})
    assert "Of 2 targets 1 are **missed**" in page
    assert "* a thing done, against the least: 1.50 x, to be at most 1.2" in page
    assert "≤ 1.2, **missed**" in page
    assert "≤ 2, met" in page


def test_page_has_figures_tables_pictures_and_machine() -> None:
    """The page has each section's figures with both sides, its other tables, its pictures, the machine."""
    plot = Plot("curve", "A curve", "x", "y")
    given = _section(plots=(plot,), tables=((("Kind", "ms"), (("digest", "7"),)),))
    page = report.page({"a": given}, [("Cores", "2")], {"curve": "images/curve.svg"})
    assert "All 2 targets are met." in page
    for text in (
        "## A thing",
        "How it is done.",
        "11 ms",
        "10 ms",
        "1.10 x",
        "| digest |",
        "| Cores |   2 |",
    ):
        assert text in page
    assert "![A curve](images/curve.svg)" in page
    assert "![" not in report.page({"a": given}, [], {})


def test_markdown_table() -> None:
    """Columns are as wide as their widest cell, figures to the right, and nothing in a cell breaks it."""
    assert markdown.table(("What", "n"), [("a|b", "12 ms"), ("two\nlines", "3")]).splitlines() == [
        "| What      |     n |",
        "| --------- | ----: |",
        "| a\\|b      | 12 ms |",
        "| two lines |     3 |",
    ]


def test_machine_is_not_named() -> None:
    """The facts of the machine say what it is, and neither whose nor where anything is."""
    facts = machine.facts()
    names = dict(facts)
    assert len(names) == len(facts)
    assert {"Date", "CPU", "Cores", "Memory", "Kernel", "Python", "Node.js", "Azurite"} <= names.keys()
    assert names["azure-data-tables"][0].isdigit()
    text = " ".join(names.values())
    assert str(Path.home()) not in text
    assert str(machine.ROOT) not in text
    host = socket.gethostname()
    assert host in {"", "localhost"} or host not in text.split()


# Pictures

LINES = Plot("curve", "A curve", "rows", "ms", lines={"ours": [(1, 2), (10, 3)], "bare": [(1, 1), (10, 2)]})


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    "plot",
    [
        LINES,
        msgspec.structs.replace(LINES, log=True),
        Plot("parts", "Parts", "", "ms", bars={"ours": {"a": 1.5, "b": 2}, "theirs": {"a": 1, "b": 0}}),
    ],
)
def test_pictures_are_svg_and_the_same_again(plot: Plot, tmp_path: Path) -> None:
    """A plot is well-formed SVG with its title, on paper of its own; the same figures give the same bytes."""
    pytest.importorskip("matplotlib")
    file = plots.draw(plot, tmp_path / "once")
    assert ET.parse(file).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    text = file.read_text()
    assert plot.title in text
    assert plots.PAPER in text
    assert plots.draw(plot, tmp_path / "again").read_text() == text


# Round trips


def test_round_trips_are_those_promised(azurite: Azurite, tmp_path: Path) -> None:
    """Each path of the app costs the round trips that the design promises, on the wire."""
    counts = trips.count(azurite.endpoint, EMAIL_FOLDER=str(tmp_path))
    assert counts == {path: number for path, (_, number) in trips.PROMISED.items()}


def test_replayed_transactions_are_new(azurite: Azurite, tmp_path: Path) -> None:
    """What the handler submits can be submitted again under other keys, with the same columns and options."""
    settings = {"NOTIFIER_TABLE": f"t{uuid4().hex}", "EMAIL_FOLDER": str(tmp_path)}
    with app.loaded(app.settings(azurite.endpoint) | settings) as functions, calls.captured() as seen:
        functions["due_notices"](app.TIMER)  # makes the table
        functions["maintenance_events"](app.started()[0])
    (renewed,) = calls.renewed(seen)
    assert [(verb, [*row], options) for verb, row, options in renewed] == [
        (verb, [*row], options) for verb, row, options in seen[0]
    ]
    with TableClient.from_connection_string(azurite.connection_string, settings["NOTIFIER_TABLE"]) as client:
        client.submit_transaction(renewed)
        assert len(list(client.list_entities())) == 2 * len(renewed)


def test_relay_passes_on(azurite: Azurite) -> None:
    """What goes through the relay arrives, both ways, on a connection that is used again."""
    name = f"t{uuid4().hex}"
    with (
        Relay(azurite.endpoint) as relay,
        TableClient.from_connection_string(connection_string(relay.endpoint), name) as client,
    ):
        client.create_table()
        for number in range(3):
            client.create_entity({"PartitionKey": "a", "RowKey": str(number), "text": "x" * 30_000})
        assert len(list(client.list_entities())) == 3
