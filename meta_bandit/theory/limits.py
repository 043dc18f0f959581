r"""What the edges and values become at the ends of their ranges: wide worlds, long lives, no noise.

Nothing here has a recursion of its own. What is known only from one is read off the solution of a
task at the end of the range, where it is the limit to more digits than are promised.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import lambertw, ndtr

from meta_bandit.theory.edge import _inverse_relative_gain, _relative_gain, _unlearnt_share
from meta_bandit.theory.posterior import gain
from meta_bandit.theory.stopping import _FINE, _solve, first_pull_value
from meta_bandit.worlds.bandit import GaussianBandit
from meta_bandit.worlds.task import real, require, whole

Floats = NDArray[np.float64]

# at this sigma_p a world of up to 10^5 pulls is as wide as matters: what is missing is below 10^-8
_WIDE = 1e7
_LONGEST = 1e5
_LONGEST_QUIET = 1e4
# noise at which what it costs is extrapolated to none; less of it drowns in rounding
_LITTLE_NOISE = 0.02


class WideConstants(NamedTuple):
    """Three numbers that all wide worlds share (thm-wide-worlds).

    Attributes
    ----------
    committed
        sigma_l abs(m) / (sigma_p^2 sqrt(T)) at the edge of explore-then-commit, over real n.
    adaptive
        The same at the edge of the Bayes-optimal policy, in long lives.
    jump
        Share of life that exploration takes at the edge of explore-then-commit; no edge has more.
    """

    committed: float
    adaptive: float
    jump: float


@cache
def wide_constants() -> WideConstants:
    r"""Edges of wide worlds and long lives, and the largest jump (thm-wide-worlds).

    .. math:: (1 - c^2)\,\varphi(c) = c^3\,\Phi(c), \qquad
        c_0 = z_0 \sqrt{\frac{\psi(z_0)}{1 + \psi(z_0)}}, \qquad \rho(z_0) = 1

    with psi and rho of `edge`.

    Returns
    -------
    WideConstants
        c_0, c, and the jump, :math:`\psi(z_0) / (1 + \psi(z_0))`; no units.
    """

    def unfit(c: float) -> float:
        return float((1 - c**2) * np.exp(-(c**2) / 2) / np.sqrt(2 * np.pi) - c**3 * ndtr(c))

    def unlearnt(z: float) -> float:
        return float(_unlearnt_share(np.array(z))) - 1

    z_0 = brentq(unlearnt, 0.7, 0.8, xtol=1e-15)
    psi = float(_relative_gain(np.array(z_0)))
    jump = psi / (1 + psi)
    return WideConstants(z_0 * jump**0.5, brentq(unfit, 0, 1, xtol=1e-15), jump)


def wide_world_edge(lifetime: ArrayLike) -> Floats:
    r"""Edge of the Bayes-optimal policy in wide worlds, K_T (thm-wide-worlds).

    .. math:: \frac{\sigma^* |m|}{\sigma_p^2} \to K_T \quad (\sigma_p \to \infty), \qquad
        c \sqrt{T} - 2 < K_T \le c \sqrt{T}

    with c of `wide_constants`. In a wide world each move of the estimate is as large as the next,
    so that a threshold depends on nothing but the pulls that are left; one solution has them all.

    Parameters
    ----------
    lifetime : shape (...)
        T, a whole number of pulls from 1 to 10^5.

    Returns
    -------
    shape (...), float64
        No unit; to an absolute 1e-7. In no world, wide or not, is there an edge above.

    Raises
    ------
    ValueError
        If a lifetime is no such number.
    """
    lives = whole("lifetime", lifetime, 1)
    require("lifetime", lives, lives <= _LONGEST, f"at most {_LONGEST:g}")
    longest = int(lives.max(initial=1))
    # here each move of the estimate is 1, in units of the prior mean
    solved = _solve(GaussianBandit(_WIDE, _WIDE**2, longest), _FINE)
    return np.abs(solved.thresholds[longest - lives])


def commitment_price(task: GaussianBandit) -> Floats:
    r"""What a commitment costs in long lives, to first order (prop-price-of-commitment).

    .. math:: V^* - \max_n V(n) \sim T g(\sigma_p) - \max_n V(n)
        \sim \sigma_l \sqrt{2\,T\,\varphi(m/\sigma_p)\,(|m| + g(\sigma_p)) / \sigma_p}

    Parameters
    ----------
    task
        One task, or an array of them. For m >= 0 the cost abs(m) + g is g(sigma_p) - m.

    Returns
    -------
    shape task.shape, float64
        In units of reward.
    """
    density = np.exp(-0.5 * np.square(task.mean / task.sigma_p)) / np.sqrt(2 * np.pi)
    cost = gain(-task.mean, task.sigma_p)
    return np.asarray(task.sigma_l * np.sqrt(2 * task.lifetime * density * cost / task.sigma_p))


def regret_bound(task: GaussianBandit) -> Floats:
    r"""Upper bound of the Bayes-optimal policy's regret (prop-price-of-commitment).

    .. math:: T g(\sigma_p) - V^* \le \tfrac32 g(\sigma_p) - m + (16 \ln T + 4)\,\sigma_l
        + \frac{\sigma_l^2}{\sigma_p \sqrt{2\pi}}
        \left(\tfrac12 + (8 \ln T + 2) \ln T\right)

    It is that of a rule which leaves once an upper confidence bound of the arm falls below zero:
    generous, but its growth as the square of a logarithm is the true one (Lai 1987).

    Parameters
    ----------
    task
        One task, or an array of them.

    Returns
    -------
    shape task.shape, float64
        In units of reward.
    """
    log = np.log(task.lifetime)
    density = 1 / (task.sigma_p * np.sqrt(2 * np.pi))
    near = density * np.square(task.sigma_l) * (0.5 + (8 * log + 2) * log)
    known = gain(task.mean, task.sigma_p)
    return np.asarray(1.5 * known - task.mean + (16 * log + 4) * task.sigma_l + near)


def predictable_sigma_p(lifetime: ArrayLike, mean: ArrayLike = -1.0) -> Floats:
    r"""Ecological uncertainty up to which behaviour is predictable (prop-predictable-side).

    .. math:: \sigma_0: \; (T - 1)\,g(\sigma_0) = |m|

    Every edge begins here, at no noise.

    Parameters
    ----------
    lifetime : shape (...)
        T, a whole number of pulls >= 2.
    mean : shape (...)
        m, < 0.

    Returns
    -------
    shape (...), float64
        In units of reward.

    Raises
    ------
    ValueError
        If the lifetime or the mean lies outside its range.
    """
    lives, means = _checked(lifetime, mean)
    return np.asarray(-means / _inverse_relative_gain(1 / (lives - 1.0)))


def predictable_law(lifetime: ArrayLike, mean: ArrayLike = -1.0) -> Floats:
    r"""Law of the predictable uncertainty in long lives, in closed form (prop-predictable-side).

    .. math:: \frac{|m|}{\sqrt{3\,W(y)}}, \quad y = \tfrac13 \left(\frac{(T - 1)^2}{2 \pi}
        \right)^{1/3}, \qquad
        3\,W(y) = 2 L - 3 \ln (2 L) - \ln (2 \pi) + o(1), \quad L = \ln(T - 1)

    with W Lambert's function. It lies below `predictable_sigma_p`.

    Parameters
    ----------
    lifetime : shape (...)
        T, a whole number of pulls >= 2.
    mean : shape (...)
        m, < 0.

    Returns
    -------
    shape (...), float64
        In units of reward.

    Raises
    ------
    ValueError
        If the lifetime or the mean lies outside its range.
    """
    lives, means = _checked(lifetime, mean)
    argument = np.cbrt(np.square(lives - 1.0) / (2 * np.pi)) / 3
    return np.asarray(-means / np.sqrt(3 * lambertw(argument).real))


def one_pull_sigma_l(task: GaussianBandit) -> Floats:
    r"""Task complexity up to which a single pull pays (prop-predictable-side).

    .. math:: \sigma_1 = \frac{\sigma_p}{\sigma_0} \sqrt{\sigma_p^2 - \sigma_0^2}

    with sigma_0 of `predictable_sigma_p`. It is the edge of the knowledge gradient, which sees no
    further than one pull, and the first part of that of explore-then-commit.

    Parameters
    ----------
    task
        Its sigma_l is not used; its lifetime >= 2 and its mean < 0.

    Returns
    -------
    shape task.shape, float64
        In units of reward; 0 where behaviour is predictable.

    Raises
    ------
    ValueError
        If the lifetime or the mean lies outside its range.
    """
    ratio = task.sigma_p / predictable_sigma_p(task.lifetime, task.mean)
    return np.asarray(task.sigma_p * np.sqrt(np.maximum(np.square(ratio) - 1, 0)))


def small_noise_regret(lifetime: ArrayLike) -> Floats:
    r"""What a little noise costs, ell_T (prop-small-noise).

    .. math:: m + (T - 1)\,g(\sigma_p) - C_0(m) \sim \varphi(m/\sigma_p)
        \frac{\sigma_l^2}{\sigma_p}\,\ell_T \quad (\sigma_l \to 0)

    Beside it the adaptive edge of a nearly predictable world has
    :math:`\sqrt{(T - 1)/(2 \ell_T)}` times the noise of the committed one.

    Parameters
    ----------
    lifetime : shape (...)
        T, a whole number of pulls from 2 to 10^4.

    Returns
    -------
    shape (...), float64
        No unit; 1/2 at T = 2, and below (T - 1)/2 from T = 3 on. To a relative 1e-4: extrapolated
        from two tasks with little noise.

    Raises
    ------
    ValueError
        If a lifetime is no such number.
    """
    lives, _ = _checked(lifetime, -1.0)
    require("lifetime", lives, lives <= _LONGEST_QUIET, f"at most {_LONGEST_QUIET:g}")
    noise = _LITTLE_NOISE * np.array([1.0, 2.0])
    # around m = 0 the density of the estimate is even, so that what is left falls as noise squared
    task = GaussianBandit(1.0, noise, lives[..., None], 0.0)
    informed = (task.lifetime - 1) * gain(0.0, 1.0)
    regret = (informed - first_pull_value(task)) * np.sqrt(2 * np.pi) / np.square(noise)
    return np.asarray((4 * regret[..., 0] - regret[..., 1]) / 3)


def _checked(lifetime: ArrayLike, mean: ArrayLike) -> tuple[NDArray[np.int64], Floats]:
    """Check what has to be a life of at least two pulls, and a negative prior mean."""
    lives, means = whole("lifetime", lifetime, 2), real("mean", mean)
    require("mean", means, means < 0, "< 0")
    return lives, means
