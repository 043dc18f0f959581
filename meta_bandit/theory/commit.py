"""Explore-then-commit: what exploring for n pulls is worth, and the best n.

This is the paper's kind of optimum. An agent that may stop exploring when it has seen enough can
do better; that is the Bayes-optimal policy, another theory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import elementwise
from scipy.special import ndtr

from meta_bandit.task import GaussianBandit
from meta_bandit.theory.posterior import gain

Estimator = Literal["map", "ml"]
"""Estimate of the arm's mean: ``"map"``, the posterior mean, or ``"ml"``, the sample mean."""


def check_estimator(estimator: str) -> None:
    """Raise a ValueError if ``estimator`` is not one of `Estimator`."""
    if estimator not in get_args(Estimator):
        raise ValueError(f"estimator = {estimator!r}: must be one of {get_args(Estimator)}")


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
    check_estimator(estimator)
    pulls = np.asarray(pulls, dtype=np.float64)
    outside = ~((pulls >= 0) & (pulls <= task.lifetime))
    if outside.any():
        raise ValueError(f"pulls = {(pulls + 0 * task.lifetime)[outside][0]:g}: must lie in [0, T]")
    data_weight = pulls / (pulls + np.square(task.sigma_l / task.sigma_p))
    per_pull = _committed_gain(task.mean, task.sigma_p, data_weight, estimator)
    return np.asarray(pulls * task.mean + (task.lifetime - pulls) * per_pull)


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
    interior = np.nan_to_num(_interior_maximum(task, estimator), nan=0.0)
    candidates = np.stack([np.zeros_like(interior), np.floor(interior), np.ceil(interior)])
    values = commit_value(task, candidates, estimator)
    best = values.argmax(axis=0)[None]
    return (
        np.take_along_axis(candidates, best, axis=0)[0].astype(np.int64),
        np.take_along_axis(values, best, axis=0)[0],
    )


@dataclass(frozen=True)
class LocalOptima:
    """Both local optima of V over real n, and what lies between them.

    Attributes
    ----------
    interior_pulls, interior_value : shape task.shape
        The interior maximum, in pulls and in units of reward; NaN where there is none.
    barrier_pulls, barrier_value : shape task.shape
        The minimum between n = 0 and it; NaN where there is none.
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
    interior, barrier = _interior_maximum(task, "map"), _barrier(task)
    barrier = np.where(np.isnan(interior), np.nan, barrier)

    def value(pulls: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(np.isnan(pulls), np.nan, commit_value(task, np.nan_to_num(pulls)))

    return LocalOptima(interior, value(interior), barrier, value(barrier), commit_value(task, 0))


def marginal_benefit_and_cost(
    task: GaussianBandit, pulls: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Two sides of the first-order condition: :math:`V'(n) = A(n) - B(n)` (prop-foc).

    .. math:: A(n) = (T - n)\,\varphi(m/s_n)\,\frac{ds_n}{dn}, \qquad B(n) = g(s_n) - m

    Parameters
    ----------
    task
        Fields broadcast against ``pulls``.
    pulls : shape (...)
        Length n of the exploration phase, 0 < n < T; need not be whole.

    Returns
    -------
    benefit, cost : shape (...), float64
        What a little more exploration adds to the rest of life, and what it costs, in units of
        reward a pull.

    Raises
    ------
    ValueError
        If an n lies outside (0, T).
    """
    pulls = np.asarray(pulls, dtype=np.float64)
    inside = (pulls > 0) & (pulls < task.lifetime)
    if not inside.all():
        outside = (pulls + 0 * task.lifetime)[~inside]
        raise ValueError(f"pulls = {outside[0]:g}: must lie in (0, T)")
    lifetime = task.lifetime.astype(np.float64)
    log_benefit, cost = _log_benefit_and_cost(
        pulls, task.sigma_p, task.sigma_l, lifetime, task.mean, estimator="map"
    )
    return np.exp(log_benefit), cost


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
    density = np.exp(-0.5 * np.square(task.mean / task.sigma_p)) / np.sqrt(2 * np.pi)
    cost = gain(-task.mean, task.sigma_p)
    return np.asarray(task.sigma_l * np.sqrt(task.lifetime * density / (2 * task.sigma_p * cost)))


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


def _committed_gain(
    mean: NDArray[np.float64],
    sigma_p: NDArray[np.float64],
    data_weight: NDArray[np.float64],
    estimator: Estimator,
) -> NDArray[np.float64]:
    r"""Expected reward of a pull after the commitment, G, in units of reward.

    The weight of the data in the posterior mean, w = n / (n + sigma_l^2 / sigma_p^2), says all
    that matters of n and sigma_l: s_n = sigma_p sqrt(w), and tau_n = sigma_p / sqrt(w).
    """
    root = np.sqrt(data_weight)
    if estimator == "map":
        return gain(mean, sigma_p * root)
    ratio = mean * root / sigma_p
    density = np.exp(-0.5 * np.square(ratio)) / np.sqrt(2 * np.pi)
    sampled = mean * ndtr(ratio) + sigma_p * root * density
    return np.where(data_weight > 0, sampled, np.maximum(mean, 0.0))


def _interior_maximum(task: GaussianBandit, estimator: Estimator) -> NDArray[np.float64]:
    r"""Interior local maximum of V over real n, NaN where there is none (prop-foc).

    V'(n) = A - B with A = (T - n) G'(n) and B = G(n) - m. Wherever A = B, the derivative of
    log(A/B) has the sign of a function q that changes sign once, from + to -, at a point n_q
    (0 with the sample mean). So log(A/B) crosses zero downwards, which is a maximum of V, at most
    once, and only beyond n_q.
    """
    args, start = _turning_point(task, estimator)
    return _crossing(np.maximum(start, _SMALLEST_PULLS), args[2], args, estimator)


def _barrier(task: GaussianBandit) -> NDArray[np.float64]:
    """Minimum of V between no exploration and the interior maximum, NaN where there is none."""
    args, turning = _turning_point(task, "map")
    return _crossing(np.full_like(turning, _SMALLEST_PULLS), turning, args, "map")


def _turning_point(
    task: GaussianBandit, estimator: Estimator
) -> tuple[tuple[NDArray[np.float64], ...], NDArray[np.float64]]:
    """Give the fields of the task in one shape, and n_q of `_interior_maximum`."""
    fields = np.broadcast_arrays(task.sigma_p, task.sigma_l, task.lifetime, task.mean)
    args = tuple(np.asarray(field, dtype=np.float64) for field in fields)
    lifetime = args[2]
    if estimator == "ml":
        return args, np.zeros_like(lifetime)
    bracket = (np.zeros_like(lifetime), lifetime)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        turning = elementwise.find_root(
            _turning_function, bracket, args=args, tolerances={"xrtol": 1e-12}
        )
    return args, np.where(turning.success, turning.x, 0.0)


def _crossing(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    args: tuple[NDArray[np.float64], ...],
    estimator: Estimator,
) -> NDArray[np.float64]:
    """Find where V' changes sign between two points, NaN where it does not."""

    def log_ratio(n: NDArray[np.float64], /, *args: NDArray[np.float64]) -> NDArray[np.float64]:
        return _log_benefit_over_cost(n, *args, estimator=estimator)

    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        root = elementwise.find_root(log_ratio, (low, high), args=args, tolerances={"xrtol": 1e-12})
    return np.where(root.success, root.x, np.nan)


# with next to no noise, V rises within a tiny part of a pull
_SMALLEST_PULLS = 1e-300
# keeps the logarithms below finite where a factor vanishes; only their sign counts there
_LARGEST_LOG = 700.0


def _turning_function(
    n: NDArray[np.float64],
    sigma_p: NDArray[np.float64],
    sigma_l: NDArray[np.float64],
    lifetime: NDArray[np.float64],
    mean: NDArray[np.float64],
) -> NDArray[np.float64]:
    """q(n) n^2 of `_interior_maximum` for the posterior mean: strictly decreasing in n."""
    prior_pulls = np.square(sigma_l / sigma_p)
    value = (
        np.square(mean / sigma_p) / 2 * prior_pulls
        - 2 * n * (n / (lifetime - n))
        - n / 2
        - 1.5 * n * (n / (n + prior_pulls))
    )
    return np.maximum(value, -np.finfo(np.float64).max)


def _log_benefit_and_cost(
    n: NDArray[np.float64],
    sigma_p: NDArray[np.float64],
    sigma_l: NDArray[np.float64],
    lifetime: NDArray[np.float64],
    mean: NDArray[np.float64],
    *,
    estimator: Estimator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logarithm of the benefit A(n), and the cost B(n), of `_interior_maximum`."""
    prior_pulls = np.square(sigma_l / sigma_p)
    data_weight = n / (n + prior_pulls)
    tail = np.square(mean / sigma_p) / 2
    log_benefit = (
        np.log(lifetime - n)
        + np.log(sigma_p / 2)
        - np.log1p(n / prior_pulls)
        - 0.5 * np.log(n * (n + prior_pulls))
        - 0.5 * np.log(2 * np.pi)
    )
    if estimator == "map":
        cost = gain(-mean, sigma_p * np.sqrt(data_weight))
        return np.asarray(log_benefit - tail / data_weight), cost
    log_benefit += np.log1p(2 * tail * (1 - data_weight)) - tail * data_weight
    return log_benefit, _committed_gain(mean, sigma_p, data_weight, "ml") - mean


def _log_benefit_over_cost(
    n: NDArray[np.float64], /, *args: NDArray[np.float64], estimator: Estimator
) -> NDArray[np.float64]:
    """log(A/B) of `_interior_maximum`: the sign of V'(n)."""
    log_benefit, cost = _log_benefit_and_cost(n, *args, estimator=estimator)
    # where one more pull costs nothing, exploring on is better
    log_cost = np.log(np.maximum(cost, 0.0))
    return np.asarray(np.clip(log_benefit - log_cost, -_LARGEST_LOG, _LARGEST_LOG))
