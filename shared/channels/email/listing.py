"""All of a digest as a table: `maintenance.csv`, for a spreadsheet or a script."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import msgspec

from shared.channels.email.email import Attachment
from shared.messages.view import DigestRow
from shared.text import line

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = "maintenance.csv"
_FORMULA = ("=", "+", "-", "@")
"""How a cell begins that a spreadsheet takes for a formula."""


def attached(rows: Iterable[DigestRow]) -> Attachment:
    """Return the file: a row for everything that the digest tells, in the same order."""
    names = [field.name for field in msgspec.structs.fields(DigestRow)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_harmless(getattr(row, name)) for name in names] for row in rows)
    return Attachment(NAME, "text/csv; charset=utf-8", text.getvalue().encode("utf-8", "replace"))


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet runs: text from outside may begin like a formula."""
    cell = line(cell)
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
