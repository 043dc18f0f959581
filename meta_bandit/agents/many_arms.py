r"""RL^2 agents on many arms: how they live in training.

An agent keeps either one memory of the whole life, or one for each arm, all with the same weights
(`A2CConfig.shared_memory`): it is told what that arm paid and when another one was pulled, and
answers with that arm's logit. So what is learned of one arm holds for every arm, as it should where
arms can be exchanged (Zaheer et al., Deep Sets, 2017), and every index policy can be represented
(prop-many-index): an index is what one arm's own past, and the time, say of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from meta_bandit.agents.config import A2CConfig
from meta_bandit.agents.network import PER_ARM
from meta_bandit.agents.noise import ARMS, PULLS, Noise
from meta_bandit.agents.rollout import Rollout
from meta_bandit.agents.told import KNOWN, tell_arms
from meta_bandit.worlds.task import AnyTask

FALL = 2.0
"""By how many sigma_p arm 0 pays less at the beginning of the continuation's way, at share 0."""


class ManyArmsRollout(Rollout):
    """The arms' means are drawn at birth; continuation leads from lives in which arm 0 pays less.

    At first by `FALL` sigma_p, in the end as the task says.
    """

    default = "many-arms"
    takes = ("learning_signal", "critic", "shared_memory")
    who = "agents of many arms"
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
        task: AnyTask,
        seeds: Sequence[int],
        config: A2CConfig,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if config.normalise_advantages == "task" or len(task.shape) != 1:
            raise ValueError("a table of tasks: agents of many arms are trained on one task each")
        if config.shared_memory and config.critic == "network":
            raise ValueError(
                "critic = 'network': must be 'regression' for agents with a memory for each arm"
            )
        super().__init__(task, seeds, config, device, dtype)
        self.sigma_p, self.sigma_l, self.mean, self.safe = (
            self.task[name] for name in ("sigma_p", "sigma_l", "mean", "safe")
        )
        self.arms, lives, agents = len(task.actions), config.lives, len(seeds)
        self.left = 1 - self.step_number / self.lifetime
        # the lives of an arm lie side by side, so that views tell arms and lives apart
        self.by_arm = self.net.inputs.unflatten(3, (-1, lives))
        if config.shared_memory:
            self.by_arm[:, :, :PER_ARM][:, :, KNOWN, 0] = 1.0
        shape = (len(self.mask), agents, self.arms, lives)
        self.taken = torch.zeros(shape, dtype=dtype, device=device)
        self.paid = torch.zeros_like(self.taken[:, :, 0])
        self.arm_means = torch.zeros((agents, self.arms, lives), dtype=dtype, device=device)
        # that of the update that is played
        self.pays = self.safe.clone()
        self.number = torch.arange(self.arms, device=device)[:, None]
        self.noise = Noise(seeds, len(self.mask), lives, dtype, device)
        self.arm_noise = Noise(seeds, self.arms - 1, lives, torch.float64, device)

    def play(self, update: int | Tensor, share: float | Tensor = 1.0) -> None:
        """Play whole lives with sampled actions, arm 0 paying less by what is left of the way."""
        chances, net, last = self.begin(update, share), self.net, self.arms - 1
        net.begin()
        steps = zip(self.by_action(net.heads), chances, self.by_arm[1:], strict=True)
        for step, (logits, chance, x) in enumerate(steps):
            net.step(step)
            # the first arm at which the probabilities add up to more than the chance
            below = logits.softmax(1).cumsum(1) < chance[:, None]
            arm = below.sum(1, keepdim=True).clamp_(max=last)
            self.step(step, arm, self.paid[step], x)

    def begin(self, update: int | Tensor, share: float | Tensor) -> Tensor:
        """Draw the arms and the noise of all pulls; returns the chances that choose an arm."""
        reward, logistic = self.noise.draw(update, PULLS)
        drawn = self.draw_arms(update).to(self.mask.dtype)
        self.pays = self.safe - (1 - share) * FALL * self.sigma_p
        self.arm_means[:, 0] = self.pays
        self.arm_means[:, 1:] = self.mean[:, None] + self.sigma_p[:, None] * drawn
        self.reward_noise = reward.mul_(self.sigma_l)
        return logistic.sigmoid_()

    def step(self, step: int, action: Tensor, paid: Tensor, where: Tensor) -> None:
        """Pull the arms, of shape (agents, 1, lives); ``where`` is the whole input, by memories."""
        taken = torch.eq(action, self.number).to(paid.dtype)
        noise = self.reward_noise[step] * (action[:, 0] > 0)
        earned = ((taken * self.arm_means).sum(1) + noise).div_(self.unit)
        torch.mul(earned, self.mask[step], out=paid)
        self.taken[step] = taken
        tell_arms(where, taken, paid, self.config.shared_memory)

    def note(self) -> dict[str, Tensor]:
        """Note what was earned, and how many arms were tried."""
        pulls = (self.taken * self.mask[:, :, None]).sum(0)
        return {
            "mean_return": (pulls * self.arm_means).sum(1).mean(-1),
            "tried": (pulls[:, 1:] > 0).to(pulls.dtype).sum(1).mean(-1),
            "safe_pulls": pulls[:, 0].mean(-1),
            "known_reward": self.pays[:, 0],
        }

    def by_action(self, values: Tensor) -> Tensor:
        """View of the arms' part of what has the shape of ``net.heads``, a logit each."""
        parts = values.unflatten(3, (-1, self.config.lives))
        shared = self.config.shared_memory
        view: Tensor = parts[:, :, 0] if shared else parts[:, :, : self.arms, 0]
        return view

    def acted(self) -> Tensor:
        """Which arms were taken."""
        return self.taken

    def draw_arms(self, update: int | Tensor) -> Tensor:
        """Draw standardised means of the unknown arms, (agents, K - 1, lives)."""
        normal, logistic = self.arm_noise.draw(update, ARMS)
        if self.config.stratified_arms:
            # each arm's in an order of its own
            slices = normal.argsort(-1)
            normal = torch.special.ndtri((slices + logistic.sigmoid_()) / self.config.lives)
        return normal.transpose(0, 1)

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

    def observed(self) -> Tensor:
        """What an ideal observer knows before each pull, see `observe`."""
        estimate, pulls = self.posterior()
        untried = (pulls == 0).to(estimate.dtype).mean(2)
        best = torch.maximum(estimate.amax(2), self.pays)
        return self.observe(best, untried)

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
