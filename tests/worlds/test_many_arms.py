"""Lives with many arms, and the policies whose returns are known."""

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.policies import KnowledgeGradient as KnowledgeGradientOfTwo
from meta_bandit.policies.many_arms import (
    Informed,
    KnowledgeGradient,
    Never,
    ThompsonSampling,
    UpperConfidence,
)
from meta_bandit.theory import posterior
from meta_bandit.worlds import ManyArms, simulate
from meta_bandit.worlds import simulate as simulate_two
from meta_bandit.worlds.many_arms import estimates

LIVES = 20_000


class Wander:
    """Pulls at random, and keeps what it was told."""

    def __init__(self):
        self.told = []

    def choose(self, world, history, rng):
        self.told.append((history, *estimates(world, history)))
        return rng.integers(0, int(world.arms), history.last_action.shape)


def test_lives_and_what_is_known_of_them_follow_the_rules():
    world = ManyArms(4, [1.0, 2.0], 0.5, [12, 5], 0.1, 0.3)
    policy = Wander()
    lives = simulate(policy, world, 50, np.random.default_rng(1))
    assert lives.actions.shape == (12, 2, 50)
    assert (lives.arm_means[..., 0] == 0.3).all()
    assert (lives.pulls.sum(axis=-1) == np.array([[12], [5]])).all()
    assert not lives.rewards[5:, 1].any()
    for which, life in np.ndindex(2, 50):
        pulls, sums = np.zeros(4), np.zeros(4)
        for t in range(int(world.lifetime[which])):
            history, excess, variance = policy.told[t]
            np.testing.assert_array_equal(history.pulls[which, life], pulls[1:])
            np.testing.assert_allclose(history.reward_sums[which, life], sums[1:], atol=1e-12)
            one = GaussianBandit(world.sigma_p[which], 0.5, 12, 0.1)
            for arm in (1, 2, 3):
                mean, var = posterior(one, pulls[arm], sums[arm])
                assert excess[which, life, arm - 1] == pytest.approx(float(mean) - 0.3, abs=1e-12)
                assert variance[which, life, arm - 1] == pytest.approx(float(var))
            arm = lives.actions[t, which, life]
            assert arm > 0 or lives.rewards[t, which, life] == 0.3
            pulls[arm] += 1
            sums[arm] += lives.rewards[t, which, life]
        np.testing.assert_array_equal(lives.pulls[which, life], pulls)
        assert lives.tried[which, life] == (pulls[1:] > 0).sum()


@pytest.mark.parametrize(
    ("safe", "known"),
    [
        (0.5, {"never": 50.0, "thompson": 129.1, "gradient": 134.5, "ucb": 134.8, "knows": 149.0}),
        (0.0, {"never": 0.0, "thompson": 129.4, "gradient": 133.6, "ucb": 133.1, "knows": 148.5}),
    ],
)
def test_known_returns_of_the_benchmark_are_met_within_three_standard_errors(safe, known):
    """The returns were computed before, by other code, from 20,000 lives with errors of 0.4."""
    world = ManyArms(safe=safe)
    policies = {
        "never": Never(),
        "thompson": ThompsonSampling(),
        "gradient": KnowledgeGradient(),
        "ucb": UpperConfidence(),
    }
    for name, policy in policies.items():
        lives = simulate(policy, world, LIVES, np.random.default_rng(0))
        error = lives.expected_returns.std() / np.sqrt(LIVES)
        assert name == "never" or 0.3 < error < 0.5
        distance = lives.expected_returns.mean() - known[name]
        assert abs(distance) <= 3 * np.hypot(error, 0.4 if error else 0.0), name
    informed = simulate(Informed(lives.arm_means), world, LIVES, np.random.default_rng(0))
    np.testing.assert_array_equal(informed.arm_means, lives.arm_means)
    assert abs(informed.expected_returns.mean() - known["knows"]) < 3 * np.hypot(0.4, 0.4)


def test_with_two_arms_the_knowledge_gradient_is_that_of_the_book():
    world = ManyArms(2, 1.0, 0.5, 50)
    lives = simulate(KnowledgeGradient(), world, LIVES, np.random.default_rng(0))
    one = simulate_two(KnowledgeGradientOfTwo(), world.one_armed, LIVES, np.random.default_rng(1))
    earned = lives.expected_returns - 50 * 0.5
    other = (one.arm_mean * one.risky_pulls).reshape(-1)
    error = np.hypot(earned.std(), other.std()) / np.sqrt(LIVES)
    assert abs(earned.mean() - other.mean()) < 4 * error


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"arms": 1}, "arms = 1: must be a whole number >= 2"),
        ({"arms": [2, 3]}, "arms = 3: must be the same in all worlds"),
        ({"sigma_p": 0}, "sigma_p = 0: must be a finite number > 0"),
        ({"safe": float("nan")}, "safe = nan"),
        ({"lifetime": 0.5}, r"lifetime = 0\.5: must be a whole number >= 1"),
    ],
)
def test_a_world_that_is_none_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        ManyArms(**values)


def test_an_arm_that_is_none_is_refused():
    class Lost:
        def choose(self, world, history, rng):
            return np.full(history.last_action.shape, 7)

    with pytest.raises(ValueError, match="arm chosen at pull 0: must be one of 0 to 2"):
        simulate(Lost(), ManyArms(3), 4, np.random.default_rng(0))
    with pytest.raises(ValueError, match="lives = 0"):
        simulate(Never(), ManyArms(3), 0, np.random.default_rng(0))
