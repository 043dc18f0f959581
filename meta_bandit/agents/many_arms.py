r"""RL^2 agents on many arms: how they live in training, and as a policy that plays.

An agent keeps either one memory of the whole life, or one for each arm, all with the same weights
(`A2CConfig.shared_memory`): it is told what that arm paid and when another one was pulled, and
answers with that arm's logit. So what is learned of one arm holds for every arm, as it should where
arms can be exchanged (Zaheer et al., Deep Sets, 2017), and every index policy can be represented
(prop-many-index): an index is what one arm's own past, and the time, say of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from meta_bandit.agents.a2c import time_input
from meta_bandit.agents.baseline import Baseline
from meta_bandit.agents.config import CONFIGURATIONS, A2CConfig
from meta_bandit.agents.learner import Learner
from meta_bandit.agents.network import ACTION, PER_ARM, REWARD, Ensemble
from meta_bandit.agents.noise import ARMS, PULLS, Noise
from meta_bandit.agents.trained import TrainedAgents
from meta_bandit.agents.training import torch_threads
from meta_bandit.task import Task
from meta_bandit.worlds.many_arms import ManyArms, ManyHistory

OWN, OTHER, OWN_TIME, KNOWN, LAST = range(1, PER_ARM)
"""Rows of x of an arm's memory, after what the arm itself paid if it was pulled last: whether it
was, whether another was, time, whether it is arm 0, what the last pull paid, of whichever arm."""
FALL = 2.0
"""By how many sigma_p arm 0 pays less at the beginning of the continuation's way, at share 0."""

CONFIG = replace(CONFIGURATIONS["companion"], tremble=0.0, good_arms=0.0)
"""How agents are trained by default: as on the bandit, less what is only for two arms."""
SHARED = replace(
    CONFIG,
    shared_memory=True,
    updates=400,
    units=16,
    learning_rate=0.008,
    learning_rate_hold=0.5,
    entropy=0.05,
    entropy_until=0.4,
    backpropagation_clip=math.inf,
    continuation_until=0.0,
)
"""With a memory for each arm, which needs no continuation: our choice, by a few trials on a seed
that is not reported. With slopes bounded at 1, as elsewhere, it stayed at five or six arms."""


class ManyArmsTrainer(Learner):
    """Training on many arms, see `learner.Learner`: how the lives are played.

    The continuation leads from lives in which arm 0 pays less by `FALL` sigma_p to those of the
    task.
    """

    kind = ManyArms
    usual = CONFIG
    noted = {  # noqa: RUF012
        "mean_return": "reward",
        "tried": "arms",
        "safe_pulls": "pulls",
        "known_reward": "reward",
        "entropy": "nats per pull",
        "gradient_norm": "1",
    }

    def __init__(
        self,
        task: ManyArms,
        seeds: Sequence[int],
        config: A2CConfig,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        def column(values: NDArray[Any]) -> Tensor:
            full = np.broadcast_to(values, task.shape)[:, None]
            return torch.tensor(full, dtype=dtype, device=device)

        plain = A2CConfig()
        for name in ("good_arms", "tremble", "task_context"):
            value = getattr(config, name)
            if value != getattr(plain, name):
                raise ValueError(
                    f"{name} = {value!r}: must be {getattr(plain, name)!r} for agents of many arms"
                )
        if config.normalise_advantages == "task" or len(task.shape) != 1:
            raise ValueError("a table of tasks: agents of many arms are trained on one task each")
        if config.shared_memory and config.critic == "network":
            raise ValueError(
                "critic = 'network': must be 'regression' for agents with a memory for each arm"
            )
        super().__init__(task, seeds, config, device, dtype)
        self.arms, lives, agents = int(task.arms.flat[0]), config.lives, len(seeds)
        self.sigma_p, self.sigma_l = column(task.sigma_p), column(task.sigma_l)
        self.mean, self.safe = column(task.mean), column(task.safe)
        self.unit, self.lifetime = column(reward_unit(task)), column(task.lifetime)
        step = torch.arange(self.longest, dtype=dtype, device=device)[:, None, None]
        self.left = 1 - step / self.lifetime
        self.mask = (step < self.lifetime).to(dtype)
        self.samples = self.lifetime[:, 0] * lives
        time = time_input(config.time_feature, step, self.lifetime)
        # the lives of an arm lie side by side, so that views tell arms and lives apart
        by_arm = self.net.inputs.unflatten(3, (-1, lives))
        if config.shared_memory:
            told = by_arm[:, :, :PER_ARM]
            told[:-1, :, OWN_TIME] = time[..., None]
            told[:, :, KNOWN, 0] = 1.0
        else:
            self.net.inputs[:-1, :, ACTION + self.arms] = time
        heads = self.net.heads.unflatten(3, (-1, lives))
        slopes = self.heads_slope.unflatten(3, (-1, lives))
        self.by_arm = by_arm
        self.choices = heads[:, :, 0] if config.shared_memory else heads[:, :, : self.arms, 0]
        self.choices_slope = (
            slopes[:, :, 0] if config.shared_memory else slopes[:, :, : self.arms, 0]
        )
        shape = (self.longest, agents, self.arms, lives)
        self.taken = torch.zeros(shape, dtype=dtype, device=device)
        self.paid = torch.zeros_like(self.taken[:, :, 0])
        self.arm_means = torch.zeros((agents, self.arms, lives), dtype=dtype, device=device)
        # that of the update that is played
        self.pays = self.safe.clone()
        self.number = torch.arange(self.arms, device=device)[:, None]
        self.noise = Noise(seeds, self.longest, lives, dtype, device)
        self.arm_noise = Noise(seeds, self.arms - 1, lives, torch.float64, device)
        self.baseline = Baseline(agents, device)

    @classmethod
    def inputs(cls, task: Task, config: A2CConfig) -> int:
        """Rows of what is told: last reward, last action and time; or those of an arm's memory."""
        assert isinstance(task, ManyArms)
        return PER_ARM if config.shared_memory else ACTION + int(task.arms.flat[0]) + 1

    @classmethod
    def answers(cls, task: Task, config: A2CConfig) -> int:
        """Logits of one memory: of its arm, or of all."""
        assert isinstance(task, ManyArms)
        return 1 if config.shared_memory else int(task.arms.flat[0])

    @classmethod
    def memories(cls, task: Task, config: A2CConfig) -> int:
        """One for each arm, or one for all."""
        assert isinstance(task, ManyArms)
        return int(task.arms.flat[0]) if config.shared_memory else 1

    def state(self, done: int) -> dict[str, Tensor]:
        """All that changes from update to update, see `learner.Learner.state`."""
        known = super().state(done)
        if self.config.critic == "regression":
            known["baseline"] = self.baseline.products
        return known

    def live(self, update: Tensor, share: Tensor) -> dict[str, Tensor]:
        """Play lives in which arm 0 pays less by what is left of the continuation's way."""
        torch.sub(self.safe, (1 - share) * FALL * self.sigma_p, out=self.pays)
        self.play(update)
        pulls = (self.taken * self.mask[:, :, None]).sum(0)
        return {
            "mean_return": (pulls * self.arm_means).sum(1).mean(-1),
            "tried": (pulls[:, 1:] > 0).to(pulls.dtype).sum(1).mean(-1),
            "safe_pulls": pulls[:, 0].mean(-1),
            "known_reward": self.pays[:, 0],
        }

    def play(self, update: int | Tensor) -> None:
        """Play whole lives with sampled actions, arm 0 paying what ``pays`` says."""
        reward, logistic = self.noise.draw(update, PULLS)
        share = logistic.sigmoid_()
        drawn = self.draw_arms(update).to(self.mask.dtype)
        self.arm_means[:, 0] = self.pays
        self.arm_means[:, 1:] = self.mean[:, None] + self.sigma_p[:, None] * drawn
        reward.mul_(self.sigma_l)
        net, last = self.net, self.arms - 1
        net.begin()
        steps = zip(self.choices, share, reward, self.mask, self.by_arm[1:], strict=True)
        for step, (logits, chance, noise, mask, x) in enumerate(steps):
            net.step(step)
            # the first arm at which the probabilities add up to more than the chance
            below = logits.softmax(1).cumsum(1) < chance[:, None]
            arm = below.sum(1, keepdim=True).clamp_(max=last)
            taken = torch.eq(arm, self.number).to(chance.dtype)
            risky = (arm[:, 0] > 0).to(chance.dtype)
            paid = ((taken * self.arm_means).sum(1) + noise * risky).div_(self.unit).mul_(mask)
            self.taken[step], self.paid[step] = taken, paid
            self.tell(x, taken, paid)

    def tell(self, x: Tensor, taken: Tensor, paid: Tensor) -> None:
        """Write what was done and paid into x, of shape (agents, rows, 1 or arms, lives)."""
        if self.config.shared_memory:
            torch.mul(taken, paid[:, None], out=x[:, REWARD])
            x[:, OWN] = taken
            torch.sub(1.0, taken, out=x[:, OTHER])
            x[:, LAST] = paid[:, None]
        else:
            x[:, REWARD, 0] = paid
            x[:, ACTION : ACTION + self.arms, 0] = taken

    def draw_arms(self, update: int | Tensor) -> Tensor:
        """Draw standardised means of the unknown arms, (agents, K - 1, lives)."""
        normal, logistic = self.arm_noise.draw(update, ARMS)
        if self.config.stratified_arms:
            # each arm's in an order of its own
            slices = normal.argsort(-1)
            normal = torch.special.ndtri((slices + logistic.sigmoid_()) / self.config.lives)
        return normal.transpose(0, 1)

    def policy_slope(self, advantage: Tensor, entropy_weight: Tensor) -> Tensor:
        """Write the slopes of the logits; returns the entropies, (steps, agents, lives)."""
        return self.choice_slope(
            self.choices, self.taken, advantage, entropy_weight, self.choices_slope
        )

    def signal(self) -> Tensor:
        """What each pull counts, see `A2CConfig.learning_signal`."""
        if self.config.learning_signal == "reward":
            return self.paid
        if self.config.learning_signal == "arm-mean":
            means = self.arm_means.expand_as(self.taken)
        else:
            known = self.pays[:, None].expand_as(self.taken[:, :, :1])
            means = torch.cat((known, self.posterior()[0]), 2)
        return (self.taken * means).sum(2).div_(self.unit).mul_(self.mask)

    def value(self, reward: Tensor) -> Tensor:
        """What is expected of the rest of a life before each pull, see `A2CConfig.critic`."""
        if self.config.critic == "network":
            return super().value(reward)
        estimate, pulls = self.posterior()
        untried = (pulls == 0).to(reward.dtype).mean(2)
        best = torch.maximum(estimate.amax(2), self.pays)
        returns = reward.flip(0).cumsum(0).flip(0)
        features = self.observe(best, untried)
        return self.baseline.fit(features, returns, self.weight)

    def observe(self, best: Tensor, untried: Tensor) -> Tensor:
        r"""Features of `baseline.Baseline` before each pull, (pulls, agents, features, lives).

        Those of one arm, with the best estimate b in place of its own, what a new arm that is known
        at once would add, :math:`g = E[(\mu - b)^+]`, and in place of the last action the share
        of arms that are untried.
        """
        z = (self.mean - best) / self.sigma_p
        density = (z * z).mul_(-0.5).exp_().mul_(1 / math.sqrt(2 * math.pi))
        gain = (z * torch.special.ndtr(z)).add_(density).mul_(self.sigma_p / self.unit)
        best = best / self.unit
        left = self.left.expand_as(best)
        plain = (torch.ones_like(best), left, left**2, left * best, left * gain, best, gain)
        told = torch.stack(plain, 2).mul_(self.mask[:, :, None])
        return torch.cat((told, told * untried[:, :, None]), 2)

    def posterior(self) -> tuple[Tensor, Tensor]:
        """Mean of each unknown arm given what was seen before each pull, and pulls of it so far.

        Returns
        -------
        estimate, pulls : shape (pulls, agents, K - 1, lives)
            In units of reward (prop-posterior), and pulls.
        """
        taken = self.taken[:, :, 1:]
        seen = taken * self.paid[:, :, None]
        pulls = taken.cumsum(0).sub_(taken)
        seen = seen.cumsum(0).sub_(seen).mul_(self.unit[:, None])
        noise, spread = (self.sigma_l**2)[:, None], (self.sigma_p**2)[:, None]
        weight = (pulls * spread).add_(noise)
        return seen.mul_(spread).add_(self.mean[:, None] * noise).div_(weight), pulls


def reward_unit(task: ManyArms) -> NDArray[np.float64]:
    r"""Unit in which an agent is told its rewards.

    .. math:: \sqrt{(m - \mu_1)^2 + \mu_1^2 + \sigma_p^2 + \sigma_l^2}
    """
    known = (task.mean - task.safe) ** 2 + task.safe**2
    return np.asarray(np.sqrt(known + task.sigma_p**2 + task.sigma_l**2))


class ManyArmsAgent:
    """Each agent of an ensemble on its own element of the world, weights frozen.

    The world that is played may differ from the one an agent was trained on: rewards reach it in
    the unit of its training, the time as that of the life that it lives. With a memory for each
    arm, it may have another number of arms.

    Parameters
    ----------
    trained
        The agents.
    greedy
        Pull the most probable arm, instead of sampling. With a memory for each arm, those that were
        never pulled cannot be told apart: they are one choice, as probable as all of them.
    """

    def __init__(self, trained: TrainedAgents, greedy: bool = True) -> None:
        self.trained = trained
        self.greedy = greedy
        self._unit = np.broadcast_to(reward_unit(trained.task), trained.task.shape)[:, None]
        self._net: Ensemble | None = None

    def choose(
        self, world: ManyArms, history: ManyHistory, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Arm of the coming pull, shape (agents, lives)."""
        agents, lives = len(self.trained.seeds), history.last_action.shape[-1]
        arms, shared = int(world.arms), self.trained.config.shared_memory
        trained_on = int(self.trained.task.arms.flat[0])
        if history.last_action.shape != (agents, lives):
            raise ValueError(
                f"world: shape {history.last_action.shape[:-1]}: must be ({agents},), one for each "
                "agent"
            )
        if not shared and arms != trained_on:
            raise ValueError(f"arms = {arms}: must be {trained_on} for agents with one memory")
        columns = lives * arms if shared else lives
        # one thread: results as in training, and no threads that wait for each other on busy cores
        with torch_threads(1), torch.inference_mode():
            if history.pull == 0:
                weights = torch.from_numpy(self.trained.weights)
                answers = 1 if shared else arms
                self._net = Ensemble(weights, columns, pulls=0, logits=answers)
            if self._net is None or self._net.inputs.shape[-1] != columns:
                raise ValueError("these lives were not begun: the policy must be asked at pull 0")
            x = self._net.inputs[0].unflatten(2, (-1, lives))
            paid = torch.from_numpy(history.last_reward / self._unit)
            taken = history.last_action[:, None] == np.arange(arms)[:, None]
            begun = history.pull > 0
            chosen = torch.from_numpy(taken & begun).to(x.dtype)
            lifetime = torch.from_numpy(np.broadcast_to(world.lifetime, (agents, 1)).astype(float))
            pull = torch.tensor(float(history.pull))
            time = time_input(self.trained.config.time_feature, pull, lifetime)
            if shared:
                x[:, REWARD] = paid[:, None] * chosen
                x[:, OWN] = chosen
                x[:, OTHER] = float(begun) - chosen
                x[:, OWN_TIME] = time[..., None]
                x[:, KNOWN, 0] = 1.0
                x[:, LAST] = paid[:, None]
            else:
                x[:, REWARD, 0] = paid
                x[:, ACTION : ACTION + arms, 0] = chosen
                x[:, ACTION + arms, 0] = time
            heads = self._net.step(0).unflatten(2, (-1, lives))
            logits = (heads[:, 0] if shared else heads[:, :arms, 0]).double().numpy()
        if not self.greedy:
            logits = logits + rng.gumbel(size=logits.shape)
        elif shared:
            untried = np.moveaxis(history.pulls == 0, -1, 1)
            together = np.log(np.maximum(untried.sum(axis=1, keepdims=True), 1))
            logits[:, 1:] += np.where(untried, together, 0.0)
        return np.asarray(logits.argmax(axis=1))
