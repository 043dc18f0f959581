"""First-Explore's two policies: what they are paid, what they learn, how they are put together."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from meta_bandit.agents import CONFIGURATIONS, train
from meta_bandit.agents.first_explore import FirstExplore, FirstExploreTrainer, by_exploration
from meta_bandit.worlds import ManyArms, simulate
from tests.agents.unrolled import unrolled_heads

WORLD = ManyArms(4, [1.0, 2.0], 0.5, [9, 6], 0.1, [0.5, 0.0])
SMALL = replace(CONFIGURATIONS["many-arms"], updates=4, lives=64, units=5, continuation_until=0.0)


def made(dtype=torch.float64) -> FirstExploreTrainer:
    learner = FirstExploreTrainer(WORLD, [0, 1], SMALL, torch.device("cpu"), dtype)
    learner.net.weights.mul_(3)  # answers that differ
    return learner


def test_a_pull_is_paid_by_what_seems_best_after_it():
    with torch.inference_mode():
        lives = made().lives
        lives.play(0)
        signal, known = lives.signal().numpy(), lives.posterior()[0].numpy()
    for agent, (safe, lifetime) in enumerate([(0.5, 9), (0.0, 6)]):
        best = np.maximum(known[:, agent].max(1), safe)
        np.testing.assert_allclose(signal[: lifetime - 1, agent], best[1:lifetime], rtol=1e-12)
        assert not signal[lifetime - 1 :, agent].any()


def test_the_slopes_of_both_policies_are_those_of_autograd():
    with torch.no_grad():
        learner = made()
        learner.lives.play(0)
        # of the exploiter alone: nothing is paid, so that no advantage is left to the explorer
        learner.lives.signal = lambda: torch.zeros_like(learner.lives.paid)
        learner.loss_slope(torch.tensor(0.0, dtype=torch.float64))
        gradient = learner.net.backward(learner.heads_slope).clone()
    lives = learner.lives
    leaf = learner.net.weights.clone().requires_grad_()
    heads = unrolled_heads(leaf, learner.net.inputs[:-1, :, : learner.net.read].clone(), logits=8)
    best = lives.worth().argmax(2)
    assert len(best.unique()) == 4
    policy = torch.distributions.Categorical(logits=heads[:, :, 4:8].transpose(2, 3))
    (-policy.log_prob(best) * lives.mask).sum().backward()
    assert gradient.abs().max() > 1e-3
    torch.testing.assert_close(gradient, leaf.grad, rtol=0, atol=1e-10)


@pytest.mark.parametrize("greedy", [True, False])
def test_what_is_told_of_every_exploration_is_what_it_earns(greedy):
    """Life by life the same arms, so that both ways agree to the last digits."""
    world = ManyArms(4, lifetime=[7, 7], safe=[0.5, 0.0])
    trained = train(world, [0, 1], SMALL, "cpu", progress=False, learner=FirstExploreTrainer)
    trained = replace(trained, weights=3 * trained.weights)
    told = by_exploration(trained, 300, 5, greedy)
    assert told.shape == (2, 7)
    for explores in (0, 1, 4, 6):
        policy = FirstExplore(trained, explores, greedy)
        lived = simulate(policy, world, 300, np.random.default_rng(5))
        np.testing.assert_allclose(lived.expected_returns.mean(1), told[:, explores], rtol=1e-12)
        assert (lived.actions[explores:] == lived.actions[explores]).all(), "it commits"
        assert len(policy.choices) == explores + 1


def test_the_exploiter_learns_to_use_what_is_explored():
    world = ManyArms(4, lifetime=[20], safe=0.0)
    config = replace(SMALL, updates=80, units=12, learning_rate=0.02)
    curve = train(world, [0], config, "cpu", progress=False, learner=FirstExploreTrainer).curve
    known = curve.exploited[0]
    assert known[:5].mean() < 0.1
    assert known[-5:].mean() > 0.3  # arm 0 alone pays 0, the best of three arms 0.85


def test_a_checkpoint_of_another_learner_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    train(WORLD, [0, 1], SMALL, "cpu", False, checkpoint=path, learner=FirstExploreTrainer)
    with pytest.raises(ValueError, match=r"run\.safetensors"):
        train(WORLD, [0, 1], SMALL, "cpu", False, checkpoint=path)
