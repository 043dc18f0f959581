"""A bandit with one known arm and several unknown ones; ``theory.many_arms`` has the optima."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta_bandit.worlds.bandit import GaussianBandit
from meta_bandit.worlds.task import Measured, Task, real, require, whole


@dataclass(frozen=True, init=False, eq=False, repr=False)
class ManyArms(Task["ManyPolicy", "ManyLives"]):
    r"""K arms, one life: arm 0 always pays the same, the others what their means allow.

    .. math:: \mu_i \sim N(m, \sigma_p^2) \text{ once a life, for } i = 1, \ldots, K - 1, \qquad
        r \sim N(\mu_i, \sigma_l^2) \text{ at each pull of arm } i.

    The means are independent, and arm 0 pays ``safe`` without noise. As it stands by default it is
    the deceptive form of the bandit with one fixed arm of Norman and Clune (First-Explore, 2024);
    with ``safe=0`` it is the plain form. With two arms it is `GaussianBandit` with ``safe`` added
    to every reward: `one_armed`.

    Parameters
    ----------
    arms : whole
        All arms, the known one included (K), >= 2; one number.
    sigma_p : shape (...)
        Standard deviation of an unknown arm's mean between lives, > 0.
    sigma_l : shape (...)
        Standard deviation of a reward of an unknown arm within a life, > 0.
    lifetime : shape (...), whole
        Pulls in one life (T), >= 1.
    mean : shape (...)
        Prior mean of each unknown arm (m), finite.
    safe : shape (...)
        What arm 0 pays, finite.

    Raises
    ------
    ValueError
        If a value lies outside its range, or the shapes do not broadcast. The message names
        the field, the value and the range.
    """

    arms: NDArray[np.int64]
    sigma_p: NDArray[np.float64]
    sigma_l: NDArray[np.float64]
    lifetime: NDArray[np.int64]
    mean: NDArray[np.float64]
    safe: NDArray[np.float64]

    in_words = (
        "K = arms arms, T pulls a life: arm 0 pays safe; each other arm has a mean mu ~ N(mean, "
        "sigma_p^2), drawn once a life, and pays r ~ N(mu, sigma_l^2) at each pull"
    )
    unit_in_words = "sqrt((mean - safe)^2 + safe^2 + sigma_p^2 + sigma_l^2)"

    def __init__(
        self,
        arms: ArrayLike = 10,
        sigma_p: ArrayLike = 1.0,
        sigma_l: ArrayLike = 0.5,
        lifetime: ArrayLike = 100,
        mean: ArrayLike = 0.0,
        safe: ArrayLike = 0.5,
    ) -> None:
        number = np.unique(whole("arms", arms, 2))
        require("arms", number, number == number[0], "the same in all worlds of an array")
        values: dict[str, NDArray[np.float64] | NDArray[np.int64]] = {
            "arms": number[0].reshape(()),
            "sigma_p": real("sigma_p", sigma_p),
            "sigma_l": real("sigma_l", sigma_l),
            "lifetime": whole("lifetime", lifetime, 1),
            "mean": real("mean", mean),
            "safe": real("safe", safe),
        }
        for name in ("sigma_p", "sigma_l"):
            require(name, values[name], values[name] > 0, "a finite number > 0")
        self._keep(**values)

    @property
    def actions(self) -> dict[str, int]:
        """The arms."""
        return {f"arm {number}": number for number in range(int(self.arms))}

    @property
    def unit(self) -> NDArray[np.float64]:
        r"""Unit in which an agent is told its rewards.

        .. math:: \sqrt{(m - \mu_0)^2 + \mu_0^2 + \sigma_p^2 + \sigma_l^2}
        """
        known = (self.mean - self.safe) ** 2 + self.safe**2
        return np.asarray(np.sqrt(known + self.sigma_p**2 + self.sigma_l**2))

    @property
    def per_life(self) -> ManyArms:
        """The same worlds, each field with an axis of length 1 at its end, for lives."""
        fields = (self.sigma_p, self.sigma_l, self.lifetime, self.mean, self.safe)
        return ManyArms(self.arms, *(field[..., None] for field in fields))

    @property
    def unknown(self) -> int:
        """Arms that are not known, K - 1."""
        return int(self.arms) - 1

    @property
    def one_armed(self) -> GaussianBandit:
        """Each unknown arm against arm 0 alone, in rewards beyond what arm 0 pays."""
        return GaussianBandit(self.sigma_p, self.sigma_l, self.lifetime, self.mean - self.safe)

    def with_arms(self, arms: int) -> ManyArms:
        """The same world with another number of arms in all."""
        return ManyArms(arms, self.sigma_p, self.sigma_l, self.lifetime, self.mean, self.safe)

    def birth(self, lives: int | None, rng: np.random.Generator) -> ManyLife:
        """Begin lives: the mean of every unknown arm is drawn for each."""
        return ManyLife(self, lives, rng)


@dataclass(frozen=True)
class ManyHistory:
    """What a policy may know before a pull. Shapes begin with ``(*task.shape, lives)``.

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
    task
        The world, or the worlds.
    arm_means : shape (*task.shape, lives, K)
        Mean of each arm in each life.
    actions : shape (T, *task.shape, lives), int16
        Arm of each pull; T is the longest lifetime.
    rewards : shape (T, *task.shape, lives)
        Reward of each pull.
    """

    task: ManyArms
    arm_means: NDArray[np.float64]
    actions: NDArray[np.int16]
    rewards: NDArray[np.float64]

    @property
    def pulls(self) -> NDArray[np.int64]:
        """Pulls of each arm within the lifetime, shape (*task.shape, lives, K)."""
        counts = [(self.actions == arm).sum(axis=0) for arm in range(1, int(self.task.arms))]
        unknown = np.stack(counts, axis=-1)
        safe = self.task.lifetime[..., None, None] - unknown.sum(axis=-1, keepdims=True)
        return np.concatenate([safe, unknown], axis=-1)

    @property
    def tried(self) -> NDArray[np.int64]:
        """Unknown arms pulled at least once in each life, shape (*task.shape, lives)."""
        return np.asarray((self.pulls[..., 1:] > 0).sum(axis=-1))

    @property
    def expected_returns(self) -> NDArray[np.float64]:
        """Return of each life with means in place of rewards, shape (*task.shape, lives)."""
        return np.asarray((self.pulls * self.arm_means).sum(axis=-1))

    @property
    def measured(self) -> Measured:
        """What `measure.measure` measures.

        ``expected_return``, in units of reward; unknown arms ``tried``; ``safe_pulls``, of arm 0.
        """
        return {
            "expected_return": (self.expected_returns, "reward"),
            "tried": (self.tried, "arms"),
            "safe_pulls": (self.pulls[..., 0], "pulls"),
        }


def estimates(
    world: ManyArms, history: ManyHistory
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Posterior means of the unknown arms beyond what arm 0 pays, and their variances.

    .. math:: \hat\mu_i - \mu_0 = \frac{(m - \mu_0)\,\sigma_l^2 + \sigma_p^2 \sum (r - \mu_0)}
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


class ManyLife:
    """Lives under way, see `Life`: every arm's mean is drawn at birth, every reward at its pull.

    The same generator state gives the same arms and reward noise whatever the policy does, which
    draws from a child of the generator.
    """

    def __init__(self, world: ManyArms, lives: int | None, rng: np.random.Generator) -> None:
        if lives is None:
            raise ValueError("lives = None: must be a whole number >= 1 on bandits")
        self.task, self.per_life, self.rng = world, world.per_life, rng
        self.policys = rng.spawn(1)[0]
        shape, arms, longest = (*world.shape, lives), int(world.arms), int(world.lifetime.max())
        drawn = rng.standard_normal((*shape, arms - 1))
        self.arm_means = np.empty((*shape, arms))
        self.arm_means[..., 0] = self.per_life.safe
        spread = self.per_life.sigma_p[..., None] * drawn
        self.arm_means[..., 1:] = self.per_life.mean[..., None] + spread
        self.actions = np.zeros((longest, *shape), dtype=np.int16)
        self.rewards = np.zeros((longest, *shape))
        self.pulls = np.zeros((*shape, arms), dtype=np.int64)
        self.reward_sums = np.zeros((*shape, arms))
        self.last_action, self.last_reward = np.zeros(shape, dtype=np.int64), np.zeros(shape)
        self.pull = 0

    @property
    def history(self) -> ManyHistory:
        """What a policy may know by now."""
        seen = (self.pulls[..., 1:], self.reward_sums[..., 1:])
        return ManyHistory(self.pull, self.last_action, self.last_reward, *seen)

    def choose(self, policy: ManyPolicy) -> NDArray[np.int64]:
        """Ask for an arm for each life."""
        chosen, arms = policy.choose(self.per_life, self.history, self.policys), self.task.arms
        if not ((chosen >= 0) & (chosen < arms)).all():
            raise ValueError(f"arm chosen at pull {self.pull}: must be one of 0 to {arms - 1}")
        return chosen

    def step(self, action: NDArray[np.int64]) -> None:
        """Pull the arms, in lives that are not over."""
        alive = np.broadcast_to(self.pull < self.per_life.lifetime, action.shape)
        self.last_action = np.where(alive, action, 0)
        place = self.last_action[..., None]
        noise = self.per_life.sigma_l * self.rng.standard_normal(action.shape)
        payoff = np.take_along_axis(self.arm_means, place, -1)[..., 0]
        paid = payoff + np.where(self.last_action > 0, noise, 0.0)
        self.last_reward = np.where(alive, paid, 0.0)
        self.pulls, self.reward_sums = self.pulls.copy(), self.reward_sums.copy()
        np.put_along_axis(self.pulls, place, np.take_along_axis(self.pulls, place, -1) + 1, -1)
        total = np.take_along_axis(self.reward_sums, place, -1) + self.last_reward[..., None]
        np.put_along_axis(self.reward_sums, place, total, -1)
        self.actions[self.pull], self.rewards[self.pull] = self.last_action, self.last_reward
        self.pull += 1

    def played(self) -> ManyLives:
        """Give the record."""
        return ManyLives(self.task, self.arm_means, self.actions, self.rewards)
