"""Lives of any policy on any task, in batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from meta_bandit.task import RISKY, SAFE, GaussianBandit


@dataclass(frozen=True)
class History:
    """What a policy may know before a pull. Arrays have shape ``(*task.shape, lives)``.

    Attributes
    ----------
    pull
        Index t of the coming pull, 0 in a life that begins.
    last_action
        Arm of the last pull (0 safe, 1 risky); 0 everywhere before the first.
    last_reward
        Reward of the last pull; 0 everywhere before the first.
    risky_pulls
        Pulls of the risky arm so far (n).
    reward_sum
        Sum of their rewards; with n a sufficient statistic for the arm's mean.
    """

    pull: int
    last_action: NDArray[np.int8]
    last_reward: NDArray[np.float64]
    risky_pulls: NDArray[np.int64]
    reward_sum: NDArray[np.float64]


class Policy(Protocol):
    """Anything that can say how likely it is to pull the risky arm."""

    def risky_probability(self, task: GaussianBandit, history: History) -> NDArray[np.float64]:
        """Probability of the risky arm at the coming pull, shape ``(..., lives)``.

        The fields of ``task`` end in an axis of length 1, so that they broadcast against the
        arrays of ``history``. A policy with a memory of its own starts afresh at pull 0.
        """
        ...


@dataclass(frozen=True)
class Lives:
    """Lives that were played. Pulls beyond a task's own lifetime are safe and pay 0.

    Attributes
    ----------
    task
        The task, or the tasks.
    arm_mean : shape (*task.shape, lives)
        Mean of the risky arm in each life (mu).
    actions : shape (T, *task.shape, lives), int8
        Arm of each pull; T is the longest lifetime.
    rewards : shape (T, *task.shape, lives)
        Reward of each pull.
    risky_probability : shape (T, *task.shape, lives)
        The policy's probability of the risky arm at each pull.
    """

    task: GaussianBandit
    arm_mean: NDArray[np.float64]
    actions: NDArray[np.int8]
    rewards: NDArray[np.float64]
    risky_probability: NDArray[np.float64]

    def __getitem__(self, index: int | tuple[int, ...]) -> Lives:
        """Pick the lives of one task of an array of tasks, cut to its own lifetime."""
        task = self.task[index]
        place = index if isinstance(index, tuple) else (index,)
        own: Any = (slice(int(task.lifetime)), *place)
        pulls = (self.actions[own], self.rewards[own], self.risky_probability[own])
        return Lives(task, self.arm_mean[place], *pulls)

    @property
    def risky_pulls(self) -> NDArray[np.int64]:
        """Pulls of the risky arm in each life, shape ``(*task.shape, lives)``."""
        return np.asarray(self.actions.sum(axis=0, dtype=np.int64))

    @property
    def last_action(self) -> NDArray[np.int8]:
        """Arm of each life's last pull, shape ``(*task.shape, lives)``."""
        last = np.broadcast_to(self.task.lifetime - 1, self.task.shape)[None, ..., None]
        return np.asarray(np.take_along_axis(self.actions, last, axis=0)[0])


def simulate(policy: Policy, task: GaussianBandit, lives: int, rng: np.random.Generator) -> Lives:
    r"""Play lives: :math:`\mu \sim N(m, \sigma_p^2)`, rewards :math:`r \sim N(\mu, \sigma_l^2)`.

    Parameters
    ----------
    policy
        Who acts.
    task
        One task, or an array of them; each plays the same number of lives.
    lives
        Lives for each task, >= 1.
    rng
        Where all randomness comes from. The same generator state gives the same arms and the
        same reward noise whatever the policy does, so that policies can be compared in pairs.

    Returns
    -------
    Lives
        Needs 17 bytes a pull: split very long runs into several calls.

    Raises
    ------
    ValueError
        If ``lives`` is below 1, or the policy's answer is no probability.
    """
    if lives < 1:
        raise ValueError(f"lives = {lives}: must be a whole number >= 1")
    shape = (*task.shape, lives)
    per_life = task.per_life
    longest = int(task.lifetime.max())
    arm_mean = per_life.mean + per_life.sigma_p * rng.standard_normal(shape)
    actions = np.zeros((longest, *shape), dtype=np.int8)
    rewards = np.zeros((longest, *shape))
    probabilities = np.zeros((longest, *shape))

    last_action = np.full(shape, SAFE, dtype=np.int8)
    last_reward = np.zeros(shape)
    risky_pulls = np.zeros(shape, dtype=np.int64)
    reward_sum = np.zeros(shape)
    for pull in range(longest):
        history = History(pull, last_action, last_reward, risky_pulls, reward_sum)
        probability = policy.risky_probability(per_life, history)
        if not ((probability >= 0) & (probability <= 1)).all():
            raise ValueError(f"probability of the risky arm at pull {pull}: must lie in [0, 1]")
        risky = (rng.random(shape) < probability) & (pull < per_life.lifetime)
        payoff = arm_mean + per_life.sigma_l * rng.standard_normal(shape)
        last_action = np.where(risky, RISKY, SAFE).astype(np.int8)
        last_reward = np.where(risky, payoff, 0.0)
        risky_pulls = risky_pulls + risky
        reward_sum = reward_sum + last_reward
        actions[pull], rewards[pull], probabilities[pull] = last_action, last_reward, probability
    return Lives(task, arm_mean, actions, rewards, probabilities)
