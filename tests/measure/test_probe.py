import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.measure import decoded_direction, held_out_r2, raw_inputs, share_moved_by
from meta_bandit.policies import Constant
from meta_bandit.worlds import simulate


def test_what_is_linear_is_read_off_exactly():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((5, 3, 40))
    target = 2 * features[:, 0] - features[:, 2] + 7
    assert held_out_r2(features, target) == pytest.approx(1, abs=1e-6)


def test_noise_costs_its_share_of_the_variance():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((20, 2, 4_000))
    target = features[:, 0] + 0.5 * rng.standard_normal((20, 4_000))
    assert held_out_r2(features, target) == pytest.approx(1 / 1.25, abs=0.01)


def test_what_is_not_there_is_not_read_off():
    """With almost as many features as pulls a fit explains all that it has seen."""
    rng = np.random.default_rng(0)
    assert held_out_r2(rng.standard_normal((1, 30, 80)), rng.standard_normal((1, 80))) < 0


def test_no_life_is_tested_by_a_fit_that_has_seen_it():
    """A life's pulls share a number that only identifies the life."""
    rng = np.random.default_rng(0)
    name = np.eye(30)[None].repeat(50, axis=0)
    assert held_out_r2(name, np.broadcast_to(rng.standard_normal(30), (50, 30))) < 0.1


def test_only_what_counts_counts():
    features = np.random.default_rng(0).standard_normal((4, 1, 20))
    target = np.where(np.arange(4)[:, None] < 2, features[:, 0], 99 * features[:, 0] ** 2)
    counted = np.zeros((4, 20), dtype=bool)
    counted[:2] = True
    assert held_out_r2(features, target, counted) == pytest.approx(1, abs=1e-6)
    assert np.isnan(held_out_r2(features, target, np.zeros((4, 20), dtype=bool)))
    assert np.isnan(held_out_r2(features, np.ones((4, 20))))


def test_raw_inputs_are_what_happened_one_pull_before():
    lives = simulate(Constant(0.5), GaussianBandit(1.0, 2.0, 6), 30, np.random.default_rng(1))
    inputs = raw_inputs(lives)
    assert inputs.shape == (6, 4, 30)
    assert not inputs[0, :3].any()
    np.testing.assert_array_equal(inputs[3, 0], lives.rewards[2])
    np.testing.assert_array_equal(inputs[3, 1], lives.actions[2] == 1)
    np.testing.assert_array_equal(inputs[1:, 1] + inputs[1:, 2], np.ones((5, 30)))
    np.testing.assert_array_equal(inputs[:, 3, 4], np.arange(6))


def test_what_moves_with_a_target_is_its_share_of_the_variance():
    rng = np.random.default_rng(0)
    target = rng.standard_normal((30, 2_000))
    other = 2 * rng.standard_normal(target.shape)
    features = np.stack([target, other, np.ones_like(target)], axis=1)
    assert share_moved_by(target, features) == pytest.approx(1 / 5, abs=0.01)
    turned = np.stack([0.6 * target + 0.8 * other, -0.8 * target + 0.6 * other], axis=1)
    assert share_moved_by(target, turned) == pytest.approx(1 / 5, abs=0.01)
    assert np.isnan(share_moved_by(target, np.ones((30, 2, 2_000))))


def test_features_move_with_a_target_along_its_pattern_and_are_read_by_weights():
    # x1 = y + z, x2 = z: y is read as x1 - x2, and moves x1 alone
    rng = np.random.default_rng(0)
    target, other = rng.standard_normal((2, 200_000))
    weights, pattern = decoded_direction(np.stack([target + other, other]), target)
    np.testing.assert_allclose(weights, [1, -1], atol=2e-3)
    np.testing.assert_allclose(pattern, [1, 0], atol=1e-2)
    with pytest.raises(ValueError, match="must vary"):
        decoded_direction(np.ones((2, 5)), np.ones(5))
