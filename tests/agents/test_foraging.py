"""Foragers: their gradient against autograd, their lives in training against `simulate`."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from meta_bandit.agents import (
    CONFIGURATIONS,
    AgentPolicy,
    load_agents,
    save_agents,
    train,
)
from meta_bandit.agents.a2c import Trainer, advantages
from meta_bandit.agents.checkpoint import read_arrays, write_arrays
from meta_bandit.agents.network import ACTION, REWARD, Ensemble
from meta_bandit.studies import score
from meta_bandit.theory.foraging import optimum
from meta_bandit.worlds import Foraging, simulate
from meta_bandit.worlds.foraging import travel
from tests.agents.again import trained_again
from tests.agents.unrolled import unrolled_heads

TIME, POSITION = 5, 6
CONFIG = CONFIGURATIONS["forage"]
TASK = Foraging([9, 6], [3, 2], [4.0, 2.5], [1.0, 0.5])
SMALL = replace(CONFIG, updates=4, lives=64, units=5, continuation_until=0.0)


def made(task=TASK, dtype=torch.float64, **changes) -> Trainer:
    config = replace(SMALL, **changes)
    seeds = list(range(task.shape[0]))
    return Trainer(task, seeds, config, torch.device("cpu"), dtype)


@pytest.mark.parametrize("normalise", [True, False])
def test_the_slopes_are_those_of_autograd(normalise):
    """The whole gradient of the loss, through a softmax head and time, to 1e-10."""
    with torch.no_grad():
        learner = made(normalise_advantages=normalise)
        learner.net.weights.mul_(3)  # answers that differ
        learner.lives.play(0)
        beta = torch.tensor(0.2, dtype=torch.float64)
        entropy = learner.loss_slope(beta).clone()
        gradient = learner.net.backward(learner.heads_slope).clone()
        x, weights = learner.net.inputs[:-1].clone(), learner.net.weights.clone()
        outcome, mask = learner.net.inputs[1:].clone(), learner.lives.mask.clone()
        lifetime, samples = learner.lives.lifetime.clone(), learner.lives.samples.clone()
    config, rows = learner.config, learner.net.read
    leaf = weights.clone().requires_grad_()
    heads = unrolled_heads(leaf, x[:, :, :rows], logits=4)
    policy = torch.distributions.Categorical(logits=heads[:, :, :4].transpose(2, 3))
    value = heads[:, :, 4]
    reward = outcome[:, :, REWARD] / lifetime
    with torch.no_grad():
        target = advantages(reward, value.detach() * mask, config.discount, config.gae_lambda)
        weighed = target.clone()
        if normalise:
            for agent in range(2):
                lived = mask[:, agent, 0] > 0
                mean = target[lived, agent].mean()
                spread = target[lived, agent].std(correction=0) + 1e-8
                weighed[:, agent] = (target[:, agent] - mean) / spread
    action = outcome[:, :, ACTION:TIME].argmax(2)
    error = 0.5 * config.value_weight * (value - (value.detach() + target)).square()
    loss = (-weighed * policy.log_prob(action) - 0.2 * policy.entropy() + error) * mask
    loss.sum().backward()
    assert leaf.grad is not None
    units = config.units
    assert gradient[:, :, : 4 * units].abs().max() > 1e-3
    torch.testing.assert_close(gradient, leaf.grad, rtol=0, atol=1e-10)
    expected = (policy.entropy() * mask).sum((0, 2)).detach() / samples
    torch.testing.assert_close(entropy, expected)


def test_moves_are_sampled_as_the_softmax_says():
    with torch.inference_mode():
        learner = made(Foraging([2], 2, 3.0), lives=8192, units=2)
        # at birth all lives of the agent are alike: a single distribution
        learner.net.weights[:, learner.net.read, 4 * 2 : 4 * 2 + 4] = torch.tensor(
            [1.0, 0.0, -1.0, 0.5], dtype=torch.float64
        )
        learner.lives.play(3)
        chances = learner.net.heads[0, 0, :4, 0].softmax(0)
        shares = learner.net.inputs[1, 0, ACTION:TIME].mean(-1)
    error = (chances * (1 - chances) / 8192).sqrt()
    assert ((shares - chances).abs() < 4 * error).all()


def test_lives_in_training_follow_the_rules():
    with torch.inference_mode():
        learner = made()
        learner.lives.play(1, 0.5)
        fed, found = learner.lives.fed, learner.lives.found
        cells = TASK.grid.hiding[learner.lives.draw_places(1)]
        z = learner.net.inputs.numpy()
    world = TASK.grid
    far, small = np.array([4.0, 2.5]), np.array([0.5, 0.25])
    position = np.full((2, 64), world.nest)
    counts = np.zeros((2, 2, 64))
    for step in range(9):
        seen = z[step, :, POSITION : learner.net.read]
        np.testing.assert_array_equal(seen.argmax(1), position)
        np.testing.assert_array_equal(seen.sum(1), 1)
        time = 2 * step / TASK.lifetime - 1
        np.testing.assert_allclose(z[step, :, TIME], np.repeat(time[:, None], 64, 1))
        move = z[step + 1, :, ACTION:TIME].argmax(1)
        position, ate, got = travel(world, position, move, cells)
        alive = (step < TASK.lifetime)[:, None]
        counts += np.stack([ate & alive, got & alive])
        paid = (ate * small[:, None] + got * far[:, None]) / far[:, None] * alive
        np.testing.assert_allclose(z[step + 1, :, REWARD], paid)
    np.testing.assert_array_equal(fed, counts[0])
    np.testing.assert_array_equal(found, counts[1])
    assert not z[0, :, [REWARD, *range(ACTION, TIME)]].any()


def test_each_place_is_dealt_equally_often():
    with torch.inference_mode():
        learner = made(lives=60)
        places = learner.lives.draw_places(2).numpy()
        np.testing.assert_array_equal(np.bincount(places[0]), [20, 20, 20])
        np.testing.assert_array_equal(np.bincount(places[1]), [30, 30])
        free = made(lives=60, stratified_arms=False).lives.draw_places(2).numpy()
    assert set(free[0]) == {0, 1, 2}
    assert (np.bincount(free[0]) != 20).any()


def test_the_policy_answers_as_the_network_did_in_training():
    """The same inputs, written by another hand, give the same answers."""
    learner = made(dtype=torch.float32)
    with torch.inference_mode():
        learner.lives.play(0)
        heads = learner.net.heads.numpy().copy()
        moves = learner.net.inputs[1:, :, ACTION:TIME].argmax(2).numpy()
        places = learner.lives.draw_places(0).numpy()
        weights = learner.net.weights.numpy().copy()
    trained = train(TASK, [0, 1], SMALL, "cpu", progress=False)
    agent = AgentPolicy(replace(trained, weights=weights), greedy=False)
    answers = []

    class Repeat:
        """Asks the agent, and makes the moves of training."""

        def move_probabilities(self, task, history):
            answers.append(agent.move_probabilities(task, history))
            return np.eye(4)[moves[history.time]]

    class Same:
        """Draws the places of training."""

        def random(self, shape):
            drawn = (places + 0.5) / np.array([[3], [2]])
            return drawn if not answers else np.full(shape, 0.5)

    simulate(Repeat(), TASK, 64, Same())
    for agent_number, lifetime in enumerate(TASK.lifetime):
        logits = torch.from_numpy(heads[:lifetime, agent_number, :4]).double()
        found = np.stack(answers)[:lifetime, agent_number]
        np.testing.assert_allclose(found, logits.softmax(1).transpose(1, 2), atol=1e-6)


def test_training_is_the_same_alone_and_resumed_and_survives_a_file(tmp_path):
    trained_again(TASK, SMALL, tmp_path, one=1)


def test_a_file_names_its_world_and_older_ones_are_known_by_their_tasks(tmp_path):
    path = tmp_path / "agents.safetensors"
    trained = train(TASK, [5, 6], SMALL, "cpu", progress=False)
    save_agents(trained, path)
    arrays, about = read_arrays(path, "trained agents")
    assert about.pop("world") == "Foraging"
    write_arrays(path, "trained agents", arrays, about)
    assert load_agents(path).task == TASK
    for changed in ({"world": "Sea"}, {"task": about["task"] | {"depth": [1, 2]}}):
        write_arrays(path, "trained agents", arrays, about | changed)
        with pytest.raises(ValueError, match="description is not of trained agents"):
            load_agents(path)


def test_a_table_of_worlds_is_dealt_as_bandits_are():
    """With one world in it, it trains as that world alone; with several, each agent on its own."""
    config = replace(SMALL, stratified_arms=False, normalise_advantages="task", updates=3)
    wide = [np.tile(values[:, None], 128) for values in TASK.full.values()]
    alone, table = (train(task, [1, 2], config, "cpu") for task in (TASK, Foraging(*wide)))
    np.testing.assert_allclose(alone.curve.found[:, 0], table.curve.found[:, 0], rtol=1e-6)
    mixed = Foraging(np.resize([9, 3, 6, 2], (2, 128)), [[3], [2]], np.linspace(2, 6, 128))
    config = replace(CONFIG, updates=3, lives=64, units=5, continuation_until=0.0)
    both = train(mixed, [3, 4], config, "cpu")
    one = Foraging(mixed.lifetime[[1]], 2, mixed.far)
    single = train(one, [4], config, "cpu")
    np.testing.assert_array_equal(both.weights[[1]], single.weights)
    with torch.inference_mode():
        lives = Trainer(mixed, [3, 4], config, torch.device("cpu")).lives
        lives.play(0)
        assert lives.widths[0] == 64 > lives.widths[-1] > 0
        ended = lives.net.inputs[1:, :, REWARD] * (1 - lives.mask)
    assert not ended.any()
    assert lives.found.any()


def test_a_world_that_nobody_can_be_trained_on_is_named():
    with pytest.raises(ValueError, match="task: Sea: agents are trained on GaussianBandit, "):
        train(type("Sea", (Foraging,), {})([5], 2, 3.0), [1], SMALL, "cpu")


def test_an_agent_learns_to_search_where_that_pays():
    """In seconds: short lives, two places, a reward worth the way."""
    task = Foraging([8], 2, 6.0)
    config = replace(CONFIG, updates=150, entropy=0.1, continuation_until=0.0)
    trained = train(task, [1], config, "cpu", progress=False)
    (measured,) = score(trained)["return"].values
    assert measured > 0.85 * optimum(task[0]).value > float(task.stay[0])


def test_acting_wants_its_agents_and_a_beginning():
    agent = AgentPolicy(train(TASK, [1, 2], SMALL, "cpu", progress=False))
    with pytest.raises(ValueError, match=r"must be \(2,\), one for each agent"):
        simulate(agent, Foraging([5, 5, 5], 2, 3.0), 4, np.random.default_rng(0))


@pytest.mark.parametrize("shape", [(2, 30, 27), (1, 5, 8), (1, 6, 10)])
def test_weights_that_are_no_forager_are_refused(shape):
    with pytest.raises(ValueError, match="weights: shape"):
        Ensemble(torch.zeros(shape), lives=2, pulls=2, logits=4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_signal", "posterior-mean"),
        ("critic", "regression"),
        ("good_arms", 0.3),
        ("validation", 9),
        ("tremble", 0.2),
        ("task_context", True),
    ],
)
def test_what_only_bandits_have_is_refused(name, value):
    with pytest.raises(ValueError, match=f"^{name} = {value!r}: must be .* for agents that forage"):
        made(**{name: value})
