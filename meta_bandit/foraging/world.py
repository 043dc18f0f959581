"""The foraging world: a small grid with a certain and a hidden reward, as one validated value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta_bandit.task import Task, real, require, whole

MOVES = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""Up, right, down, left, as steps (x, y)."""
MOST_PLACES = 5
"""Hiding places that a grid has room for."""


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Foraging(Task):
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
    def stay(self) -> NDArray[np.float64]:
        r"""Return of an animal that never searches: near :math:`\lfloor T / h \rfloor`."""
        return self.near * (self.lifetime // ((self.size - 1) // 2))


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
    y, x = np.divmod(np.arange(size**2), size)
    steps = np.array(MOVES)
    to_x = np.clip(x[:, None] + steps[:, 0], 0, last)
    to_y = np.clip(y[:, None] + steps[:, 1], 0, last)
    hiding = np.array([row * size + column for column, row in corners])
    return Grid(size, half, 0, hiding, to_y * size + to_x)


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
