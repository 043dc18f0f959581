"""The plain peer: one LSTM agent, its loop unrolled and differentiated by autograd.

What one writes first: `torch.nn.LSTMCell`, a `Categorical` at each pull, lists, `backward()`. The
network, the loss and the update are those of `meta_bandit.agents`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Categorical

from meta_bandit import GaussianBandit
from meta_bandit.agents.config import A2CConfig


class PlainTrainer:
    """One agent on one task; `update` plays lives and moves the weights once."""

    def __init__(self, task: GaussianBandit, config: A2CConfig) -> None:
        self.task, self.config = task, config
        self.scale = float(task.unit)
        self.pulls = int(task.lifetime)
        self.cell = nn.LSTMCell(4, config.units)
        self.heads = nn.Linear(config.units, 3)  # two logits, value
        self.parameters = [*self.cell.parameters(), *self.heads.parameters()]
        self.optimiser = torch.optim.Adam(self.parameters, config.learning_rate)

    def update(self, number: int) -> None:
        """Play whole lives, then one step of Adam."""
        config, lives = self.config, self.config.lives
        learning_rate, entropy_weight, share = config.at(number)
        mean = float(self.task.mean) * share
        arm_mean = mean + float(self.task.sigma_p) * torch.randn(lives)
        hidden = cell = torch.zeros(lives, config.units)
        action, reward = torch.zeros(lives, 2), torch.zeros(lives)
        log_probabilities, entropies, values, rewards = [], [], [], []
        for pull in range(self.pulls):
            time = torch.full((lives, 1), 2 * pull / self.pulls - 1)
            seen = torch.cat([reward[:, None] / self.scale, action, time], dim=1)
            hidden, cell = self.cell(seen, (hidden, cell))
            heads = self.heads(hidden)
            policy = Categorical(logits=heads[:, :2])
            choice = policy.sample()
            pays = arm_mean + float(self.task.sigma_l) * torch.randn(lives)
            reward = torch.where(choice == 1, pays, 0.0)
            action = nn.functional.one_hot(choice, 2).float()
            log_probabilities.append(policy.log_prob(choice))
            entropies.append(policy.entropy())
            values.append(heads[:, 2])
            rewards.append(reward / self.scale / self.pulls)
        value = torch.stack(values)
        advantage = self._advantages(torch.stack(rewards), value.detach())
        target = value.detach() + advantage
        if config.normalise_advantages:
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        policy_loss = -(advantage * torch.stack(log_probabilities)).mean()
        value_loss = 0.5 * (value - target).square().mean()
        entropy = torch.stack(entropies).mean()
        loss = policy_loss + config.value_weight * value_loss - entropy_weight * entropy
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, config.gradient_clip)
        self.optimiser.param_groups[0]["lr"] = learning_rate
        self.optimiser.step()

    def _advantages(self, rewards: Tensor, values: Tensor) -> Tensor:
        later = torch.zeros_like(values[0])
        after = later
        advantages = []
        for reward, value in zip(rewards.flip(0), values.flip(0), strict=True):
            delta = reward + self.config.discount * after - value
            later = delta + self.config.discount * self.config.gae_lambda * later
            advantages.append(later)
            after = value
        return torch.stack(advantages[::-1])
