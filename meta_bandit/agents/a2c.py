r"""Training on bandits: lives of an ensemble, the tasks that they are dealt, what agents are told.

The loss and the update are those of `learner`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from meta_bandit.agents.baseline import Baseline, observe
from meta_bandit.agents.config import A2CConfig
from meta_bandit.agents.learner import Learner
from meta_bandit.agents.network import (
    CONTEXT,
    INPUTS,
    LOGIT,
    REWARD,
    RISKY_ROW,
    SAFE_ROW,
    TIME,
)
from meta_bandit.agents.noise import ARMS, PULLS, Noise
from meta_bandit.task import GaussianBandit, Task

CURVES = {
    "mean_return": "reward",
    "risky_pulls": "pulls",
    "entropy": "nats per pull",
    "prior_mean": "reward",
    "gradient_norm": "1",
}
"""Variables of a learning curve and their units."""
_UNIT_RATE = 0.03
"""Weight of a new life in the unit of its task: small, or losses would count most in dry spells."""


class Trainer(Learner):
    """Training on bandits, see `learner.Learner`: who plays the lives, and what agents are told.

    An agent lives on one task, or on a table of them: then every life is dealt a task of its own,
    in turn. Within an update the longest lives come first, so that those that still live are the
    first so many, and nothing is computed for the others.
    """

    kind = GaussianBandit
    noted = CURVES

    def __init__(
        self,
        task: GaussianBandit,
        seeds: Sequence[int],
        config: A2CConfig,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if config.shared_memory:
            raise ValueError("shared_memory = True: must be False for agents of the bandit")
        agents, lives = len(seeds), config.lives
        table = task_table(task, lives, config.task_context)
        longest = int(task.lifetime.max())
        self.widths = widths(table[3], longest, lives)
        super().__init__(task, seeds, config, device, dtype, self.widths)
        self.table = torch.tensor(table, dtype=dtype, device=device)
        # how many tasks an update takes from the table, and after how many updates it begins again
        self.dealt = 1 if len(task.shape) == 1 else lives
        self.rounds = table.shape[-1] // self.dealt
        # the tasks of the lives that are played now: (agents, 1) where all of an agent's are alike
        self.tasks = torch.empty((len(table), agents, self.dealt), dtype=dtype, device=device)
        self.sigma_p, self.sigma_l, self.mean, self.lifetime, self.reward_scale = self.tasks[
            :5
        ].unbind()
        self.pull = torch.arange(longest, dtype=dtype, device=device)[:, None, None]
        self.mask = torch.empty((longest, agents, self.dealt), dtype=dtype, device=device)
        self.samples = torch.empty(agents, dtype=dtype, device=device)
        self.deal(0)
        # that of the update that is played
        self.prior_mean = self.mean.clone()
        self.noise = Noise(seeds, longest, lives, dtype, device)
        # in double precision: in single, the last slice's end would round to 1, an infinite mean
        self.arm_noise = Noise(seeds, 1, lives, torch.float64, device)
        self.baseline = Baseline(agents, device)
        # of each task of the table, the squared unit of its advantages; 0: none yet
        self.task_square = torch.zeros(table.shape[1:], dtype=dtype, device=device)

    @classmethod
    def inputs(cls, task: Task, config: A2CConfig) -> int:
        """Rows of what agents are told: last reward, last action, time; their task if asked for."""
        return INPUTS + CONTEXT * config.task_context

    def state(self, done: int) -> dict[str, Tensor]:
        """All that changes from update to update, see `learner.Learner.state`."""
        known = super().state(done)
        if self.config.normalise_advantages == "task":
            known["task_square"] = self.task_square
        if self.config.critic == "regression":
            known["baseline"] = self.baseline.products
        return known

    def places(self, update: int | Tensor) -> Tensor:
        """Where in the table the tasks of an update stand."""
        places = torch.arange(self.dealt, device=self.table.device)
        return (places + update * self.dealt) % self.table.shape[-1]

    def live(self, update: Tensor, share: Tensor) -> dict[str, Tensor]:
        """Deal tasks, play their lives with the prior mean of the update, note what was pulled."""
        if self.rounds > 1:
            self.deal(update)
        torch.mul(self.mean, share, out=self.prior_mean)
        arm_mean = self.play(update, self.prior_mean)
        risky = (self.net.inputs[1:, :, RISKY_ROW] * self.mask).sum(0)
        if self.weight is not None:
            risky.mul_(self.weight)
        return {
            "mean_return": (risky * arm_mean).mean(-1),
            "risky_pulls": risky.mean(-1),
            "prior_mean": self.prior_mean.mean(-1),
        }

    def deal(self, update: int | Tensor) -> None:
        """Hand the lives of an update their tasks, and tell the agents what they are told."""
        torch.index_select(self.table, 2, self.places(update), out=self.tasks)
        torch.lt(self.pull, self.lifetime, out=self.mask)
        agents, lives = len(self.samples), self.config.lives
        torch.sum(self.lifetime.expand(agents, lives), -1, out=self.samples)
        if self.config.tremble:
            self.limit = (self.lifetime / self.config.tremble - 1).log()
        told, config = self.net.inputs[:-1], self.config
        # where a life has ended nobody reads the time; it is kept finite
        told[:, :, TIME] = time_input(config.time_feature, self.pull, self.lifetime)
        if config.task_context:
            told[:, :, INPUTS : INPUTS + CONTEXT] = self.tasks[5:].transpose(0, 1)

    def play(self, update: int | Tensor, mean: Tensor) -> Tensor:
        """Play whole lives with sampled actions; returns the arms' means, (agents, lives)."""
        reward, threshold = self.noise.draw(update, PULLS)
        if self.limit is not None:
            # a logit beyond the limit acts as the limit would
            threshold.masked_fill_(threshold > self.limit, torch.inf)
            threshold.masked_fill_(threshold < -self.limit, -torch.inf)
        arm_mean = mean + self.sigma_p * self.draw_arms(update, mean).to(mean.dtype)
        # reward of each pull if it is risky; 0 after the end of a life
        reward.mul_(self.sigma_l).add_(arm_mean).div_(self.reward_scale).mul_(self.mask)
        self.arm_mean = arm_mean
        net = self.net
        net.begin()
        outcome = net.inputs[1:]
        steps = zip(
            self.widths,
            net.heads[:, :, LOGIT],
            threshold,
            reward,
            outcome[:, :, RISKY_ROW],
            outcome[:, :, SAFE_ROW],
            outcome[:, :, REWARD],
            strict=True,
        )
        for pull, (alive, *views) in enumerate(steps):
            logit, limit, pays, risky, safe, paid = (
                views if alive == self.config.lives else (view[:, :alive] for view in views)
            )
            net.step(pull)
            torch.gt(logit, limit, out=risky)
            torch.le(logit, limit, out=safe)
            torch.mul(risky, pays, out=paid)
        return arm_mean

    def signal(self) -> Tensor:
        """What each pull counts, see `A2CConfig.learning_signal`."""
        paid = self.net.inputs[1:, :, REWARD]
        if self.config.learning_signal == "reward":
            return paid
        risky = self.net.inputs[1:, :, RISKY_ROW] * self.mask
        if self.config.learning_signal == "arm-mean":
            return risky * (self.arm_mean / self.reward_scale)
        estimate, _ = self.posterior()
        return estimate.div_(self.reward_scale).mul_(risky)

    def value(self, reward: Tensor) -> Tensor:
        """What is expected of the rest of a life before each pull, see `A2CConfig.critic`."""
        if self.config.critic == "network":
            return super().value(reward)
        mean, std = self.posterior()
        left = 1 - self.pull / self.lifetime
        risky = self.net.inputs[1:, :, RISKY_ROW]
        features = observe(mean, std, left, risky, self.mask, self.reward_scale)
        returns = reward.flip(0).cumsum(0).flip(0)
        return self.baseline.fit(features, returns, self.weight)

    def posterior(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the arm before each pull, given what was seen of it.

        Under the prior mean of the update (prop-posterior), in units of reward.

        Returns
        -------
        mean, std : shape (pulls, agents, lives)
        """
        paid, risky = self.net.inputs[1:, :, REWARD], self.net.inputs[1:, :, RISKY_ROW]
        pulls = risky.cumsum(0).sub_(risky)
        seen = paid.cumsum(0).sub_(paid).mul_(self.reward_scale)
        noise, spread = self.sigma_l**2, self.sigma_p**2
        weight = pulls.mul_(spread).add_(noise)
        mean = seen.mul_(spread).add_(self.prior_mean * noise).div_(weight)
        return mean, (noise * spread / weight).sqrt_()

    def draw_arms(self, update: int | Tensor, mean: Tensor) -> Tensor:
        """Draw a standardised arm's mean for each life, and say what it weighs: (agents, lives)."""
        config = self.config
        normal, logistic = self.arm_noise.draw(update, ARMS)
        if not (config.stratified_arms or config.good_arms):
            return normal[0]
        # shares of the law that arms are drawn from, one in each of as many equal slices
        share = logistic[0].sigmoid_()
        if config.stratified_arms:
            slices = torch.arange(config.lives, device=normal.device)
            if self.dealt > 1:
                # in an order of chance, or a task would always meet the same part of the prior
                slices = normal[0].argsort(-1)
            share = (slices + share) / config.lives
        if not config.good_arms:
            within: Tensor = torch.special.ndtri(share)
            return within
        # of the prior, a part is good; of the lives, that part of the others and some more
        good = torch.special.ndtr((mean / self.sigma_p).double())
        rest = 1 - config.good_arms
        drawn = rest * good + config.good_arms
        worse = share < 1 - drawn
        self.weight = torch.where(worse, 1 / rest, good / drawn).to(mean.dtype)
        # the better ones by their distance from the upper end, which rounding would lose
        above = (good * (1 - share) / drawn).clamp(min=1e-300)
        return torch.where(worse, torch.special.ndtri(share / rest), -torch.special.ndtri(above))

    def normalise(self, advantage: Tensor, update: int | Tensor) -> None:
        """Normalise advantages by agent or by task, see `A2CConfig.normalise_advantages`.

        By task, the unit is the root mean square over lives of the largest in each life: that of
        all pulls would be small where most lives are left early, and single lucky ones would be
        all that counts. It comes from earlier lives on the task, since the luck of this one must
        not weigh itself.
        """
        if self.config.normalise_advantages != "task":
            super().normalise(advantage, update)
            return
        places = self.places(update)
        before = self.task_square.index_select(1, places)
        now = advantage.square().amax(0)
        overall = now.mean(-1, keepdim=True)
        if self.dealt == 1:
            now = overall
        known = before > 0
        advantage.div_(torch.where(known, before, overall).sqrt_().add_(1e-8))
        after = torch.where(known, before + _UNIT_RATE * (now - before), now)
        self.task_square.index_copy_(1, places, after)


def reward_scale(task: GaussianBandit) -> NDArray[np.float64]:
    r"""Unit in which an agent is told its rewards: their root mean square (prop-scale).

    .. math:: \sqrt{m^2 + \sigma_p^2 + \sigma_l^2}

    This unit is our choice; any that scales with the task, such as abs(m), states the same task.
    """
    return np.asarray(np.sqrt(task.mean**2 + task.sigma_p**2 + task.sigma_l**2))


def task_table(task: GaussianBandit, lives: int, told: bool) -> NDArray[np.float64]:
    """Lay out the tasks that agents are dealt, and what is told of them.

    Parameters
    ----------
    task : shape (agents,) or (agents, tasks)
        One task for each agent, or a table that is a whole number of updates long.
    lives
        Lives of an update.
    told
        Whether agents are told their task.

    Returns
    -------
    shape (5 or 8, agents, 1 or tasks)
        sigma_p, sigma_l, m, T, `reward_scale`; then the three `task_inputs`, where they are told.
        The tasks of an update are those of the table, with the longest first.
    """
    agents = task.shape[0]
    parts = [task.sigma_p, task.sigma_l, task.mean, task.lifetime, reward_scale(task)]
    context = np.moveaxis(task_inputs(task), -1, 0) if told else ()
    rows = [np.broadcast_to(part, task.shape) for part in (*parts, *context)]
    table = np.stack(rows).reshape(len(rows), agents, -1)
    if len(task.shape) == 1:
        return table
    updates = table.reshape(len(rows), agents, -1, lives)
    order = np.argsort(-updates[3], axis=-1, kind="stable")
    return np.take_along_axis(updates, order[None], axis=-1).reshape(table.shape)


def widths(lifetime: NDArray[np.float64], pulls: int, lives: int) -> list[int]:
    """Lives that may be alive at each pull, in any update: the first so many.

    Parameters
    ----------
    lifetime : shape (agents, 1 or tasks)
        In the order of `task_table`.
    """
    if lifetime.shape[-1] == 1:
        return [lives] * pulls
    longest = lifetime.reshape(-1, lives).max(axis=0)
    return [int((longest > pull).sum()) for pull in range(pulls)]


def task_inputs(task: GaussianBandit) -> NDArray[np.float64]:
    r"""What an agent is told of its task with `A2CConfig.task_context`.

    .. math:: \ln(\sigma_p/|m|),\quad \ln(\sigma_l/|m|),\quad \ln(T / 100)

    For m < 0 that is all that matters, by prop-scale; as logarithms, since it matters by factors.
    Our choice.

    Returns
    -------
    shape (*task.shape, 3)

    Raises
    ------
    ValueError
        If a prior mean is 0.
    """
    if (task.mean == 0).any():
        raise ValueError("mean = 0: must not be 0 for agents that are told their task")
    unit = np.abs(task.mean)
    parts = (task.sigma_p / unit, task.sigma_l / unit, task.lifetime / 100)
    return np.stack([np.log(np.broadcast_to(part, task.shape)) for part in parts], axis=-1)


def time_input(kind: str, pull: Tensor, lifetime: Tensor) -> Tensor:
    """Time as an agent sees it before pull t of T, see `A2CConfig.time_feature`."""
    if kind == "fraction":
        return 2 * pull / lifetime - 1
    if kind == "elapsed":
        return pull / 100 + 0 * lifetime
    if kind == "remaining":
        return (lifetime - pull) / 100
    if kind == "log-remaining":
        return ((lifetime - pull).clamp(min=1) / 20).log() / 3
    return 0 * (pull + lifetime)
