"""Pictures for the documentation: SVG, the same bytes for the same figures, on paper of their own.

That is light, so that they can be read on dark pages, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from bench.figures import Plot

PAPER, INK, RULE = "#ffffff", "#24292f", "#d0d7de"

COLOURS = ("#0b62a8", "#c4500b", "#2a7f4f", "#7d3fb2", "#8a6d00", "#a8325e", "#3b7c86", "#6e7781")
"""On white each has a contrast of 3 or more, as what is drawn should have."""

STYLE = {
    "svg.hashsalt": "aks-maintenance-notifier",
    "svg.fonttype": "none",  # text stays text: smaller, and can be searched
    "font.family": "sans-serif",
    "font.sans-serif": ["Segoe UI", "Helvetica", "Arial", "sans-serif"],
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": RULE,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "legend.frameon": False,
}


def draw(plot: Plot, folder: Path) -> Path:
    """Draw a plot into a folder; give the file. Raises ModuleNotFoundError without matplotlib."""
    import logging

    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # It looks for fonts to measure text by, and says so when the ones named are not there.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.8), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        axes.set_title(plot.title, loc="left", fontweight="bold")
        axes.set_xlabel(plot.across)
        axes.set_ylabel(plot.up)
        if plot.bars:
            _bars(axes, plot)
        else:
            _lines(axes, plot)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{plot.name}.svg"
        # Without a date, and with salted ids: the same figures give the same file.
        figure.savefig(file, format="svg", metadata={"Date": None, "Title": plot.title})
    # matplotlib ends some lines with a blank, which git would complain of.
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")
    return file


def _lines(axes: Any, plot: Plot) -> None:  # noqa: ANN401 - matplotlib is not installed everywhere
    """Draw lines of points, and name each at its side."""
    for (name, points), colour in zip(plot.lines.items(), COLOURS, strict=False):
        bare = "bare" in name or "point read" in name
        style = {"linestyle": "--" if bare else "-", "marker": "o", "markersize": 4, "linewidth": 1.8}
        axes.plot(*zip(*points, strict=True), label=name, color=colour, **style)
    if plot.log:
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(_plain)
            axis.set_minor_formatter(_nothing)
    else:
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
    if len(plot.lines) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))


def _bars(axes: Any, plot: Plot) -> None:  # noqa: ANN401 - matplotlib is not installed everywhere
    """Draw a bar for each, made of its parts, the first on top."""
    names = list(plot.bars)
    parts = [part for part in next(iter(plot.bars.values())) if any(bar[part] for bar in plot.bars.values())]
    left = [0.0] * len(names)
    for part, colour in zip(parts, COLOURS, strict=False):
        widths = [plot.bars[name][part] for name in names]
        axes.barh(names, widths, left=left, label=part, color=colour, height=0.6)
        left = [done + width for done, width in zip(left, widths, strict=True)]
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(plot.up)
    axes.set_ylabel("")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))


def _plain(value: float, _: int) -> str:
    return f"{value:,g}" if value < 1_000_000 else f"{value:,.0f}"


def _nothing(_: float, __: int) -> str:
    return ""
