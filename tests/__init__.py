"""Tests: each docstring is a rule that the product keeps."""
