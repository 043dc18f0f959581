"""Policies that need no training, each a small frozen class; see `simulate.Policy`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta_bandit.simulate import History
from meta_bandit.task import GaussianBandit
from meta_bandit.theory.commit import Estimator, check_estimator
from meta_bandit.theory.posterior import posterior


@dataclass(frozen=True)
class Commit:
    """Explore, then commit: n risky pulls, then the arm that the estimate prefers, for good.

    Its expected return is `theory.commit_value` (thm-commit-value, prop-ml-value). With n = 0 and
    a negative prior mean it never pulls: behaviour that is hard-coded.

    Parameters
    ----------
    pulls : shape (...)
        Length n of the exploration phase, whole, >= 0; broadcasts to the shape of the task.
    estimator
        ``"map"``: the posterior mean; ``"ml"``: the sample mean (the prior's, where n = 0).

    Raises
    ------
    ValueError
        If a length is negative or not whole, or the estimator has no such name.
    """

    pulls: ArrayLike
    estimator: Estimator = "map"

    def __post_init__(self) -> None:
        """Check the fields."""
        check_estimator(self.estimator)
        for n in np.ravel(self.pulls):
            if not (n >= 0 and n == np.floor(n)):
                raise ValueError(f"pulls = {n}: must be a whole number >= 0")

    def risky_probability(self, task: GaussianBandit, history: History) -> NDArray[np.float64]:
        """Probability (0 or 1) of the risky arm at the coming pull."""
        length = np.asarray(self.pulls)[..., None]
        if self.estimator == "ml":
            sampled = length > 0
            estimate = np.where(sampled, history.reward_sum, task.mean)
        else:
            estimate, _ = posterior(task, history.risky_pulls, history.reward_sum)
        committed = np.where(history.pull == length, estimate > 0, history.last_action == 1)
        return np.where(history.pull < length, True, committed).astype(np.float64)


@dataclass(frozen=True)
class Constant:
    """The same probability of the risky arm at every pull: 0 never pulls, 1 always pulls.

    Parameters
    ----------
    probability
        In [0, 1].

    Raises
    ------
    ValueError
        If the probability lies outside [0, 1].
    """

    probability: float

    def __post_init__(self) -> None:
        """Check the field."""
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability = {self.probability}: must lie in [0, 1]")

    def risky_probability(self, task: GaussianBandit, history: History) -> NDArray[np.float64]:
        """Return the constant, in the shape of the lives."""
        return np.full(history.last_reward.shape, float(self.probability))
