"""When node images were released, by the date that their versions hold.

Those of Linux end with it as in `AKSUbuntu-2204gen2containerd-202611.13.0`, those of Windows as in
`AKSWindows-2022-containerd-20348.3207.250214`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

_FORMS = ((re.compile(r"-(\d{6}\.\d\d)\.\d+$"), "%Y%m.%d"), (re.compile(r"\.(\d{6})$"), "%y%m%d"))


def released(image: str) -> date | None:
    """Return when an image was released; None where its version does not say so."""
    for form, written in _FORMS:
        if found := form.search(image):
            try:
                return datetime.strptime(found[1], written).replace(tzinfo=UTC).date()
            except ValueError:
                return None
    return None


def oldest(images: Iterable[str]) -> date | None:
    """Return when the oldest of some images was released, as far as their versions say so."""
    return min(filter(None, map(released, images)), default=None)
