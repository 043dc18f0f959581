"""An upper bound for many arms by simulation: foresight, and what it is charged (prop-many-bound).

The estimates of all arms are drawn in advance. Who foresees them splits a life's pulls as is best,
and is charged the surprises of a function of each arm's estimate: on average nothing for who
does not foresee.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta_bandit.theory.many_arms import best_of_gain, moderate_lifetime
from meta_bandit.theory.posterior import gain, posterior_mean_std
from meta_bandit.worlds.bandit import GaussianBandit
from meta_bandit.worlds.many_arms import ManyArms

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PathBound:
    """Upper bound of every policy, by simulation (prop-many-bound).

    Attributes
    ----------
    value
        Its estimate, in units of reward.
    se
        Standard error of the estimate.
    price
        Price of a pull (lambda), in units of reward.
    weight
        Share of the penalty that is charged.
    """

    value: float
    se: float
    price: float
    weight: float


def path_bound(
    world: ManyArms,
    samples: int,
    rng: np.random.Generator,
    prices: ArrayLike = (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5),
    weights: ArrayLike = (0.8, 0.9, 1.0),
) -> PathBound:
    r"""Upper bound of every policy: all estimates foreseen, foresight charged (prop-many-bound).

    .. math:: V^* \le T \mu_1 + E \max_{\sum n_i \le T} \sum_i \sum_{s < n_i}
        \big(\hat\mu_{i,s} - w\,[J_{s+1}(\hat\mu_{i,s+1}) - E[J_{s+1} \mid \hat\mu_{i,s}]]\big)

    for every weight w and every function J; here J is the value of an arm alone at a price for
    pulls. J is kept as straight lines between the points of a lattice, and so is its expectation,
    which as a convex function lies below them: what is computed is a bound whatever the lattice.
    Price and weight are chosen on a fifth of the samples and used on the others; the best
    estimate at the end of life, whose mean is known, serves as a control variate.

    Parameters
    ----------
    world
        One world, with a lifetime of at most 10,000 pulls.
    samples
        Sets of paths, >= 100.
    rng
        Where all randomness comes from.
    prices
        Prices to choose from, in standard deviations sigma_p.
    weights
        Weights to choose from.

    Returns
    -------
    PathBound

    Raises
    ------
    ValueError
        If there are fewer than 100 samples, or the lifetime is longer.
    """
    moderate_lifetime(world)
    if samples < 100:
        raise ValueError(f"samples = {samples}: must be at least 100")
    one, steps = world.one_armed, _steps(world.one_armed)
    charges = np.ravel(prices) * one.sigma_p
    own = (one.sigma_p.item(), one.sigma_l.item(), one.lifetime.item(), one.mean.item())
    tables = _priced_values(own, tuple(charges.tolist()))
    pilot = _paths(one, steps, (samples // 5, world.unknown), rng)
    trials = []
    for price in range(charges.size):
        free = _charged(pilot, tables, price, 0.0)
        charge = free - _charged(pilot, tables, price, 1.0)
        trials += [
            (_best_split(free - share * charge).mean(), price, share) for share in np.ravel(weights)
        ]
    _, which, weight = min(trials)
    final_std = posterior_mean_std(one, one.lifetime)
    mean_best = float(best_of_gain(one.mean, final_std, world.unknown))

    def play(count: int) -> tuple[Floats, Floats]:
        paths = _paths(one, steps, (count, world.unknown), rng)
        values = _best_split(_charged(paths, tables, which, weight))
        return values, np.maximum(paths[..., -1].max(axis=1), 0) - mean_best

    values, controls = play(samples // 5)
    slope = float(np.cov(values, controls)[0, 1] / controls.var())
    values, controls = play(samples - samples // 5)
    controlled = values - slope * controls
    return PathBound(
        value=float(world.lifetime * world.safe + controlled.mean()),
        se=float(controlled.std(ddof=1) / np.sqrt(controlled.size)),
        price=float(charges[which]),
        weight=float(weight),
    )


def _steps(one: GaussianBandit) -> Floats:
    """Standard deviations of the estimate's moves, d_n, shape (T,)."""
    spreads = posterior_mean_std(one, np.arange(int(one.lifetime) + 1))
    return np.asarray(np.sqrt(np.diff(np.square(spreads))))


def _paths(
    one: GaussianBandit, steps: Floats, shape: tuple[int, int], rng: np.random.Generator
) -> Floats:
    """Estimates of each arm after 0, 1, ..., T pulls of it, shape (*shape, T + 1)."""
    moves = rng.standard_normal((*shape, steps.size)) * steps
    first = np.zeros((*shape, 1))
    return np.asarray(one.mean + np.concatenate([first, moves.cumsum(axis=-1)], axis=-1))


@dataclass(frozen=True)
class _Tables:
    """Values of an arm alone, on a lattice of estimates."""

    lattice: Floats
    """Shape (points,), in units of reward."""
    value: Floats
    """J_n, shape (T + 1, prices, points)."""
    expected: Floats
    """E[J_{n+1}] given the estimate after n pulls, shape (T, prices, points)."""


# of all rungs of a ladder they are the same
@lru_cache(maxsize=4)
def _priced_values(
    own: tuple[float, float, int, float], charges: tuple[float, ...], points: int = 501
) -> _Tables:
    """Solve the task of one arm, with a price for each pull, on a lattice (thm-stopping)."""
    one, prices = GaussianBandit(*own), np.array(charges)
    steps = _steps(one)
    reach = 6 * float(one.sigma_p)
    lattice = np.linspace(float(one.mean) - reach, float(one.mean) + reach, points)
    spacing = lattice[1] - lattice[0]
    value = np.zeros((steps.size + 1, prices.size, points))
    expected = np.zeros((steps.size, prices.size, points))
    for n in range(steps.size - 1, -1, -1):
        slopes = np.diff(value[n + 1], axis=-1) / spacing
        # a function of straight lines is a line plus a hinge at each point, whose mean is a gain
        hinges = gain(lattice - lattice[1:-1, None], steps[n])
        line = value[n + 1][:, :1] + slopes[:, :1] * (lattice - lattice[0])
        expected[n] = line + np.diff(slopes, axis=-1) @ hinges
        value[n] = np.maximum(0, lattice - prices[:, None] + expected[n])
    return _Tables(lattice, value, expected)


def _charged(paths: Floats, tables: _Tables, which: int, weight: float) -> Floats:
    """What the first n pulls of each arm pay, foresight charged, shape (samples, arms, T + 1)."""
    paid = np.zeros_like(paths)
    for n in range(paths.shape[-1] - 1):
        foreseen = np.interp(paths[..., n + 1], tables.lattice, tables.value[n + 1, which])
        expected = np.interp(paths[..., n], tables.lattice, tables.expected[n, which])
        paid[..., n + 1] = paid[..., n] + paths[..., n] - weight * (foreseen - expected)
    return paid


def _best_split(paid: Floats) -> Floats:
    """Split a life's pulls among the arms as is best in hindsight, shape (samples,)."""
    lifetime = paid.shape[-1] - 1
    best = np.zeros((paid.shape[0], lifetime + 1))
    for arm in range(paid.shape[1]):
        more = best.copy()
        for n in range(1, lifetime + 1):
            rest = best[:, : lifetime + 1 - n] + paid[:, arm, n : n + 1]
            np.maximum(more[:, n:], rest, out=more[:, n:])
        best = more
    return best[:, -1]
