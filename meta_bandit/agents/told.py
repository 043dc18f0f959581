"""What agents are told at every step, in training and in play alike: the first rows of their input.

The last reward in the world's unit, the last action as one-hot, the time; then, where the world has
places, the place as one-hot; last their task, if asked for. Before the first step reward and action
are 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from meta_bandit.agents.config import A2CConfig
from meta_bandit.agents.network import ACTION, PER_ARM, REWARD
from meta_bandit.worlds.task import AnyTask

OWN, OTHER, OWN_TIME, KNOWN, LAST = range(1, PER_ARM)
"""Rows of an arm's own memory (`A2CConfig.shared_memory`), after what the arm itself paid if it was
pulled last: whether it was, whether another was, time, whether it is arm 0, what the last pull
paid, of whichever arm."""


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
    memories
        How many an agent has in one life, all with the same weights.
    time, cell, task, inputs
        Row of the time; first row of the place, and of the task; rows in all.
    """

    def __init__(self, task: AnyTask, config: A2CConfig, device: torch.device | str) -> None:
        self.actions = torch.tensor(list(task.actions.values()), device=device)[:, None]
        self.cells = torch.arange(task.cells, device=device)[:, None]
        self.logits = 1 if task.coin or config.shared_memory else len(self.actions)
        self.memories = len(self.actions) if config.shared_memory else 1
        self.time = OWN_TIME if config.shared_memory else ACTION + len(self.actions)
        self.cell = PER_ARM if config.shared_memory else self.time + 1
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


def tell_where(numbers: Tensor, rows: Tensor) -> None:
    """Write where each life is, by one number or several: 1 in their rows, 0 in the others.

    Parameters
    ----------
    numbers : shape (agents, numbers told, lives)
    rows : shape (agents, cells, lives)
        Written.
    """
    rows.zero_().scatter_(1, numbers, 1.0)


def tell_arms(x: Tensor, taken: Tensor, paid: Tensor, shared: bool, begun: bool = True) -> None:
    """Write which of many arms was taken and what it paid.

    Parameters
    ----------
    x : shape (agents, rows, 1 or arms, lives)
        Written; an axis for the memories, those of an arm side by side.
    taken : shape (agents, arms, lives)
    paid : shape (agents, lives)
    shared, begun
        Whether each arm has a memory of its own; whether anything was taken yet.
    """
    if shared:
        torch.mul(taken, paid[:, None], out=x[:, REWARD])
        x[:, OWN] = taken
        torch.sub(float(begun), taken, out=x[:, OTHER])
        x[:, LAST] = paid[:, None]
    else:
        x[:, REWARD, 0] = paid
        x[:, ACTION : ACTION + taken.shape[1], 0] = taken


def time_input(kind: str, step: Tensor, lifetime: Tensor) -> Tensor:
    """Time as an agent sees it before step t of T, counted from 0, by the name of the feature.

    ``fraction`` 2t/T - 1, ``elapsed`` t/100, ``remaining`` (T - t)/100, ``log-remaining``
    ln(max(T - t, 1)/20)/3, ``none`` 0.
    """
    if kind == "fraction":
        return 2 * step / lifetime - 1
    if kind == "elapsed":
        return step / 100 + 0 * lifetime
    if kind == "remaining":
        return (lifetime - step) / 100
    if kind == "log-remaining":
        return ((lifetime - step).clamp(min=1) / 20).log() / 3
    return 0 * (step + lifetime)
