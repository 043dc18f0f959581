"""The book's world: a two-armed Gaussian bandit, its parameters, its lives and their record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta_bandit.worlds.task import Measured, Task, real, require, whole

SAFE = 0
RISKY = 1


@dataclass(frozen=True, init=False, eq=False, repr=False)
class GaussianBandit(Task["Policy", "Lives"]):
    r"""Two arms, one life: the safe arm pays 0, the risky arm pays what its mean allows.

    .. math:: \mu \sim N(m, \sigma_p^2) \text{ once a life}, \qquad r \sim N(\mu, \sigma_l^2)
        \text{ at each risky pull.}

    Every field may be an array; together they broadcast to `shape`, one task for each element.
    The task is the one of the first author's environment ``GaussianBandit-misc`` in gymnax.

    Parameters
    ----------
    sigma_p : shape (...)
        Ecological uncertainty, in [1e-150, 1e150]: standard deviation of the risky arm's mean
        between lives.
    sigma_l : shape (...)
        Task complexity, in [1e-150, 1e150]: standard deviation of a risky reward within a life.
    lifetime : shape (...), whole
        Pulls in one life (T), >= 1.
    mean : shape (...)
        Prior mean of the risky arm (m), in [-1e150, 1e150].

    Raises
    ------
    ValueError
        If a value lies outside its range, or the shapes do not broadcast. The message names
        the field, the value and the range.
    """

    sigma_p: NDArray[np.float64]
    sigma_l: NDArray[np.float64]
    lifetime: NDArray[np.int64]
    mean: NDArray[np.float64]

    coin = True
    in_words = (
        "two arms, T pulls a life: the safe arm (0) pays 0; the risky arm (1) has a mean mu ~ "
        "N(mean, sigma_p^2), drawn once a life, and pays r ~ N(mu, sigma_l^2) at each pull"
    )
    unit_in_words = "sqrt(mean^2 + sigma_p^2 + sigma_l^2)"
    context_in_words = ("ln(sigma_p/|mean|)", "ln(sigma_l/|mean|)", "ln(T/100)")

    def __init__(
        self,
        sigma_p: ArrayLike,
        sigma_l: ArrayLike,
        lifetime: ArrayLike = 100,
        mean: ArrayLike = -1.0,
    ) -> None:
        values: dict[str, NDArray[np.float64] | NDArray[np.int64]] = {
            "sigma_p": real("sigma_p", sigma_p),
            "sigma_l": real("sigma_l", sigma_l),
            "lifetime": whole("lifetime", lifetime, 1),
            "mean": real("mean", mean),
        }
        for name in ("sigma_p", "sigma_l"):
            require(name, values[name], values[name] > 0, "a finite number > 0")
            # beyond these the variance is no number any more
            valid = (values[name] >= 1e-150) & (values[name] <= 1e150)
            require(name, values[name], valid, "in [1e-150, 1e150]")
        require("mean", values["mean"], np.abs(values["mean"]) <= 1e150, "in [-1e150, 1e150]")
        self._keep(**values)

    @property
    def actions(self) -> dict[str, int]:
        """The arms."""
        return {"risky": RISKY, "safe": SAFE}

    @property
    def unit(self) -> NDArray[np.float64]:
        r"""Unit in which an agent is told its rewards: their root mean square (prop-scale).

        .. math:: \sqrt{m^2 + \sigma_p^2 + \sigma_l^2}

        This unit is our choice; any that scales with the task, such as abs(m), states the same
        task.
        """
        return np.asarray(np.sqrt(self.mean**2 + self.sigma_p**2 + self.sigma_l**2))

    @property
    def context(self) -> NDArray[np.float64]:
        r"""What an agent is told of its task, shape ``(*shape, 3)``.

        .. math:: \ln(\sigma_p/|m|),\quad \ln(\sigma_l/|m|),\quad \ln(T / 100)

        For m < 0 that is all that matters, by prop-scale; as logarithms, since it matters by
        factors. Our choice.

        Raises
        ------
        ValueError
            If a prior mean is 0.
        """
        if (self.mean == 0).any():
            raise ValueError("mean = 0: must not be 0 for agents that are told their task")
        unit = np.abs(self.mean)
        parts = (self.sigma_p / unit, self.sigma_l / unit, self.lifetime / 100)
        return np.stack([np.log(np.broadcast_to(part, self.shape)) for part in parts], axis=-1)

    def birth(self, lives: int | None, rng: np.random.Generator) -> BanditLife:
        """Begin lives: the risky arm's mean is drawn for each."""
        return BanditLife(self, lives, rng)


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
    def expected_returns(self) -> NDArray[np.float64]:
        r"""Return of each life with :math:`\mu` in place of the sampled rewards: :math:`\mu N`.

        N is the number of risky pulls. The mean over lives is that of the sampled return, the
        variance is less. Shape ``(*task.shape, lives)``, undiscounted, in units of reward.
        """
        return np.asarray(self.arm_mean * self.risky_pulls)

    @property
    def regrets(self) -> NDArray[np.float64]:
        r"""Regret of each life: :math:`T \max(\mu, 0) - \mu N`, what knowing the arm would add.

        Shape ``(*task.shape, lives)``, in units of reward, >= 0.
        """
        informed = self.task.lifetime[..., None] * np.maximum(self.arm_mean, 0.0)
        return np.asarray(informed - self.expected_returns)

    @property
    def measured(self) -> Measured:
        """What `measure.measure` measures.

        ``expected_return`` and ``regret``, in units of reward; ``ends_safe``, whether a life ends
        on the safe arm; and of those that do, ``exploration``: risky pulls before the last switch
        to the safe arm. For a plan of n >= 1 pulls that then commits it is n exactly, so that the
        optimum of the theory and an agent are measured by one function.
        """
        ends_safe = self.last_action == SAFE
        # a life that ends on the safe arm has pulled the risky one only before its last switch
        explored = np.where(ends_safe, self.risky_pulls, np.nan)
        return {
            "expected_return": (self.expected_returns, "reward"),
            "regret": (self.regrets, "reward"),
            "exploration": (explored, "pulls"),
            "ends_safe": (ends_safe, "share of lives"),
        }

    @property
    def last_action(self) -> NDArray[np.int8]:
        """Arm of each life's last pull, shape ``(*task.shape, lives)``."""
        last = np.broadcast_to(self.task.lifetime - 1, self.task.shape)[None, ..., None]
        return np.asarray(np.take_along_axis(self.actions, last, axis=0)[0])


class BanditLife:
    r"""Lives under way, see `Life`: :math:`r \sim N(\mu, \sigma_l^2)` at each risky pull.

    The same generator state gives the same arms and the same reward noise whatever the policy does,
    so that policies can be compared in pairs.
    """

    def __init__(self, task: GaussianBandit, lives: int | None, rng: np.random.Generator) -> None:
        if lives is None:
            raise ValueError("lives = None: must be a whole number >= 1 on bandits")
        shape = (*task.shape, lives)
        longest = int(task.lifetime.max())
        self.task, self.per_life, self.rng = task, task.per_life, rng
        self.arm_mean = self.per_life.mean + self.per_life.sigma_p * rng.standard_normal(shape)
        self.actions = np.zeros((longest, *shape), dtype=np.int8)
        self.rewards = np.zeros((longest, *shape))
        self.probabilities = np.zeros((longest, *shape))
        last_action = np.full(shape, SAFE, dtype=np.int8)
        none, nothing = np.zeros(shape, dtype=np.int64), np.zeros(shape)
        self.history = History(0, last_action, nothing, none, nothing)

    def choose(self, policy: Policy) -> NDArray[np.bool_]:
        """Ask how likely the risky arm is, and toss a coin for each life."""
        pull = self.history.pull
        probability = policy.risky_probability(self.per_life, self.history)
        if not ((probability >= 0) & (probability <= 1)).all():
            raise ValueError(f"probability of the risky arm at pull {pull}: must lie in [0, 1]")
        self.probabilities[pull] = probability
        return np.asarray(self.rng.random(self.arm_mean.shape) < probability)

    def step(self, action: NDArray[np.bool_]) -> None:
        """Pull the risky arm where it was chosen, in lives that are not over."""
        before, pull = self.history, self.history.pull
        risky = action & (pull < self.per_life.lifetime)
        noise = self.rng.standard_normal(self.arm_mean.shape)
        payoff = self.arm_mean + self.per_life.sigma_l * noise
        last_action = np.where(risky, RISKY, SAFE).astype(np.int8)
        last_reward = np.where(risky, payoff, 0.0)
        self.history = History(
            pull + 1,
            last_action,
            last_reward,
            before.risky_pulls + risky,
            before.reward_sum + last_reward,
        )
        self.actions[pull], self.rewards[pull] = last_action, last_reward

    def played(self) -> Lives:
        """Give the record."""
        return Lives(self.task, self.arm_mean, self.actions, self.rewards, self.probabilities)
