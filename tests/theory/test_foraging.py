"""The exact optima, against trees of all histories, lists of all habits, and lives."""

from functools import cache
from itertools import product

import numpy as np
import pytest

from meta_bandit.policies.foraging import BestForager, HabitForager
from meta_bandit.theory.foraging import best_habit, critical_far, habit_values, optimum, values
from meta_bandit.worlds import Foraging, simulate
from meta_bandit.worlds.foraging import grid, travel

TINY = [
    Foraging(lifetime, places, far, near, 3)
    for lifetime, places, far, near in [
        (1, 1, 9.0, 1.0),
        (4, 1, 2.5, 1.0),
        (5, 2, 3.0, 1.0),
        (6, 2, 2.2, 0.7),
        (6, 3, 4.0, 1.0),
        (7, 3, 3.5, 1.0),
        (6, 5, 6.0, 1.0),
    ]
]


def by_histories(task: Foraging) -> float:
    """Best mean return over all policies, by the tree of all histories: nothing is summed up."""
    world = task.grid

    def best(position: int, possible: tuple[int, ...], left: int) -> float:
        if left == 0:
            return 0.0
        returns = []
        for move in range(4):
            # what is seen, and the hidden cells that it leaves possible
            seen: dict[tuple[int, float], list[int]] = {}
            for cell in possible:
                there, fed, found = travel(world, position, move, cell)
                paid = float(task.near) * bool(fed) + float(task.far) * bool(found)
                seen.setdefault((int(there), paid), []).append(cell)
            returns.append(
                sum(
                    len(cells) / len(possible) * (paid + best(there, tuple(cells), left - 1))
                    for (there, paid), cells in seen.items()
                )
            )
        return max(returns)

    return best(world.nest, tuple(world.hiding[: int(task.places)].tolist()), int(task.lifetime))


@pytest.mark.parametrize("task", TINY, ids=repr)
def test_the_optimum_is_that_of_all_histories(task):
    assert optimum(task).value == pytest.approx(by_histories(task), rel=1e-12)


def trips(task: Foraging) -> set[tuple[tuple[int, bool], ...]]:
    """Every trip that can be planned: by place of the reward, its moves and whether that is found.

    Trips that do not end are as long as life and one move more.
    """
    world, lifetime = task.grid, int(task.lifetime)
    found = set()
    for plan in product(range(4), repeat=lifetime):
        ends = []
        for cell in world.hiding[: int(task.places)]:
            position, end = world.nest, (lifetime + 1, False)
            for made, move in enumerate(plan, 1):
                position, fed, large = travel(world, position, move, cell)
                if fed or large:
                    end = (made, bool(large))
                    break
            ends.append(end)
        found.add(tuple(ends))
    return found


def best_list(task: Foraging) -> float:
    """Best mean return over all lists of trips that are settled at birth."""
    plans = trips(task)

    @cache
    def best(left: tuple[int, ...]) -> float:
        returns = [0.0]
        for plan in plans:
            after = tuple(
                max(rest - moves, -1) if rest >= 0 else -1
                for rest, (moves, _) in zip(left, plan, strict=True)
            )
            if after == (-1,) * len(left):
                continue
            paid = sum(
                float(task.far if large else task.near)
                for rest, (_, large) in zip(after, plan, strict=True)
                if rest >= 0
            )
            returns.append(paid + best(after))
        return max(returns)

    places = int(task.places)
    return best((int(task.lifetime),) * places) / places


def best_repeated(task: Foraging) -> float:
    """Best mean return over all habits: any trip, any number of times, near before and after."""
    lifetime, most = int(task.lifetime), 0.0
    step = task.grid.nest
    near, far = float(task.near), float(task.far)
    for plan in trips(task):
        for before, tours in product(range(lifetime // step + 1), repeat=2):
            total = 0.0
            for moves, large in plan:
                time, trip = 0, 0
                while time < lifetime:
                    touring = before <= trip < before + tours
                    time += moves if touring else step
                    trip += 1
                    if time <= lifetime:
                        total += far if touring and large else near
            most = max(most, total / len(plan))
    return most


@pytest.mark.parametrize("task", TINY, ids=repr)
def test_the_best_habit_is_the_best_of_all(task):
    assert best_habit(task).value == pytest.approx(best_repeated(task), rel=1e-12)


@pytest.mark.parametrize("task", TINY, ids=repr)
def test_lists_of_trips_lie_between_habit_and_optimum(task):
    """What the definition of a habit leaves out, lists of unlike trips, changes little."""
    habit, listed, best = best_habit(task).value, best_list(task), optimum(task).value
    assert habit <= listed + 1e-12
    assert listed <= best + 1e-12
    assert listed <= 1.1 * habit


@pytest.mark.parametrize(
    ("lifetime", "places", "far"),
    [(7, 3, 9.0), (20, 3, 8.0), (24, 5, 2.55), (33, 5, 6.0), (16, 4, 3.0)],
)
def test_values_are_what_lives_earn(lifetime, places, far):
    task = Foraging(lifetime, places, far)
    best, habit = optimum(task), best_habit(task)
    rng = np.random.default_rng(0)
    lived = simulate(BestForager(best), task, None, rng)
    assert lived.returns.mean() == pytest.approx(best.value, rel=1e-12)
    assert lived.found.sum() / places == pytest.approx(best.found)
    assert lived.fed.sum() / places == pytest.approx(best.fed)
    lived = simulate(HabitForager(habit), task, None, rng)
    assert lived.returns.mean() == pytest.approx(habit.value, rel=1e-12)
    assert max(float(task.stay), habit.value) <= best.value * (1 + 1e-12)


def test_tables_hold_the_values_of_single_tasks():
    far = np.array([1.5, 3.0, 8.0])
    best, habits = values(3, far, 18), habit_values(3, far, 18)
    assert best.shape == habits.shape == (18, 3)
    for lifetime, column in product((1, 5, 12, 18), range(3)):
        task = Foraging(lifetime, 3, far[column])
        assert best[lifetime - 1, column] == pytest.approx(optimum(task).value, rel=1e-12)
        assert habits[lifetime - 1, column] == pytest.approx(best_habit(task).value, rel=1e-12)


@pytest.mark.parametrize(("lifetime", "places"), [(5, 1), (6, 3), (12, 2), (25, 5), (40, 4)])
def test_the_edge_divides_staying_from_searching(lifetime, places):
    edge = critical_far(Foraging(lifetime, places, 1.0))
    stay = float(Foraging(lifetime, places, 1.0).stay)
    below, above = values(places, edge * np.array([1 - 1e-6, 1 + 1e-6]), lifetime)[-1]
    assert below == pytest.approx(stay, rel=1e-12)
    assert above > stay * (1 + 1e-9)


def test_a_life_too_short_to_reach_anything_has_no_edge():
    assert critical_far(Foraging(3, 2, 1.0)) == np.inf
    assert critical_far(Foraging(4, 1, 1.0)) == pytest.approx(2.0)


def test_where_the_place_is_known_at_birth_there_is_nothing_to_learn():
    far = np.array([1.5, 2.5, 6.0])
    np.testing.assert_allclose(habit_values(1, far, 30), values(1, far, 30), rtol=1e-12)


@pytest.mark.parametrize("places", [2, 3, 4, 5])
def test_where_no_time_is_left_to_come_back_nothing_is_gained_by_learning(places):
    """Two ways from the nest to the nearest hiding place take 8 moves."""
    far = np.array([1.5, 2.5, 6.0, 20.0])
    np.testing.assert_allclose(habit_values(places, far, 7), values(places, far, 7), rtol=1e-12)
    assert (values(5, far, 12)[-1, 2:] > habit_values(5, far, 12)[-1, 2:] + 0.5).all()


def test_a_reward_worth_less_than_two_near_ones_is_never_looked_for():
    far = np.array([0.5, 1.5, 2.0])
    stay = np.arange(1, 31)[:, None] // 2
    for places in (1, 3, 5):
        np.testing.assert_allclose(values(places, far, 30), stay + 0 * far, rtol=1e-12)


def test_habits_need_a_large_reward_that_is_the_larger():
    with pytest.raises(ValueError, match=r"far = 0.5: must be at least near = 1"):
        best_habit(Foraging(10, 2, 0.5))
    with pytest.raises(ValueError, match="must be a single task"):
        optimum(Foraging([10, 12], 2, 3.0))


def test_the_optimum_goes_back_to_what_it_found():
    """After a find the shortest way, again and again, whatever the place."""
    task = Foraging(40, 5, 8.0)
    lives = simulate(BestForager(optimum(task)), task, None, np.random.default_rng(0))
    assert lives.searched.all()
    assert lives.returned.all()
    world = grid(5)
    for hidden in range(5):
        finds = np.flatnonzero(lives.found[:, hidden])
        direct = {4: 2, 6: 3}  # its distance, over half the grid
        assert set(np.diff(finds)) <= set(direct)
        assert len(set(np.diff(finds))) == 1
    assert world.nest == 2
