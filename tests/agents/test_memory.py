"""The memory of agents as a map: steps, slopes, and where it stays."""

import numpy as np
import pytest
import torch

from meta_bandit.agents.memory import fixed_points, jacobian, log_odds, step
from meta_bandit.agents.network import INPUTS, LOGIT, Ensemble, initial_weights

UNITS = 5


@pytest.fixture(scope="module")
def net():
    rng = np.random.default_rng(0)
    weights = initial_weights([3, 4], UNITS).numpy()
    return weights + 0.3 * rng.standard_normal(weights.shape)


def test_a_step_is_that_of_the_network(net):
    rng = np.random.default_rng(1)
    told = rng.standard_normal((4, 2, INPUTS, 3))
    played = Ensemble(torch.tensor(net), lives=3, pulls=0)
    state = np.zeros((2, 2 * UNITS, 3))
    for x in told:
        played.inputs[0, :, :INPUTS] = torch.tensor(x)
        heads = played.step(0)
        state = step(net, x, state)
        np.testing.assert_allclose(state, torch.cat(played.memory(0), dim=1), atol=1e-12)
        np.testing.assert_allclose(log_odds(net, state), heads[:, LOGIT], atol=1e-12)


def test_slopes_are_those_of_small_differences(net):
    rng = np.random.default_rng(2)
    told, state = rng.standard_normal((2, INPUTS, 3)), rng.standard_normal((2, 2 * UNITS, 3))
    slopes, small = jacobian(net, told, state), 1e-6
    for unit in range(2 * UNITS):
        move = small * np.eye(2 * UNITS)[unit][:, None]
        ahead, behind = step(net, told, state + move), step(net, told, state - move)
        found = (ahead - behind) / (2 * small)
        np.testing.assert_allclose(slopes[..., unit].swapaxes(1, 2), found, atol=1e-8)


def switch(gain):
    """One unit whose cell is c' = c/2 + tanh(gain h)/2, with the output gate open."""
    weights = np.zeros((INPUTS + 2, 6))
    weights[INPUTS, 0] = 50.0  # o = 1
    weights[INPUTS + 1, 3] = gain
    return weights


def test_a_switch_has_two_states_that_attract_and_one_between():
    # at rest c = tanh(gain tanh(c)): c = 0, and two more if gain > 1
    points, values, ends = fixed_points(switch(3.0), np.zeros(INPUTS), [[0.5, -0.4], [0.5, -0.4]])
    order = points[:, 1].argsort()
    high = points[order[-1], 1]
    assert high == pytest.approx(np.tanh(3 * np.tanh(high)))
    np.testing.assert_allclose(points[order, 1], [-high, 0, high], atol=1e-9)
    sizes = np.abs(values[order, 0])
    assert (sizes[[0, 2]] < 1).all()
    # there h' = c' and c' = c/2 + 3 h/2: the root of x^2 = 2 x that is not 0
    assert sizes[1] == pytest.approx(2.0)
    assert points[ends, 1] == pytest.approx([high, -high])


def test_the_border_is_found_though_no_start_is_near_it():
    starts = [[0.9, -0.9], [0.9, -0.9]]
    points, values, _ = fixed_points(switch(3.0), np.zeros(INPUTS), starts, held=200)
    assert sorted(np.sign(points[:, 1].round(6))) == [-1, 0, 1]
    assert (np.abs(values[:, 0]) > 1).sum() == 1


def test_where_nothing_feeds_back_memory_forgets():
    points, values, ends = fixed_points(switch(0.0), np.zeros(INPUTS), [[0.5, -0.4], [0.5, -0.4]])
    np.testing.assert_allclose(points, 0, atol=1e-9)
    assert np.abs(values[0, 0]) == pytest.approx(0.5)
    assert ends.tolist() == [0, 0]
