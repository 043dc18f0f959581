r"""Exact optima of the foraging world, by dynamic programming.

What an animal can know of its life is where the large reward is *not*: the set of places that it
found empty. Having found the reward, it knows all others to be empty. So a state is (position,
excluded places, moves left), and where n places are left, each holds the reward with probability
1/n.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, permutations

import numpy as np
from numpy.typing import NDArray

from meta_bandit.worlds.foraging import Foraging, Grid, distances, grid, single

TOLERANCE = 1e-9
"""Below this share of a return two policies earn the same; sums round at 1e-16."""


@dataclass(frozen=True)
class Optimum:
    """What the best animal earns and does on one task (`optimum`).

    Attributes
    ----------
    value
        Expected return V*, in units of reward.
    fed, found
        Expected numbers of small and of large rewards: ``value = near fed + far found``.
    moves : shape (T, 2^K, cells), int8
        Its move after t moves, by excluded places (bit k: the k-th is known to be empty) and cell.
    """

    value: float
    fed: float
    found: float
    moves: NDArray[np.int8]


@dataclass(frozen=True)
class Habit:
    """The best animal that does not learn (`best_habit`).

    Its life is a list of trips that is settled at birth: first some to the near place, then the
    same tour several times, then the near place for good. A tour visits hiding places in a fixed
    order, until the large reward is met, and ends at the near place if it is not.

    Attributes
    ----------
    value
        Expected return, in units of reward.
    tour
        Numbers of the hiding places, in the order of the visits; empty if it only ever stays near.
    before, tours
        Trips to the near place before the first tour, and number of tours.
    """

    value: float
    tour: tuple[int, ...]
    before: int
    tours: int


def optimum(task: Foraging) -> Optimum:
    r"""Solve one task exactly ({eq}`eq-forage-bellman`).

    .. math:: V_t(x, E) = \max_a \begin{cases}
        r + V_{t-1}(\text{nest}, E) & y = \text{near place} \\
        \tfrac1n \left(R + V_{t-1}(\text{nest}, \bar y)\right)
        + \tfrac{n-1}n V_{t-1}(y, E \cup y) & y \text{ hiding place} \notin E \\
        V_{t-1}(y, E) & \text{else} \end{cases}

    with y where the move a leads from x, t moves left, n places not in the set E of those that are
    known to be empty, and :math:`\bar y` all places but y. Of equally good moves the first is
    taken.

    Raises
    ------
    ValueError
        If the task is an array of tasks.
    """
    world, lifetime, places, near, far = single(task)
    fed, found, moves = _solve(world, lifetime, places, near, np.array([far]), keep=True)
    counts = float(fed[-1, 0]), float(found[-1, 0])
    return Optimum(near * counts[0] + far * counts[1], *counts, moves)


def values(
    places: int, far: NDArray[np.float64], lifetime: int, near: float = 1.0, size: int = 5
) -> NDArray[np.float64]:
    """Optimal returns for many large rewards and all lifetimes up to one, in one pass.

    Parameters
    ----------
    places
        Hiding places (K).
    far : shape (rewards,)
        Large rewards.
    lifetime
        The longest, in moves.
    near, size
        See `Foraging`.

    Returns
    -------
    shape (lifetimes, rewards)
        For 1, 2, ... moves.
    """
    task = Foraging(lifetime, places, far, near, size)
    fed, found, _ = _solve(task.grid, lifetime, places, near, task.far, keep=False)
    return np.asarray(near * fed + far * found)


def critical_far(task: Foraging) -> float:
    r"""Find the large reward above which the best animal searches: the edge, exactly.

    V* as a function of R is the largest of finitely many lines, one for each policy:
    :math:`V^*(R) = \max_\pi (A_\pi + B_\pi R)`, convex and not falling. So it crosses what staying
    earns once. From above, each step goes to where the line of the best policy crosses it
    (Newton's method), which ends at the edge after finitely many steps ({eq}`eq-forage-edge`).

    Parameters
    ----------
    task
        A single task; its ``far`` does not matter.

    Returns
    -------
    float
        In units of reward; infinite where life is too short to reach a hiding place.
    """
    world, lifetime, places, near, _ = single(task)
    stay = float(task.stay)
    edge = 4.0 * near * lifetime * places
    for _ in range(1000):
        fed, found, _ = _solve(world, lifetime, places, near, np.array([edge]), keep=False)
        earns = near * fed[-1, 0] + edge * found[-1, 0]
        if earns <= stay * (1 + TOLERANCE) + TOLERANCE:
            return edge if found[-1, 0] > 0 or lifetime >= world.size - 1 else np.inf
        edge = float((stay - near * fed[-1, 0]) / found[-1, 0])
    raise RuntimeError("the edge was not found after 1000 steps")  # pragma: no cover


def _solve(
    world: Grid,
    lifetime: int,
    places: int,
    near: float,
    far: NDArray[np.float64],
    keep: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int8]]:
    """Go backward through life for several large rewards at once.

    Returns
    -------
    fed, found : shape (T, rewards)
        Expected numbers of small and large rewards with 1, 2, ..., T moves left, from birth.
    moves : shape (T, 2^K, cells), int8
        Of the first reward, by moves made; nothing if not to be kept.
    """
    # what a move from each cell may lead to, by the set of excluded places
    sets, every = np.arange(2**places), 2**places - 1
    place_of = np.full(len(world.after), -1)
    place_of[world.hiding[:places]] = np.arange(places)
    there, place = world.after[None], place_of[world.after][None]
    bit = np.where(place >= 0, 1 << np.maximum(place, 0), 0)
    left = places - np.bitwise_count(sets.astype(np.uint64)).astype(np.int64)[:, None, None]
    unknown = (bit > 0) & ((sets[:, None, None] & bit) == 0)
    chance = np.where(unknown, 1 / np.maximum(left, 1), 0.0)
    excluded = sets[:, None, None] | bit
    fed = np.broadcast_to(there == world.near, excluded.shape).astype(np.float64)
    onward = np.where(fed > 0, world.nest, there)

    near_count = np.zeros((len(far), len(sets), len(world.after)))
    far_count = np.zeros_like(near_count)
    reward = far[:, None, None, None]
    births: tuple[list[NDArray[np.float64]], ...] = [], []
    moves = np.zeros((lifetime if keep else 0, len(sets), len(world.after)), dtype=np.int8)
    for spent in reversed(range(lifetime)):
        both = [
            chance * (won + count[:, every ^ bit, world.nest])
            + (1 - chance) * (paid + count[:, excluded, onward])
            for count, won, paid in ((near_count, 0.0, fed), (far_count, 1.0, 0.0))
        ]
        worth = near * both[0] + reward * both[1]
        # rounding must not decide between equals
        best = worth.max(axis=-1, keepdims=True)
        move = (worth >= best - TOLERANCE * (1 + best)).argmax(axis=-1)[..., None]
        near_count, far_count = (np.take_along_axis(x, move, -1)[..., 0] for x in both)
        births[0].append(near_count[:, 0, world.nest])
        births[1].append(far_count[:, 0, world.nest])
        if keep:
            moves[spent] = move[0, ..., 0]
    return np.array(births[0]), np.array(births[1]), moves


def best_habit(task: Foraging) -> Habit:
    r"""Find the best habit: near trips, then the same tour several times, then near for good.

    A habit uses nothing that was found: what it does on a trip depends on the number of the trip
    alone. The best is found by trying every order of every choice of places with every number of
    trips. Only shortest ways between two visits are tried: whoever is home earlier can still do
    all that comes next on the list, so that no other way is better where the large reward is at
    least the small one. Lists of trips that mix several tours are left out.

    Raises
    ------
    ValueError
        If the task is an array of tasks, or the large reward is below the small one.
    """
    world, lifetime, places, near, far = single(task)
    if far < near:
        raise ValueError(f"far = {far:g}: must be at least near = {near:g}")
    tours, fed, found = _habits(world.size, places, lifetime)
    worth = near * fed + far * found
    # of equals the first: the shortest tour
    chosen = (worth >= worth.max() - TOLERANCE * (1 + worth.max())).argmax()
    tour, before, count = (int(at) for at in np.unravel_index(chosen, worth.shape))
    return Habit(float(worth[tour, before, count]), tours[tour], before, count)


def habit_values(
    places: int, far: NDArray[np.float64], lifetime: int, near: float = 1.0, size: int = 5
) -> NDArray[np.float64]:
    """Returns of the best habits, as `values` gives those of the optimum."""
    table = np.empty((lifetime, len(far)))
    for moves in range(1, lifetime + 1):
        _, fed, found = _habits(size, places, moves)
        # few pairs are different: both are whole numbers of 1/K
        seen = np.zeros((places * moves + 1, places * moves + 1), dtype=bool)
        seen[np.rint(places * fed).astype(int), np.rint(places * found).astype(int)] = True
        fed, found = (counts[:, None] / places for counts in np.nonzero(seen))
        table[moves - 1] = (near * fed + far * found).max(axis=0)
    return table


def _habits(
    size: int, places: int, lifetime: int
) -> tuple[list[tuple[int, ...]], NDArray[np.float64], NDArray[np.float64]]:
    """List all tours, and mean rewards of both kinds over (tour, near trips before, tours)."""
    world = grid(size)
    reach = distances(world)
    tours = [tour for n in range(places + 1) for tour in permutations(range(places), n)]
    step = int(reach[world.nest, world.near])
    # moves after which a trip ends, by tour and by where the reward is; it ends at the near place
    # where the tour does not visit that
    length = np.empty((len(tours), places), dtype=np.int32)
    for row, tour in enumerate(tours):
        cells = [world.nest, *world.hiding[list(tour)], world.near]
        arrivals = np.cumsum([reach[a, b] for a, b in pairwise(cells)])
        length[row] = arrivals[-1]
        length[row, list(tour)] = arrivals[:-1]
    visited = np.array([[place in tour for place in range(places)] for tour in tours])
    # axes: tour, near trips before, tours, place of the reward
    each, won = length[:, None, None], visited[:, None, None]
    before = np.arange(lifetime // step + 1, dtype=np.int32)[:, None, None]
    count = np.arange(lifetime // step + 1, dtype=np.int32)[:, None]
    left = lifetime - before * step
    made = np.minimum(count, left // each)
    fed = before + np.where(made == count, (left - made * each) // step, 0)
    fed = fed + np.where(won, 0, made)
    found = np.where(won, made, 0)
    return tours, fed.mean(axis=-1), found.mean(axis=-1)
