"""A dark room with hidden treasures, in episodes; ``theory.treasure_room`` has the bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta_bandit.worlds.grid import after, draw
from meta_bandit.worlds.task import Measured, Task, real, require, whole

MOVES = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))
"""Stay, up, right, down, left, as steps (x, y)."""


@dataclass(frozen=True, init=False, eq=False, repr=False)
class TreasureRoom(Task["Walker", "RoomLives"]):
    r"""A room of size x size cells in which treasures lie unseen, for a life of several episodes.

    .. math:: c_i \sim \text{uniform over all cells}, \quad x_i \sim U(\text{low}, \text{high})
        \quad \text{once a life, for } i = 1, \ldots, n.

    An episode begins in the centre and has so many steps: stay, or one of four moves; against a
    wall the animal stays. Who is in a cell after a step takes the treasures there, worth x each,
    once an episode; in the next they are back. Treasures may share a cell, and lie in the centre.

    It is the Dark Treasure Room of Norman and Clune (First-Explore, 2024), by their paper and code
    (github.com/btnorman/First-Explore): ``low=-4`` is their deceptive form, ``low=0`` their plain
    one. Our choice: ten episodes in a life, where their code has 5 to 6 in training; that agents
    are told the step within the episode beside their x and y; and that after the last step of an
    episode what is told is the centre, where the next begins, not where the last ended.

    Parameters
    ----------
    lifetime : shape (...), whole
        Steps in one life (T), >= 1, a multiple of ``steps``.
    low : shape (...)
        Least that a treasure may be worth, finite.
    high : shape (...)
        Most that it may be worth, finite, >= low.
    treasures : whole
        Treasures in the room (n), >= 1; one number.
    size : whole
        Cells along a side, odd, >= 3; one number.
    steps : whole
        Steps in an episode, >= 1; one number.

    Raises
    ------
    ValueError
        If a value lies outside its range, or the shapes do not broadcast. The message names
        the field, the value and the range.
    """

    lifetime: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    treasures: NDArray[np.int64]
    size: NDArray[np.int64]
    steps: NDArray[np.int64]

    in_words = (
        "a room of size x size cells, cell = y size + x: 0 stay, 1 up (y + 1), 2 right (x + 1), "
        "3 down, 4 left; against a wall the animal stays. Once a life each of the treasures is put "
        "into a cell, each cell alike, and given a worth, uniform on [low, high]. Every so many "
        "steps an episode begins in the centre, with all treasures in place; a step into a cell, "
        "or a step that stays there, pays what the treasures in it are worth, once an episode"
    )
    action_in_words = "move"
    unit_in_words = "sqrt((low^2 + low high + high^2)/3)"

    def __init__(
        self,
        lifetime: ArrayLike = 90,
        low: ArrayLike = -4.0,
        high: ArrayLike = 2.0,
        treasures: ArrayLike = 8,
        size: ArrayLike = 9,
        steps: ArrayLike = 9,
    ) -> None:
        values: dict[str, NDArray[Any]] = {
            "lifetime": whole("lifetime", lifetime, 1),
            "low": real("low", low),
            "high": real("high", high),
        }
        for name, value, least in (
            ("treasures", treasures, 1),
            ("size", size, 3),
            ("steps", steps, 1),
        ):
            number = np.unique(whole(name, value, least))
            require(name, number, number == number[0], "the same in all rooms of an array")
            values[name] = number[0].reshape(())
        require("size", values["size"], values["size"] % 2 == 1, "an odd number >= 3")
        length = int(values["steps"])
        episodes = values["lifetime"] % length == 0
        require("lifetime", values["lifetime"], episodes, f"a multiple of steps = {length}")
        low_, high_ = np.broadcast_arrays(values["low"], values["high"])
        require("high", high_, high_ >= low_, "at least low")
        require("high", high_, (low_ != 0) | (high_ != 0), "other than 0 if low is 0")
        self._keep(**values)

    @property
    def actions(self) -> dict[str, int]:
        """The steps, as in `MOVES`."""
        return {"stay": 0, "up": 1, "right": 2, "down": 3, "left": 4}

    @property
    def cells(self) -> int:  # type: ignore[override]
        """Of what an agent is told, see `where`."""
        return 2 * int(self.size) + int(self.steps)

    @property
    def cells_in_words(self) -> tuple[str, ...]:
        """What each of them says."""
        size, steps = int(self.size), int(self.steps)
        numbers = (("x", size), ("y", size), ("step of the episode", steps))
        return tuple(
            f"{name} is {number}: 1, else 0" for name, count in numbers for number in range(count)
        )

    @property
    def unit(self) -> NDArray[np.float64]:
        """Root mean square of what a treasure is worth."""
        low, high = self.low, self.high
        return np.asarray(np.sqrt((low**2 + low * high + high**2) / 3))

    @property
    def mean(self) -> NDArray[np.float64]:
        """What a treasure is worth on average."""
        return np.asarray((self.low + self.high) / 2)

    @property
    def episodes(self) -> NDArray[np.int64]:
        """Episodes in a life (E)."""
        return np.asarray(self.lifetime // self.steps)

    @property
    def centre(self) -> int:
        """The cell where episodes begin."""
        return int(self.size) ** 2 // 2

    def birth(self, lives: int | None, rng: np.random.Generator) -> RoomLife:
        """Begin lives: where the treasures are, and their worths, is drawn for each."""
        return RoomLife(self, lives, rng)


def where(cell: Any, step: Any, size: int) -> tuple[Any, Any, Any]:
    """Numbers that an agent is told, of what `TreasureRoom.cells` counts: x, y, step.

    Parameters
    ----------
    cell, step
        Where it is, and the steps since its episode began; arrays of NumPy's or of torch's.
    size
        Of the room.
    """
    return cell % size, size + cell // size, 2 * size + step


@dataclass(frozen=True)
class RoomHistory:
    """What a policy may know before a step. Shapes begin with ``(*task.shape, lives)``.

    Attributes
    ----------
    time
        Steps made so far (t), 0 in a life that begins.
    position
        Cell where the animal is; the centre where an episode begins.
    last_move
        0 to 4 as in `MOVES`; -1 before the first.
    last_reward
        What the last step paid; 0 before the first.
    seen : shape (..., cells)
        Whether a cell was entered in this life.
    taken : shape (..., cells)
        Whether it was entered in this episode, so that it pays no more.
    worth : shape (..., cells)
        What it pays if it is entered for the first time in an episode; 0 where it was never seen.
    told : shape (3, ...)
        What agents are told of place and episode, see `where`.
    """

    time: int
    position: NDArray[np.int64]
    last_move: NDArray[np.int64]
    last_reward: NDArray[np.float64]
    seen: NDArray[np.bool_]
    taken: NDArray[np.bool_]
    worth: NDArray[np.float64]
    told: NDArray[np.int64]


class Walker(Protocol):
    """Anything that can say how likely it is to make each step."""

    def move_probabilities(self, task: TreasureRoom, history: RoomHistory) -> NDArray[np.float64]:
        """Probabilities of the steps, shape ``(..., lives, 5)``.

        The fields of ``task`` end in an axis of length 1, so that they broadcast against what
        ``history`` says of each life. A policy with a memory of its own starts afresh at time 0.
        """
        ...


@dataclass(frozen=True)
class RoomLives:
    """Lives that were played. After a task's own lifetime nothing moves, and nothing pays.

    Attributes
    ----------
    task
        The task, or the tasks.
    worth : shape (*task.shape, lives, cells)
        What each cell pays, once an episode.
    positions : shape (T, *task.shape, lives), int16
        Cell after each step; T is the longest lifetime.
    rewards : shape (T, *task.shape, lives)
        What each step paid.
    """

    task: TreasureRoom
    worth: NDArray[np.float64]
    positions: NDArray[np.int16]
    rewards: NDArray[np.float64]

    @property
    def returns(self) -> NDArray[np.float64]:
        """Undiscounted return of each life, shape ``(*task.shape, lives)``."""
        return np.asarray(self.rewards.sum(axis=0))

    @property
    def by_episode(self) -> NDArray[np.float64]:
        """What each episode pays, shape ``(E, *task.shape, lives)``; E is the largest."""
        steps = int(self.task.steps)
        return np.asarray(self.rewards.reshape(-1, steps, *self.rewards.shape[1:]).sum(axis=1))

    @property
    def seen(self) -> NDArray[np.int64]:
        """Cells that each life ever entered, shape ``(*task.shape, lives)``."""
        lived = np.arange(len(self.positions)).reshape(-1, *(1,) * self.returns.ndim)
        cell = np.where(lived < self.task.per_life.lifetime, self.positions, -1)
        entered = [(cell == number).any(axis=0) for number in range(int(self.task.size) ** 2)]
        return np.asarray(np.sum(entered, axis=0))

    @property
    def measured(self) -> Measured:
        """What `measure.measure` measures: the return, and the cells seen."""
        return {"return": (self.returns, "reward"), "seen": (self.seen, "cells")}


class RoomLife:
    """Lives under way, see `Life`. The same generator state gives the same rooms."""

    def __init__(self, task: TreasureRoom, lives: int | None, rng: np.random.Generator) -> None:
        if lives is None:
            raise ValueError("lives = None: must be a whole number >= 1 in the treasure room")
        self.task, self.per_life, self.rng = task, task.per_life, rng
        shape, count, cells = (*task.shape, lives), int(task.treasures), int(task.size) ** 2
        low, high = self.per_life.low[..., None], self.per_life.high[..., None]
        place = rng.integers(0, cells, (*shape, count))
        treasure = low + (high - low) * rng.random((*shape, count))
        self.worth = np.zeros((*shape, cells))
        flat = self.worth.reshape(-1, cells)
        life = np.arange(len(flat))[:, None]
        np.add.at(flat, (life, place.reshape(-1, count)), treasure.reshape(-1, count))
        start = np.full(shape, task.centre)
        none = np.zeros(self.worth.shape, dtype=bool)
        told = np.array(where(start, 0 * start, int(task.size)))
        self.history = RoomHistory(
            0,
            start,
            np.full(shape, -1),
            np.zeros(shape),
            none,
            none,
            np.zeros_like(self.worth),
            told,
        )
        longest = int(task.lifetime.max())
        self.positions = np.zeros((longest, *shape), dtype=np.int16)
        self.rewards = np.zeros((longest, *shape))

    def choose(self, policy: Walker) -> NDArray[np.int64]:
        """Ask how likely each step is, and draw one for each life."""
        probabilities = policy.move_probabilities(self.per_life, self.history)
        return draw(probabilities, self.history.time, self.rng)

    def step(self, action: NDArray[np.int64]) -> None:
        """Step, in lives that are not over."""
        before, size = self.history, int(self.task.size)
        time = before.time
        alive = time < self.per_life.lifetime
        cell = np.where(alive, after(size, MOVES)[before.position, action], before.position)
        entered = np.zeros_like(before.seen)
        np.put_along_axis(entered, cell[..., None], alive[..., None], axis=-1)
        fresh = entered & ~before.taken
        reward = np.asarray((self.worth * fresh).sum(axis=-1))
        seen = before.seen | entered
        taken = before.taken | entered
        self.positions[time], self.rewards[time] = cell, reward
        of_episode = (time + 1) % int(self.task.steps)
        if of_episode == 0:
            cell, taken = np.full_like(cell, self.task.centre), np.zeros_like(taken)
        told = np.array(where(cell, np.full_like(cell, of_episode), size))
        known = np.where(seen, self.worth, 0.0)
        self.history = RoomHistory(time + 1, cell, action, reward, seen, taken, known, told)

    def played(self) -> RoomLives:
        """Give the record."""
        return RoomLives(self.task, self.worth, self.positions, self.rewards)
