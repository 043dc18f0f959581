"""Facts: the numbers and words that a chapter's text quotes, each with what it is."""

from __future__ import annotations

from typing import Any, NamedTuple


class Fact(NamedTuple):
    """Something that a text quotes.

    Attributes
    ----------
    value
        A number or words.
    about
        What it is, with its unit.
    """

    value: Any
    about: str


Facts = dict[str, Fact]
"""By the name under which the text quotes them."""


def fact(value: Any, about: str) -> Fact:
    """Make a fact of a number, of an array of one number, or of words."""
    return Fact(value.item() if hasattr(value, "item") else value, about)
