"""Where learning begins to pay for the Bayes-optimal policy (prop-stopping-edge).

Each edge lies between that of explore-then-commit, since a committed plan is one of the policies,
and a bound that no policy passes. Between the two it is searched by dynamic programming.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import elementwise

from meta_bandit.theory.edge import critical_lifetime, critical_sigma_l
from meta_bandit.theory.posterior import gain
from meta_bandit.theory.stopping import first_pull_value
from meta_bandit.theory.stopping_solver import LONGEST_HORIZON
from meta_bandit.worlds.bandit import GaussianBandit


def stopping_critical_sigma_l(task: GaussianBandit) -> NDArray[np.float64]:
    r"""Task complexity on the adaptive edge (prop-stopping-edge, prop-stopping-edge-curve).

    From it on never learning is Bayes-optimal; below it, learning pays.

    .. math:: \sigma^*: \; C_0(m) = 0, \qquad \sigma_c \le \sigma^* \le \sqrt{T - 1}\,\sigma_c

    with sigma_c the edge of explore-then-commit, `critical_sigma_l`. The upper bound: an agent
    that pulls once and is then told what T - 1 pulls would show earns at most
    :math:`m + (T - 1)\,g(s_{T-1})`; and s_{T-1} is what s_1 would be were sigma_l smaller by the
    root of T - 1, where committing after one pull would just pay.

    Parameters
    ----------
    task
        Its sigma_l is not used.

    Returns
    -------
    shape task.shape, float64
        In units of reward, to a relative 1e-6; 0 where behaviour is predictable
        (prop-predictable), infinite where the prior mean is not negative and life has more than
        one pull.
    """
    committed = np.broadcast_to(critical_sigma_l(task), task.shape)
    sought = (committed > 0) & np.isfinite(committed)
    critical = committed.copy()
    if sought.any():
        sigma_p, lifetime, mean = (
            np.broadcast_to(field, task.shape)[sought]
            for field in (task.sigma_p, task.lifetime.astype(np.float64), task.mean)
        )

        def worth(
            log_ratio: NDArray[np.float64],
            sigma_c: NDArray[np.float64],
            sigma_p: NDArray[np.float64],
            lifetime: NDArray[np.float64],
            mean: NDArray[np.float64],
        ) -> NDArray[np.float64]:
            sigma_l = np.exp(log_ratio) * sigma_c
            # in a unit between the two, as only ratios matter (prop-scale) and sigma_c may be
            # larger than a task allows
            unit = np.sqrt(sigma_p) * np.sqrt(sigma_l)
            return first_pull_value(
                GaussianBandit(sigma_p / unit, sigma_l / unit, lifetime, mean / unit)
            )

        # a little wider than the bounds, which meet at lifetime 2
        low = np.full_like(sigma_p, -_SEARCH_MARGIN)
        high = 0.5 * np.log(lifetime - 1) + _SEARCH_MARGIN
        args = (committed[sought], sigma_p, lifetime, mean)
        ratio = elementwise.find_root(
            worth, (low, high), args=args, tolerances={"xatol": 1e-7, "xrtol": 0}
        )
        critical[sought] *= np.exp(ratio.x)
    return critical


def stopping_critical_lifetime(task: GaussianBandit, longest: int = 1000) -> NDArray[np.float64]:
    r"""Shortest lifetime at which learning pays for the Bayes-optimal policy (prop-stopping-edge).

    .. math:: T^* = \min \{T : C_0(m) > 0\}, \qquad
        \lfloor |m| / g(\sigma_p) \rfloor + 2 \le T^* \le T_c

    with T_c that of explore-then-commit, `critical_lifetime`, and the lower bound from
    prop-predictable, which holds for every policy.

    Parameters
    ----------
    task
        Its lifetime is not used.
    longest
        Lifetime at which the search ends, 2 to a million: its cost is linear in the lifetimes
        searched.

    Returns
    -------
    shape task.shape, float64
        Whole numbers of pulls; NaN where learning does not pay up to ``longest``; 2 where the
        prior mean is not negative.

    Raises
    ------
    ValueError
        If ``longest`` is no such number.
    """
    if not longest >= 2:
        raise ValueError(f"longest = {longest}: must be a whole number >= 2")
    if longest > LONGEST_HORIZON:
        raise ValueError(f"longest = {longest}: must be at most {LONGEST_HORIZON:.0f}")
    sigma_p, sigma_l, mean, pays = (
        np.broadcast_to(field, task.shape).ravel()
        for field in (task.sigma_p, task.sigma_l, task.mean, critical_lifetime(task))
    )
    pays = np.minimum(pays, longest + 1.0)
    with np.errstate(divide="ignore", over="ignore"):
        pays_not = np.floor(np.abs(mean) / gain(mean, sigma_p)) + 1
    # with a mean that is not negative T_c is 2 already, and nothing is left to search
    pays_not = np.where(mean < 0, np.minimum(pays_not, pays - 1), 1.0)
    while (searched := pays - pays_not > 1).any():
        low, high = pays_not[searched], pays[searched]
        # doubling first: to try a long life costs more than to try short ones
        middle = np.minimum(np.floor((low + high) / 2), 2 * low)
        worth = first_pull_value(
            GaussianBandit(sigma_p[searched], sigma_l[searched], middle, mean[searched])
        )
        pays[searched] = np.where(worth > 0, middle, high)
        pays_not[searched] = np.where(worth > 0, low, middle)
    return np.where(pays > longest, np.nan, pays).reshape(task.shape)


_SEARCH_MARGIN = 1e-5
