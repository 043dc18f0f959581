"""Facts: the numbers and words that a chapter's text quotes, each with what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy.stats import t as student

from meta_bandit.worlds import GaussianBandit


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


def quote(*groups: Mapping[str, Any], **values: Any) -> None:
    """Hand facts, numbers and words to the text of a chapter, each by its name.

    There the role ``glue:text`` shows them. Needs MyST-NB, which the book has, not the package.

    Parameters
    ----------
    groups
        By name, facts or plain values: arrays of one number, too.
    values
        The same, for what a name of Python's can be said.
    """
    from myst_nb import glue  # type: ignore[import-untyped]

    for group in (*groups, values):
        for name, said in group.items():
            value = said.value if isinstance(said, Fact) else said
            glue(name, value.item() if hasattr(value, "item") else value, display=False)


def interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Mean over seeds, and half of Student's interval for it; NaN is left out."""
    own = np.asarray(values, dtype=np.float64)
    own = own[~np.isnan(own)]
    if own.size < 2:
        return float(own.mean()) if own.size else float("nan"), float("nan")
    half = student.ppf((1 + level) / 2, own.size - 1) * own.std(ddof=1) / np.sqrt(own.size)
    return float(own.mean()), float(half)


def interval_ends(values: ArrayLike) -> tuple[float, float]:
    """Lower and upper end of `interval`."""
    mean, half = interval(values)
    return mean - half, mean + half


def percent(shares: xr.DataArray) -> str:
    """Mean over seeds in percent, and half of its 95% interval; of fewer than three, each."""
    seeds = 100 * shares.dropna(shares.dims[0])
    if seeds.size < 3:
        return " and ".join(dict.fromkeys(f"{seed:.0f}" for seed in seeds.values))
    mean, half = interval(seeds)
    digits = 1 if 0 < half < 1 else 0
    return f"{mean:.{digits}f} ± {half:.{digits}f}"


def task_names(task: GaussianBandit, worlds: Iterable[str] = ()) -> list[str]:
    """Name the tasks of a one-dimensional array for legends and titles, by their uncertainties.

    Parameters
    ----------
    task
        Tasks; shape (tasks,).
    worlds
        A word for each, to stand before its numbers.
    """
    both = np.broadcast_arrays(task.sigma_p, task.sigma_l)
    names = [rf"$\sigma_p={p:g}$, $\sigma_l={q:g}$" for p, q in zip(*both, strict=True)]
    worlds = list(worlds)
    return (
        [f"{world}: {name}" for world, name in zip(worlds, names, strict=True)] if worlds else names
    )
