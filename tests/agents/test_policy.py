from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from meta_bandit import GaussianBandit
from meta_bandit.agents import (
    A2CConfig,
    AgentPolicy,
    TrainedAgents,
    Watch,
    load_agents,
    save_agents,
    train,
)
from meta_bandit.agents.config import TimeFeature
from meta_bandit.agents.layout import TIMES
from meta_bandit.agents.network import initial_weights
from meta_bandit.agents.told import time_input
from meta_bandit.policies import Constant
from meta_bandit.worlds import simulate
from meta_bandit.worlds.bandit import History, Lives
from tests.agents.unrolled import unrolled_heads

TASK = GaussianBandit([2.0, 1.0], [1.0, 0.5], [8, 5], [-1.0, -2.0])


SMALL = A2CConfig(updates=5, lives=8, units=6)


@pytest.fixture(scope="module")
def trained() -> TrainedAgents:
    return train(TASK, [1, 2], SMALL, device="cpu")


@pytest.fixture(scope="module")
def told_the_task() -> TrainedAgents:
    return train(TASK, [1, 2], replace(SMALL, task_context=True), device="cpu")


def replayed(trained: TrainedAgents, lives: Lives, backwards: bool = False) -> np.ndarray:
    """Logits of the agents in the situations of these lives, the plain way."""
    pulls, agents, count = lives.actions.shape
    lifetime = np.broadcast_to(lives.task.lifetime, (agents,))
    told = trained.config.task_context
    x = np.zeros((pulls, agents, 7 if told else 4, count))
    for agent in range(agents):
        task = trained.task
        scale = np.sqrt(task.mean[agent] ** 2 + task.sigma_p[agent] ** 2 + task.sigma_l[agent] ** 2)
        for pull in range(pulls):
            said = lifetime[agent] - 1 - pull if backwards else pull
            x[pull, agent, 3] = 2 * said / lifetime[agent] - 1
            if told:
                x[pull, agent, 4] = np.log(lives.task.sigma_p[agent] / abs(lives.task.mean[agent]))
                x[pull, agent, 5] = np.log(lives.task.sigma_l[agent] / abs(lives.task.mean[agent]))
                x[pull, agent, 6] = np.log(lifetime[agent] / 100)
            if pull:
                x[pull, agent, 0] = lives.rewards[pull - 1, agent] / scale
                x[pull, agent, 1] = lives.actions[pull - 1, agent] == 1
                x[pull, agent, 2] = lives.actions[pull - 1, agent] == 0
    weights = torch.tensor(trained.weights, dtype=torch.float64)
    return unrolled_heads(weights, torch.tensor(x))[:, :, 0].numpy()


@pytest.mark.parametrize("lifetime", [[8, 5], [12, 12]])
def test_probabilities_are_those_of_the_network(trained, lifetime):
    task = GaussianBandit(TASK.sigma_p, TASK.sigma_l, lifetime, TASK.mean)
    lives = simulate(AgentPolicy(trained, greedy=False), task, 50, np.random.default_rng(0))
    logit = replayed(trained, lives)
    np.testing.assert_allclose(lives.risky_probability, 1 / (1 + np.exp(-logit)), atol=1e-5)
    assert lives.risky_probability.std() > 0


def test_the_clock_can_be_turned_and_nothing_else_changes(trained):
    policy = AgentPolicy(trained, greedy=False, clock=lambda pull, lifetime: lifetime - 1 - pull)
    lives = simulate(policy, TASK, 50, np.random.default_rng(0))
    logit = replayed(trained, lives, backwards=True)
    np.testing.assert_allclose(lives.risky_probability, 1 / (1 + np.exp(-logit)), atol=1e-5)
    right = simulate(AgentPolicy(trained, greedy=False), TASK, 50, np.random.default_rng(0))
    assert (right.risky_probability[0] != lives.risky_probability[0]).all()


def test_agents_can_be_told_their_task(told_the_task, tmp_path):
    save_agents(told_the_task, tmp_path / "told.safetensors")
    policy = AgentPolicy(load_agents(tmp_path / "told.safetensors"), greedy=False)
    lives = simulate(policy, TASK, 50, np.random.default_rng(0))
    logit = replayed(told_the_task, lives)
    np.testing.assert_allclose(lives.risky_probability, 1 / (1 + np.exp(-logit)), atol=1e-5)
    # all of it is used, but what is 0 throughout
    before = initial_weights([1, 2], 6, 7).float().numpy()[:, 4:7, :-2]
    moved = (told_the_task.weights[:, 4:7, :-2] != before).all(axis=-1)
    assert np.array_equal(moved, TASK.context != 0)


def test_greedy_takes_the_more_probable_arm(trained):
    lives = simulate(AgentPolicy(trained), TASK, 50, np.random.default_rng(0))
    logit = replayed(trained, lives)
    clear = np.abs(logit) > 1e-5
    np.testing.assert_array_equal(lives.risky_probability[clear], (logit > 0)[clear])


def test_every_life_begins_afresh(trained):
    policy = AgentPolicy(trained, greedy=False)
    first, second = (simulate(policy, TASK, 20, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first.risky_probability, second.risky_probability)
    more = simulate(policy, TASK, 31, np.random.default_rng(3))
    np.testing.assert_array_equal(more.risky_probability[0, :, :20], first.risky_probability[0])


def test_acting_leaves_the_agents_as_they_are(trained):
    before = trained.weights.copy()
    simulate(AgentPolicy(trained), TASK, 20, np.random.default_rng(3))
    np.testing.assert_array_equal(trained.weights, before)


def test_a_task_of_another_shape_is_refused(trained):
    with pytest.raises(ValueError, match=r"task: shape \(3,\): must be \(2,\)"):
        simulate(AgentPolicy(trained), GaussianBandit([1.0] * 3, 1.0), 4, np.random.default_rng(0))


def test_lives_that_were_not_begun_are_refused(trained):
    nothing = np.zeros((2, 4))
    history = History(3, nothing.astype(np.int8), nothing, nothing.astype(np.int64), nothing)
    with pytest.raises(ValueError, match="asked at pull 0"):
        AgentPolicy(trained).risky_probability(TASK, history)


def test_memory_is_what_the_heads_read(trained):
    policy = AgentPolicy(trained, greedy=False, remember=True)
    for count in (20, 12):  # new lives begin with nothing kept
        lives = simulate(policy, TASK, count, np.random.default_rng(3))
        memory = policy.memory
        assert memory.shape == (8, 2, 12, count)
        output, cell = memory[:, :, :6], memory[:, :, 6:]
        heads = trained.weights[:, 4:, 24]  # column of the logit: the constant, then the outputs
        logit = np.einsum("au,paul->pal", heads[:, 1:], output) + heads[:, :1]
        np.testing.assert_allclose(lives.risky_probability, 1 / (1 + np.exp(-logit)), atol=1e-5)
        # h = o tanh(c), with a gate o between 0 and 1
        assert (np.abs(output) <= np.abs(np.tanh(cell)) + 1e-6).all()
        assert (np.sign(output) == np.sign(cell)).mean() > 0.999


def test_a_network_that_watches_sees_the_actor_s_lives(trained):
    watcher = AgentPolicy(trained, remember=True)
    alone = simulate(Constant(0.5), TASK, 20, np.random.default_rng(3))
    watched = simulate(Watch(Constant(0.5), watcher), TASK, 20, np.random.default_rng(3))
    np.testing.assert_array_equal(alone.rewards, watched.rewards)
    again = AgentPolicy(trained, remember=True)
    simulate(Watch(Constant(0.0), again), TASK, 20, np.random.default_rng(3))
    assert np.ptp(again.memory[:, 0], axis=-1).max() == 0  # all lives of zeros look alike
    assert np.ptp(watcher.memory[1:, 0], axis=-1).min(axis=-1).max() > 0


def test_a_policy_that_kept_nothing_says_so(trained):
    policy = AgentPolicy(trained)
    simulate(policy, TASK, 4, np.random.default_rng(0))
    with pytest.raises(ValueError, match="remember=True"):
        _ = policy.memory


def test_the_formulas_of_the_clocks_that_files_carry_are_those_that_agents_see():
    assert TIMES.keys() == set(get_args(TimeFeature))
    for kind, formula in TIMES.items():
        text = formula.replace("2 t", "2 * t").replace("ln", "np.log")
        for t, T in ((0, 7), (3, 7), (7, 7), (120, 400)):
            seen = time_input(kind, torch.tensor(float(t)), torch.tensor(float(T)))
            assert float(seen) == pytest.approx(eval(text, {"np": np, "t": t, "T": T}), abs=1e-6)
