"""Notices: their kinds, their records, what an event gives rise to."""
