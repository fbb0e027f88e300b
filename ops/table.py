"""Rows as a plain table for a terminal. Text from outside cannot control the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GAP = "  "


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out rows under their headings, each column as wide as its widest cell; no line ends in spaces."""
    cells = [list(head), *([text.line(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
