import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.policies import Commit, Constant
from meta_bandit.theory import posterior
from meta_bandit.worlds import simulate
from meta_bandit.worlds.bandit import History


class Recorder:
    """Pulls at random and keeps what it was told."""

    def __init__(self):
        self.histories: list[History] = []

    def risky_probability(self, task, history):
        self.histories.append(history)
        return np.full(history.last_reward.shape, 0.5)


def test_history_is_what_the_lives_did_before():
    recorder = Recorder()
    task = GaussianBandit([1.0, 2.0], 1.0, lifetime=6)
    lives = simulate(recorder, task, 50, np.random.default_rng(0))
    for pull, history in enumerate(recorder.histories):
        assert history.pull == pull
        assert np.array_equal(history.risky_pulls, lives.actions[:pull].sum(axis=0))
        assert np.allclose(history.reward_sum, lives.rewards[:pull].sum(axis=0))
        if pull:
            assert np.array_equal(history.last_action, lives.actions[pull - 1])
            assert np.array_equal(history.last_reward, lives.rewards[pull - 1])
    assert not recorder.histories[0].last_action.any()


def test_lives_follow_the_laws_of_the_task():
    task = GaussianBandit(2.0, 3.0, lifetime=30, mean=-0.5)
    lives = simulate(Constant(1.0), task, 20_000, np.random.default_rng(1))
    count = lives.arm_mean.size
    assert abs(lives.arm_mean.mean() + 0.5) < 4 * 2.0 / np.sqrt(count)
    assert abs(lives.arm_mean.std() - 2.0) < 4 * 2.0 / np.sqrt(2 * count)
    noise = (lives.rewards - lives.arm_mean).ravel()
    assert abs(noise.mean()) < 4 * 3.0 / np.sqrt(noise.size)
    assert abs(noise.std() - 3.0) < 4 * 3.0 / np.sqrt(2 * noise.size)


def test_the_safe_arm_pays_nothing():
    lives = simulate(Constant(0.3), GaussianBandit(1.0, 1.0, 20), 200, np.random.default_rng(2))
    assert (lives.rewards[lives.actions == 0] == 0).all()
    assert (lives.rewards[lives.actions == 1] != 0).all()
    assert 0.25 < lives.actions.mean() < 0.35


def test_nothing_happens_after_a_task_s_own_lifetime():
    task = GaussianBandit(1.0, 1.0, lifetime=[3, 8])
    lives = simulate(Constant(1.0), task, 10, np.random.default_rng(3))
    assert np.array_equal(lives.risky_pulls, np.full((2, 10), [[3], [8]]))
    assert (lives.last_action == 1).all()
    assert lives[0].actions.shape == (3, 10)
    assert lives[0].task == GaussianBandit(1.0, 1.0, 3)
    assert np.array_equal(lives[1].rewards, lives.rewards[:, 1])


def test_policies_meet_the_same_lives():
    task = GaussianBandit(1.0, 1.0, 10)
    always = simulate(Constant(1.0), task, 100, np.random.default_rng(4))
    commit = simulate(Commit(3), task, 100, np.random.default_rng(4))
    assert np.array_equal(always.arm_mean, commit.arm_mean)
    assert np.array_equal(always.rewards[:3], commit.rewards[:3])


def test_same_seed_same_lives_other_seed_others():
    task = GaussianBandit(1.0, 1.0, 10)
    one, two, other = (
        simulate(Constant(0.5), task, 50, np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    assert np.array_equal(one.rewards, two.rewards)
    assert not np.array_equal(one.rewards, other.rewards)


def test_commit_decides_once_by_its_estimate():
    task = GaussianBandit(1.0, 2.0, lifetime=12)
    lives = simulate(Commit(4), task, 500, np.random.default_rng(7))
    estimate, _ = posterior(task, 4, lives.rewards[:4].sum(axis=0))
    assert (lives.actions[:4] == 1).all()
    assert np.array_equal(lives.actions[4:], np.broadcast_to(estimate > 0, (8, 500)))
    by_sample = simulate(Commit(4, "ml"), task, 500, np.random.default_rng(7))
    assert np.array_equal(by_sample.actions[4] == 1, by_sample.rewards[:4].sum(axis=0) > 0)
    assert not np.array_equal(by_sample.actions, lives.actions)


def test_bad_input_is_named():
    task = GaussianBandit(1.0, 1.0, 3)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="lives = 0"):
        simulate(Constant(0.5), task, 0, rng)
    with pytest.raises(ValueError, match=r"probability = 1\.5"):
        Constant(1.5)
    with pytest.raises(ValueError, match=r"pulls = 2\.5"):
        Commit([1, 2.5])
    with pytest.raises(ValueError, match="estimator = 'best'"):
        Commit(1, "best")

    class Broken:
        def risky_probability(self, task, history):
            return np.full(history.last_reward.shape, np.nan)

    with pytest.raises(ValueError, match="probability of the risky arm at pull 0"):
        simulate(Broken(), task, 5, rng)
