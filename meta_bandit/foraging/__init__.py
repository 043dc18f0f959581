"""Foraging agents."""
