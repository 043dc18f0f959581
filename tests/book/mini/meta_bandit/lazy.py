"""Imported inside a function only."""

FACTOR = 2
