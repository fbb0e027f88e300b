"""How long a service wants to be left alone."""

from __future__ import annotations

import math
import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PAUSE_SECONDS = 60.0
MAX_PAUSE_SECONDS = 86400.0
"""Seconds. The longest seen from a service is about an hour; more than a day is taken for nonsense."""


def retry_after(headers: Mapping[str, str], default: float = DEFAULT_PAUSE_SECONDS) -> float:
    """Return the seconds to wait by the header Retry-After, or else the default.

    A date counts from the answer's own Date, so that this machine's clock does not matter.
    """
    text = (headers.get("Retry-After") or "").strip()
    seconds = math.nan
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        seconds = float(text)
    elif text:
        try:
            until = parsedate_to_datetime(text)
            since = headers.get("Date")
            start = parsedate_to_datetime(since).timestamp() if since else time.time()
            seconds = until.timestamp() - start
        except ValueError:
            pass
    return min(max(default if math.isnan(seconds) else seconds, 1.0), MAX_PAUSE_SECONDS)
