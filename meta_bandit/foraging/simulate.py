"""Lives of any policy in the foraging world, in batches, and what they were worth."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from meta_bandit.foraging.optimum import Habit, Optimum
from meta_bandit.foraging.world import MOVES, Foraging, distances, travel


@dataclass(frozen=True)
class History:
    """What a policy may know before a move. Arrays have shape ``(*task.shape, lives)``.

    Attributes
    ----------
    time
        Moves made so far (t), 0 in a life that begins.
    position
        Cell where the animal is.
    last_move
        0 to 3 as in `world.MOVES`; -1 before the first.
    last_reward
        What the last move paid; 0 before the first.
    excluded
        Hiding places that are known to be empty: bit k is that of the k-th. After a find these are
        all others; with the time, a sufficient statistic.
    trips
        Rewards so far: trips that are over.
    left_at
        Time at which the last of them was, 0 before.
    """

    time: int
    position: NDArray[np.int64]
    last_move: NDArray[np.int64]
    last_reward: NDArray[np.float64]
    excluded: NDArray[np.int64]
    trips: NDArray[np.int64]
    left_at: NDArray[np.int64]


class Forager(Protocol):
    """Anything that can say how likely it is to make each move."""

    def move_probabilities(self, task: Foraging, history: History) -> NDArray[np.float64]:
        """Probabilities of the moves, shape ``(..., lives, 4)``.

        The fields of ``task`` end in an axis of length 1, so that they broadcast against the
        arrays of ``history``. A policy with a memory of its own starts afresh at time 0.
        """
        ...


@dataclass(frozen=True)
class ForagingLives:
    """Lives that were played. After a task's own lifetime animals stay where they are.

    Attributes
    ----------
    task
        The task, or the tasks.
    hidden : shape (*task.shape, lives)
        Number of the place that holds the large reward.
    positions : shape (T + 1, *task.shape, lives)
        Cells, from birth on; T is the longest lifetime.
    moves : shape (T, *task.shape, lives)
        As in `world.MOVES`.
    fed, found : shape (T, *task.shape, lives)
        Whether a move reached the small, the large reward.
    """

    task: Foraging
    hidden: NDArray[np.int64]
    positions: NDArray[np.int64]
    moves: NDArray[np.int64]
    fed: NDArray[np.bool_]
    found: NDArray[np.bool_]

    @property
    def rewards(self) -> NDArray[np.float64]:
        """Reward of each move, shape ``(T, *task.shape, lives)``."""
        per_life = self.task.per_life
        return np.asarray(per_life.near * self.fed + per_life.far * self.found)

    @property
    def returns(self) -> NDArray[np.float64]:
        """Undiscounted return of each life, shape ``(*task.shape, lives)``."""
        return np.asarray(self.rewards.sum(axis=0))

    @property
    def searched(self) -> NDArray[np.bool_]:
        """Whether a life ever entered a hiding place, shape ``(*task.shape, lives)``."""
        world, places = self.task.grid, self.task.per_life.places
        entered = [
            ((self.positions == cell) | self._found_at(number)).any(axis=0) & (number < places)
            for number, cell in enumerate(world.hiding)
        ]
        return np.asarray(np.any(entered, axis=0))

    @property
    def returned(self) -> NDArray[np.bool_]:
        """Whether the first find was followed by another on the shortest way, in each life.

        This is the mark of an animal that learned where the reward is; shape
        ``(*task.shape, lives)``.
        """
        world = self.task.grid
        direct = distances(world)[world.nest, world.hiding][self.hidden]
        first = self.found.argmax(axis=0)
        again = np.minimum(first + direct, len(self.found) - 1)
        later = np.take_along_axis(self.found, again[None], axis=0)[0]
        return np.asarray(self.found.any(axis=0) & later & (again == first + direct))

    def _found_at(self, number: int) -> NDArray[np.bool_]:
        """Finds at one place: the animal is then in its nest already, not there."""
        none = np.zeros((1, *self.hidden.shape), dtype=bool)
        return np.concatenate([none, self.found & (self.hidden == number)])


def forage(
    policy: Forager, task: Foraging, lives: int | None, rng: np.random.Generator
) -> ForagingLives:
    """Play lives.

    Parameters
    ----------
    policy
        Who acts.
    task
        One task, or an array of them; each plays the same number of lives.
    lives
        Lives for each task, >= 1, the place of the large reward drawn anew for each. With None
        one for each place, in turn, which is every life that there is for a policy that never
        tosses a coin: means over them are then exact. The tasks of an array must then have equally
        many places.
    rng
        Where all randomness comes from. The same state gives the same places whatever the policy.

    Raises
    ------
    ValueError
        If ``lives`` is below 1, or the numbers of places differ, or the policy's answer is no
        probability.
    """
    world, per_life = task.grid, task.per_life
    if lives is None:
        numbers = np.unique(task.places)
        if len(numbers) > 1:
            raise ValueError(f"places = {numbers.tolist()}: must be the same to play every life")
        shape = (*task.shape, int(numbers[0]))
        hidden = np.broadcast_to(np.arange(shape[-1]), shape)
    elif lives < 1:
        raise ValueError(f"lives = {lives}: must be a whole number >= 1")
    else:
        shape = (*task.shape, lives)
        hidden = (rng.random(shape) * per_life.places).astype(np.int64)
    cell = world.hiding[hidden]
    longest = int(task.lifetime.max())
    every = (1 << per_life.places) - 1
    position = np.full(shape, world.nest)
    last_move = np.full(shape, -1)
    last_reward = np.zeros(shape)
    excluded, trips, left_at = np.zeros((3, *shape), dtype=np.int64)
    positions, moves = [position], []
    fed, found = np.zeros((2, longest, *shape), dtype=bool)
    for time in range(longest):
        history = History(time, position, last_move, last_reward, excluded, trips, left_at)
        probabilities = policy.move_probabilities(per_life, history)
        if not (
            (probabilities >= 0).all() and np.allclose(probabilities.sum(axis=-1), 1, atol=1e-6)
        ):
            raise ValueError(f"probabilities of the moves at time {time}: must be >= 0, in all 1")
        # of the moves' cumulated chances the last is 1 but for rounding, which may not add a fifth
        passed = rng.random(shape)[..., None] >= probabilities.cumsum(axis=-1)[..., :-1]
        last_move = passed.sum(axis=-1)
        alive = time < per_life.lifetime
        there, fed[time], found[time] = travel(world, position, last_move, cell)
        fed[time] &= alive
        found[time] &= alive
        for number, place in enumerate(world.hiding):
            empty = alive & (there == place) & (number < per_life.places)
            excluded = np.where(empty, excluded | 1 << number, excluded)
        excluded = np.where(found[time], every ^ (1 << hidden), excluded)
        position = np.where(alive, there, position)
        last_reward = per_life.near * fed[time] + per_life.far * found[time]
        home = fed[time] | found[time]
        trips, left_at = trips + home, np.where(home, time + 1, left_at)
        positions.append(position)
        moves.append(last_move)
    return ForagingLives(task, hidden, np.array(positions), np.array(moves), fed, found)


@dataclass(frozen=True)
class BestForager:
    """Makes the moves of an `Optimum`, in lives of the same task."""

    best: Optimum

    def move_probabilities(self, task: Foraging, history: History) -> NDArray[np.float64]:
        """Probabilities (0 or 1) of the moves."""
        return _surely(self.best.moves[history.time, history.excluded, history.position])


@dataclass(frozen=True)
class HabitForager:
    """Follows a `Habit`: counts its trips, and its moves since the nest, and nothing else."""

    habit: Habit

    def move_probabilities(self, task: Foraging, history: History) -> NDArray[np.float64]:
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
