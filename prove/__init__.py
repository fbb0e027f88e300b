"""Proof: the promises, shown by figures that anyone can reproduce. `make prove`."""
