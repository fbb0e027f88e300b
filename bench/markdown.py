"""Markdown made by machine: a table, with its columns aligned for those who read the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table, a line for each row, without a line break at its end.

    What a cell holds is Markdown; a `|` in it is escaped, and a line break becomes a space. Columns whose
    cells all look like figures are aligned to the right. Every row has as many cells as the head.
    """
    cells = [[_cell(text) for text in row] for row in (head, *rows)]
    assert all(len(row) == len(head) for row in cells), "rows of different lengths"
    columns = list(zip(*cells, strict=True))
    widths = [max(3, *map(len, column)) for column in columns]
    right = [len(column) > 1 and all(map(_is_figure, column[1:])) for column in columns]
    rule = [
        "-" * (width - 1) + ":" if ends else "-" * width for width, ends in zip(widths, right, strict=True)
    ]
    lines = [
        [
            text.rjust(width) if ends else text.ljust(width)
            for text, width, ends in zip(row, widths, right, strict=True)
        ]
        for row in cells
    ]
    return "\n".join(f"| {' | '.join(line)} |".rstrip() for line in (lines[0], rule, *lines[1:]))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _is_figure(text: str) -> bool:
    """Return whether a cell is a number, with or without a unit; an empty one does not say otherwise."""
    return not text or text[0].isdigit() or (text[0] in "+-<≤≥" and any(sign.isdigit() for sign in text[:3]))
