from dataclasses import replace

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, A2CConfig, AgentPolicy, TrainedAgents, train
from meta_bandit.measure import measure
from meta_bandit.theory import bayes_optimal, full_information_value, optimal_commit
from meta_bandit.worlds import simulate

SEEDS = [0, 1]
NURTURE, NATURE = slice(0, 2), slice(2, 4)


@pytest.fixture(scope="module")
def trained() -> TrainedAgents:
    """Two agents where learning pays and two where it does not: half a minute or so."""
    return train(GaussianBandit([2.0] * 2 + [0.5] * 2, [2.0] * 2 + [1.0] * 2), SEEDS * 2)


@pytest.mark.slow
def test_agents_learn_to_learn_where_it_pays(trained):
    task = trained.task
    lives = simulate(AgentPolicy(trained), task, 4_000, np.random.default_rng(1))
    _, best_committed = optimal_commit(GaussianBandit(2.0, 2.0))
    assert best_committed == pytest.approx(26.94, abs=0.01)
    assert (measure(lives, ["agent"]).expected_return[NURTURE] > 0.85 * best_committed).all()
    # what is lost against knowing the arm varies less between lives than what is earned
    value = full_information_value(task) - lives.regrets.mean(axis=-1)
    assert (value[NURTURE] > best_committed).all()
    assert value[NURTURE].mean() > 0.9 * bayes_optimal(GaussianBandit(2.0, 2.0)).value


@pytest.mark.slow
def test_agents_learn_not_to_learn_where_it_does_not(trained):
    greedy = simulate(AgentPolicy(trained), trained.task, 4_000, np.random.default_rng(1))
    assert not greedy.actions[:, NATURE].any()
    measured = measure(greedy, ["agent"])[["expected_return", "exploration"]].isel(agent=NATURE)
    assert not measured.to_array().any()
    rng = np.random.default_rng(2)
    sampled = simulate(AgentPolicy(trained, greedy=False), trained.task, 1_000, rng)
    assert sampled.risky_probability[:, NATURE].mean() < 0.005


def test_the_smoke_configuration_runs_through():
    trained = train(GaussianBandit([2.0, 0.5], [2.0, 1.0]), [0, 1], CONFIGURATIONS["smoke"])
    lives = simulate(AgentPolicy(trained), trained.task, 10, np.random.default_rng(1))
    assert np.isfinite(measure(lives, ["agent"]).expected_return).all()


def test_training_begins_with_the_weights_that_it_is_given():
    task, small = GaussianBandit([2.0, 0.5], 1.0, 10), A2CConfig(updates=20, units=6)
    before = train(task, [0, 1], small, "cpu", progress=False)
    # steps too small to show: what comes out is what went in, with nothing left at random
    still = replace(small, updates=1, learning_rate=1e-30)
    other = GaussianBandit([1.0, 1.0], 1.0, 10)
    after = train(other, [7, 8], still, "cpu", progress=False, initial=before.weights)
    np.testing.assert_array_equal(after.weights, before.weights)
    np.testing.assert_array_equal(after.task.sigma_p, [1.0, 1.0])
    # without, the same run ends elsewhere; and what began it stays as it was
    kept = before.weights.copy()
    fresh = train(task, [0, 1], small, "cpu", progress=False)
    np.testing.assert_array_equal(fresh.weights, kept)
    on = train(task, [0, 1], small, "cpu", progress=False, initial=before.weights)
    np.testing.assert_array_equal(before.weights, kept)
    assert (on.weights != kept).any(axis=(1, 2)).all()


def test_weights_that_do_not_fit_are_refused():
    task, small = GaussianBandit([2.0, 0.5], 1.0, 10), A2CConfig(updates=1, units=6)
    before = train(task, [0, 1], small, "cpu", progress=False)
    for tasks, config in ((task[0], small), (task, replace(small, units=7))):
        one = GaussianBandit(np.atleast_1d(tasks.sigma_p), 1.0, 10)
        seeds = list(range(len(one.sigma_p)))
        with pytest.raises(ValueError, match=r"initial: weights of shape \(2, 11, 26\): must be"):
            train(one, seeds, config, "cpu", progress=False, initial=before.weights)
