"""Needs a sibling."""

from meta_bandit import base

VALUE = base.VALUE + 1
