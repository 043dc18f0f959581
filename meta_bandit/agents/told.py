"""What agents are told at every step, in training and in play alike: the first rows of their input.

The last reward in the world's unit, the last action as one-hot, the time; then, where the world has
places, the place as one-hot; last their task, if asked for. Before the first step reward and action
are 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from meta_bandit.agents.config import A2CConfig
from meta_bandit.agents.network import ACTION
from meta_bandit.worlds.task import AnyTask


class Told:
    """Rows of what agents of a task and a configuration are told.

    Attributes
    ----------
    actions, cells : shape (actions or cells, 1)
        The numbers that a world has for its actions, from row `network.ACTION` on, and for its
        places, from row ``cell`` on.
    logits
        How many an agent answers with: 1 for a coin to toss, that of the first of two actions, else
        one for each.
    time, cell, task, inputs
        Row of the time; first row of the place, and of the task; rows in all.
    """

    def __init__(self, task: AnyTask, config: A2CConfig, device: torch.device | str) -> None:
        self.actions = torch.tensor(list(task.actions.values()), device=device)[:, None]
        self.cells = torch.arange(task.cells, device=device)[:, None]
        self.logits = 1 if task.coin else len(self.actions)
        self.time = ACTION + len(self.actions)
        self.cell = self.time + 1
        self.task = self.cell + task.cells
        self.inputs = self.task + len(task.context_in_words) * config.task_context


def tell_which(number: Tensor, known: Tensor, rows: Tensor) -> None:
    """Write which of the known numbers each life's is: 1 in its row, 0 in the others.

    Parameters
    ----------
    number : shape (agents, lives)
    known : shape (numbers, 1)
    rows : shape (agents, numbers, lives)
        Written.
    """
    torch.eq(number[:, None], known, out=rows)


def time_input(kind: str, step: Tensor, lifetime: Tensor) -> Tensor:
    """Time as an agent sees it before step t of T, see `A2CConfig.time_feature`."""
    if kind == "fraction":
        return 2 * step / lifetime - 1
    if kind == "elapsed":
        return step / 100 + 0 * lifetime
    if kind == "remaining":
        return (lifetime - step) / 100
    if kind == "log-remaining":
        return ((lifetime - step).clamp(min=1) / 20).log() / 3
    return 0 * (step + lifetime)
