"""The benchmarks decide by ratios and counts, say what they missed, and count the round trips promised."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4
from xml.etree import ElementTree as ET

import msgspec
import pytest
from azure.data.tables import TableClient

from bench import app, calls, figures, machine, markdown, paths, plots, report, trips
from bench.__main__ import NAMES, SOAK, main
from bench.figures import Figure, Plot, Section, adopt, in_turns, load, missed, worse
from bench.relay import Relay
from shared.store.table import PARTITION
from testing.fault_proxy import FaultProxy
from testing.processes import connection_string

if TYPE_CHECKING:
    from testing.processes import Azurite

pytestmark = pytest.mark.slow

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
    """What is adopted is the next baseline, in place of the one before."""
    path = tmp_path / "baseline.json"
    assert load(path) == {}
    adopt([RATIO, COUNT, msgspec.structs.replace(RATIO, name="a.shown", compared=False)], path)
    assert load(path) == {"a.count": 2, "a.ratio": 1.1}
    adopt([COUNT], path)
    assert load(path) == {"a.count": 2}


def test_committed_baseline_keeps_the_promised_round_trips() -> None:
    """The committed baseline knows every path, and none costs more than the design promises."""
    baseline = load()
    assert {path: baseline[f"trips.{path}"] for path in trips.PROMISED} == {
        path: number for path, (_, number) in trips.PROMISED.items()
    }
    assert {name.partition(".")[0] for name in baseline} <= set(NAMES)


# A run


class Bench:
    """Benchmarks of two figures, which give what they are told to, and runs in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.docs = folder
        self.page = folder / "performance.md"
        self.baseline = folder / "baseline.json"
        self.values: list[float] = []
        """Of the ratio, run by run; the last one stays."""
        self.section = _section()
        self.measured: list[str] = []

    def measure(self, name: str) -> Section:
        """Return the section to the first benchmark, and nothing to the others."""
        self.measured.append(name)
        if name != NAMES[0]:
            return msgspec.structs.replace(self.section, figures=())
        if not self.values:
            return self.section
        value = self.values.pop(0) if len(self.values) > 1 else self.values[0]
        ratio, *others = self.section.figures
        return msgspec.structs.replace(self.section, figures=(_worth(ratio, value), *others))

    def run(self, *arguments: str) -> int:
        """Run what the command would."""
        return main(arguments, self.measure, self.baseline, self.docs)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Benchmarks whose baseline is what they find at first."""
    bench = Bench(tmp_path)
    adopt(bench.section.figures, bench.baseline)
    return bench


def test_run_writes_the_page(bench: Bench) -> None:
    """A run of all that finds nothing wrong ends with 0, measures each once, and writes the page."""
    assert bench.run() == 0
    assert bench.measured == [*NAMES]
    assert "11 ms" in bench.page.read_text()


def test_run_of_some_writes_nothing(bench: Bench) -> None:
    """A run of one benchmark measures it alone, looks for no other's figures, and leaves the page alone."""
    assert bench.run("--only", NAMES[1]) == 0
    assert bench.measured == [NAMES[1]]
    assert not bench.page.exists()


def test_soak_writes_its_own_section(bench: Bench) -> None:
    """The soak is measured by name only; its section stays where a run of all writes the page."""
    bench.page.write_text("# Page\n\n## Soak\n\nBefore.\n\n## Limits\n")
    bench.section = _section(title="Soak", text="After.")
    assert bench.run("--only", SOAK) == 0
    assert report.part(bench.page.read_text(), "Soak") == "## Soak\n\nAfter."
    assert bench.page.read_text().endswith("\n\n## Limits\n")
    bench.section = _section()
    assert bench.run() == 0
    assert SOAK not in bench.measured[1:]
    assert "After." in bench.page.read_text()


@pytest.mark.parametrize(
    ("value", "before", "said"),
    [(1.25, 1.1, "Target missed: a.ratio"), (1.15, 0.9, "Worse than the baseline: a.ratio")],
)
def test_fault_that_stays_fails(
    bench: Bench, capsys: pytest.CaptureFixture[str], value: float, before: float, said: str
) -> None:
    """A target missed twice, or a figure worse twice, ends with 1, is named, and leaves the page alone."""
    adopt([_worth(RATIO, before), COUNT], bench.baseline)
    bench.page.write_text("before")
    bench.values = [value]
    assert bench.run() == 1
    assert bench.measured.count(NAMES[0]) == 2
    assert said in capsys.readouterr().out
    assert bench.page.read_text() == "before"


@pytest.mark.parametrize("values", [[9.0, 1.1], [1.5, 1.15]])
def test_fault_of_one_run_does_not_fail(bench: Bench, values: list[float]) -> None:
    """What was wrong once and is not when measured again is taken from the better run."""
    bench.values = values
    last = values[-1]
    assert bench.run() == 0
    assert bench.measured.count(NAMES[0]) == 2
    assert f"{last:.2f} x" in bench.page.read_text()


def test_figure_that_is_lost_fails(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """A figure of the baseline that a run of all does not find is a failure; a run of some says nothing."""
    bench.section = _section(figures=(RATIO,))
    assert bench.run("--only", NAMES[0]) == 0
    assert bench.run() == 1
    assert "a.count: in the baseline, and not found" in capsys.readouterr().out
    assert not bench.page.exists()


def test_what_cannot_be_measured_here_is_not_lost() -> None:
    """A section that says it cannot be measured on this system may lack its figures, and no other."""
    left_out = _section(figures=(), left_out=True)
    baseline = {"a.ratio": 1.1, "b.ratio": 1.1}
    (lost,) = figures.lost({"a": left_out, "b": _section(figures=())}, baseline)
    assert lost.startswith("b.ratio")


def test_adopting_writes_page_and_baseline(bench: Bench) -> None:
    """What is worse than the baseline may be adopted: page and baseline are of the same, only run."""
    adopt([_worth(RATIO, 0.5), COUNT], bench.baseline)
    assert bench.run("--adopt") == 0
    assert bench.measured == [*NAMES]
    assert load(bench.baseline) == {"a.count": 2, "a.ratio": 1.1}
    assert "1.10 x" in bench.page.read_text()


def test_missed_target_is_not_adopted(bench: Bench) -> None:
    """Where a target is missed, neither baseline nor page are written."""
    bench.values = [1.5]
    assert bench.run("--adopt") == 1
    assert load(bench.baseline) == {"a.count": 2, "a.ratio": 1.1}
    assert not bench.page.exists()


def test_part_is_not_adopted(bench: Bench) -> None:
    """Adopting takes all benchmarks, or the page would not be of the run that the baseline is of."""
    with pytest.raises(SystemExit):
        bench.run("--adopt", "--only", NAMES[0])
    assert bench.measured == []


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
    assert "**Missed** are:" in page
    assert "* a thing done, against the least: 1.50 x, to be at most 1.2" in page
    assert "≤ 1.2, **missed**" in page
    assert "≤ 2, met" in page


def test_page_has_figures_tables_pictures_and_machine() -> None:
    """The page has each section's figures with both sides, its other tables, its pictures, the machine."""
    plot = Plot("curve", "A curve", "x", "y")
    given = _section(plots=(plot,), tables=((("Kind", "ms"), (("digest", "7"),)),))
    page = report.page({"a": given}, [("Cores", "2")], {"curve": "images/curve.svg"})
    assert "All of them are met." in page
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


def test_empty_sweep_is_a_seek(azurite: Azurite, tmp_path: Path) -> None:
    """The query of an empty sweep names the partition and both ends of a range of keys: no scan."""
    settings = {"NOTIFIER_TABLE": f"t{uuid4().hex}", "EMAIL_FOLDER": str(tmp_path)}
    with (
        FaultProxy(azurite.endpoint) as proxy,
        app.loaded(app.settings(proxy.url) | settings) as functions,
    ):
        functions["due_notices"](app.TIMER)  # makes the table
        proxy.clear()
        functions["due_notices"](app.TIMER)
    (request,) = proxy.requests
    (condition,) = parse_qs(urlsplit(request.path).query)["$filter"]
    pattern = r"PartitionKey eq '(.+)' and RowKey ge '(.+)' and RowKey lt '(.+)'"
    found = re.fullmatch(pattern, condition)
    assert found is not None, condition
    partition, first, last = found.groups()
    assert partition == PARTITION
    assert first < last
    assert all(key.startswith("work:") for key in (first, last))


def test_replayed_transactions_are_new(azurite: Azurite, tmp_path: Path) -> None:
    """What the handler submits can be submitted again under other keys, with the same columns and options."""
    settings = {"NOTIFIER_TABLE": f"t{uuid4().hex}", "EMAIL_FOLDER": str(tmp_path)}
    with app.loaded(app.settings(azurite.endpoint) | settings) as functions, calls.captured() as seen:
        functions["due_notices"](app.TIMER)  # makes the table
        functions["maintenance_events"](app.started()[0])
    event = seen[-1]  # after the proof of life of the sweep
    (renewed,) = calls.renewed([event])
    assert [(verb, [*row], options) for verb, row, options in renewed] == [
        (verb, [*row], options) for verb, row, options in event
    ]
    with TableClient.from_connection_string(azurite.connection_string, settings["NOTIFIER_TABLE"]) as client:
        client.submit_transaction(renewed)
        assert len(list(client.list_entities())) == 2 * len(renewed) + 1


def test_calls_of_further_paths_are_made_again(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls of a Scheduled, of a duplicate, and of a mailed failure work when made with the SDK alone."""
    monkeypatch.setattr(paths, "TURNS", 2)
    names = [figure.name for figure in paths.figures(azurite.endpoint)]
    assert names == ["handling.scheduled", "handling.duplicate", "handling.failed"]


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
