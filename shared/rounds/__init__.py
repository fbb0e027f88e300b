"""Runs that ask instead of being told: reconcile, the daily reading, the weekly report."""
