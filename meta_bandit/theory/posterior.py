"""What is known of the risky arm after n pulls, and what acting on it is worth."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcx, ndtr

from meta_bandit.worlds.bandit import GaussianBandit
from meta_bandit.worlds.task import require

Estimator = Literal["map", "ml"]
"""Estimate of the arm's mean: ``"map"``, the posterior mean, or ``"ml"``, the sample mean."""


def check_estimator(estimator: str) -> None:
    """Raise a ValueError if ``estimator`` is not one of `Estimator`."""
    if estimator not in get_args(Estimator):
        raise ValueError(f"estimator = {estimator!r}: must be one of {get_args(Estimator)}")


_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)


def posterior(
    task: GaussianBandit, pulls: ArrayLike, reward_sum: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Posterior mean and variance of the risky arm's mean (prop-posterior).

    .. math:: \hat\mu_n = v_n \left(\frac{m}{\sigma_p^2} + \frac{\sum r}{\sigma_l^2}\right),
        \qquad v_n = \left(\frac{1}{\sigma_p^2} + \frac{n}{\sigma_l^2}\right)^{-1}

    Parameters
    ----------
    task
        Fields broadcast against ``pulls`` and ``reward_sum``.
    pulls : shape (...)
        Risky pulls so far (n), >= 0.
    reward_sum : shape (...)
        Sum of their rewards.

    Returns
    -------
    posterior_mean, posterior_var : shape (...), float64
        In units of reward, and of reward squared.

    Raises
    ------
    ValueError
        If n is negative.
    """
    pulls = np.asarray(pulls)
    require("pulls", pulls, ~(pulls < 0), ">= 0")
    # multiplied through by sigma_p^2 sigma_l^2, so that tiny sigmas do not overflow
    weight = np.square(task.sigma_l) + pulls * np.square(task.sigma_p)
    total = task.mean * np.square(task.sigma_l) + np.asarray(reward_sum) * np.square(task.sigma_p)
    return total / weight, np.square(task.sigma_p) * np.square(task.sigma_l) / weight


def posterior_mean_std(task: GaussianBandit, pulls: ArrayLike) -> NDArray[np.float64]:
    r"""Standard deviation over lives of the posterior mean after n pulls (prop-posterior-law).

    .. math:: s_n = \frac{\sqrt n\,\sigma_p^2}{\sqrt{n \sigma_p^2 + \sigma_l^2}}

    Parameters
    ----------
    task
        Fields broadcast against ``pulls``.
    pulls : shape (...)
        Risky pulls so far (n), >= 0; need not be whole.

    Returns
    -------
    shape (...), float64
        In units of reward; 0 at n = 0, and sigma_p as n grows without bound.

    Raises
    ------
    ValueError
        If n is negative.
    """
    pulls = np.asarray(pulls, dtype=np.float64)
    require("pulls", pulls, ~(pulls < 0), ">= 0")
    root = np.sqrt(pulls)
    return np.asarray(root * np.square(task.sigma_p) / np.hypot(root * task.sigma_p, task.sigma_l))


def gain(mean: ArrayLike, std: ArrayLike) -> NDArray[np.float64]:
    r"""Expected positive part of a Gaussian (thm-commit-value).

    .. math:: g(s) = E[\max(X, 0)] = m\,\Phi(m/s) + s\,\varphi(m/s), \quad X \sim N(m, s^2),
        \quad g(0) = \max(m, 0)

    With X the posterior mean, this is what one pull is worth, on average over lives, to an agent
    that pulls the arm its estimate prefers.

    Parameters
    ----------
    mean : shape (...)
        m, in units of reward.
    std : shape (...)
        s >= 0, in units of reward.

    Returns
    -------
    shape (...), float64
        In units of reward. For m < 0 the two terms nearly cancel; it is computed from the scaled
        complementary error function, so that it keeps its relative precision far into the tail.

    Raises
    ------
    ValueError
        If s is negative.
    """
    mean, std = np.broadcast_arrays(
        np.asarray(mean, dtype=np.float64), np.asarray(std, dtype=np.float64)
    )
    require("std", std, ~(std < 0), ">= 0")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        distance = np.abs(mean) / std
        density = np.exp(-0.5 * np.square(distance) - _LOG_SQRT_2PI)
        tail = std * density * gain_over_density(distance)
    # g(s; m) - g(s; -m) = m, and no information is worth max(m, 0)
    return np.asarray(np.where(std > 0, tail, 0.0) + np.maximum(mean, 0.0))


def gain_over_density(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Gain of an arm z standard deviations below 0, over their size and the density there.

    .. math:: 1 - z M(z), \qquad M(z) = \Phi(-z)/\varphi(z)

    Mills' ratio M comes from the scaled complementary error function; far out, where 1 - z M
    cancels, from its series in :math:`z^{-2}`. Neither the gain nor the density has to be a number.
    """
    with np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore"):
        near = 1 - distance * np.sqrt(np.pi / 2) * erfcx(distance / np.sqrt(2))
        inverse = 1 / np.square(distance)
        far = inverse * (1 - inverse * (3 - inverse * (15 - inverse * 105)))
    return np.where(distance < 60, np.maximum(near, 0), far)


def committed_gain(
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
