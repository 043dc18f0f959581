"""Facts: the numbers and words that a chapter's text quotes, each with what it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy.stats import bootstrap
from scipy.stats import t as student


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


def bootstrap_interval(values: ArrayLike, seed: int = 0) -> tuple[float, float]:
    """95% interval of a mean, over seeds: percentiles of the bootstrap."""
    values = np.asarray(values, dtype=float)
    there = values[np.isfinite(values)]
    if there.size < 2 or np.ptp(there) == 0:
        level = float(there.mean()) if there.size else float("nan")
        return level, level
    found = bootstrap((there,), np.mean, method="percentile", rng=np.random.default_rng(seed))
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def interval(values: xr.DataArray, level: float = 0.95) -> tuple[float, float]:
    """Mean over seeds, and half of Student's interval for it."""
    own = values.dropna("seed")
    size = own.sizes["seed"]
    if size < 2:
        return float(own.mean()), float("nan")
    half = student.ppf((1 + level) / 2, size - 1) * own.std("seed", ddof=1) / np.sqrt(size)
    return float(own.mean()), float(half)
