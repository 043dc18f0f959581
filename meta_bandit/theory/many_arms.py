"""A known arm and several unknown ones: plans, bounds and an index, from the theory of one arm.

What an arm pays is counted beyond what the known arm pays, so that its prior mean is m' = m - mu_0.
The functions take one world, `worlds.many_arms.ManyArms`, of shape ().
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr

from meta_bandit.theory.commit import commit_value
from meta_bandit.theory.posterior import gain, posterior_mean_std
from meta_bandit.theory.stopping import bayes_optimal, first_pull_value
from meta_bandit.worlds.bandit import GaussianBandit
from meta_bandit.worlds.many_arms import ManyArms
from meta_bandit.worlds.task import require, whole

Floats = NDArray[np.float64]

_NODES = 128
_LONGEST = 10_000


def best_of_gain(mean: ArrayLike, std: ArrayLike, arms: ArrayLike) -> Floats:
    r"""Expected positive part of the best of k Gaussians (prop-many-commit).

    .. math:: G_k(s) = E[\max(0, X_1, \ldots, X_k)]
        = \int_0^\infty 1 - \Phi\Big(\frac{x - m}{s}\Big)^k dx, \qquad X_i \sim N(m, s^2)

    Parameters
    ----------
    mean : shape (...)
        m, in units of reward.
    std : shape (...)
        s >= 0, in units of reward.
    arms : shape (...), whole
        k >= 0.

    Returns
    -------
    shape (...), float64
        In units of reward; 0 without arms, and `gain` for one. Relative error below 1e-10.

    Raises
    ------
    ValueError
        If s is negative, or k no whole number >= 0.
    """
    arms = whole("arms", arms, 0)
    require("std", np.asarray(std), ~(np.asarray(std) < 0), ">= 0")
    mean, std, arms = np.broadcast_arrays(
        np.asarray(mean, np.float64), np.asarray(std, np.float64), np.asarray(arms)
    )
    place, weight = np.polynomial.legendre.leggauss(_NODES)
    spread = np.where(std > 0, std, 1.0)
    # in units of the spread: from 0, or from where the integrand is 1, to where it is negligible
    zero = -mean / spread
    low = np.maximum(zero, -9.0)
    high = np.hypot(np.maximum(low, 0), np.sqrt(2 * (40 + np.log(np.maximum(arms, 1)))))
    half = (high - low)[..., None] / 2
    at = low[..., None] + half * (1 + place)
    tail = -np.expm1(arms[..., None] * log_ndtr(at))
    several = spread * ((low - zero) + (half * weight * tail).sum(axis=-1))
    several = np.where(std > 0, several, np.maximum(mean, 0.0))
    return np.asarray(np.where(arms > 1, several, np.where(arms == 1, gain(mean, std), 0.0)))


def many_commit_value(world: ManyArms, tried: ArrayLike, pulls: ArrayLike) -> Floats:
    r"""Expected return of trying k arms n times each, then committing (prop-many-commit).

    .. math:: V(k, n) = T \mu_0 + k n\,m' + (T - k n)\,G_k(s_n)

    The commitment is to the arm with the best estimate, arm 0 and, where there is one, an untried
    arm among them (one that is better than arm 0 if m' > 0).

    Parameters
    ----------
    world
        One world.
    tried : shape (...), whole
        k, 0 to K - 1.
    pulls : shape (...)
        n >= 0 with k n <= T; need not be whole.

    Returns
    -------
    shape (...), float64
        Undiscounted return of one life, in units of reward.

    Raises
    ------
    ValueError
        If k lies outside [0, K - 1], or k n outside [0, T].
    """
    tried, pulls = np.broadcast_arrays(np.asarray(tried), np.asarray(pulls, np.float64))
    if not ((tried >= 0) & (tried <= world.unknown)).all():
        raise ValueError(f"tried = {tried}: must lie in [0, {world.unknown}]")
    spent = tried * pulls
    if not ((pulls >= 0) & (spent <= world.lifetime)).all():
        raise ValueError(f"pulls = {pulls}: must be >= 0, and not more than a life of all arms")
    one = world.one_armed
    untried = np.where(tried < world.unknown, np.maximum(one.mean, 0.0), 0.0)
    best = untried + best_of_gain(one.mean - untried, posterior_mean_std(one, pulls), tried)
    value = spent * one.mean + (world.lifetime - spent) * best
    if world.unknown == 1:
        # the same to the last digit as in the book's task
        value = np.where(tried == 1, commit_value(one, np.where(tried == 1, pulls, 0)), value)
    return np.asarray(world.lifetime * world.safe + value)


def many_optimal_commit(world: ManyArms, most: int | None = None) -> tuple[int, int, float]:
    """Find the best committed plan by trying all (prop-many-commit).

    Parameters
    ----------
    world
        One world, with a lifetime of at most 10,000 pulls.
    most
        Arms that may be tried; all of them if not given.

    Returns
    -------
    tried, pulls, value
        k, n and V(k, n); at a tie the fewest pulls of the fewest arms.

    Raises
    ------
    ValueError
        If the lifetime is longer.
    """
    lifetime = moderate_lifetime(world)
    found = (0, 0, float(many_commit_value(world, 0, 0)))
    for tried in range(1, 1 + (world.unknown if most is None else most)):
        pulls = np.arange(1, lifetime // tried + 1)
        values = many_commit_value(world, tried, pulls)
        if values.size and values.max() > found[2]:
            found = (tried, int(pulls[values.argmax()]), float(values.max()))
    return found


def moderate_lifetime(world: ManyArms) -> int:
    """Give the lifetime of a world, and refuse what would take more memory than there is."""
    lifetime = int(world.lifetime)
    if lifetime > _LONGEST:
        raise ValueError(f"lifetime = {lifetime}: must be at most {_LONGEST}")
    return lifetime


def many_full_information(world: ManyArms) -> float:
    r"""Expected return of who is told all means at birth: :math:`T(\mu_0 + G_{K-1}(\sigma_p))`.

    Parameters
    ----------
    world
        One world.

    Returns
    -------
    float
        In units of reward; no policy earns more.
    """
    one = world.one_armed
    known = best_of_gain(one.mean, one.sigma_p, world.unknown)
    return float(world.lifetime * (world.safe + known))


def timid_bound(world: ManyArms, tried: int) -> float:
    r"""How seldom untried arms must be pulled for a rung to be the best there is (thm-ladder).

    .. math:: \eta_k = \frac{\mu_0 - m}{(T - 1)\,G_{K-1-k}(\sigma_p)}

    Parameters
    ----------
    world
        One world, with m < mu_0.
    tried
        Arms that are not seldom pulled (k), 0 to K - 2.

    Returns
    -------
    float
        A probability, infinite where life has a single pull.

    Raises
    ------
    ValueError
        If no arm is left, or untried arms are no worse than arm 0.
    """
    one = world.one_armed
    if not 0 <= tried < world.unknown:
        raise ValueError(f"tried = {tried}: must lie in [0, {world.unknown - 1}]")
    if one.mean >= 0:
        raise ValueError(f"mean - safe = {one.mean}: must be < 0")
    left = float(best_of_gain(one.mean, one.sigma_p, world.unknown - tried))
    worth = (int(world.lifetime) - 1) * left
    return float(-one.mean) / worth if worth > 0 else float("inf")


def price_bound(world: ManyArms) -> tuple[float, float]:
    r"""Upper bound of every policy: each arm alone, and a price for pulls (prop-many-bound).

    .. math:: V^* \le T \mu_0 + \min_{\lambda \ge 0}\,\big[\lambda T + (K - 1)\,J(m' - \lambda)\big]

    J is the Bayes-optimal value of the task of one arm (thm-stopping). With two arms the bound is
    the optimum itself, at the price 0.

    Parameters
    ----------
    world
        One world.

    Returns
    -------
    bound, price
        The bound and its lambda, in units of reward.
    """
    one = world.one_armed
    own = (one.sigma_p.item(), one.sigma_l.item(), one.lifetime.item(), one.mean.item())
    low, high = 0.0, float(np.maximum(one.mean, 0.0) + 8 * one.sigma_p)
    for _ in range(2 if world.unknown > 1 else 0):
        prices, worth = _worth_alone(own, low, high)
        bounds = prices * one.lifetime + world.unknown * worth
        best = int(bounds.argmin())
        low, high = prices[max(best - 1, 0)], prices[min(best + 1, 16)]
    price = float(prices[best]) if world.unknown > 1 else 0.0
    priced = GaussianBandit(one.sigma_p, one.sigma_l, one.lifetime, one.mean - price)
    alone_value = float(bayes_optimal(priced).value)
    value = price * int(one.lifetime) + world.unknown * alone_value
    return float(world.lifetime * world.safe + value), price


# worlds that differ in the number of arms ask for the same
@lru_cache(maxsize=64)
def _worth_alone(
    own: tuple[float, float, int, float], low: float, high: float
) -> tuple[Floats, Floats]:
    """Prices between two, and what the task of one arm is worth at each (thm-stopping)."""
    sigma_p, sigma_l, lifetime, mean = own
    prices = np.linspace(low, high, 17)
    alone = GaussianBandit(sigma_p, sigma_l, lifetime, mean - prices)
    return prices, np.maximum(first_pull_value(alone), 0.0)


def index_offsets(world: ManyArms) -> Floats:
    r"""Finite-horizon Gittins index of an arm, beyond its estimate (prop-many-index).

    .. math:: \nu_n(\hat\mu, L) = \hat\mu - b_n(n + L)

    :math:`b_n(N)` is the threshold of a life of N pulls of that arm or a known one (thm-stopping).

    Parameters
    ----------
    world
        One world, with a lifetime of at most 10,000 pulls.

    Returns
    -------
    shape (T, T), float64
        :math:`-b_n(n + L)` at row n and column L - 1, in units of reward; NaN where n + L > T.

    Raises
    ------
    ValueError
        If the lifetime is longer.
    """
    lifetime = moderate_lifetime(world)
    lives = GaussianBandit(world.sigma_p, world.sigma_l, np.arange(1, lifetime + 1), 0.0)
    thresholds = bayes_optimal(lives).thresholds
    n, left = np.arange(lifetime)[:, None], np.arange(1, lifetime + 1)
    offsets = -thresholds[n, np.minimum(n + left, lifetime) - 1]
    return np.where(n + left <= lifetime, offsets, np.nan)
