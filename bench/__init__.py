"""Benchmarks: ratios and CPU times, each printed with what it is measured against."""
