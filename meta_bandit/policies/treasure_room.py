"""Policies for the dark treasure room that need no training; see `worlds.treasure_room`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta_bandit.theory.treasure_room import best_walks, gain
from meta_bandit.worlds.treasure_room import MOVES, RoomHistory, TreasureRoom

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """Makes the same moves in every episode, whatever it finds: behaviour that is hard-coded.

    Parameters
    ----------
    moves
        As in `worlds.treasure_room.MOVES`; when they are over, it stays.
    """

    moves: tuple[int, ...] = ()

    def move_probabilities(self, task: TreasureRoom, history: RoomHistory) -> Floats:
        """Probabilities (0 or 1) of the steps."""
        step = history.time % int(task.steps)
        move = self.moves[step] if step < len(self.moves) else 0
        return _surely(np.full(history.position.shape, move))


STAY = Plan()
"""Never moves."""


@dataclass(frozen=True, eq=False)
class Informed:
    """Knows the room, and takes its best walk; handed the worths of lives that another played.

    Parameters
    ----------
    worth : shape (*task.shape, lives, cells)
        What each cell pays.
    """

    worth: ArrayLike

    def move_probabilities(self, task: TreasureRoom, history: RoomHistory) -> Floats:
        """Probabilities (0 or 1) of the steps."""
        return _plan(task, history, np.where(history.taken, 0.0, np.asarray(self.worth)))


@dataclass(frozen=True)
class Planner:
    r"""Take the best walk of what is known, and of what unknown cells may be worth.

    .. math:: D\,(\bar x + b\,L\,g)

    is the score of a cell that was never entered, with D treasures in it on average, by what was
    found and entered so far, and L episodes left after this one; of any other, what it still pays.
    With b = 0 nothing is entered for what it teaches; b = 1 counts a good find once in every
    later episode, as `theory.treasure_room.bound` does, which is the most that it can be worth. It
    plans anew before each step.

    Parameters
    ----------
    bonus
        b, >= 0.
    """

    bonus: float

    def move_probabilities(self, task: TreasureRoom, history: RoomHistory) -> Floats:
        """Probabilities (0 or 1) of the steps."""
        found = (history.seen & (history.worth != 0)).sum(axis=-1, keepdims=True)
        unseen = (~history.seen).sum(axis=-1, keepdims=True)
        hidden = np.maximum(int(task.treasures) - found, 0) / np.maximum(unseen, 1)
        left = (task.lifetime - history.time - 1)[..., None] // int(task.steps)
        low, high = task.low[..., None], task.high[..., None]
        score = hidden * ((low + high) / 2 + self.bonus * left * gain(low, high))
        known = np.where(history.taken, 0.0, history.worth)
        return _plan(task, history, np.where(history.seen, known, score))


def _plan(task: TreasureRoom, history: RoomHistory, score: Floats) -> Floats:
    """Find the first steps of the best walks for the rest of the episode."""
    steps, size = int(task.steps), int(task.size)
    flat, left = score.reshape(-1, size**2), steps - history.time % steps
    start = None if left == steps else history.position.reshape(-1)
    _, first = best_walks(size, left, flat, start)
    return _surely(first.reshape(history.position.shape))


def _surely(move: NDArray[np.int64]) -> Floats:
    """Turn steps into probabilities."""
    return np.eye(len(MOVES))[move]
