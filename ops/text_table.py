"""Rows as a plain table that fits the terminal. Text from outside cannot control the terminal.

In a pipe that is 120 columns; tables that are never cut are as wide there as they are.
"""

from __future__ import annotations

import sys
from textwrap import wrap
from typing import TYPE_CHECKING

from ops import terminal
from shared import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_GAP = "  "
_TIMES = "(UTC)"
_WHOLE = (_TIMES, "ID", "KEY")
"""Columns that are never cut, by the end of their headings."""
_WEIGHTS = {"SUBJECT": 3.0, "WHY": 2.0, "TO": 1.5}
"""How much of what there is a column gets, where others get 1."""
_MIN_COLUMNS = {"SUBJECT": 24, "REASON": 24, "CLUSTER": 12}
_MIN_OTHER_COLUMNS = 8
_YEAR_COLUMNS = 5


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out rows under their headings, without columns that say nothing; no line ends in spaces.

    Where a terminal is too narrow, times lose the year that a whole column has; at last, rows are stacked.
    """
    return _laid_out(head, rows, is_cut=False)


def fitted(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out rows as `table` does; before rows are stacked, columns are cut as far as they stay of use."""
    return _laid_out(head, rows, is_cut=True)


def _laid_out(head: Sequence[str], rows: Iterable[Sequence[str]], *, is_cut: bool) -> str:
    cells = [[text.line(cell) for cell in row] for row in rows]
    said = [place for place in range(len(head)) if any(row[place] for row in cells)]
    head, cells = [head[place] for place in said], [[row[place] for place in said] for row in cells]
    widths, most = _widths(head, cells), terminal.width()
    if is_cut:
        _narrow(head, widths, most)
    if _total(widths) > most and (is_cut or sys.stdout.isatty()):
        cells = _without_years(head, cells)
        widths = _widths(head, cells)
        if is_cut:
            _narrow(head, widths, most)
        if _total(widths) > most:
            return stacked(head, cells, most)
    clipped = ([text.clip(cell, width) for cell, width in zip(row, widths, strict=True)] for row in cells)
    return "\n".join(
        _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *clipped)
    )


def stacked(head: Sequence[str], rows: Iterable[Sequence[str]], width: int) -> str:
    """Lay out rows one below the other, a line for each cell that is not empty: for a narrow terminal."""
    return "\n\n".join("\n".join(_lines(head, row, width)) for row in rows)


def _widths(head: Sequence[str], cells: Iterable[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(head, *cells, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _narrow(head: Sequence[str], widths: list[int], most: int) -> None:
    """Make the widest columns narrower, as far as what they say stays of use."""
    while _total(widths) > most:
        over = [
            place
            for place, name in enumerate(head)
            if not name.endswith(_WHOLE)
            and widths[place] > max(len(name), _MIN_COLUMNS.get(name, _MIN_OTHER_COLUMNS))
        ]
        if not over:
            return
        widths[max(over, key=lambda place: widths[place] / _WEIGHTS.get(head[place], 1.0))] -= 1


def _without_years(head: Sequence[str], cells: Iterable[Sequence[str]]) -> list[list[str]]:
    """Return the cells, times without a year that is the same all down the column."""
    columns = []
    for name, column in zip(head, zip(*cells, strict=True), strict=True):
        is_same = name.endswith(_TIMES) and len({cell[:_YEAR_COLUMNS] for cell in column if cell}) == 1
        columns.append([cell[_YEAR_COLUMNS:] if is_same else cell for cell in column])
    return [list(row) for row in zip(*columns, strict=True)]


def _lines(head: Sequence[str], row: Sequence[str], width: int) -> Iterator[str]:
    for name, cell in zip(head, row, strict=True):
        if said := text.line(f"{name}: {cell}" if name else cell) if cell else "":
            yield from wrap(said, max(width, 1), subsequent_indent=_GAP if width > len(_GAP) else "")
