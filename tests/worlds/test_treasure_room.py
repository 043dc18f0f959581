"""Lives in the dark treasure room, followed by hand."""

import numpy as np
import pytest

from meta_bandit.policies.treasure_room import STAY, Plan
from meta_bandit.worlds import TreasureRoom, simulate
from meta_bandit.worlds.treasure_room import MOVES


class Wander:
    """Moves at random, and keeps what it was told."""

    def __init__(self):
        self.told = []

    def move_probabilities(self, task, history):
        self.told.append(history)
        return np.full((*history.position.shape, 5), 0.2)


def test_lives_and_what_is_known_of_them_follow_the_rules():
    task, policy = TreasureRoom([12, 8], [-4.0, 0.0], 2.0, 5, 3, 4), Wander()
    lives = simulate(policy, task, 40, np.random.default_rng(1))
    assert lives.positions.shape == (12, 2, 40)
    ends = set()
    for which, life in np.ndindex(2, 40):
        x, y, seen, taken = 1, 1, {}, set()
        for time in range(12):
            if time % 4 == 0:
                x, y, taken = 1, 1, set()
            history = policy.told[time]
            if time < task.lifetime[which]:
                assert history.position[which, life] == 3 * y + x
                assert history.told[:, which, life].tolist() == [x, 3 + y, 6 + time % 4]
                assert set(np.flatnonzero(history.seen[which, life])) == set(seen)
                assert set(np.flatnonzero(history.taken[which, life])) == taken
                known = history.worth[which, life]
                assert {cell: known[cell] for cell in seen} == seen
                assert np.count_nonzero(known) <= len(seen)
            there = int(lives.positions[time, which, life])
            if time >= task.lifetime[which]:
                assert lives.rewards[time, which, life] == 0
                continue
            onward = [(x + dx, y + dy) for dx, dy in MOVES]
            onward = [(min(max(a, 0), 2), min(max(b, 0), 2)) for a, b in onward]
            y, x = divmod(there, 3)
            assert (x, y) in onward
            worth = lives.worth[which, life, there]
            assert lives.rewards[time, which, life] == (0 if there in taken else worth)
            seen[there] = worth
            taken.add(there)
            ends.add((x, y))
        assert lives.seen[which, life] == len(seen)
    assert len(ends) == 9
    np.testing.assert_allclose(lives.by_episode.sum(axis=0), lives.returns)


def test_treasures_lie_anywhere_and_are_worth_what_the_task_says():
    task = TreasureRoom(9, [-4.0, 0.0], 2.0, 2, 3, 9)
    worth = task.birth(20_000, np.random.default_rng(0)).worth
    count = (worth != 0).sum(axis=-1)
    # two in one cell with probability 1/9
    share = (count == 1).mean(axis=1)
    assert (np.abs(share - 1 / 9) < 4 * np.sqrt(8 / 81 / 20_000)).all()
    total = worth.sum(axis=-1)
    spread = np.array([6.0, 2.0]) / np.sqrt(12) * np.sqrt(2)
    assert (np.abs(total.mean(axis=1) - [-2, 2]) < 4 * spread / np.sqrt(20_000)).all()
    np.testing.assert_allclose(total.std(axis=1), spread, rtol=0.03)
    by_cell = (worth != 0).mean(axis=1)
    np.testing.assert_allclose(by_cell, 1 - (8 / 9) ** 2, atol=0.012)


def test_who_stays_takes_what_lies_in_the_centre_once_an_episode():
    task = TreasureRoom(18, -4.0)
    lives = simulate(STAY, task, 500, np.random.default_rng(2))
    np.testing.assert_array_equal(lives.returns, 2 * lives.worth[:, 40])
    assert (lives.worth[:, 40] != 0).any()


def test_the_same_generator_gives_the_same_rooms_whatever_is_done():
    task = TreasureRoom([18, 9])
    stayed, walked, again = (
        simulate(policy, task, 50, np.random.default_rng(3))
        for policy in (STAY, Plan((1, 2, 2, 3)), Wander())
    )
    np.testing.assert_array_equal(stayed.worth, walked.worth)
    np.testing.assert_array_equal(stayed.worth, again.worth)
    # up, twice right, down: four cells, then there it stays
    cells = [49, 50, 51, 42]
    np.testing.assert_allclose(walked.by_episode[0], walked.worth[..., cells].sum(axis=-1))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lifetime": 10}, "lifetime = 10: must be a multiple of steps = 9"),
        ({"lifetime": 0}, "lifetime = 0: must be a whole number >= 1"),
        ({"size": 4}, "size = 4: must be an odd number >= 3"),
        ({"size": [3, 5]}, "size = 5: must be the same in all rooms"),
        ({"treasures": 0}, "treasures = 0: must be a whole number >= 1"),
        ({"low": 3.0}, "high = 2: must be at least low"),
        ({"low": 0.0, "high": 0.0}, "high = 0: must be other than 0"),
        ({"low": float("nan")}, "low = nan"),
    ],
)
def test_a_room_that_is_none_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        TreasureRoom(**values)


def test_what_is_no_probability_is_refused():
    class Lost:
        def move_probabilities(self, task, history):
            return np.full((*history.position.shape, 5), 0.3)

    with pytest.raises(ValueError, match="at time 0: must be >= 0, in all 1"):
        simulate(Lost(), TreasureRoom(9), 4, np.random.default_rng(0))
    with pytest.raises(ValueError, match="must be a whole number >= 1 in the treasure room"):
        simulate(STAY, TreasureRoom(9), None, np.random.default_rng(0))


def test_a_room_is_written_as_the_call_that_makes_it_and_picked_from_an_array():
    rooms = TreasureRoom([90, 45], [-4.0, 0.0])
    assert rooms[1] == TreasureRoom(45, 0.0)
    assert rooms.episodes.tolist() == [10, 5]
    assert eval(repr(rooms[0])) == TreasureRoom()
