from dataclasses import dataclass

import numpy as np
import pytest

from meta_bandit.policies.foraging import BestForager
from meta_bandit.theory.foraging import optimum
from meta_bandit.worlds import Foraging, simulate


@dataclass
class Wander:
    """Moves at random, and keeps what it was told."""

    def __post_init__(self):
        self.told = []

    def move_probabilities(self, task, history):
        self.told.append(history)
        return np.full((*history.position.shape, 4), 0.25)


@dataclass
class Plan:
    """Makes fixed moves."""

    moves: str

    def move_probabilities(self, task, history):
        return np.broadcast_to(
            np.eye(4)["URDL".index(self.moves[history.time])], (*history.position.shape, 4)
        )


def test_lives_and_what_is_known_of_them_follow_the_rules():
    task = Foraging([30, 12], [3, 5], 4.0, 0.5)
    policy = Wander()
    lives = simulate(policy, task, 200, np.random.default_rng(1))
    world = task.grid
    assert lives.positions.shape == (31, 2, 200)
    assert (lives.hidden[0] < 3).all()
    assert set(lives.hidden[1]) == set(range(5))
    for agent, life in np.ndindex(2, 200):
        lifetime, places = ((30, 3), (12, 5))[agent]
        cell, excluded, trips, left_at = world.nest, set(), 0, 0
        for time in range(30):
            told = policy.told[time]
            assert told.position[agent, life] == cell == lives.positions[time, agent, life]
            bits = told.excluded[agent, life]
            assert {k for k in range(5) if bits >> k & 1} == excluded
            assert (told.trips[agent, life], told.left_at[agent, life]) == (trips, left_at)
            if time >= lifetime:
                assert not lives.rewards[time, agent, life]
                continue
            there = world.after[cell, lives.actions[time, agent, life]]
            hidden = lives.hidden[agent, life]
            paid = 0.5 * (there == world.near) + 4.0 * (there == world.hiding[hidden])
            assert lives.rewards[time, agent, life] == paid
            for place in range(places):
                if there == world.hiding[place] and place != hidden:
                    excluded.add(place)
            if there == world.hiding[hidden]:
                excluded = set(range(places)) - {hidden}
            cell = world.nest if paid else there
            if paid:
                trips, left_at = trips + 1, time + 1
    assert lives.returns[1].mean() == pytest.approx(lives.rewards[:12, 1].sum(0).mean())


def test_moves_come_with_their_probabilities():
    lives = simulate(Wander(), Foraging(20, 2, 4.0), 500, np.random.default_rng(2))
    shares = np.bincount(lives.actions.ravel(), minlength=4) / lives.actions.size
    np.testing.assert_allclose(shares, 0.25, atol=4 * np.sqrt(0.25 * 0.75 / lives.actions.size))
    share = np.bincount(lives.hidden) / 500
    np.testing.assert_allclose(share, 0.5, atol=4 * np.sqrt(0.25 / 500))


@pytest.mark.parametrize(
    ("moves", "searched", "returned"),
    [
        ("LLLLLLLLLLLL", [False, False], [False, False]),
        ("RRUURRUUUUUU", [True, True], [True, False]),
        ("RRUULLLLLLLL", [True, True], [False, False]),
        ("RRUURRUURRUU", [True, True], [True, False]),
    ],
)
def test_searching_and_returning_are_seen(moves, searched, returned):
    """Place A is 4 moves away; its neighbour B is 6."""
    lives = simulate(Plan(moves), Foraging(12, 2, 4.0), None, np.random.default_rng(0))
    assert lives.searched.tolist() == searched
    assert lives.returned.tolist() == returned


def test_every_life_is_played_once_if_none_is_drawn():
    task = Foraging([10, 14], 4, 6.0)
    lives = simulate(Wander(), task, None, np.random.default_rng(0))
    np.testing.assert_array_equal(lives.hidden, [[0, 1, 2, 3]] * 2)
    with pytest.raises(ValueError, match=r"places = \[2, 3\]: must be the same"):
        simulate(Wander(), Foraging(10, [2, 3], 6.0), None, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"lives = 0: must be a whole number >= 1"):
        simulate(Wander(), task, 0, np.random.default_rng(0))


def test_places_are_drawn_alike_whatever_the_policy_does():
    task = Foraging(12, 3, 5.0)
    first, second = (
        simulate(policy, task, 50, np.random.default_rng(3))
        for policy in (Wander(), BestForager(optimum(task)))
    )
    np.testing.assert_array_equal(first.hidden, second.hidden)


def test_what_is_no_probability_is_refused():
    class Wrong:
        def move_probabilities(self, task, history):
            return np.full((*history.position.shape, 4), 0.3)

    with pytest.raises(ValueError, match="probabilities of the moves at time 0"):
        simulate(Wrong(), Foraging(5, 2, 3.0), 4, np.random.default_rng(0))
