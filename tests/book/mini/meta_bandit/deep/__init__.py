"""Holds one module."""
