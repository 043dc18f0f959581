"""Maps of the plane that one question needs: what agents do greedily, and when they sample."""

from __future__ import annotations

import numpy as np
import xarray as xr

from meta_bandit import GaussianBandit
from meta_bandit.studies.facts import Facts, fact, interval
from meta_bandit.theory import critical_sigma_l, stopping_critical_sigma_l

ACTIONS = ("greedy", "sampled")
TASKS = ("sigma_p", "sigma_l")


def greedy_and_sampled(grid: xr.Dataset, enough: float = 1.0) -> tuple[xr.Dataset, Facts]:
    """Compare agents that take the likelier arm with themselves as they were trained.

    Parameters
    ----------
    grid
        A stored grid at one lifetime, such as ``plane.nc``.
    enough
        Risky pulls of a life, on average, from which on an agent that samples is said to pull.

    Returns
    -------
    Dataset
        Over (map, sigma_p, sigma_l): ``exploration``, in pulls, mean over seeds; the coordinate
        ``map`` is of `ACTIONS`, and fit for `figures.exploration_maps`. Over (sigma_p, sigma_l,
        seed): ``gained``, what greed adds to the return of a life, in units of reward; ``pulls``
        over (map, sigma_p, sigma_l, seed), whether the agent pulls. Over (spread): both edges,
        see ``edges``.
    Facts
    """
    one = grid.isel(lifetime=0)
    lifetime, mean = int(one.lifetime), float(grid.attrs["mean"])
    titles = xr.Variable("map", list(ACTIONS))
    both = xr.concat([one.exploration, one.exploration_sampled], titles)
    data = both.mean("seed").to_dataset(name="exploration").drop_vars("lifetime")
    pulls = [one.risky_pulls > 0, one.risky_pulls_sampled >= enough]
    data["pulls"] = xr.concat(pulls, titles).drop_vars("lifetime")
    data["gained"] = (one.expected_return - one.expected_return_sampled).drop_vars("lifetime")
    spread = np.linspace(float(one.sigma_p[0]), float(one.sigma_p[-1]), 41)
    tasks = GaussianBandit(spread, 1.0, lifetime, mean)
    data = data.assign_coords(spread=spread)
    data["commit_edge"] = "spread", critical_sigma_l(tasks)
    data["stopping_edge"] = "spread", stopping_critical_sigma_l(tasks)
    greedy, sampled = (data.pulls.sel({"map": name}) for name in ACTIONS)
    pays = one.bayes_value > 0
    share = 100 * (data.gained / one.bayes_value).where(pays & greedy)
    mean, half = interval(share.mean(TASKS))
    by_map = data.exploration.where(greedy.any("seed")).mean(TASKS)
    return data, {
        "greed-agents": fact(greedy.size, "agents"),
        "greed-changed": fact((greedy != sampled).sum(), "agents of which only one of both pulls"),
        "greed-hidden": fact((sampled & ~greedy).sum(), "agents that pull only if they sample"),
        "greed-longer": fact(by_map.sel(map="sampled"), "exploration where any pulls, sampled"),
        "greed-shorter": fact(by_map.sel(map="greedy"), "exploration where any pulls, greedy"),
        "greed-gain": fact(
            mean, "what greed adds, in % of the optimum, of those that pull: mean over seeds"
        ),
        "greed-gain-half": fact(half, "half of its 95% interval over seeds (Student's)"),
        "greed-seeds": fact(greedy.sizes["seed"], "agents of each task"),
    }


def edges(data: xr.Dataset) -> xr.Dataset:
    """Both edges as curves over sigma_p."""
    return data[["commit_edge", "stopping_edge"]].rename(spread="sigma_p")
