"""Training on lives of several lengths at once."""

import numpy as np
import pytest
import torch

from meta_bandit import GaussianBandit
from meta_bandit.agents import A2CConfig, train
from meta_bandit.agents.a2c import Trainer
from meta_bandit.agents.network import INPUTS, LOGIT, REWARD, RISKY_ROW, TIME, VALUE
from tests.agents.test_a2c import brute_advantages
from tests.agents.unrolled import unrolled_heads

TASK = GaussianBandit([2.0, 1.0], [1.0, 0.5], 9)
SMALL = A2CConfig(updates=3, lives=7, units=6, entropy=0.2)
DEALT = [2, 9, 5, 2, 9, 5, 2]


def trainer(lifetimes, config: A2CConfig = SMALL) -> Trainer:
    made = Trainer(TASK, [3, 4], config, torch.device("cpu"), torch.float64, lifetimes)
    made.net.weights[:, INPUTS:, -2:] *= 20
    return made


def test_lives_are_dealt_their_lengths_and_told_their_own_time():
    made = trainer([2, 9, 5])
    with torch.inference_mode():
        made.play(0, made.mean)
    for life, lifetime in enumerate(DEALT):
        clock = 2 * torch.arange(lifetime, dtype=torch.float64) / lifetime - 1
        torch.testing.assert_close(made.net.inputs[:lifetime, 1, TIME, life], clock)
        assert not made.net.inputs[lifetime + 1 :, :, REWARD, life].any()
        assert made.mask[:, 0, life].tolist() == [1.0] * lifetime + [0.0] * (9 - lifetime)
    assert made.samples.tolist() == [sum(DEALT)] * 2


def test_gradient_of_a_mixture_equals_autograd():
    made = trainer([2, 9, 5])
    with torch.inference_mode():
        made.play(0, made.mean)
        made.loss_slope(torch.tensor(0.2, dtype=torch.float64))
        gradient = made.net.backward(made.heads_slope).clone()
    inputs = made.net.inputs.clone()
    leaf = made.net.weights.clone().requires_grad_()
    heads = unrolled_heads(leaf, inputs[:-1, :, :INPUTS])
    loss = torch.zeros((), dtype=torch.float64)
    for agent in range(2):
        found = []
        for life, lifetime in enumerate(DEALT):
            logit, value = (heads[:lifetime, agent, row, life] for row in (LOGIT, VALUE))
            risky, reward = (
                inputs[1 : lifetime + 1, agent, row, life] for row in (RISKY_ROW, REWARD)
            )
            advantage = brute_advantages(
                (reward / lifetime).tolist(), value.tolist(), SMALL.discount, SMALL.gae_lambda
            )
            found.append((logit, value, risky, torch.tensor(advantage, dtype=torch.float64)))
        # over all pulls that are lived, each counting once
        every = torch.cat([advantage for *_, advantage in found])
        for logit, value, risky, advantage in found:
            normal = (advantage - every.mean()) / (every.std(correction=0) + 1e-8)
            policy = torch.distributions.Bernoulli(logits=logit)
            error = value - value.detach() - advantage
            terms = -normal * policy.log_prob(risky) - 0.2 * policy.entropy()
            loss = loss + (terms + SMALL.value_weight / 2 * error**2).sum()
    loss.backward()
    assert leaf.grad is not None
    torch.testing.assert_close(gradient, leaf.grad, rtol=0, atol=1e-9)


def test_every_length_meets_the_whole_prior_in_time():
    made = trainer([2, 9])
    with torch.inference_mode():
        slices = [(7 * torch.special.ndtr(made.draw_arms(k)[0, 0])).floor() for k in range(7)]
    assert sorted(map(int, slices)) == list(range(7))


def test_a_mixture_of_one_length_begins_as_the_plain_task_does():
    plain, mixed = (train(TASK, [3, 4], SMALL, "cpu", lifetimes=it).curve for it in ([], [9]))
    for name in ("mean_return", "entropy", "gradient_norm"):
        np.testing.assert_array_equal(plain[name][:, 0], mixed[name][:, 0])
    # from the second update on arms of the prior's slices change places between lives
    assert not np.array_equal(plain.mean_return[:, 1], mixed.mean_return[:, 1])


def test_a_stopped_run_on_a_mixture_goes_on_as_itself_alone(tmp_path):
    path = tmp_path / "run.safetensors"
    train(TASK, [3, 4], SMALL, "cpu", checkpoint=path, lifetimes=[2, 9])
    with pytest.raises(ValueError, match="another lifetimes"):
        train(TASK, [3, 4], SMALL, "cpu", checkpoint=path, lifetimes=[5, 9])


@pytest.mark.parametrize(
    ("lifetimes", "message"),
    [
        ([0, 9], r"lifetimes = 0: must be whole numbers >= 1"),
        ([2.5, 9], r"lifetimes = 2\.5: must be whole"),
        ([2, 5], r"the longest is 5: must be the lifetime of every task"),
        (list(range(1, 10)), r"9 of them: must be at most 7"),
    ],
)
def test_bad_mixtures_are_named(lifetimes, message):
    with pytest.raises(ValueError, match=message):
        train(TASK, [3, 4], SMALL, "cpu", lifetimes=lifetimes)
