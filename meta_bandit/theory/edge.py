r"""The edge between learning and never learning, for explore-then-commit (thm-edge).

Everything here follows from one number, z = abs(m) / s: the cost of a pull in units of the spread
that the estimate has after exploration, at the edge.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import elementwise
from scipy.special import erfcx

from meta_bandit.theory.commit import commit_value, optimal_commit
from meta_bandit.theory.posterior import Estimator, check_estimator, gain, posterior_mean_std
from meta_bandit.worlds.bandit import GaussianBandit

# below the z = 0.766... at which rho = 1, that is, where there is no edge yet
_SMALLEST_Z = 0.4


class Edge(NamedTuple):
    """Points of the edge.

    Attributes
    ----------
    pulls
        Exploration n to which the optimum jumps; real, in pulls.
    sigma_p
        Ecological uncertainty there, in units of reward; NaN where there is no edge.
    sigma_l
        Task complexity there, likewise.
    """

    pulls: NDArray[np.float64]
    sigma_p: NDArray[np.float64]
    sigma_l: NDArray[np.float64]


def _mills(z: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Mills' ratio :math:`\Phi(-z)/\varphi(z)`."""
    return np.asarray(np.sqrt(np.pi / 2) * erfcx(z / np.sqrt(2)))


def _relative_gain(z: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Gain in units of the cost, :math:`\psi(z) = \varphi(z)/z - \Phi(-z)`."""
    return gain(-z, 1.0) / z


def _unlearnt_share(z: NDArray[np.float64]) -> NDArray[np.float64]:
    r""":math:`\rho(z) = 2 (1 - z M(z)) (1 + \psi(z))`; falls from above 1 to 0 as z grows."""
    return 2 * (1 - z * _mills(z)) * (1 + _relative_gain(z))


def edge(z: ArrayLike, lifetime: ArrayLike, mean: ArrayLike = -1.0) -> Edge:
    r"""Edge in closed parametric form, for real n (thm-edge).

    .. math:: n = \frac{T \psi}{1 + \psi}, \quad \sigma_p = \frac{|m|}{z \sqrt{1 - \rho}}, \quad
        \sigma_l = \sigma_p \sqrt{\frac{n \rho}{1 - \rho}}, \quad
        \psi = \frac{\varphi(z)}{z} - \Phi(-z), \quad \rho = \frac{2 z \psi (1 + \psi)}{\varphi(z)}

    So for a given sigma_p the critical sigma_l grows exactly as the square root of the lifetime.

    Parameters
    ----------
    z : shape (...)
        Parameter along the curve, > 0; towards larger z sigma_p falls.
    lifetime : shape (...)
        T, > 0.
    mean : shape (...)
        m, < 0.

    Returns
    -------
    Edge
        NaN where z is so small that there is no edge (rho >= 1).

    Raises
    ------
    ValueError
        If z, the lifetime or the mean lies outside its range.
    """
    z, lifetime, mean = (np.asarray(value, dtype=np.float64) for value in (z, lifetime, mean))
    for name, value, valid, allowed in (
        ("z", z, z > 0, "> 0"),
        ("lifetime", lifetime, lifetime > 0, "> 0"),
        ("mean", mean, mean < 0, "< 0"),
    ):
        if not np.all(valid):
            raise ValueError(f"{name} = {value[~valid].flat[0]:g}: must be {allowed}")
    psi, rho = _relative_gain(z), _unlearnt_share(z)
    pulls = lifetime * psi / (1 + psi)
    with np.errstate(invalid="ignore", divide="ignore"):
        sigma_p = np.where(rho < 1, -mean / (z * np.sqrt(1 - rho)), np.nan)
        sigma_l = sigma_p * np.sqrt(pulls * rho / (1 - rho))
    return Edge(*np.broadcast_arrays(pulls, sigma_p, sigma_l))


def _edge_target(task: GaussianBandit) -> NDArray[np.float64]:
    """Give abs(m) / sigma_p, which is z sqrt(1 - rho) at the edge."""
    # beyond, all that depends on it has underflowed long ago, and its square would be no number
    return np.minimum(np.abs(task.mean) / task.sigma_p, 1e100)


def _edge_parameter(task: GaussianBandit) -> NDArray[np.float64]:
    """Find z of the edge at a sigma_p: z sqrt(1 - rho) = abs(m) / sigma_p, increasing in z."""
    target = _edge_target(task)

    def excess(z: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
        # the square, signed: it stays smooth where the share passes 1
        return np.square(z) * (1 - _unlearnt_share(z)) - np.square(target)

    bracket = (np.full_like(target, _SMALLEST_Z), 1.001 * target + 3)
    return elementwise.find_root(excess, bracket, args=(target,)).x


def _edge_pulls(task: GaussianBandit, z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exploration at the edge, (1 - rho) / rho times the pulls that the prior is worth.

    In wide worlds rho is 1 to the last digit: what is missing is read off z sqrt(1 - rho).
    """
    unlearnt = _unlearnt_share(z)
    with np.errstate(divide="ignore", over="ignore"):
        root = task.sigma_l / task.sigma_p * (_edge_target(task) / z)
        return np.asarray(np.square(root) / unlearnt)


def critical_lifetime(task: GaussianBandit, estimator: Estimator = "map") -> NDArray[np.float64]:
    r"""Shortest lifetime at which exploring, then committing, pays (prop-short-life).

    .. math:: T_c = \min_{n \ge 1} \left\lfloor n \left(1 + \frac{|m|}{g(s_n)}\right)
        \right\rfloor + 1

    Below it, never learning is optimal among these plans; from it on some n earns more. It grows
    as sigma_l squared (`critical_lifetime_law`).

    Parameters
    ----------
    task
        Its lifetime is not used.
    estimator
        What the plans commit by, see `commit_value`; with ``"ml"`` the sample mean's gain stands
        in place of g, and the minimum is found by bisection.

    Returns
    -------
    shape task.shape, float64
        Whole numbers of pulls, at least 2; infinite where no lifetime below 2^53 is enough. 2
        where the prior mean is not negative: then a second pull can always use the first.

    Raises
    ------
    ValueError
        If the estimator has no such name.
    """
    check_estimator(estimator)
    if estimator == "ml":
        return _bisected_lifetime(task)
    negative = _with_negative_mean(task)
    best = _edge_pulls(negative, _edge_parameter(negative))
    pulls = np.maximum(np.stack([np.floor(best), np.ceil(best)]), 1)
    with np.errstate(divide="ignore", over="ignore"):
        per_pull = gain(negative.mean, posterior_mean_std(negative, pulls))
        break_even = (pulls * (1 - negative.mean / per_pull)).min(axis=0)
    shortest = np.where(break_even < 2.0**53, np.floor(break_even) + 1, np.inf)
    return np.where(task.mean < 0, shortest, 2.0)


def _bisected_lifetime(task: GaussianBandit) -> NDArray[np.float64]:
    """Critical lifetime with the sample mean: longer lives only add to what learning is worth."""
    too_short, enough = np.ones(task.shape), np.full(task.shape, 2.0**53)

    def pays(lifetime: NDArray[np.float64]) -> NDArray[np.bool_]:
        lives = GaussianBandit(task.sigma_p, task.sigma_l, lifetime, task.mean)
        return optimal_commit(lives, "ml")[1] > commit_value(lives, 0)

    never = ~pays(enough)
    while (enough - too_short > 1).any():
        # the geometric mean first: lifetimes that matter are short
        middle = np.floor(np.clip(np.sqrt(too_short * enough), too_short + 1, enough - 1))
        middle = np.where(enough - too_short > 1, middle, enough)
        sufficient = pays(middle)
        enough = np.where(sufficient, middle, enough)
        too_short = np.where(sufficient, too_short, middle)
    return np.where(never, np.inf, enough)


def critical_lifetime_law(task: GaussianBandit) -> NDArray[np.float64]:
    r"""Critical lifetime over real n, in closed form (prop-short-life).

    .. math:: T_c = \frac{\sigma_l^2}{\sigma_p^2} \frac{(1 - \rho)(1 + \psi)}{\rho\,\psi}

    with psi and rho of `edge` at the task's sigma_p.

    Parameters
    ----------
    task
        Its lifetime is not used.

    Returns
    -------
    shape task.shape, float64
        In pulls, not rounded; below `critical_lifetime`, and close to it where n is large. 0
        where the prior mean is not negative, infinite where psi is no number above 0 any more.
    """
    negative = _with_negative_mean(task)
    z = _edge_parameter(negative)
    psi = _relative_gain(z)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        law = np.where(psi > 0, _edge_pulls(negative, z) * (1 + 1 / psi), np.inf)
    return np.where(task.mean < 0, law, 0.0)


def _with_negative_mean(task: GaussianBandit) -> GaussianBandit:
    """Put -1 where the prior mean is not negative; what comes of it is to be replaced."""
    mean = np.where(task.mean < 0, task.mean, -1.0)
    return GaussianBandit(task.sigma_p, task.sigma_l, task.lifetime, mean)


def critical_sigma_l(task: GaussianBandit) -> NDArray[np.float64]:
    r"""Task complexity from which on never learning is optimal (thm-edge, prop-predictable).

    Exact over whole n:

    .. math:: \sigma_c^2 = \max_{1 \le n < T} n \sigma_p^2
        \left(\frac{\sigma_p^2}{y_n^2} - 1\right)_+, \qquad g(y_n) = \frac{n |m|}{T - n}

    Parameters
    ----------
    task
        Its sigma_l is not used.

    Returns
    -------
    shape task.shape, float64
        In units of reward; 0 where behaviour is predictable (prop-predictable), infinite where
        the prior mean is not negative and life has more than one pull, or where it is beyond the
        largest float.
    """
    negative = _with_negative_mean(task)
    psi = _relative_gain(_edge_parameter(negative))
    best = task.lifetime * psi / (1 + psi)
    pulls = np.stack([np.floor(best), np.ceil(best)])
    pulls = np.clip(pulls, 1, np.maximum(task.lifetime - 1, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = _inverse_relative_gain(pulls / (task.lifetime - pulls))
    ratio = np.maximum(task.sigma_p / np.abs(negative.mean) * needed, 1.0)
    with np.errstate(over="ignore"):
        # ratio^2 - 1 in factors, as the square may be no number
        root = np.sqrt(pulls) * np.sqrt(ratio - 1) * np.sqrt(ratio + 1)
        critical = task.sigma_p * root.max(axis=0)
    critical = np.where(task.lifetime > 1, critical, 0.0)
    return np.where((task.mean < 0) | (task.lifetime == 1), critical, np.inf)


def _inverse_relative_gain(psi: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find z with the relative gain psi > 0; it falls with z."""

    def excess(log_z: NDArray[np.float64], psi: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.log(_relative_gain(np.exp(log_z))) - np.log(psi)

    # between psi = 1e16 and psi = 1e-300
    low, high = np.full_like(psi, np.log(1e-17)), np.full_like(psi, np.log(36.0))
    return np.exp(elementwise.find_root(excess, (low, high), args=(psi,)).x)
