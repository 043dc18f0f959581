"""What the chapter *Two reasons not to learn* draws, and the numbers that it quotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit.studies.facts import Facts, fact
from meta_bandit.theory import (
    commit_value,
    critical_lifetime,
    critical_lifetime_law,
    local_optima,
    marginal_benefit_and_cost,
    optimal_commit,
    predictable_sigma_p,
)
from meta_bandit.worlds import GaussianBandit


def regions(lifetimes: Sequence[int], points: int, mean: float) -> tuple[xr.Dataset, Facts]:
    """Map where learning pays, and where behaviour is predictable.

    Parameters
    ----------
    lifetimes
        One map for each, in pulls, >= 2.
    points
        Grid points along each axis.
    mean
        Prior mean of the risky arm, < 0, in units of reward.

    Returns
    -------
    Dataset
        ``learns`` over (lifetime, sigma_l, sigma_p), whether the best committed plan explores;
        ``predictable`` over lifetime, sigma_p up to which behaviour is predictable
        (prop-predictable), in units of reward.
    Facts
        How both grow from the first lifetime to the last.
    """
    sigma_p, sigma_l = np.geomspace(0.3, 5, points), np.geomspace(0.05, 30, points)
    ages = np.array(lifetimes)
    plane = GaussianBandit(sigma_p, sigma_l[:, None], ages[:, None, None], mean)
    at = {"lifetime": ages, "sigma_l": sigma_l, "sigma_p": sigma_p}
    data = xr.Dataset({"learns": (tuple(at), optimal_commit(plane)[0] > 0)}, at)
    data["predictable"] = "lifetime", predictable_sigma_p(ages, mean)
    facts: Facts = {"mean": fact(mean, "prior mean of the risky arm, reward")}
    for name, row in (("first", 0), ("last", -1)):
        here = data.isel(lifetime=row)
        where = f"{name} lifetime"
        facts |= {
            f"{name}-lifetime": fact(here.lifetime, f"{where} of the maps, pulls"),
            f"{name}-predictable": fact(
                here.predictable, f"{where}: sigma_p up to which behaviour is predictable, reward"
            ),
        }
    return data, facts


def first_bit(tasks: GaussianBandit, names: Sequence[str]) -> xr.Dataset:
    """Compute V(n) from a hundred-thousandth of a pull on, with both local optima.

    Parameters
    ----------
    tasks : shape (tasks,)
        Tasks of one lifetime.
    names
        One for each.

    Returns
    -------
    Dataset
        ``value`` over (pulls, task); the fields of `local_optima` over task.
    """
    pulls = np.geomspace(1e-5, 0.99 * tasks.lifetime.max(), 600)
    data = xr.Dataset(coords={"task": list(names), "pulls": pulls})
    data["value"] = ("pulls", "task"), commit_value(tasks, pulls[:, None])
    return data.assign(
        {name: ("task", found) for name, found in asdict(local_optima(tasks)).items()}
    )


def benefit_and_cost(tasks: GaussianBandit, names: Sequence[str]) -> xr.Dataset:
    """Compute both sides of the first-order condition (prop-foc).

    Parameters
    ----------
    tasks : shape (tasks,)
        Tasks of one lifetime.
    names
        One for each.

    Returns
    -------
    Dataset
        ``benefit`` and ``cost`` over (pulls, task), in units of reward a pull.
    """
    pulls = np.geomspace(0.02, 0.99 * tasks.lifetime.max(), 400)
    benefit, cost = marginal_benefit_and_cost(tasks, pulls[:, None])
    sides = {"benefit": (("pulls", "task"), benefit), "cost": (("pulls", "task"), cost)}
    return xr.Dataset(sides, {"task": list(names), "pulls": pulls})


def shortest_lives(sigma_p: NDArray[np.float64], mean: float) -> xr.Dataset:
    """Compute the critical lifetime against noise (prop-short-life).

    Parameters
    ----------
    sigma_p : shape (lines,)
        Ecological uncertainties, in units of reward.
    mean
        Prior mean of the risky arm, < 0, in units of reward.

    Returns
    -------
    Dataset
        ``exact`` and ``law`` over (sigma_p, sigma_l), in pulls.
    """
    sigma_l = np.geomspace(0.05, 30, 60)
    tasks = GaussianBandit(sigma_p[:, None], sigma_l, 1, mean)
    over = ("sigma_p", "sigma_l")
    found = {"exact": (over, critical_lifetime(tasks)), "law": (over, critical_lifetime_law(tasks))}
    return xr.Dataset(found, {"sigma_p": sigma_p, "sigma_l": sigma_l})
