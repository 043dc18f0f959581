import numpy as np
import pytest
import torch

from meta_bandit import GaussianBandit
from meta_bandit.worlds import Foraging
from meta_bandit.worlds.foraging import MOVES, distances, grid, single, travel


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"lifetime": 0}, r"lifetime = 0: must be a whole number >= 1"),
        ({"lifetime": 2.5}, r"lifetime = 2.5: must be a whole number >= 1"),
        ({"places": 6}, r"places = 6: must be a whole number in \[1, 5\]"),
        ({"places": 0}, r"places = 0: must be a whole number >= 1"),
        ({"far": 0}, r"far = 0: must be a finite number > 0"),
        ({"near": -1}, r"near = -1: must be a finite number > 0"),
        ({"size": 4}, r"size = 4: must be an odd number >= 3"),
        ({"far": "much"}, r"far = 'much': must be a real number"),
        ({"lifetime": [5, 6], "places": [1, 2, 3]}, r"shapes .* lifetime \(2,\), places \(3,\)"),
    ],
)
def test_what_is_out_of_range_is_named(changed, message):
    with pytest.raises(ValueError, match=message):
        Foraging(**({"lifetime": 10, "places": 2, "far": 5.0} | changed))


def test_fields_broadcast_and_are_picked():
    tasks = Foraging([[10], [20]], [1, 2, 3], 5.0)
    assert tasks.shape == (2, 3)
    assert tasks[1, 2] == Foraging(20, 3, 5.0)
    assert tasks[1, 2] != Foraging(20, 3, 5.5)
    assert Foraging(20, 3, 5.0) != GaussianBandit(20, 3, 5)
    with pytest.raises(ValueError, match="must be a single task"):
        single(tasks)
    with pytest.raises(ValueError, match="must be the same for tasks side by side"):
        _ = Foraging(10, 2, 5.0, 1.0, [3, 5]).grid


@pytest.mark.parametrize("size", [3, 5, 7])
def test_distances_are_those_that_the_text_gives(size):
    world, half = grid(size), (size - 1) // 2
    reach = distances(world)
    assert reach[world.nest, world.near] == half
    np.testing.assert_array_equal(reach[world.nest, world.hiding], half * np.array([2, 3, 2, 3, 2]))
    assert (np.diag(reach[world.hiding][:, world.hiding], 1) == half).all()


def test_ways_do_not_lead_over_the_near_place():
    """The near place is in the corner, which saves no way; from it nobody goes on."""
    world = grid(5)
    reach = distances(world)
    y, x = np.divmod(np.arange(25), 5)
    away = np.abs(x[:, None] - x) + np.abs(y[:, None] - y)
    others = np.arange(25) != world.near
    np.testing.assert_array_equal(reach[others], away[others])
    assert (reach[world.near, others] >= 25).all()


@pytest.mark.parametrize("array", [np.array, torch.tensor])
def test_a_move_is_what_the_text_says(array):
    world = grid(5)
    position, move, hidden = np.meshgrid(np.arange(25), np.arange(4), world.hiding)
    own = world._replace(after=array(world.after))
    found = [np.asarray(x) for x in travel(own, *map(array, (position, move, hidden)))]
    for index in np.ndindex(position.shape):
        (y, x), (dx, dy) = divmod(position[index], 5), MOVES[move[index]]
        x, y = min(max(x + dx, 0), 4), min(max(y + dy, 0), 4)
        reached = 5 * y + x
        home = reached in (0, hidden[index])
        expected = (2 if home else reached, reached == 0, reached == hidden[index])
        assert tuple(part[index] for part in found) == expected
