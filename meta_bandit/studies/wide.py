"""What the chapter *Wide worlds* draws, and the numbers that it quotes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy.special import zeta

from meta_bandit.studies.facts import Facts, fact
from meta_bandit.theory import (
    commitment_price,
    critical_sigma_l,
    first_pull_value,
    full_information_value,
    one_pull_sigma_l,
    optimal_commit,
    predictable_law,
    predictable_sigma_p,
    small_noise_regret,
    stopping_critical_sigma_l,
    wide_constants,
    wide_world_edge,
)
from meta_bandit.worlds import GaussianBandit

VERY_LONG = 10**8
"""Pulls of the life in which the law of the price is looked at."""


def edges(lifetimes: Sequence[int], points: int, mean: float) -> tuple[xr.Dataset, Facts]:
    """Compute both edges in the units of wide worlds (thm-wide-worlds).

    Parameters
    ----------
    lifetimes
        One pair of edges for each, in pulls.
    points
        Along each edge.
    mean
        Prior mean of the risky arm, < 0, in units of reward.

    Returns
    -------
    Dataset
        ``committed`` and ``adaptive`` over (lifetime, sigma_p): sigma_l abs(m) / (sigma_p^2
        sqrt(T)), without unit; sigma_p in units of abs(m). Attributes: `theory.wide_constants`.
    Facts
        The constants, and what they say of the two learners.
    """
    limits = wide_constants()
    wide = np.geomspace(0.8, 30, points) * -mean
    ages = np.array(lifetimes)[:, None]
    worlds = GaussianBandit(wide, 1.0, ages, mean)
    unit, over = wide**2 / -mean * np.sqrt(ages), ("lifetime", "sigma_p")
    data = xr.Dataset(
        {
            "committed": (over, critical_sigma_l(worlds) / unit),
            "adaptive": (over, stopping_critical_sigma_l(worlds) / unit),
        },
        {"lifetime": list(lifetimes), "sigma_p": wide / -mean},
        limits._asdict(),
    )
    ratio = limits.adaptive / limits.committed
    return data, {
        "mean": fact(mean, "prior mean of the risky arm, reward"),
        "c": fact(limits.adaptive, "adaptive edge of wide worlds and long lives, over sqrt(T)"),
        "c-0": fact(limits.committed, "edge of commitment there, over sqrt(T)"),
        "ratio": fact(ratio, "how many times the noise the adaptive learner copes with there"),
        "shorter": fact(ratio**2, "in how many times shorter lives it learns there"),
        "jump": fact(100 * limits.jump, "largest jump over real n, % of life"),
    }


def approach(longest: int, points: int) -> tuple[xr.Dataset, Facts]:
    """Compute how much of the limit of long lives finite ones miss (thm-wide-worlds).

    Parameters
    ----------
    longest
        Longest life, in pulls.
    points
        Lifetimes.

    Returns
    -------
    Dataset
        ``missing`` over (lifetime), c - K_T / sqrt(T); ``bound``, which is proved, and
        ``chernoff``, to which it seems to tend; without unit.
    Facts
        The last, times sqrt(T).
    """
    lives = np.unique(np.geomspace(2, longest, points).round().astype(int))
    root, shift = np.sqrt(lives), -zeta(0.5) / np.sqrt(2 * np.pi)
    missing = wide_constants().adaptive - wide_world_edge(lives) / root
    found = {"missing": missing, "chernoff": shift / root, "bound": 2 / root}
    data = xr.Dataset({name: ("lifetime", values) for name, values in found.items()})
    return data.assign_coords(lifetime=lives), {
        "longest": fact(longest, "longest life of the adaptive learner, pulls"),
        "shift": fact(shift, "Chernoff's number"),
        "last-shift": fact(missing[-1] * root[-1], "c sqrt(T) - K_T of the longest life"),
    }


def beginning(lifetime: int, points: int, mean: float) -> tuple[xr.Dataset, Facts]:
    """Compute all edges where they begin, and their laws (prop-small-noise).

    Parameters
    ----------
    lifetime
        In pulls.
    points, mean
        As of `edges`.

    Returns
    -------
    Dataset
        ``one_pull``, ``committed``, ``adaptive``, ``one_pull_law`` and ``adaptive_law`` over
        (excess): sigma_l against sigma_p - sigma_0, in units of reward. The ``lifetime`` is an
        attribute.
    Facts
    """
    start = float(predictable_sigma_p(lifetime, mean))
    excess = np.geomspace(1e-3, 1, points) * start
    near = GaussianBandit(start + excess, 1.0, lifetime, mean)
    law = np.sqrt(2 * start * excess)
    looks = float(np.sqrt((lifetime - 1) / (2 * small_noise_regret(lifetime))))
    found = {
        "one_pull": one_pull_sigma_l(near),
        "committed": critical_sigma_l(near),
        "adaptive": stopping_critical_sigma_l(near),
        "one_pull_law": law,
        "adaptive_law": looks * law,
    }
    data = xr.Dataset({name: ("excess", values) for name, values in found.items()})
    return data.assign_coords(excess=excess).assign_attrs(lifetime=lifetime), {
        "age": fact(lifetime, "lifetime of the edges that begin, pulls"),
        "gain-of-looks": fact(looks, "adaptive / one-pull edge where they begin"),
    }


def starts(mean: float) -> tuple[xr.Dataset, Facts]:
    """Compute where all edges begin, up to 10^9 pulls (prop-predictable-side).

    Parameters
    ----------
    mean
        Prior mean of the risky arm, < 0, in units of reward.

    Returns
    -------
    Dataset
        ``exact``, ``law`` and ``first_order`` over (lifetime): sigma_0, in units of reward.
    Facts
        How far both laws are off in the longest life.
    """
    ages = np.geomspace(3, 1e9, 60).round()
    data = xr.Dataset(
        {
            "exact": ("lifetime", predictable_sigma_p(ages, mean)),
            "law": ("lifetime", predictable_law(ages, mean)),
            "first_order": ("lifetime", -mean / np.sqrt(2 * np.log(ages))),
        },
        {"lifetime": ages},
    )
    off = 100 * (1 - data / data.exact).isel(lifetime=-1)
    return data, {
        "off": fact(off.law, "distance of the law from sigma_0 in the longest life, %"),
        "rough": fact(off.first_order, "the same without the correction, %"),
    }


def regrets(
    sigma_p: float, sigma_l: float, mean: float, longest: int, points: int
) -> tuple[xr.Dataset, Facts]:
    """Compute what both optima miss in long lives (prop-price-of-commitment).

    Parameters
    ----------
    sigma_p, sigma_l, mean
        Of the world, in units of reward.
    longest, points
        As of `approach`.

    Returns
    -------
    Dataset
        Over (lifetime): ``committed``, its ``law``, and ``adaptive``, what is missed of the return
        of one who knows the arm, in units of reward; ``little_noise``, ell_T of prop-small-noise.
    Facts
        The world, and how far the law is off in a life of `VERY_LONG`.
    """
    ages = np.geomspace(10, longest, points).round()
    task = GaussianBandit(sigma_p, sigma_l, ages, mean)
    known = full_information_value(task)
    found = {
        "committed": known - optimal_commit(task)[1],
        "law": commitment_price(task),
        "adaptive": known - np.maximum(first_pull_value(task), 0),
        "little_noise": small_noise_regret(ages),
    }
    data = xr.Dataset({name: ("lifetime", values) for name, values in found.items()})
    long = GaussianBandit(sigma_p, sigma_l, VERY_LONG, mean)
    price = full_information_value(long) - optimal_commit(long)[1]
    return data.assign_coords(lifetime=ages), {
        "sigma-p": fact(sigma_p, "sigma_p of the world with long lives, reward"),
        "sigma-l": fact(sigma_l, "sigma_l of the world with long lives, reward"),
        "law-off": fact(
            100 * abs(price / commitment_price(long) - 1),
            "distance of the law of the price in a very long life, %",
        ),
    }
