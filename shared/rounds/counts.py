"""What a run did, in numbers, for the log."""

from __future__ import annotations

import msgspec


class Counts(msgspec.Struct):
    """Numbers by name; the result of each run has its own."""

    def summary(self, what: str) -> str:
        """Return a run's numbers as one line, but for those that are nothing."""
        counts = {name: value for name, value in msgspec.structs.asdict(self).items() if value}
        return f"{what}: " + ", ".join(f"{name}={value}" for name, value in counts.items())
