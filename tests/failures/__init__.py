"""Texts of failures from public reports, and how well they are explained."""
