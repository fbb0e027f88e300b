"""Runs that ask instead of being told: reconcile, fleets, the daily reading, the weekly report."""
