"""All rules, in the order in which they are checked."""

from __future__ import annotations

from ops.linting import calendars, channels, pools, schedules

RULES = (*schedules.RULES, *channels.RULES, *calendars.RULES, *pools.RULES)
"""Their ids are part of the interface: pipelines filter by them."""
