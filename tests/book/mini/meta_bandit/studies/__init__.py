"""Holds what reads stored results."""
