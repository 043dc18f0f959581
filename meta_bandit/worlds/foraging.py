"""The foraging world: a small grid with a certain and a hidden reward; lives on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta_bandit.worlds.grid import after, draw
from meta_bandit.worlds.task import Measured, Task, real, require, whole

MOVES = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""Up, right, down, left, as steps (x, y)."""
MOST_PLACES = 5
"""Hiding places that a grid has room for."""


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Foraging(Task["Forager", "ForagingLives"]):
    r"""A grid to forage on: a small reward at a known place, a large one hidden in one of K.

    With :math:`h = (\text{size} - 1)/2` the nest is in the middle of the bottom row, and h moves
    from it, in the left corner, is the near place, which always pays. The hiding places lie h
    moves apart along the walls, beginning at the middle of the right one; the first K of them are
    used, 2h, 3h, 2h, 3h and 2h moves from the nest. At birth one of them is picked, each with
    probability 1/K, and pays for all of that life. Reaching a reward pays, and the animal is back
    in its nest, from where it may come again. Moves against a wall leave it where it is.

    This world is our choice, in the spirit of the authors' spatial task, which their public
    sources do not describe. Every field may be an array; together they broadcast to `shape`.

    Parameters
    ----------
    lifetime : shape (...), whole
        Moves in one life (T), >= 1.
    places : shape (...), whole
        Hiding places (K), 1 to 5.
    far : shape (...)
        The large reward, hidden (R), > 0.
    near : shape (...)
        The small reward, certain, > 0.
    size : shape (...), whole
        Cells along a side, odd, >= 3.

    Raises
    ------
    ValueError
        If a value lies outside its range, or the shapes do not broadcast. The message names
        the field, the value and the range.
    """

    lifetime: NDArray[np.int64]
    places: NDArray[np.int64]
    far: NDArray[np.float64]
    near: NDArray[np.float64]
    size: NDArray[np.int64]

    in_words = (
        "a grid of size x size cells, cell = y size + x, T moves a life: 0 up (y + 1), 1 right "
        "(x + 1), 2 down, 3 left; against a wall the animal stays. With h = (size - 1)/2 the nest, "
        "where lives begin, is (x, y) = (h, 0), the near place (0, 0) and the hiding places "
        "(2h, h), (2h, 2h), (h, 2h), (0, 2h), (0, h), of which the first K are used and one, drawn "
        "once a life, pays far; the near place always pays near; who is paid is back in the nest"
    )
    action_in_words = "move"
    unit_in_words = "far"

    def __init__(
        self,
        lifetime: ArrayLike,
        places: ArrayLike,
        far: ArrayLike,
        near: ArrayLike = 1.0,
        size: ArrayLike = 5,
    ) -> None:
        values: dict[str, NDArray[Any]] = {
            "lifetime": whole("lifetime", lifetime, 1),
            "places": whole("places", places, 1),
            "far": real("far", far),
            "near": real("near", near),
            "size": whole("size", size, 3),
        }
        for name in ("far", "near"):
            require(name, values[name], values[name] > 0, "a finite number > 0")
        within = values["places"] <= MOST_PLACES
        require("places", values["places"], within, f"a whole number in [1, {MOST_PLACES}]")
        require("size", values["size"], values["size"] % 2 == 1, "an odd number >= 3")
        self._keep(**values)

    @property
    def grid(self) -> Grid:
        """Where everything is; one grid for all tasks of an array.

        Raises
        ------
        ValueError
            If the tasks are of several sizes.
        """
        sizes = np.unique(self.size)
        if len(sizes) > 1:
            raise ValueError(f"size = {sizes.tolist()}: must be the same for tasks side by side")
        return grid(int(sizes[0]))

    @property
    def actions(self) -> dict[str, int]:
        """The moves, as in `MOVES`."""
        return {"up": 0, "right": 1, "down": 2, "left": 3}

    @property
    def cells(self) -> int:  # type: ignore[override]
        """Cells of the grid."""
        return len(self.grid.after)

    @property
    def unit(self) -> NDArray[np.float64]:
        """The large reward."""
        return self.far

    @property
    def stay(self) -> NDArray[np.float64]:
        r"""Return of an animal that never searches: near :math:`\lfloor T / h \rfloor`."""
        return self.near * (self.lifetime // ((self.size - 1) // 2))

    def birth(self, lives: int | None, rng: np.random.Generator) -> ForagingLife:
        """Begin lives: the place of the large reward is drawn for each, or all with None."""
        return ForagingLife(self, lives, rng)


class Grid(NamedTuple):
    """Places of a grid as numbers of cells, y times size plus x.

    Attributes
    ----------
    size
        Cells along a side.
    nest, near
        Where the animal lives, and where the small reward is.
    hiding : shape (5,)
        Hiding places, in the order in which worlds use them.
    after : shape (cells, 4)
        Cell that each move leads to. Both arrays are NumPy's, or torch's in training.
    """

    size: int
    nest: int
    near: int
    hiding: Any
    after: Any


@cache
def grid(size: int) -> Grid:
    """Lay out the grid of a size, see `Foraging`."""
    half, last = (size - 1) // 2, size - 1
    corners = [(last, half), (last, last), (half, last), (0, last), (0, half)]
    hiding = np.array([row * size + column for column, row in corners])
    return Grid(size, half, 0, hiding, after(size, MOVES))


def travel(world: Grid, position: Any, move: Any, hidden: Any) -> tuple[Any, Any, Any]:
    """Make one move, for arrays of NumPy or of torch alike.

    Parameters
    ----------
    world
        The grid; its ``after`` must be of the kind of the arrays.
    position, move, hidden
        Cell, move and where the large reward is, of each life.

    Returns
    -------
    position, fed, found
        The next cell, the nest if a reward was reached; whether it was the small one, and the
        large one.
    """
    there = world.after[position, move]
    fed, found = there == world.near, there == hidden
    home = fed | found
    return there * ~home + world.nest * home, fed, found


def distances(world: Grid) -> NDArray[np.int64]:
    """Moves between cells on ways that do not lead over the near place, except to end there.

    Returns
    -------
    shape (cells, cells)
        From the first to the second.
    """
    cells = len(world.after)
    reach = np.full((cells, cells), cells)
    np.fill_diagonal(reach, 0)
    onward = world.after.copy()
    onward[world.near] = world.near
    for _ in range(cells):
        reach = np.minimum(reach, 1 + reach[onward].min(axis=1))
    return reach


@dataclass(frozen=True)
class ForagingHistory:
    """What a policy may know before a move. Arrays have shape ``(*task.shape, lives)``.

    Attributes
    ----------
    time
        Moves made so far (t), 0 in a life that begins.
    position
        Cell where the animal is.
    last_move
        0 to 3 as in `MOVES`; -1 before the first.
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

    @property
    def told(self) -> NDArray[np.int64]:
        """What agents are told of the place: the cell."""
        return self.position


class Forager(Protocol):
    """Anything that can say how likely it is to make each move."""

    def move_probabilities(self, task: Foraging, history: ForagingHistory) -> NDArray[np.float64]:
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
    actions : shape (T, *task.shape, lives)
        As in `MOVES`.
    fed, found : shape (T, *task.shape, lives)
        Whether a move reached the small, the large reward.
    """

    task: Foraging
    hidden: NDArray[np.int64]
    positions: NDArray[np.int64]
    actions: NDArray[np.int64]
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

    @property
    def measured(self) -> Measured:
        """What `measure.measure` measures: the three above."""
        return {
            "return": (self.returns, "reward"),
            "searched": (self.searched, "share of lives"),
            "returned": (self.returned, "share of lives"),
        }

    def _found_at(self, number: int) -> NDArray[np.bool_]:
        """Finds at one place: the animal is then in its nest already, not there."""
        none = np.zeros((1, *self.hidden.shape), dtype=bool)
        return np.concatenate([none, self.found & (self.hidden == number)])


class ForagingLife:
    """Lives under way, see `Life`. The same generator state gives the same hidden places."""

    def __init__(self, task: Foraging, lives: int | None, rng: np.random.Generator) -> None:
        self.task, self.per_life, self.rng = task, task.per_life, rng
        if lives is None:
            numbers = np.unique(task.places)
            if len(numbers) > 1:
                raise ValueError(
                    f"places = {numbers.tolist()}: must be the same to play every life"
                )
            shape = (*task.shape, int(numbers[0]))
            self.hidden = np.broadcast_to(np.arange(shape[-1]), shape)
        else:
            shape = (*task.shape, lives)
            self.hidden = (rng.random(shape) * self.per_life.places).astype(np.int64)
        self.world = task.grid
        nest = np.full(shape, self.world.nest)
        excluded, trips, left_at = np.zeros((3, *shape), dtype=np.int64)
        none = np.full(shape, -1)
        self.history = ForagingHistory(0, nest, none, np.zeros(shape), excluded, trips, left_at)
        self.positions, self.actions = [nest], list[NDArray[np.int64]]()
        self.fed, self.found = np.zeros((2, int(task.lifetime.max()), *shape), dtype=bool)

    def choose(self, policy: Forager) -> NDArray[np.int64]:
        """Ask how likely each move is, and draw one for each life."""
        probabilities = policy.move_probabilities(self.per_life, self.history)
        return draw(probabilities, self.history.time, self.rng)

    def step(self, action: NDArray[np.int64]) -> None:
        """Move, in lives that are not over."""
        before, time, per_life = self.history, self.history.time, self.per_life
        cell = self.world.hiding[self.hidden]
        alive = time < per_life.lifetime
        there, fed, found = travel(self.world, before.position, action, cell)
        fed, found = fed & alive, found & alive
        excluded = before.excluded
        for number, place in enumerate(self.world.hiding):
            empty = alive & (there == place) & (number < per_life.places)
            excluded = np.where(empty, excluded | 1 << number, excluded)
        every = (1 << per_life.places) - 1
        home = fed | found
        self.history = ForagingHistory(
            time + 1,
            np.where(alive, there, before.position),
            action,
            per_life.near * fed + per_life.far * found,
            np.where(found, every ^ (1 << self.hidden), excluded),
            before.trips + home,
            np.where(home, time + 1, before.left_at),
        )
        self.fed[time], self.found[time] = fed, found
        self.positions.append(self.history.position)
        self.actions.append(action)

    def played(self) -> ForagingLives:
        """Give the record."""
        walked = np.array(self.positions), np.array(self.actions)
        return ForagingLives(self.task, self.hidden, *walked, self.fed, self.found)


def single(task: Foraging) -> tuple[Grid, int, int, float, float]:
    """Unpack a single task: its grid, T, K, the near and the far reward.

    Raises
    ------
    ValueError
        If it is an array of tasks.
    """
    if task.shape != ():
        raise ValueError(f"task: shape {task.shape}: must be a single task, ()")
    return task.grid, int(task.lifetime), int(task.places), float(task.near), float(task.far)
