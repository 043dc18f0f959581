"""Lives of any policy on worlds of many arms, in batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from meta_bandit.worlds.many_arms.world import ManyArms


@dataclass(frozen=True)
class ManyHistory:
    """What a policy may know before a pull. Shapes begin with ``(*world.shape, lives)``.

    Attributes
    ----------
    pull
        Index t of the coming pull, 0 in a life that begins.
    last_action
        Arm of the last pull; 0 everywhere before the first.
    last_reward
        Reward of the last pull; 0 everywhere before the first.
    pulls : shape (..., K - 1)
        Pulls of each unknown arm so far.
    reward_sums : shape (..., K - 1)
        Sums of their rewards.
    """

    pull: int
    last_action: NDArray[np.int64]
    last_reward: NDArray[np.float64]
    pulls: NDArray[np.int64]
    reward_sums: NDArray[np.float64]


class ManyPolicy(Protocol):
    """Anything that can choose an arm."""

    def choose(
        self, world: ManyArms, history: ManyHistory, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Arm of the coming pull, 0 to K - 1, shape ``(..., lives)``.

        The fields of ``world`` end in an axis of length 1, so that they broadcast against what
        ``history`` says of each life. A policy with a memory of its own starts afresh at pull 0.
        """
        ...


@dataclass(frozen=True)
class ManyLives:
    """Lives that were played. Pulls beyond a world's own lifetime are of arm 0 and pay 0.

    Attributes
    ----------
    world
        The world, or the worlds.
    arm_means : shape (*world.shape, lives, K)
        Mean of each arm in each life.
    actions : shape (T, *world.shape, lives), int16
        Arm of each pull; T is the longest lifetime.
    rewards : shape (T, *world.shape, lives)
        Reward of each pull.
    """

    world: ManyArms
    arm_means: NDArray[np.float64]
    actions: NDArray[np.int16]
    rewards: NDArray[np.float64]

    @property
    def pulls(self) -> NDArray[np.int64]:
        """Pulls of each arm within the lifetime, shape (*world.shape, lives, K)."""
        counts = [(self.actions == arm).sum(axis=0) for arm in range(1, int(self.world.arms))]
        unknown = np.stack(counts, axis=-1)
        safe = self.world.lifetime[..., None, None] - unknown.sum(axis=-1, keepdims=True)
        return np.concatenate([safe, unknown], axis=-1)

    @property
    def tried(self) -> NDArray[np.int64]:
        """Unknown arms pulled at least once in each life, shape (*world.shape, lives)."""
        return np.asarray((self.pulls[..., 1:] > 0).sum(axis=-1))

    @property
    def expected_returns(self) -> NDArray[np.float64]:
        """Return of each life with means in place of rewards, shape (*world.shape, lives)."""
        return np.asarray((self.pulls * self.arm_means).sum(axis=-1))


def estimates(
    world: ManyArms, history: ManyHistory
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Posterior means of the unknown arms beyond what arm 0 pays, and their variances.

    .. math:: \hat\mu_i - \mu_1 = \frac{(m - \mu_1)\,\sigma_l^2 + \sigma_p^2 \sum (r - \mu_1)}
        {\sigma_l^2 + n_i \sigma_p^2}, \qquad
        v_i = \frac{\sigma_p^2 \sigma_l^2}{\sigma_l^2 + n_i \sigma_p^2}

    It is that of `theory.posterior`, arm by arm (prop-posterior). The fields of ``world`` end in an
    axis of length 1 for lives.

    Parameters
    ----------
    world
        As a policy is given it.
    history
        Likewise.

    Returns
    -------
    excess, variance : shape (..., lives, K - 1)
        In units of reward, and of reward squared.
    """
    prior, noise = np.square(world.sigma_p)[..., None], np.square(world.sigma_l)[..., None]
    safe = world.safe[..., None]
    weight = noise + history.pulls * prior
    paid = history.reward_sums - history.pulls * safe
    return ((world.mean[..., None] - safe) * noise + prior * paid) / weight, prior * noise / weight


def simulate(
    policy: ManyPolicy, world: ManyArms, lives: int, rng: np.random.Generator
) -> ManyLives:
    """Play lives: every arm's mean is drawn at birth, every reward at its pull.

    Parameters
    ----------
    policy
        Who acts.
    world
        One world, or an array of them; each plays the same number of lives.
    lives
        Lives for each world, >= 1.
    rng
        Where all randomness comes from; the policy draws from a child of it. The same generator
        state gives the same arms and reward noise whatever the policy does.

    Returns
    -------
    ManyLives
        Needs 10 bytes a pull.

    Raises
    ------
    ValueError
        If ``lives`` is below 1, or the policy names an arm that is none.
    """
    if lives < 1:
        raise ValueError(f"lives = {lives}: must be a whole number >= 1")
    own = rng.spawn(1)[0]
    shape, per_life = (*world.shape, lives), world.per_life
    longest, arms = int(world.lifetime.max()), int(world.arms)
    drawn = rng.standard_normal((*shape, arms - 1))
    arm_means = np.empty((*shape, arms))
    arm_means[..., 0] = per_life.safe
    arm_means[..., 1:] = per_life.mean[..., None] + per_life.sigma_p[..., None] * drawn
    actions = np.zeros((longest, *shape), dtype=np.int16)
    rewards = np.zeros((longest, *shape))
    last_action, last_reward = np.zeros(shape, dtype=np.int64), np.zeros(shape)
    pulls = np.zeros((*shape, arms), dtype=np.int64)
    reward_sums = np.zeros((*shape, arms))
    for pull in range(longest):
        seen = (pulls[..., 1:], reward_sums[..., 1:])
        chosen = policy.choose(per_life, ManyHistory(pull, last_action, last_reward, *seen), own)
        if not ((chosen >= 0) & (chosen < arms)).all():
            raise ValueError(f"arm chosen at pull {pull}: must be one of 0 to {arms - 1}")
        alive = np.broadcast_to(pull < per_life.lifetime, shape)
        last_action = np.where(alive, chosen, 0)
        place = last_action[..., None]
        noise = per_life.sigma_l * rng.standard_normal(shape)
        payoff = np.take_along_axis(arm_means, place, -1)[..., 0]
        last_reward = np.where(alive, payoff + np.where(last_action > 0, noise, 0.0), 0.0)
        pulls, reward_sums = pulls.copy(), reward_sums.copy()
        np.put_along_axis(pulls, place, np.take_along_axis(pulls, place, -1) + 1, -1)
        total = np.take_along_axis(reward_sums, place, -1) + last_reward[..., None]
        np.put_along_axis(reward_sums, place, total, -1)
        actions[pull], rewards[pull] = last_action, last_reward
    return ManyLives(world, arm_means, actions, rewards)
