"""Walks, bounds and plans of the dark treasure room, against brute force in small ones."""

from functools import cache
from itertools import product

import numpy as np
import pytest

from meta_bandit.policies.treasure_room import STAY, Informed, Plan, Planner
from meta_bandit.theory.treasure_room import (
    best_walks,
    blind,
    bound,
    first_step,
    gain,
    informed,
    walks,
)
from meta_bandit.worlds import TreasureRoom, simulate
from meta_bandit.worlds.grid import after
from meta_bandit.worlds.treasure_room import MOVES


def paid(size, worth, start, moves):
    cell, entered = start, set()
    for move in moves:
        cell = after(size, MOVES)[cell, move]
        entered.add(int(cell))
    return sum(worth[cell] for cell in entered)


@pytest.mark.parametrize(("size", "steps"), [(3, 1), (3, 4), (5, 5)])
def test_the_best_walk_is_that_of_all_sequences_of_moves(size, steps):
    rng = np.random.default_rng(size + steps)
    worth = np.where(rng.random((6, size**2)) < 0.4, rng.normal(size=(6, size**2)), 0.0)
    starts = rng.integers(0, size**2, 6)
    sequences = list(product(range(5), repeat=steps))
    for start in (None, starts):
        value, first = best_walks(size, steps, worth, start)
        for room in range(6):
            here = size**2 // 2 if start is None else start[room]
            values = np.array([paid(size, worth[room], here, moves) for moves in sequences])
            assert value[room] == pytest.approx(values.max(), abs=1e-5)
            best = [
                moves[0]
                for moves, own in zip(sequences, values, strict=True)
                if own > values.max() - 1e-5
            ]
            assert first[room] in best


def test_walks_are_all_sets_and_each_has_its_walk():
    table = walks(5, 3)
    sets = {frozenset(table.cells[row > 0].tolist()) for row in table.sets}
    assert len(sets) == len(table.sets) == len(table.moves)
    every = set()
    for moves in product(range(5), repeat=3):
        cell, entered = 12, set()
        for move in moves:
            cell = int(after(5, MOVES)[cell, move])
            entered.add(cell)
        every.add(frozenset(entered))
    assert sets == every
    for row, moves in zip(table.sets, table.moves, strict=True):
        assert paid(5, dict(enumerate(np.ones(25))), 12, moves) == row.sum()


def optimum(task):
    """Return of the Bayes-optimal policy with a single treasure, over all beliefs, by recursion.

    Once the treasure was found, every later episode pays what is good of it: its cell was reached
    before, and where it is bad some other cell can be entered.
    """
    size, steps, episodes = int(task.size), int(task.steps), int(task.episodes)
    mean, good = float(task.mean), float(gain(task.low, task.high))

    @cache
    def value(time, cell, seen):
        if time == steps * episodes:
            return 0.0
        if time % steps == 0:
            cell = size**2 // 2
        left = episodes - 1 - time // steps
        found = []
        for there in set(after(size, MOVES)[cell].tolist()):
            if seen >> there & 1:
                found.append(value(time + 1, there, seen))
            else:
                chance = 1 / (size**2 - seen.bit_count())
                now = chance * (mean + left * good)
                later = 0.0
                if chance < 1:
                    later = (1 - chance) * value(time + 1, there, seen | 1 << there)
                found.append(now + later)
        return max(found)

    return value(0, size**2 // 2, 0)


@pytest.mark.parametrize("low", [-4.0, -2.5, 0.0])
@pytest.mark.parametrize(("steps", "episodes"), [(1, 1), (2, 1), (2, 3), (3, 4), (2, 8)])
def test_the_bound_lies_above_the_optimum_and_this_above_policies(low, steps, episodes):
    task = TreasureRoom(steps * episodes, low, 2.0, 1, 3, steps)
    best, (known, error) = optimum(task), informed(task, 4000, 0)
    assert blind(task) <= best + 1e-12
    assert best <= bound(task, known + 4 * error) + 1e-12
    if episodes == 1:
        # nothing to learn for: the bound, the optimum and the best blind plan are one
        assert bound(task, known + 4 * error) == pytest.approx(blind(task))
        assert best == pytest.approx(blind(task))
    for bonus in (0.0, 1.0):
        lives = simulate(Planner(bonus), task, 4000, np.random.default_rng(1))
        assert lives.returns.mean() < best + 4 * lives.returns.std() / np.sqrt(4000)


def test_planning_with_the_bonus_is_nearly_optimal_where_that_is_known():
    task = TreasureRoom(24, -2.5, 2.0, 1, 3, 3)
    lives = simulate(Planner(1.0), task, 20_000, np.random.default_rng(1))
    best, error = optimum(task), lives.returns.std() / np.sqrt(20_000)
    assert best > 0.5
    assert lives.returns.mean() > best - 4 * error - 0.05 * best
    # and without it nothing is found on purpose
    myopic = simulate(Planner(0.0), task, 20_000, np.random.default_rng(1))
    assert myopic.returns.mean() < 0.2 * best


@pytest.mark.parametrize("low", [-4.0, 0.0])
def test_the_returns_of_plans_that_do_not_learn_are_met(low):
    task = TreasureRoom(low=low)
    # once round the centre, and out: nine cells
    plan = STAY if low < 0 else Plan((1, 2, 3, 3, 4, 4, 1, 1, 1))
    lives = simulate(plan, task, 20_000, np.random.default_rng(4))
    assert lives.seen.max() == (1 if low < 0 else 9)
    assert abs(lives.returns.mean() - blind(task)) < 4 * lives.returns.std() / np.sqrt(20_000)


def test_who_knows_the_room_earns_what_is_said():
    task = TreasureRoom(20, -4.0, 2.0, 6, 5, 5)
    known, error = informed(task, 3000, 0)
    rooms = task.birth(1000, np.random.default_rng(5)).worth
    lives = simulate(Informed(rooms), task, 1000, np.random.default_rng(5))
    np.testing.assert_array_equal(lives.worth, rooms)
    best, _ = best_walks(5, 5, rooms)
    np.testing.assert_allclose(lives.by_episode, np.broadcast_to(best, (4, 1000)), atol=1e-4)
    spread = np.hypot(error, lives.returns.std() / np.sqrt(1000))
    assert abs(lives.returns.mean() - known) < 4 * spread


@pytest.mark.parametrize("low", [-4.0, 0.0])
@pytest.mark.parametrize("time", [0, 3, 9, 17])
def test_a_single_step_out_changes_the_return_as_said(low, time):
    """Who stays for life, but once steps up and then stays there until the episode ends."""

    class Once:
        def move_probabilities(self, task, history):
            return np.eye(5)[np.full(history.position.shape, int(history.time == time))]

    task = TreasureRoom(18, low)
    stayed, once = (simulate(p, task, 40_000, np.random.default_rng(6)) for p in (STAY, Once()))
    empty = stayed.worth[:, task.centre] == 0
    change = (once.returns - stayed.returns)[empty]
    assert abs(change.mean() - first_step(task)) < 4 * change.std() / np.sqrt(len(change))
    # of either sign, far from nothing
    assert abs(first_step(task)) > 6 * change.std() / np.sqrt(len(change))


@pytest.mark.parametrize(
    ("low", "high", "known"),
    [(-4.0, 2.0, 1 / 3), (0.0, 2.0, 1.0), (-2.0, -1.0, 0.0), (3.0, 3.0, 3.0)],
)
def test_what_is_good_of_a_treasure_by_hand(low, high, known):
    assert gain(low, high) == pytest.approx(known)
