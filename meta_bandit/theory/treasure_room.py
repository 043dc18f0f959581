r"""The dark treasure room: plans that do not learn, and upper bounds on every policy.

A cell pays :math:`X_c`, what its treasures are worth together. Of one treasure, :math:`\bar x` is
the mean and :math:`g = E[x^+]` the mean of what is good of it; with n treasures in N cells a cell
that was never entered pays :math:`n \bar x / N` on average. The functions take one room,
`worlds.treasure_room.TreasureRoom`, of shape ().
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta_bandit.worlds.grid import after
from meta_bandit.worlds.treasure_room import MOVES, TreasureRoom

Floats = NDArray[np.float64]
_BATCH = 256


class Walks(NamedTuple):
    """Every set of cells that so many steps can enter, each with one walk that enters it.

    Attributes
    ----------
    cells : shape (distinct cells,)
        Cells of the room, or of a window around the start, that any of them enters.
    sets : shape (walks, distinct cells), float32
        1 where a walk enters, else 0. The start counts only if a step ends there.
    moves : shape (walks, steps), int8
        As in `worlds.treasure_room.MOVES`.
    """

    cells: NDArray[np.int64]
    sets: NDArray[np.float32]
    moves: NDArray[np.int8]


@cache
def walks(size: int, steps: int) -> Walks:
    """Enumerate what can be entered from the centre of a room.

    What a walk pays depends on the set of its cells alone, so that the best walk of a known room is
    the row of ``sets`` with the largest product with what cells pay.

    Parameters
    ----------
    size
        Cells along a side, odd. From 2 steps + 1 on no wall is met.
    steps
        Of the walk.
    """
    onward = after(size, MOVES).tolist()
    # of every cell and set that a number of steps can lead to, one walk
    found = {(size**2 // 2, 0): b""}
    for _ in range(steps):
        longer: dict[tuple[int, int], bytes] = {}
        for (cell, entered), walk in found.items():
            for move, there in enumerate(onward[cell]):
                longer.setdefault((there, entered | 1 << there), walk + bytes([move]))
        found = longer
    distinct = {entered: walk for (_, entered), walk in reversed(found.items())}
    length = (size**2 + 7) // 8
    packed = np.frombuffer(b"".join(one.to_bytes(length, "little") for one in distinct), np.uint8)
    bits = np.unpackbits(packed.reshape(-1, length), axis=1, bitorder="little")[:, : size**2]
    cells = np.flatnonzero(bits.any(axis=0))
    moves = np.frombuffer(b"".join(distinct.values()), np.int8).reshape(-1, steps)
    return Walks(cells, bits[:, cells].astype(np.float32), moves)


def best_walks(
    size: int, steps: int, worth: Floats, start: NDArray[np.int64] | None = None
) -> tuple[Floats, NDArray[np.int64]]:
    """Find the best walk of rooms in which it is known what every cell pays.

    Parameters
    ----------
    size, steps
        Of the room, and of the walk.
    worth : shape (rooms, cells)
        What a cell pays when it is entered for the first time.
    start : shape (rooms,)
        Where the walks begin; by default, in the centre.

    Returns
    -------
    value, first : shape (rooms,)
        What the best walk pays, and the first of its moves, as in `worlds.treasure_room.MOVES`.
    """
    if start is None:
        table, at = walks(size, steps), np.arange(size**2)[None]
        known = worth
    else:
        # beyond the walls nothing may be entered: a step against one is a step that stays
        table, wide = walks(2 * steps + 1, steps), size + 2 * steps
        padded = np.full((len(worth), wide, wide), -1e9)
        padded[:, steps:-steps, steps:-steps] = worth.reshape(-1, size, size)
        known = padded.reshape(len(worth), -1)
        y, x = np.divmod(np.arange((2 * steps + 1) ** 2), 2 * steps + 1)
        at = (start // size * wide + start % size)[:, None] + y * wide + x
    value, first = np.empty(len(worth)), np.empty(len(worth), dtype=np.int64)
    for place in range(0, len(worth), _BATCH):
        part = slice(place, place + _BATCH)
        rows = np.arange(len(known[part]))[:, None]
        here = at[part] if start is not None else at
        paid = known[part][rows, here[:, table.cells]].astype(np.float32) @ table.sets.T
        best = paid.argmax(axis=1)
        value[part], first[part] = paid[rows[:, 0], best], table.moves[best, 0]
    return value, first


def gain(low: ArrayLike, high: ArrayLike) -> Floats:
    r"""What is good of one treasure, on average, g.

    .. math:: E[x^+] = \frac{(\text{high}^+)^2 - (\text{low}^+)^2}{2\,(\text{high} - \text{low})},
        \qquad x \sim U(\text{low}, \text{high})

    Parameters
    ----------
    low, high : shape (...)
        Of `TreasureRoom`, in units of reward.
    """
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    spread = high - low
    squares = np.maximum(high, 0) ** 2 - np.maximum(low, 0) ** 2
    safe = np.where(spread > 0, 2 * spread, 1.0)
    return np.asarray(np.where(spread > 0, squares / safe, np.maximum(high, 0)))


def density(task: TreasureRoom) -> float:
    """Treasures in a cell, on average (n / N)."""
    return int(task.treasures) / int(task.size) ** 2


def blind(task: TreasureRoom) -> float:
    r"""Return of the best plan that learns nothing.

    .. math:: E\,\frac{n \bar x}{N} \cdot \begin{cases} \min(s, N) & \bar x > 0 \\ 1 & \bar x \le 0
        \end{cases}

    for E episodes of s steps. Every step ends in some cell, so that each episode enters one at
    least: staying is to enter the centre. Where treasures are good on average the best plan enters
    a new cell with each step.
    """
    mean, steps = float(task.mean), int(task.steps)
    entered = min(steps, int(task.size) ** 2) if mean > 0 else 1
    return int(task.episodes) * density(task) * mean * entered


def first_step(task: TreasureRoom) -> float:
    r"""What one step into another cell changes, for an animal that stays for life.

    .. math:: \frac{n \bar x}{N - 1}

    in a life whose centre holds nothing, at any step, if it stays where it is until the episode
    ends and goes on staying after it. By the policy gradient theorem that times the probability of
    the life so far is the slope of the return in the probability of that step: to come back for
    what was found takes a second deviation, which counts only at second order. So where treasures
    are bad on average every first step out is unlearned, whatever could be found.
    """
    return int(task.treasures) * float(task.mean) / (int(task.size) ** 2 - 1)


def informed(task: TreasureRoom, rooms: int, seed: int) -> tuple[float, float]:
    r"""Return of who knows the room from birth, an upper bound on every policy.

    .. math:: E \cdot E\big[\max_w \textstyle\sum_{c \in w} X_c\big]

    The maximum is over all walks of an episode, by `best_walks`; the mean by simulation.

    Parameters
    ----------
    task
        One room.
    rooms, seed
        To simulate.

    Returns
    -------
    value, error
        In units of reward; its standard error.
    """
    worth = task.birth(rooms, np.random.default_rng(seed)).worth
    value, _ = best_walks(int(task.size), int(task.steps), worth)
    episodes = int(task.episodes)
    return episodes * float(value.mean()), episodes * float(value.std() / np.sqrt(rooms))


def bound(task: TreasureRoom, known: float) -> float:
    r"""Upper bound on every policy, which has to pay for what it finds.

    .. math:: \min_k \; (E - k)\,W + \frac nN \sum_{i=1}^{N} \beta_{\lceil i/s \rceil}(k), \qquad
        \beta_e(k) = (\bar x + (k - e)\,g)^+ \text{ for } e \le k, \text{ else } 0

    over :math:`0 \le k \le E`, where W is what an episode of a known room pays. No episode pays
    more than W on average, which is used of the last E - k. In the first k, a cell that is first
    entered in episode e pays then :math:`X_c`, and in each later one at most :math:`X_c^+`:
    together, given all that was seen, at most :math:`D (\bar x + (k - e) g)`, with D the mean
    number of treasures left over the number of cells not entered yet; of several in one cell the
    positive part of the sum is at most the sum of the positive parts. Which cell is entered makes
    no difference, D is a martingale that begins at n / N, and an episode enters at most s new ones;
    so no policy does better than to enter s new ones in each episode as long as that is worth it.
    The very first step has to enter one in any case, so that its term is counted even if negative.

    Parameters
    ----------
    task
        One room.
    known
        E W, from `informed`.

    Returns
    -------
    float
        In units of reward.
    """
    episodes, steps, cells = int(task.episodes), int(task.steps), int(task.size) ** 2
    mean, good = float(task.mean), float(gain(task.low, task.high))
    episode = np.arange(cells) // steps + 1
    found = []
    for most in range(episodes + 1):
        paid = np.where(episode <= most, mean + (most - episode) * good, 0.0)
        paid[1:] = np.maximum(paid[1:], 0.0)
        found.append((1 - most / episodes) * known + density(task) * float(paid.sum()))
    return min(found)
