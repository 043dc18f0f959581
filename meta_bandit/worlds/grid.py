"""What worlds that are walked through share: cells that moves lead to, and moves drawn."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray


@cache
def after(size: int, moves: tuple[tuple[int, int], ...]) -> NDArray[np.int64]:
    """Cell that each move leads to on a square grid, where cell = y size + x.

    Parameters
    ----------
    size
        Cells along a side.
    moves
        As steps (x, y); against a wall one stays.

    Returns
    -------
    shape (cells, moves)
        Not to be written to.
    """
    y, x = np.divmod(np.arange(size**2), size)
    dx, dy = np.array(moves).T
    to_x, to_y = (np.clip(at[:, None] + by, 0, size - 1) for at, by in ((x, dx), (y, dy)))
    onward = np.asarray(to_y * size + to_x)
    onward.setflags(write=False)
    return onward


def draw(
    probabilities: NDArray[np.float64], time: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw a move for each life.

    Parameters
    ----------
    probabilities : shape (..., moves)
        What a policy answers.
    time
        Named if its answer is none.
    rng
        Where chance comes from.

    Returns
    -------
    shape (...)

    Raises
    ------
    ValueError
        If a probability is below 0, or they do not sum to 1.
    """
    total = probabilities.sum(axis=-1)
    if not ((probabilities >= 0).all() and np.allclose(total, 1, atol=1e-6)):
        raise ValueError(f"probabilities of the moves at time {time}: must be >= 0, in all 1")
    # of the moves' cumulated chances the last is 1 but for rounding, which may not add another move
    drawn = rng.random(total.shape)[..., None]
    return np.asarray((drawn >= probabilities.cumsum(axis=-1)[..., :-1]).sum(axis=-1))
