r"""RL^2 agents that forage: how they live in training, and as a policy that plays.

The network, the loss and the update are those of the bandit's agents (`agents.learner`): a world
is told apart by what agents see, by how many answers they have, and by how lives are played.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from meta_bandit.agents.a2c import time_input
from meta_bandit.agents.config import CONFIGURATIONS, A2CConfig
from meta_bandit.agents.learner import Learner
from meta_bandit.agents.network import ACTION, REWARD, Ensemble
from meta_bandit.agents.noise import ARMS, PULLS, Noise
from meta_bandit.agents.trained import TrainedAgents, load_agents
from meta_bandit.agents.training import torch_threads, train
from meta_bandit.foraging.simulate import History
from meta_bandit.foraging.world import MOVES, Foraging, travel
from meta_bandit.task import Task

TIME = ACTION + len(MOVES)
POSITION = TIME + 1
"""Rows of what a forager is told: last reward, last move as one-hot, time, then its cell."""

CONFIG = replace(CONFIGURATIONS["plain"], updates=800, entropy=0.3)
"""How foragers are trained: our choice, found by trial. With less entropy some do not find the
hidden reward often enough to learn what it is worth."""


class ForagingTrainer(Learner):
    """Training on foraging worlds, see `learner.Learner`: how the lives are played.

    The continuation leads from lives in which the near place pays nothing, though it sends home,
    to those of the task: from the searching side.
    """

    kind = Foraging
    logits = len(MOVES)
    noted = {  # noqa: RUF012
        "mean_return": "reward",
        "found": "finds",
        "near_reward": "reward",
        "entropy": "nats per move",
        "gradient_norm": "1",
    }

    def __init__(
        self,
        task: Foraging,
        seeds: Sequence[int],
        config: A2CConfig,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        def column(values: NDArray[Any], kind: torch.dtype = dtype) -> Tensor:
            full = np.broadcast_to(values, task.shape)[:, None]
            return torch.tensor(full, dtype=kind, device=device)

        plain = A2CConfig()
        for name in ("learning_signal", "critic", "good_arms", "tremble", "shared_memory"):
            value = getattr(config, name)
            if value != getattr(plain, name):
                raise ValueError(
                    f"{name} = {value!r}: must be {getattr(plain, name)!r} for agents that forage"
                )
        super().__init__(task, seeds, config, device, dtype)
        longest, lives = self.longest, config.lives
        self.grid = task.grid._replace(
            after=torch.tensor(task.grid.after, device=device),
            hiding=torch.tensor(task.grid.hiding, device=device),
        )
        self.far, self.near = column(task.far), column(task.near)
        self.places, self.lifetime = column(task.places, torch.float64), column(task.lifetime)
        step = torch.arange(longest, dtype=dtype, device=device)[:, None, None]
        self.mask = (step < self.lifetime).to(dtype)
        self.samples = self.lifetime[:, 0] * lives
        self.net.inputs[:-1, :, TIME] = time_input(config.time_feature, step, self.lifetime)
        self.birth = torch.full((len(seeds), lives), self.grid.nest, device=device)
        self.net.inputs[0, :, POSITION + self.grid.nest] = 1.0
        self.arange = torch.arange(len(task.grid.after), device=device)[:, None]
        # a block of random numbers has one for each move
        self.noise = Noise(seeds, longest, 2 * lives, dtype, device)
        self.place_noise = Noise(seeds, 1, lives, torch.float64, device)

    @classmethod
    def inputs(cls, task: Task, config: A2CConfig) -> int:
        """Rows of what agents are told: last reward, last move, time, cell."""
        assert isinstance(task, Foraging)
        return POSITION + len(task.grid.after)

    def live(self, update: Tensor, share: Tensor) -> dict[str, Tensor]:
        """Play lives in which the near place pays that share of its reward."""
        near = self.near * share
        fed, found = self.play(update, near)
        return {
            "mean_return": (near * fed + self.far * found).mean(-1),
            "found": found.mean(-1),
            "near_reward": near[:, 0],
        }

    def play(self, update: int | Tensor, near: Tensor) -> tuple[Tensor, Tensor]:
        """Play whole lives with sampled moves; returns rewards of both kinds, (agents, lives)."""
        # the move with the highest logit + Gumbel noise is a sample of the softmax
        gumbel = self.noise.uniform(update, PULLS).log_().neg_().log_().neg_()
        gumbel = gumbel.permute(1, 2, 0, 3)
        hidden = self.grid.hiding[self.draw_places(update)]
        position = self.birth
        total_fed, total_found = torch.zeros_like(self.mask[0]), torch.zeros_like(self.mask[0])
        small, large = near / self.far, torch.ones_like(self.far)
        moves = self.arange[: self.logits]
        net = self.net
        net.begin()
        for step, (mask, x) in enumerate(zip(self.mask, net.inputs[1:], strict=True)):
            move = (net.step(step)[:, : self.logits] + gumbel[step]).argmax(1)
            position, fed, found = travel(self.grid, position, move, hidden)
            fed, found = fed * mask, found * mask
            torch.add(fed * small, found * large, out=x[:, REWARD])
            torch.eq(move[:, None], moves, out=x[:, ACTION:TIME])
            torch.eq(position[:, None], self.arange, out=x[:, POSITION : net.read])
            total_fed, total_found = total_fed + fed, total_found + found
        return total_fed, total_found

    def draw_places(self, update: int | Tensor) -> Tensor:
        """Draw where the large reward is in each life, as numbers of places, (agents, lives)."""
        _, logistic = self.place_noise.draw(update, ARMS)
        uniform = logistic[0].sigmoid_()
        lives = self.config.lives
        if self.config.stratified_arms:
            uniform = (torch.arange(lives, device=uniform.device) + uniform) / lives
        return (uniform * self.places).long().clamp_(max=len(self.grid.hiding) - 1)


def train_foragers(
    task: Foraging,
    seeds: Sequence[int],
    config: A2CConfig = CONFIG,
    device: str = "auto",
    progress: bool | Callable[[int], None] = True,
    threads: int = 1,
    checkpoint: Path | None = None,
) -> TrainedAgents:
    """Meta-train one agent on each world, all side by side: `agents.train` for foragers."""
    return train(
        task, seeds, config, device, progress, threads, checkpoint, learner=ForagingTrainer
    )


def load_foragers(path: Path) -> TrainedAgents:
    """Read what `agents.save_agents` wrote of foragers."""
    return load_agents(path, ForagingTrainer)


class ForagingAgent:
    """Each agent of an ensemble on its own element of the task, weights frozen.

    The world that is played may differ from the one an agent was trained on: rewards reach it in
    the unit of its training, its large reward; the time as that of the life that it lives.

    Parameters
    ----------
    trained
        The agents.
    greedy
        Make the most probable move, instead of sampling.
    """

    def __init__(self, trained: TrainedAgents, greedy: bool = True) -> None:
        self.trained = trained
        self.greedy = greedy
        self._unit = np.broadcast_to(trained.task.far, trained.task.shape)[:, None]
        self._net: Ensemble | None = None

    def move_probabilities(self, task: Foraging, history: History) -> NDArray[np.float64]:
        """Probabilities of the moves, shape (agents, lives, 4)."""
        agents, lives = len(self.trained.seeds), history.position.shape[-1]
        if history.position.shape != (agents, lives):
            raise ValueError(
                f"task: shape {history.position.shape[:-1]}: must be ({agents},), one for each "
                "agent"
            )
        with torch_threads(1), torch.inference_mode():
            if history.time == 0:
                weights = torch.from_numpy(self.trained.weights)
                self._net = Ensemble(weights, lives, pulls=0, logits=len(MOVES))
            if self._net is None or self._net.inputs.shape[-1] != lives:
                raise ValueError("these lives were not begun: the policy must be asked at time 0")
            x = self._net.inputs[0]
            x[:, REWARD] = torch.from_numpy(history.last_reward / self._unit)
            for row, seen, known in (
                (ACTION, history.last_move, len(MOVES)),
                (POSITION, history.position, len(task.grid.after)),
            ):
                told = seen[:, None] == np.arange(known)[:, None]
                x[:, row : row + known] = torch.from_numpy(told)
            time = torch.tensor(float(history.time))
            lifetime = torch.from_numpy(np.broadcast_to(task.lifetime, (agents, 1)).astype(float))
            x[:, TIME] = time_input(self.trained.config.time_feature, time, lifetime)
            logits = self._net.step(0)[:, : len(MOVES)].transpose(1, 2)
            if self.greedy:
                return np.asarray(np.eye(len(MOVES))[logits.argmax(-1).numpy()])
            return np.asarray(logits.double().softmax(-1).numpy())
