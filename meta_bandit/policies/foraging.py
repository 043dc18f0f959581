"""Foragers that need no training: the best one, and the best that does not learn."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from meta_bandit.theory.foraging import Habit, Optimum
from meta_bandit.worlds.foraging import MOVES, Foraging, ForagingHistory, distances


@dataclass(frozen=True)
class BestForager:
    """Makes the moves of an `Optimum`, in lives of the same task."""

    best: Optimum

    def move_probabilities(self, task: Foraging, history: ForagingHistory) -> NDArray[np.float64]:
        """Probabilities (0 or 1) of the moves."""
        return _surely(self.best.moves[history.time, history.excluded, history.position])


@dataclass(frozen=True)
class HabitForager:
    """Follows a `Habit`: counts its trips, and its moves since the nest, and nothing else."""

    habit: Habit

    def move_probabilities(self, task: Foraging, history: ForagingHistory) -> NDArray[np.float64]:
        """Probabilities (0 or 1) of the moves."""
        world = task.grid
        reach = distances(world)
        last = self.habit.before + self.habit.tours
        touring = (self.habit.before <= history.trips) & (history.trips < last)
        goal = np.full(history.position.shape, world.near)
        # how far it is on its tour follows from the moves since the nest
        since = history.time - history.left_at
        cells = [world.nest, *world.hiding[list(self.habit.tour)]]
        legs = [reach[a, b] for a, b in pairwise(cells)]
        for cell, arrival in reversed(list(zip(cells[1:], np.cumsum(legs), strict=True))):
            goal = np.where(touring & (since < arrival), cell, goal)
        onward = world.after[history.position]
        # not over the near place, unless that is where it goes
        barred = (onward == world.near) & (goal != world.near)[..., None]
        way = np.where(barred, len(world.after), reach[onward, goal[..., None]])
        return _surely(way.argmin(axis=-1))


def _surely(move: NDArray[np.int8] | NDArray[np.int64]) -> NDArray[np.float64]:
    """Turn moves into probabilities."""
    return np.eye(len(MOVES))[move]
