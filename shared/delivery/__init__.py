"""Delivery: events in, what is due out."""
