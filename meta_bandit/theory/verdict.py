"""Whether learning pays on one task, and if not, why: what the exact optima say together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from meta_bandit.theory.commit import (
    LocalOptima,
    commit_value,
    learning_advantage,
    local_optima,
    optimal_commit,
)
from meta_bandit.theory.edge import critical_lifetime
from meta_bandit.theory.posterior import Estimator, gain
from meta_bandit.theory.stopping import bayes_optimal
from meta_bandit.worlds import GaussianBandit

Reason = Literal["pays", "one-pull", "no-guide", "too-little", "predictable", "short-life"]
"""Why learning pays, or does not: see `Verdict.reason`."""


@dataclass(frozen=True)
class Verdict:
    """The optima of one task, and what follows from them.

    Attributes
    ----------
    optimal_pulls, commit_value
        The best committed plan (n*), and its return.
    never_value
        Return of the best plan that never learns.
    advantage
        What the best committed plan earns more than that.
    critical_lifetime
        The shortest life in which a committed plan earns more; inf beyond 2^53 pulls.
    bayes_value, bayes_error, thresholds
        The Bayes-optimal policy: its return, its error, its thresholds by pull.
    informed
        (T - 1) g(sigma_p): most that all pulls but the first can earn, whatever the noise.
    reason
        ``pays``; or why no committed plan learns: ``one-pull``, nothing can follow from it;
        ``no-guide`` (m >= 0, sample mean), no sample mean is found to be a better guide than the
        prior mean; ``too-little`` (m >= 0), it adds less than can be computed; ``predictable``
        (prop-predictable), no policy can gain; ``short-life`` (prop-short-life), life is shorter
        than the critical lifetime.
    adaptive_pays
        Learning pays for the Bayes-optimal policy, by more than the error of its value.
    other
        The optima in n of the committed plan's return; nothing where never learning is none.
    """

    optimal_pulls: int
    commit_value: float
    never_value: float
    advantage: float
    critical_lifetime: float
    bayes_value: float
    bayes_error: float
    thresholds: NDArray[np.float64]
    informed: float
    reason: Reason
    adaptive_pays: bool
    other: LocalOptima | None

    @property
    def pays(self) -> bool:
        """Learning pays for the best committed plan."""
        return self.reason == "pays"


def judge(task: GaussianBandit, estimator: Estimator = "map") -> Verdict:
    """Say whether learning pays on one task, and why not (prop-predictable, prop-short-life).

    Parameters
    ----------
    task : shape ()
        One task.
    estimator
        What a plan commits by.

    Returns
    -------
    Verdict
    """
    # at the ends of the range, what is next to nothing is to be nothing, without a warning
    with np.errstate(all="ignore"):
        return _judge(task, estimator)


def _judge(task: GaussianBandit, estimator: Estimator) -> Verdict:
    pulls, value = optimal_commit(task, estimator)
    advantage = float(learning_advantage(task, pulls, estimator))
    informed = float((task.lifetime - 1) * gain(task.mean, task.sigma_p))
    best = bayes_optimal(task)
    reason: Reason = "short-life"
    if advantage > 0:
        reason = "pays"
    elif task.lifetime == 1:
        reason = "one-pull"
    elif task.mean >= 0:
        reason = "no-guide" if estimator == "ml" else "too-little"
    elif informed <= -task.mean:
        reason = "predictable"
    optima = local_optima(task)
    # prop-foc: with the sample mean V falls from n = 0+ on or rises to its only maximum
    alone = estimator == "ml" or task.mean >= 0 or np.isnan(optima.interior_pulls)
    return Verdict(
        optimal_pulls=int(pulls),
        commit_value=float(value),
        never_value=float(commit_value(task, 0)),
        advantage=advantage,
        critical_lifetime=float(critical_lifetime(task, estimator)),
        bayes_value=float(best.value),
        bayes_error=float(best.error),
        thresholds=best.thresholds,
        informed=informed,
        reason=reason,
        adaptive_pays=float(best.value) > float(best.error),
        other=None if alone else optima,
    )
