"""What the chapter *The edge* draws, and the numbers that it quotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import xarray as xr

from meta_bandit.studies.facts import Facts, fact, task_names
from meta_bandit.theory import (
    bayes_optimal,
    commit_value,
    critical_lifetime,
    critical_sigma_l,
    edge,
    local_optima,
    optimal_commit,
    sqrt_law,
    wide_constants,
)
from meta_bandit.worlds import GaussianBandit

SIDES = {"10% below the edge": 0.9, "at the edge": 1.0, "10% above": 1.1}
"""Noise beside the edge, in units of that on it."""
WORLDS = {"easy": (2.0, 1.0), "noisy": (1.0, 10.0), "alike": (0.4, 1.0)}
"""Worlds of long lives: sigma_p and sigma_l, in units of reward."""


def curves(lifetimes: Sequence[int], mean: float) -> tuple[xr.Dataset, Facts]:
    """Compute the edge for several lifetimes, over whole and over real n (thm-edge).

    Parameters
    ----------
    lifetimes
        In pulls.
    mean
        Prior mean of the risky arm, < 0, in units of reward.

    Returns
    -------
    Dataset
        ``exact`` over (lifetime, sigma_p), critical sigma_l over whole n, NaN where there is none;
        ``sigma_p_real`` and ``sigma_l_real`` over (lifetime, z), the closed form over real n. In
        units of reward.
    Facts
    """
    spreads, z = np.linspace(0.3, 4, 200), np.geomspace(0.5, 12, 600)
    ages = np.array(lifetimes)[:, None]
    real = edge(z, ages, mean)  # NaN where rho > 1
    whole = critical_sigma_l(GaussianBandit(spreads, 1.0, ages, mean))
    data = xr.Dataset(
        {
            "exact": (("lifetime", "sigma_p"), np.where(whole > 0, whole, np.nan)),
            "sigma_p_real": (("lifetime", "z"), real.sigma_p),
            "sigma_l_real": (("lifetime", "z"), real.sigma_l),
        },
        {"lifetime": list(lifetimes), "sigma_p": spreads, "z": z},
    )
    facts: Facts = {
        "mean": fact(mean, "prior mean of the risky arm, reward"),
        "largest-share": fact(100 * wide_constants().jump, "largest jump over real n, % of life"),
    }
    return data, facts


def across(sigma_p: float, lifetime: int, mean: float) -> tuple[xr.Dataset, Facts]:
    """Follow both local optima along a line across the edge: more and more noise.

    Parameters
    ----------
    sigma_p
        Of the line, in units of reward.
    lifetime
        In pulls.
    mean
        Prior mean of the risky arm, < 0, in units of reward.

    Returns
    -------
    Dataset
        Over sigma_l: the fields of `local_optima` and ``optimal_pulls``. The attribute
        ``critical`` is the sigma_l of the edge.
    Facts

    Raises
    ------
    ValueError
        If the line does not cross the edge.
    """
    critical = float(critical_sigma_l(GaussianBandit(sigma_p, 1.0, lifetime, mean)))
    if not critical:
        raise ValueError(f"sigma_p = {sigma_p}: must be larger, it has no edge at this T")
    noise = np.linspace(0.02, 1.3, 600) * critical
    data = _both(GaussianBandit(sigma_p, noise, lifetime, mean), "sigma_l", noise, critical)
    there = GaussianBandit(sigma_p, critical, lifetime, mean)
    at, learns = local_optima(there), data.optimal_pulls > 0
    vanishes = data.sigma_l.where(data.interior_pulls.notnull()).max()
    facts: Facts = {
        "lifetime": fact(lifetime, "pulls in a life"),
        "sigma-p": fact(sigma_p, "sigma_p of the line, reward"),
        "critical": fact(critical, "sigma_l of the edge, reward"),
        "jump": fact(data.optimal_pulls[learns.values][-1], "best exploration before it, pulls"),
        "vanishes": fact(vanishes, "sigma_l at which learning is no local optimum, reward"),
        "beyond": fact(100 * (vanishes / critical - 1), "how far that is beyond the edge, %"),
        "barrier": fact(-at.barrier_value, "depth of the barrier at the edge, reward"),
        "barrier-pulls": fact(at.barrier_pulls, "where the barrier lies at the edge, pulls"),
        "adaptive": fact(bayes_optimal(there).value, "Bayes-optimal return at the edge, reward"),
    }
    return data, facts


def growing(sigma_p: float, sigma_l: float, mean: float) -> tuple[xr.Dataset, Facts]:
    """Follow both local optima of one world as life grows, to three critical lifetimes.

    Parameters
    ----------
    sigma_p, sigma_l, mean
        Of the world, in units of reward.

    Returns
    -------
    Dataset
        As of `across`, over lifetime; ``critical`` is the critical lifetime.
    Facts
    """
    born = int(critical_lifetime(GaussianBandit(sigma_p, sigma_l, 1, mean)))
    ages = np.arange(2, 3 * born)
    data = _both(GaussianBandit(sigma_p, sigma_l, ages, mean), "lifetime", ages, born)
    facts: Facts = {
        "born": fact(born, "critical lifetime, pulls"),
        "half-edge": fact(sigma_l, "sigma_l of the world that is followed in time, reward"),
    }
    return data, facts


def _both(tasks: GaussianBandit, along: str, at: np.ndarray, critical: float) -> xr.Dataset:
    found = {**asdict(local_optima(tasks)), "optimal_pulls": optimal_commit(tasks)[0]}
    columns = {name: (along, values) for name, values in found.items()}
    return xr.Dataset(columns, {along: at}, {"critical": critical})


def profiles(line: xr.Dataset, sigma_p: float, lifetime: int, mean: float) -> xr.Dataset:
    """Compute V(n) beside the edge that a line crosses.

    Parameters
    ----------
    line
        What `across` makes of the other settings.
    sigma_p, lifetime, mean
        Those of the line.

    Returns
    -------
    Dataset
        ``value`` over (side, pulls), in units of reward.
    """
    noise = line.attrs["critical"] * np.array(list(SIDES.values()))[:, None]
    pulls = np.linspace(0, 2.5 * int(line.optimal_pulls.max()), 500)
    value = commit_value(GaussianBandit(sigma_p, noise, lifetime, mean), pulls)
    return xr.Dataset({"value": (("side", "pulls"), value)}, {"side": list(SIDES), "pulls": pulls})


def long_lives(longest: int, mean: float) -> tuple[xr.Dataset, Facts]:
    """Compare n* of three `WORLDS`, in lives of growing length, with its law (prop-sqrt-law).

    Parameters
    ----------
    longest
        Longest life, in powers of ten.
    mean
        Prior mean of the risky arm, < 0, in units of reward.

    Returns
    -------
    Dataset
        ``exact`` and ``law`` over (task, lifetime), in pulls.
    Facts
    """
    ages = np.round(10 ** np.linspace(1, longest, 8 * longest - 7)).astype(int)
    worlds = GaussianBandit(*np.transpose(list(WORLDS.values())))
    tasks = GaussianBandit(worlds.sigma_p[:, None], worlds.sigma_l[:, None], ages, mean)
    over = ("task", "lifetime")
    found = {"exact": (over, optimal_commit(tasks)[0]), "law": (over, sqrt_law(tasks))}
    data = xr.Dataset(found, {"task": task_names(worlds, WORLDS), "lifetime": ages})
    off = 100 * abs(data.exact / data.law - 1).isel(lifetime=-1).max()
    facts: Facts = {
        "last-error": fact(off, "distance of n* from the law in the longest life, at most, %"),
        "last-power": fact(longest, "length of the longest life, power of ten, pulls"),
    }
    return data, facts
