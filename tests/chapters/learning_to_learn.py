"""What tests of *Learning to learn, and not to* look at, each made once in a process."""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit.studies import learning_to_learn as chapter
from meta_bandit.studies import stored, stored_agents, stored_slices
from meta_bandit.studies.facts import Facts

LED, DIRECT = ({"training": name} for name in chapter.TRAININGS)
Made = tuple[xr.Dataset, Facts]


@cache
def plane() -> Made:
    # the edges of the tasks alone
    spreads = chapter.SPREADS[2::4]
    return chapter.plane(stored("plane.nc"), stored("plane-direct.nc"), spreads=spreads)


@cache
def at_scale() -> Made:
    data, facts = chapter.at_scale(
        {"default": stored_slices("paper-grid"), "direct": stored_slices("paper-direct")}
    )
    return data, facts | chapter.in_regions("short", stored("short.nc"))


@cache
def shorter() -> Made:
    short, long = stored("plane-short.nc"), stored("plane.nc")
    return chapter.shorter(short, long, np.array([1.0, 2.0]))


@cache
def elsewhere() -> tuple[dict[str, dict[str, int]], Facts]:
    grids = {"across": stored("across.nc"), "plane-short": stored("plane-short.nc")}
    return chapter.elsewhere(plane()[0], grids)


@cache
def moved() -> tuple[dict[float, NDArray[np.float64]], dict[str, dict[float, str]], Facts]:
    """Of the agents that the chapter moves, in fewer lives."""
    quiet = stored_agents("across.safetensors")
    agents = quiet[np.flatnonzero(quiet.task.sigma_p == 1.2).tolist()]
    earned = {noise: chapter.move(agents, noise, 4_000, seed=1) for noise in (2.947, 5.18)}
    return earned, *chapter.moved(plane()[0], 1.2, earned)
