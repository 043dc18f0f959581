"""Needed by another module."""

VALUE = 1
