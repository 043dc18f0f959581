"""What the chapter *Two reasons not to learn* draws, and the numbers that it quotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit.measure import evaluate
from meta_bandit.studies.facts import Facts, fact
from meta_bandit.theory import (
    commit_value,
    critical_lifetime,
    critical_lifetime_law,
    gain,
    local_optima,
    marginal_benefit_and_cost,
    optimal_commit,
    posterior,
    predictable_sigma_p,
)
from meta_bandit.worlds import GaussianBandit
from meta_bandit.worlds.bandit import History


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
            f"{name}-share": fact(100 * here.learns.mean(), f"{where}: map on which to learn, %"),
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


@dataclass(frozen=True)
class Timid:
    """Seldom pulls, and only an arm that is untried or looks good.

    Attributes
    ----------
    eta : shape (tasks,)
        Probability of such a pull.
    """

    eta: NDArray[np.float64]

    def risky_probability(self, task: GaussianBandit, history: History) -> NDArray[np.float64]:
        """Probability of the next pull of each life."""
        estimate, _ = posterior(task, history.risky_pulls, history.reward_sum)
        tempting = (estimate > 0) | (history.risky_pulls == 0)
        return np.asarray(self.eta[:, None] * tempting)


def timid(tasks: GaussianBandit, share: float, lives: int, seed: int) -> xr.Dataset:
    """Play agents that pull as seldom as the bound of thm-never-local asks for, or less seldom.

    Parameters
    ----------
    tasks : shape (tasks,)
        Tasks of one lifetime, with m < 0.
    share
        Of the largest probability of a pull, eta, at which the bound is not positive.
    lives, seed
        Of each task.

    Returns
    -------
    Dataset
        Over task: ``sigma_p`` and ``sigma_l``, ``eta``, ``earned`` and its standard error
        ``earned_se``, in units of reward but for eta.
    """
    later = (tasks.lifetime - 1) * gain(tasks.mean, tasks.sigma_p)
    eta = np.minimum(share * -tasks.mean / np.maximum(later, 1e-300), 1.0)
    played = evaluate({"timid": Timid(eta)}, tasks, lives, seed, ["task"]).isel(policy=0)
    found = {
        "sigma_p": tasks.sigma_p,
        "sigma_l": tasks.sigma_l,
        "eta": eta,
        "earned": played.expected_return.values,
        "earned_se": played.expected_return_se.values,
    }
    return xr.Dataset({name: ("task", values) for name, values in found.items()})


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
