"""The first-order condition of explore-then-commit: its two sides and its roots (prop-foc)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta_bandit.theory.posterior import Estimator, committed_gain, gain
from meta_bandit.worlds.bandit import GaussianBandit

Floats = NDArray[np.float64]

# with next to no noise, V rises within a tiny part of a pull
_SMALLEST_PULLS = 1e-300
# keeps logarithms finite where a factor vanishes; only their sign counts there
_LARGEST_LOG = 700.0


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
    log_benefit, cost = _log_sides(
        pulls, task.sigma_p, task.sigma_l, lifetime, task.mean, estimator="map"
    )
    return np.exp(log_benefit), cost


def interior_maximum(task: GaussianBandit, estimator: Estimator) -> Floats:
    r"""Interior local maximum of V over real n (prop-foc).

    V'(n) = A - B with A = (T - n) G'(n) and B = G(n) - m. Wherever A = B, the slope of log(A/B)
    has the sign of a function q that changes sign once, from + to -, at a point n_q (0 with the
    sample mean). So log(A/B) crosses zero downwards, which is a maximum of V, at most once, and
    only beyond n_q; up to there it falls.

    Parameters
    ----------
    task
        One task, or an array of them.
    estimator
        ``"map"`` or ``"ml"``.

    Returns
    -------
    shape task.shape, float64
        In pulls; NaN where there is none.
    """
    fields = _fields(task)
    start = np.full(task.shape, _SMALLEST_PULLS)
    if estimator == "map":
        start = np.maximum(_turning_point(fields), start)
    # with n_q at 0 the ratio begins above 1 (prop-foc), though it may be too small to compute
    above = (start <= _SMALLEST_PULLS) | (_log_ratio(start, fields, estimator)[0] > 0)
    sigma_p, sigma_l, lifetime, mean = (field[above] for field in fields)
    solved = sigma_p, sigma_l, lifetime, mean

    def ratio(n: Floats) -> tuple[Floats, Floats]:
        return _log_ratio(n, solved, estimator)

    maximum = np.full(task.shape, np.nan)
    maximum[above] = _falling_root(ratio, start[above], lifetime)
    return maximum


def barrier(task: GaussianBandit) -> Floats:
    """Local minimum of V between no exploration and its interior maximum (prop-foc).

    Parameters
    ----------
    task
        One task, or an array of them; the estimate is the posterior mean.

    Returns
    -------
    shape task.shape, float64
        In pulls; NaN where there is none.
    """
    fields = _fields(task)
    end = np.maximum(_turning_point(fields), _SMALLEST_PULLS)

    def inverse_ratio(n: Floats) -> tuple[Floats, Floats]:
        value, slope = _log_ratio(n, fields, "map")
        return -value, -slope

    below = (end > _SMALLEST_PULLS) & (inverse_ratio(end)[0] < 0) & (task.mean < 0)
    start = np.full(task.shape, _SMALLEST_PULLS)
    return np.where(below, _falling_root(inverse_ratio, start, end), np.nan)


def _fields(task: GaussianBandit) -> tuple[Floats, Floats, Floats, Floats]:
    """Give sigma_p, sigma_l, T and m as floats of one shape."""
    sigma_p, sigma_l, lifetime, mean = np.broadcast_arrays(
        task.sigma_p, task.sigma_l, task.lifetime.astype(np.float64), task.mean
    )
    return sigma_p, sigma_l, lifetime, mean


def _turning_point(fields: tuple[Floats, Floats, Floats, Floats]) -> Floats:
    """Find n_q, where q(n) n^2 falls through zero; 0 where the prior mean is 0."""
    sigma_p, sigma_l, lifetime, mean = fields
    prior_pulls = np.square(sigma_l / sigma_p)
    tail = np.square(mean / sigma_p) / 2

    def turning(n: Floats) -> tuple[Floats, Floats]:
        left, weight = lifetime - n, n / (n + prior_pulls)
        value = tail * prior_pulls - 2 * n * (n / left) - n / 2 - 1.5 * n * weight
        slope = -2 * n * (lifetime + left) / left**2 - 0.5 - 1.5 * weight * (2 - weight)
        return value, n * slope

    # for n <= T/2 what is taken off lies between n/2 and 4 n
    scale = np.maximum(tail * prior_pulls, _SMALLEST_PULLS)
    bracket = np.minimum(scale / 4, lifetime / 2), np.minimum(2 * scale, lifetime)
    return np.where(mean == 0, 0.0, _falling_root(turning, *bracket))


def _log_ratio(
    n: Floats, fields: tuple[Floats, Floats, Floats, Floats], estimator: Estimator
) -> tuple[Floats, Floats]:
    """log(A/B), whose sign is that of V'(n), and its slope in log n."""
    sigma_p, sigma_l, lifetime, mean = fields
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        log_benefit, cost = _log_sides(n, *fields, estimator=estimator)
        # where one more pull costs nothing, exploring on is better
        value = np.clip(log_benefit - np.log(np.maximum(cost, 0.0)), -_LARGEST_LOG, _LARGEST_LOG)
        prior_pulls = np.square(sigma_l / sigma_p)
        tail_pulls = np.square(mean / sigma_p) / 2 * prior_pulls
        slope = -(1 + np.exp(value)) / (lifetime - n) - 1.5 / (n + prior_pulls) - 0.5 / n
        if estimator == "map":
            slope = slope + tail_pulls / n**2
        else:
            ahead = n + prior_pulls
            slope = (
                slope - tail_pulls / ahead**2 - 2 * tail_pulls / (ahead * (ahead + 2 * tail_pulls))
            )
        # where the value is cut off, its slope is no guide
        return value, np.where(np.abs(value) < _LARGEST_LOG, n * slope, 0.0)


def _log_sides(
    n: Floats,
    sigma_p: Floats,
    sigma_l: Floats,
    lifetime: Floats,
    mean: Floats,
    *,
    estimator: Estimator,
) -> tuple[Floats, Floats]:
    """Logarithm of the benefit A(n), and the cost B(n)."""
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
        far = np.where(tail > 0, tail / data_weight, 0.0)
        return log_benefit - far, gain(-mean, sigma_p * np.sqrt(data_weight))
    log_benefit += np.log1p(2 * tail * (1 - data_weight)) - tail * data_weight
    return log_benefit, committed_gain(mean, sigma_p, data_weight, "ml") - mean


def _falling_root(
    function: Callable[[Floats], tuple[Floats, Floats]], low: Floats, high: Floats
) -> Floats:
    """Root of a function that falls from + to -, by Newton's method in log n, kept in a bracket.

    SciPy's solvers would do, but lack derivatives for arrays; an optimum for a life of 10^9 pulls
    is to take less than a millisecond. ``function`` gives its value and its slope in log n.
    """
    end = high
    low, high = np.log(low), np.log(high)
    at, step = (low + high) / 2, high - low
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        for _ in range(200):
            value, slope = function(np.exp(at))
            low, high = np.where(value > 0, at, low), np.where(value > 0, high, at)
            newton = at - value / slope
            tolerance = 1e-13 * np.maximum(1, np.abs(at))
            # Newton's steps must stay inside and halve each time, else the bracket is halved
            halves = np.abs(newton - at) <= np.maximum(step / 2, tolerance)
            trusted = (newton >= low) & (newton <= high) & halves
            following = np.where(trusted, newton, (low + high) / 2)
            step = np.abs(following - at)
            at = following
            if (step <= tolerance).all():
                break
    return np.minimum(np.exp(at), end)
