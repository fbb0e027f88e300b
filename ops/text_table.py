"""Rows as a plain table for a terminal. Text from outside cannot control the terminal."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from shared import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_GAP = "  "


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out rows under their headings, each column as wide as its widest cell; no line ends in spaces."""
    cells = [list(head), *([text.line(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def stacked(head: Sequence[str], rows: Iterable[Sequence[str]], width: int) -> str:
    """Lay out rows one below the other, a line for each cell that is not empty: for a narrow terminal."""
    return "\n\n".join("\n".join(_lines(head, row, width)) for row in rows)


def _lines(head: Sequence[str], row: Sequence[str], width: int) -> Iterator[str]:
    for name, cell in zip(head, row, strict=True):
        if said := text.line(f"{name}: {cell}" if name else cell) if cell else "":
            yield from wrap(said, max(width, 1), subsequent_indent=_GAP if width > len(_GAP) else "")
