r"""The Bayes-optimal adaptive policy: dynamic programming on the posterior mean (thm-stopping).

The safe arm teaches nothing, so whoever leaves the risky arm has no reason to return: the best
policy is an optimal stopping rule, and time is counted by risky pulls. With x the posterior mean
after n pulls, J what the rest of the life is worth, and C what it is worth if it begins with a
risky pull,

.. math:: J_n(x) = \max(0, C_n(x)), \quad C_n(x) = x + E[J_{n+1}(x + d_n Z)], \quad J_T = 0,
    \quad d_n^2 = v_n - v_{n+1}.

C_n is increasing and convex with slope >= 1, so that it has one root, the threshold b_n. How it
is found, and J_n with it, stands in `stopping_solver`.

Where a life ends after each pull with probability 1 - gamma (prop-hazard), all that comes later
counts only if it is lived to see: every expectation is multiplied by gamma, and the T - n pulls
that are left become the :math:`(1 - \gamma^{T-n})/(1 - \gamma)` that are to be expected.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meta_bandit.theory.commit import optimal_commit
from meta_bandit.theory.posterior import gain
from meta_bandit.theory.stopping_solver import FINE, LONGEST_HORIZON, solve, solve_with_error
from meta_bandit.worlds.bandit import GaussianBandit

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BayesOptimum:
    """The best that any policy can do on a task, and how it is done (thm-stopping).

    Attributes
    ----------
    value : shape task.shape
        Expected return of one life (V*), in units of reward; 0 where never pulling is optimal.
    error : shape task.shape
        Estimated bound of the absolute error of ``value``, in units of reward: the larger
        distance to two solutions with fewer nodes and shorter ranges, plus what all miss alike.
    thresholds : shape (T, *task.shape)
        b_n for n = 0, 1, ..., in units of reward: pull while the posterior mean after n pulls is
        above. Nondecreasing in n up to b_{T-1} = 0; NaN beyond a task's own lifetime.
    expected_pulls : shape task.shape
        Mean number of risky pulls.
    ends_safe : shape task.shape
        Probability that the life's last pull is safe.
    exploration : shape task.shape
        Mean number of risky pulls over the lives that end on the safe arm; 0 where the risky arm
        is never pulled, NaN where no life ends on the safe arm.
    """

    value: Floats
    error: Floats
    thresholds: Floats
    expected_pulls: Floats
    ends_safe: Floats
    exploration: Floats


def bayes_optimal(task: GaussianBandit) -> BayesOptimum:
    r"""Value, thresholds and behaviour of the Bayes-optimal policy (thm-stopping).

    .. math:: V^* = J_0(m), \qquad J_n(x) = \max(0,\; x + E[J_{n+1}(x + d_n Z)])

    The expectation is over the next reward given those before. `stopping_solver` states
    the method; time grows linearly with the lifetimes and with the number of tasks. The policy is
    `policies.Stopping`.

    Parameters
    ----------
    task
        One task, or an array of them, of any prior mean and of different lifetimes.

    Returns
    -------
    BayesOptimum
        Arrays of shape ``task.shape``. ``value`` is never below that of `optimal_commit`: a
        committed plan is one of the policies, so that its value, known to rounding, bounds V*
        from below.

    Raises
    ------
    ValueError
        If a life is longer than a million pulls, or all thresholds are more than 1e8 numbers.
    """
    fine, error = solve_with_error(task)
    pulled = fine.worth > 0
    _, committed = optimal_commit(task)
    value = np.maximum(np.where(pulled, fine.worth, 0.0), committed)
    with np.errstate(invalid="ignore", divide="ignore"):
        exploration = np.where(pulled, fine.leavers_pulls / fine.leaving, 0.0)
    staying_pulls = task.lifetime * (1 - fine.leaving)
    return BayesOptimum(
        value=value,
        error=error,
        thresholds=fine.thresholds,
        expected_pulls=np.where(pulled, staying_pulls + fine.leavers_pulls, 0.0),
        ends_safe=np.where(pulled, fine.leaving, 1.0),
        exploration=exploration,
    )


def first_pull_value(task: GaussianBandit) -> Floats:
    r"""Best expected return of a life that begins with a risky pull (thm-stopping).

    .. math:: C_0(m) = m + E[J_1(m + d_0 Z)], \qquad V^* = \max(0, C_0(m))

    Where it is negative, learning does not pay, and this is how far from paying it is; its zero
    is the edge of prop-stopping-edge. It rises with the lifetime and with sigma_p, and falls with
    sigma_l.

    Parameters
    ----------
    task
        One task, or an array of them.

    Returns
    -------
    shape task.shape, float64
        In units of reward, as exact as the value of `bayes_optimal`.

    Raises
    ------
    ValueError
        As `bayes_optimal`.
    """
    return solve(task, FINE).worth


@dataclass(frozen=True)
class HazardOptimum:
    """The best that can be done in a life that may end at any pull (prop-hazard).

    Attributes
    ----------
    value : shape task.shape
        Expected return of one life, in units of reward; 0 where never pulling is optimal.
    error : shape task.shape
        Estimated bound of the absolute error of ``value``, as in `BayesOptimum`, plus a proven
        bound of what lies beyond the horizon of the computation.
    thresholds : shape (pulls, *task.shape)
        b_n for n = 0, 1, ..., in units of reward: pull while the posterior mean after n pulls is
        above. Nondecreasing in n. The last ones, whose lives hardly anyone lives, are as if life
        ended with them.
    """

    value: Floats
    error: Floats
    thresholds: Floats


def hazard_optimal(task: GaussianBandit, survival: float, tolerance: float = 1e-9) -> HazardOptimum:
    r"""Value and thresholds of the optimum told a hazard of death, not its lifetime (prop-hazard).

    .. math:: J_n(x) = \max(0,\; x + \gamma\,E[J_{n+1}(x + d_n Z)])

    After each pull life goes on with probability gamma, so that it lasts 1/(1 - gamma) pulls on
    average. The expectation is over lives, rewards and lengths of life. The policy is
    `policies.Stopping`: to pull while the Gittins index of the arm is above 0. The horizon is cut
    at H pulls, beyond which not more than :math:`\gamma^H g(\sigma_p)/(1 - \gamma)` is missed.

    Parameters
    ----------
    task
        One task, or an array of them. Their lifetime is not used.
    survival
        gamma, in [0, 1).
    tolerance
        What may be missed beyond the horizon, as a share of :math:`g(\sigma_p)/(1 - \gamma)`, the
        return of who knows the arm; in (0, 1).

    Returns
    -------
    HazardOptimum

    Raises
    ------
    ValueError
        If gamma or the tolerance lies outside its range, or the horizon is beyond a million pulls.
    """
    if not 0 <= survival < 1:
        raise ValueError(f"survival = {survival}: must be a number in [0, 1)")
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance = {tolerance}: must be a number in (0, 1)")
    horizon = 1 + (np.ceil(np.log(tolerance) / np.log(survival)) if survival > 0 else 0)
    if horizon > LONGEST_HORIZON:
        raise ValueError(
            f"survival = {survival}: needs a horizon of {horizon:.3g} pulls: must need at most "
            f"{LONGEST_HORIZON:.0g}"
        )
    cut = GaussianBandit(task.sigma_p, task.sigma_l, horizon, task.mean)
    fine, error = solve_with_error(cut, survival)
    informed = gain(cut.mean, cut.sigma_p) / (1 - survival)
    return HazardOptimum(
        value=np.maximum(fine.worth, 0.0),
        error=error + survival**horizon * informed,
        thresholds=fine.thresholds,
    )
