"""Policies that need no training, each a small frozen class; see `worlds.bandit.Policy`.

The papers that they come from stand in ``book/references.bib``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from meta_bandit.theory.posterior import Estimator, check_estimator, gain, posterior
from meta_bandit.worlds import GaussianBandit
from meta_bandit.worlds.bandit import History

Clock = Literal["fraction", "elapsed", "remaining"]
"""What may be told of the time in a life."""


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


@dataclass(frozen=True, eq=False)
class Stopping:
    r"""Pull while the estimate is above a threshold; leaving is for good (thm-stopping).

    .. math:: \text{risky at pull } n \iff \text{so far always risky, and } \hat\mu_n > b_n

    With the thresholds of `theory.bayes_optimal` no policy earns more on average. Since the other
    arm is known to pay 0, this is also the policy of the finite-horizon Gittins index: the index
    exceeds 0 exactly where continuing is worth more than 0, that is above b_n
    (Bradt, Johnson and Karlin 1956).

    Parameters
    ----------
    thresholds : shape (pulls, *task.shape)
        b_n for n = 0, 1, ..., in units of reward; where NaN, or for n beyond the last, it leaves.
    """

    thresholds: ArrayLike

    def risky_probability(self, task: GaussianBandit, history: History) -> NDArray[np.float64]:
        """Probability (0 or 1) of the risky arm at the coming pull."""
        thresholds = np.asarray(self.thresholds, dtype=np.float64)
        if history.pull >= len(thresholds):
            return np.zeros(history.last_reward.shape)
        estimate, _ = posterior(task, history.risky_pulls, history.reward_sum)
        never_left = history.risky_pulls == history.pull
        above = estimate > thresholds[history.pull, ..., None]
        return np.asarray(never_left & above, dtype=np.float64)


def foreign_thresholds(thresholds: ArrayLike, lifetime: int, clock: Clock) -> NDArray[np.float64]:
    r"""Thresholds for lives of T pulls, as one follows them in lives of T' who reads a clock.

    .. math:: b'_t = b_{k(t)}, \qquad k(t) = \begin{cases}
        \lfloor t\,T/T' \rfloor & \text{fraction of life passed} \\
        \min(t, T - 1) & \text{pulls elapsed} \\
        \max(t + T - T', 0) & \text{pulls remaining} \end{cases}

    In lives of T pulls all three clocks say the same, k(t) = t. With the thresholds of
    `theory.bayes_optimal`, `Stopping` is then the optimum of one lifetime in lives of another: it
    makes no error but to go by its clock.

    Parameters
    ----------
    thresholds : shape (T,)
        b_n for n = 0, ..., T - 1, in units of reward.
    lifetime
        T', in pulls, >= 1.
    clock
        ``"fraction"``, ``"elapsed"`` or ``"remaining"``; where a clock shows a time that lives of
        T pulls do not have, the nearest is taken.

    Returns
    -------
    shape (T',), float64
        In units of reward.

    Raises
    ------
    ValueError
        If the lifetime is below 1 or the clock has no such name.
    """
    own = np.asarray(thresholds, dtype=np.float64)
    if lifetime < 1:
        raise ValueError(f"lifetime = {lifetime}: must be a whole number >= 1")
    pull = np.arange(lifetime)
    read = {
        "fraction": pull * len(own) // lifetime,
        "elapsed": pull,
        "remaining": pull + len(own) - lifetime,
    }
    if clock not in read:
        raise ValueError(f"clock = {clock!r}: must be one of {', '.join(read)}")
    return np.asarray(own[read[clock].clip(0, len(own) - 1)])


@dataclass(frozen=True, eq=False)
class Oracle:
    """Knows the risky arm's mean in every life: pulls it if that is positive.

    Its expected return is `theory.full_information_value`, and its regret is 0. A policy is not
    told the arm's mean by its history, so this one is handed those of lives that another policy
    played: the same generator state gives the same arms again::

        lives = simulate(policy, task, 1000, np.random.default_rng(0))
        informed = simulate(Oracle(lives.arm_mean), task, 1000, np.random.default_rng(0))

    Parameters
    ----------
    arm_mean : shape (*task.shape, lives)
        Mean of the risky arm in each life (mu), in units of reward.
    """

    arm_mean: ArrayLike

    def risky_probability(self, task: GaussianBandit, history: History) -> NDArray[np.float64]:
        """Probability (0 or 1) of the risky arm, the same at every pull of a life."""
        known = np.asarray(self.arm_mean, dtype=np.float64)
        if known.shape != history.last_reward.shape:
            raise ValueError(
                f"arm_mean has shape {known.shape}: must be {history.last_reward.shape}"
            )
        return (known > 0).astype(np.float64)


@dataclass(frozen=True)
class ThompsonSampling:
    r"""Pull an arm as often as it is likely to be the better one (Thompson 1933).

    .. math:: P(\text{risky}) = P(\mu > 0 \mid \text{rewards}) = \Phi(\hat\mu_n / \sqrt{v_n})

    It knows no lifetime.
    """

    def risky_probability(self, task: GaussianBandit, history: History) -> NDArray[np.float64]:
        """Probability of the risky arm at the coming pull."""
        estimate, variance = posterior(task, history.risky_pulls, history.reward_sum)
        return np.asarray(ndtr(estimate / np.sqrt(variance)))


@dataclass(frozen=True)
class UpperConfidenceBound:
    r"""Bayes-UCB: pull the arm with the higher posterior quantile (Kaufmann et al. 2012).

    .. math:: \text{risky at the } t\text{-th pull} \iff
        \hat\mu_n + \sqrt{v_n}\,\Phi^{-1}(1 - 1/t) > 0, \qquad t = 1, 2, \ldots

    The order 1 - 1/t is the one that its authors use in practice (their c = 0). The safe arm's
    quantile is 0 at every order, since its mean is known. It knows no lifetime: it comes back to
    the risky arm again and again, and begins with the safe one, as the quantile of order 0 lies
    below everything.
    """

    def risky_probability(self, task: GaussianBandit, history: History) -> NDArray[np.float64]:
        """Probability (0 or 1) of the risky arm at the coming pull."""
        estimate, variance = posterior(task, history.risky_pulls, history.reward_sum)
        quantile = ndtri(1 - 1 / (history.pull + 1))
        return (estimate + np.sqrt(variance) * quantile > 0).astype(np.float64)


@dataclass(frozen=True)
class KnowledgeGradient:
    r"""Look one pull ahead, as if nothing were learned after it (Frazier et al. 2008).

    .. math:: \text{risky at pull } t \iff \hat\mu_n + (T - t - 1)
        \left(E[\max(\hat\mu_{n+1}, 0)] - \max(\hat\mu_n, 0)\right) > 0

    with :math:`E[\max(\hat\mu_{n+1}, 0)] = g(d_n)` about the mean mu_hat_n, and
    :math:`d_n^2 = v_n - v_{n+1}`: the gain of `theory.gain`. This is the knowledge gradient for
    rewards that count while learning (Ryzhov, Powell and Frazier 2012). A safe pull teaches
    nothing and pays 0, so that the right side is 0. It pulls where `Commit` for one pull would be
    worth its cost; what may still be learned later it does not see.
    """

    def risky_probability(self, task: GaussianBandit, history: History) -> NDArray[np.float64]:
        """Probability (0 or 1) of the risky arm at the coming pull."""
        estimate, variance = posterior(task, history.risky_pulls, history.reward_sum)
        move = variance / np.sqrt(variance + np.square(task.sigma_l))
        informed = gain(estimate, move) - np.maximum(estimate, 0.0)
        pulls_left = np.maximum(task.lifetime - history.pull - 1, 0)
        return (estimate + pulls_left * informed > 0).astype(np.float64)
