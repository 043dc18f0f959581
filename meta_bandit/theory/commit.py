"""Explore-then-commit: what exploring for n pulls is worth, and the best n.

We read the paper's "optimal amount of exploration" as this kind of optimum. An agent that may
stop exploring when it has seen enough can do better: the Bayes-optimal policy, `stopping`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta_bandit.theory.first_order import barrier, interior_maximum
from meta_bandit.theory.posterior import (
    Estimator,
    check_estimator,
    committed_gain,
    gain,
    gain_over_density,
)
from meta_bandit.worlds.bandit import GaussianBandit


def commit_value(
    task: GaussianBandit, pulls: ArrayLike, estimator: Estimator = "map"
) -> NDArray[np.float64]:
    r"""Expected return of exploring for n pulls, then committing (thm-commit-value, prop-ml-value).

    .. math:: V(n) = n m + (T - n)\,[m\,\Phi(m/s_n) + s_n\,\varphi(m/s_n)]

    with the posterior mean as the estimate; with the sample mean (for n > 0)

    .. math:: V_{ml}(n) = n m + (T - n)\,[m\,\Phi(m/\tau_n) +
        (\sigma_p^2/\tau_n)\,\varphi(m/\tau_n)], \quad \tau_n^2 = \sigma_p^2 + \sigma_l^2/n.

    The expectation is over the arm's mean, the rewards and hence the estimate. Without a pull
    both commit to the arm that the prior mean prefers.

    Parameters
    ----------
    task
        Fields broadcast against ``pulls``.
    pulls : shape (...)
        Length n of the exploration phase, 0 <= n <= T; need not be whole.
    estimator
        ``"map"`` or ``"ml"``.

    Returns
    -------
    shape (...), float64
        Undiscounted return of one life, in units of reward.

    Raises
    ------
    ValueError
        If an n lies outside [0, T], or the estimator has no such name.
    """
    pulls, data_weight = _explored(task, pulls, estimator)
    per_pull = committed_gain(task.mean, task.sigma_p, data_weight, estimator)
    return np.asarray(pulls * task.mean + (task.lifetime - pulls) * per_pull)


def learning_advantage(
    task: GaussianBandit, pulls: ArrayLike, estimator: Estimator = "map"
) -> NDArray[np.float64]:
    r"""What exploring for n pulls earns more than never learning (thm-commit-value).

    .. math:: V(n) - V(0) = V(n) \text{ for } m < 0, \qquad (T - n)\,(G(n) - m)
        \text{ for } m \ge 0

    For m > 0 it may be far smaller than the rounding error of either value: G(n) - m is the gain
    of the opposite arm, and no difference is formed.

    Parameters
    ----------
    task
        Fields broadcast against ``pulls``.
    pulls : shape (...)
        Length n of the exploration phase, 0 <= n <= T; need not be whole.
    estimator
        ``"map"`` or ``"ml"``.

    Returns
    -------
    shape (...), float64
        In units of reward. 0 also where it is less than the smallest float, which takes a prior
        mean of about 38 standard deviations of the estimate.

    Raises
    ------
    ValueError
        If an n lies outside [0, T], or the estimator has no such name.
    """
    pulls, data_weight = _explored(task, pulls, estimator)
    opposite = committed_gain(-np.abs(task.mean), task.sigma_p, data_weight, estimator)
    cost = np.where(task.mean < 0, pulls * task.mean, 0.0)
    return np.asarray(cost + (task.lifetime - pulls) * opposite)


def _explored(
    task: GaussianBandit, pulls: ArrayLike, estimator: Estimator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check n and the estimator; give n and the weight of n rewards in the posterior mean."""
    check_estimator(estimator)
    pulls = np.asarray(pulls, dtype=np.float64)
    outside = ~((pulls >= 0) & (pulls <= task.lifetime))
    if outside.any():
        raise ValueError(f"pulls = {(pulls + 0 * task.lifetime)[outside][0]:g}: must lie in [0, T]")
    with np.errstate(over="ignore"):
        return pulls, pulls / (pulls + np.square(task.sigma_l / task.sigma_p))


def optimal_commit(
    task: GaussianBandit, estimator: Estimator = "map"
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    r"""Optimal length of the exploration phase, n*, and its value, exact over the integers.

    V has at most one interior local maximum (prop-foc), so that n* is one of three: no
    exploration, or a neighbour of that maximum on either side. At a tie the smallest n is given.

    Parameters
    ----------
    task
        One task, or an array of them.
    estimator
        ``"map"`` or ``"ml"``.

    Returns
    -------
    optimal_pulls : shape task.shape, int64
        n*; 0 is never exploring.
    value : shape task.shape, float64
        V(n*), in units of reward.

    Raises
    ------
    ValueError
        If the estimator has no such name.
    """
    check_estimator(estimator)
    interior = np.nan_to_num(interior_maximum(task, estimator), nan=0.0)
    candidates = np.stack([np.zeros_like(interior), np.floor(interior), np.ceil(interior)])
    best = learning_advantage(task, candidates, estimator).argmax(axis=0)[None]
    pulls = np.take_along_axis(candidates, best, axis=0)[0]
    return pulls.astype(np.int64), commit_value(task, pulls, estimator)


@dataclass(frozen=True)
class LocalOptima:
    """Both local optima of V over real n, and what lies between them.

    Attributes
    ----------
    interior_pulls : shape task.shape
        Place of the interior maximum, in pulls; NaN where there is none.
    interior_value : shape task.shape
        Its V, in units of reward; NaN where there is none.
    barrier_pulls : shape task.shape
        Place of the minimum between n = 0 and it, in pulls; NaN where there is none.
    barrier_value : shape task.shape
        Its V, in units of reward; NaN where there is none.
    never_value : shape task.shape
        V(0). For a negative prior mean n = 0 is the other local maximum (thm-never-local).
    """

    interior_pulls: NDArray[np.float64]
    interior_value: NDArray[np.float64]
    barrier_pulls: NDArray[np.float64]
    barrier_value: NDArray[np.float64]
    never_value: NDArray[np.float64]


def local_optima(task: GaussianBandit) -> LocalOptima:
    """Find all local optima of V, and the barrier between them (thm-never-local, prop-foc).

    Parameters
    ----------
    task
        One task, or an array of them.

    Returns
    -------
    LocalOptima
        With the posterior mean as the estimate.
    """
    interior, between = interior_maximum(task, "map"), barrier(task)

    def value(pulls: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(np.isnan(pulls), np.nan, commit_value(task, np.nan_to_num(pulls)))

    return LocalOptima(interior, value(interior), between, value(between), commit_value(task, 0))


def sqrt_law(task: GaussianBandit) -> NDArray[np.float64]:
    r"""Optimal exploration in long lives, to first order (prop-sqrt-law).

    .. math:: n^* \sim \sigma_l \sqrt{\frac{T\,\varphi(m/\sigma_p)}{2 \sigma_p (|m| + g(\sigma_p))}}

    Parameters
    ----------
    task
        One task, or an array of them. For m >= 0 the cost abs(m) + g is g(sigma_p) - m.

    Returns
    -------
    shape task.shape, float64
        In pulls, not rounded.
    """
    distance = np.abs(task.mean) / task.sigma_p
    # the density's share in the cost, which for m > 0 is the ratio of two vanishing numbers
    density = np.exp(-0.5 * np.square(distance)) / np.sqrt(2 * np.pi)
    opposite = gain_over_density(distance)
    with np.errstate(divide="ignore", over="ignore"):
        ratio = np.where(task.mean > 0, 1 / opposite, density / (distance + density * opposite))
    return np.asarray(task.sigma_l / task.sigma_p * np.sqrt(task.lifetime / 2 * ratio))


def full_information_value(task: GaussianBandit) -> NDArray[np.float64]:
    r"""Expected return of an agent that is told the arm's mean at birth: :math:`T g(\sigma_p)`.

    No policy earns more.

    Parameters
    ----------
    task
        One task, or an array of them.

    Returns
    -------
    shape task.shape, float64
        In units of reward.
    """
    return np.asarray(task.lifetime * gain(task.mean, task.sigma_p))
