r"""RL^2 agents in the dark treasure room: how they live in training.

They are told x, y and the step of the episode as one-hot (`worlds.treasure_room.where`), beside the
last move, what it paid and the time.

Where treasures are bad on average, a cell that is entered for the first time costs something on
average; that what is found may be taken in every later episode is worth nothing to an agent that
does not yet come back for it. So training may lead from easier lives: those in which treasures are
worth more, or those in which what is bad at the first sight is not counted
(`A2CConfig.free_finds`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from meta_bandit.agents.config import A2CConfig
from meta_bandit.agents.noise import ARMS, PULLS, Noise
from meta_bandit.agents.rollout import Rollout
from meta_bandit.agents.told import tell_where
from meta_bandit.worlds import TreasureRoom
from meta_bandit.worlds.grid import after
from meta_bandit.worlds.task import AnyTask
from meta_bandit.worlds.treasure_room import MOVES
from meta_bandit.worlds.treasure_room import where as numbers


class TreasureRoomRollout(Rollout):
    """The room is drawn at birth; continuation leads from treasures that are never bad.

    At first the least that one is worth is 0 if it is less in the end; or, with free finds, what
    is bad at the first sight is not counted at first.
    """

    default = "treasure-room"
    takes = ("learning_signal", "free_finds")
    who = "agents of treasure rooms"
    noted = {  # noqa: RUF012
        "mean_return": "reward",
        "seen": "cells",
        "least_worth": "reward",
        "entropy": "nats per move",
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
        if len(task.shape) != 1:
            raise ValueError("a table of tasks: agents of treasure rooms are trained on one each")
        if config.learning_signal == "arm-mean":
            raise ValueError(f"learning_signal = 'arm-mean': not for {self.who}")
        super().__init__(task, seeds, config, device, dtype)
        assert isinstance(task, TreasureRoom)
        self.size, self.steps, self.centre = int(task.size), int(task.steps), task.centre
        self.low, self.high = self.task["low"], self.task["high"]
        self.after = torch.tensor(after(self.size, MOVES), device=device)
        agents, lives = len(seeds), config.lives
        self.birth = torch.full((agents, lives), self.centre, device=device)
        self.worth = torch.zeros((agents, self.size**2, lives), dtype=dtype, device=device)
        self.count, self.seen, self.taken = (torch.zeros_like(self.worth) for _ in range(3))
        self.judged = torch.zeros((len(self.mask), agents, lives), dtype=dtype, device=device)
        # a block of random numbers has eight for each move
        self.noise = Noise(seeds, len(self.mask), 4 * lives, dtype, device)
        self.room_noise = Noise(seeds, int(task.treasures), 2 * lives, torch.float64, device)

    def begin(self, update: int | Tensor, share: float | Tensor) -> Tensor:
        """Hide the treasures, and go to the centre; returns Gumbel noise for each move."""
        lives, moves = self.config.lives, len(self.told.actions)
        gumbel = self.noise.gumbel(update, PULLS)
        share = torch.as_tensor(share, dtype=self.low.dtype, device=self.low.device)
        one = torch.ones_like(share)
        self.charged, way = (share, one) if self.config.free_finds else (one, share)
        # of worths that may be below 0, the least is 0 at first
        self.least = torch.where(self.low < 0, torch.minimum(self.low * way, self.high), self.low)
        place, treasure = self.draw_room(update)
        self.worth.zero_().scatter_add_(1, place, treasure)
        self.count.zero_().scatter_add_(1, place, torch.ones_like(treasure))
        self.seen.zero_()
        self.taken.zero_()
        self.hidden = torch.full_like(self.worth[:, 0], place.shape[1])
        self.unseen = torch.full_like(self.hidden, self.size**2)
        self.gain, self.loss = parts(self.least, self.high)
        self.position, self.earned = self.birth, torch.zeros_like(self.hidden)
        told = torch.stack(numbers(self.birth, torch.zeros_like(self.birth), self.size), 1)
        tell_where(told, self.net.inputs[0, :, self.told.cell : self.told.task])
        by_move: Tensor = gumbel.permute(1, 2, 0, 3).unflatten(3, (2, lives)).flatten(2, 3)
        return by_move[:, :, :moves]

    def draw_room(self, update: int | Tensor) -> tuple[Tensor, Tensor]:
        """Draw cell and worth of every treasure, (agents, treasures, lives).

        If `A2CConfig.stratified_arms` says so, the worths of each treasure over the lives are drawn
        one from each of as many slices.
        """
        lives = self.config.lives
        normal, logistic = self.room_noise.draw(update, ARMS)
        (share, order), cells = logistic.sigmoid_().split(lives, -1), self.size**2
        if self.config.stratified_arms:
            share = (order.argsort(-1) + share) / lives
        place = torch.special.ndtr(normal[..., :lives]).mul_(cells).long().clamp_(max=cells - 1)
        share = share.transpose(0, 1).to(self.worth.dtype)
        spread = self.high - self.least
        return place.transpose(0, 1), self.least[:, None] + spread[:, None] * share

    def step(self, step: int, action: Tensor, paid: Tensor, where: Tensor) -> None:
        """Step, take what is there, and note what the step counts."""
        mask = self.mask[step]
        self.position = cell = self.after[self.position, action]
        at = cell[:, None]
        new = (1 - self.seen.gather(1, at)[:, 0]) * mask
        fresh = (1 - self.taken.gather(1, at)[:, 0]) * mask
        reward = self.worth.gather(1, at)[:, 0] * fresh
        if self.config.learning_signal == "posterior-mean":
            density = self.hidden / self.unseen
            first = density * (self.gain - self.charged * self.loss)
        else:
            first = reward.clamp(min=0) + self.charged * reward.clamp(max=0)
        torch.div(torch.where(new > 0, first, reward), self.unit, out=self.judged[step])
        torch.div(reward, self.unit, out=paid)
        self.hidden = self.hidden - new * self.count.gather(1, at)[:, 0]
        self.unseen = self.unseen - new
        self.seen.scatter_(1, at, 1.0)
        self.taken.scatter_(1, at, 1.0)
        self.earned = self.earned + reward
        of_episode = (step + 1) % self.steps
        if of_episode == 0:
            self.position = self.birth
            self.taken.zero_()
        told = numbers(self.position, torch.full_like(cell, of_episode), self.size)
        tell_where(torch.stack(told, 1), where)

    def signal(self) -> Tensor:
        """What each step counts, see `A2CConfig.learning_signal`."""
        return self.judged

    def note(self) -> dict[str, Tensor]:
        """Note what was earned, and how much of the room was seen."""
        return {
            "mean_return": self.earned.mean(-1),
            "seen": (self.size**2 - self.unseen).mean(-1),
            "least_worth": self.least.mean(-1),
        }


def parts(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    r"""Means of what is good of a treasure, :math:`E[x^+]`, and of what is bad, :math:`E[x^-]`."""
    spread = (high - low).clamp(min=1e-6)
    gain = (high.clamp(min=0) ** 2 - low.clamp(min=0) ** 2) / (2 * spread)
    return gain, gain - (low + high) / 2
