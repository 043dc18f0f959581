"""Agents that are dealt a task for every life, from a table."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from meta_bandit import GaussianBandit
from meta_bandit.agents import A2CConfig, AgentPolicy, load_agents, save_agents, train
from meta_bandit.agents.a2c import Trainer
from meta_bandit.agents.network import CONTEXT, INPUTS, LOGIT, REWARD, RISKY_ROW, TIME, VALUE
from meta_bandit.agents.rollout import task_table
from meta_bandit.worlds import simulate
from tests.agents.test_a2c import brute_advantages
from tests.agents.unrolled import unrolled_heads

SMALL = A2CConfig(updates=3, lives=7, units=6, entropy=0.2, continuation_until=0.0)
TOLD = replace(SMALL, task_context=True, time_feature="log-remaining")
# two updates of seven lives, another order for each agent
LIFETIMES = np.array([2, 9, 5, 1, 9, 5, 2, 3, 3, 8, 8, 8, 1, 1])
TABLE = GaussianBandit(
    np.linspace(0.5, 3.0, 28).reshape(2, 14),
    np.linspace(2.0, 0.1, 14),
    np.stack([LIFETIMES, LIFETIMES[::-1]]),
    [[-1.0], [-0.5]],
)


def trainer(task: GaussianBandit = TABLE, config: A2CConfig = TOLD) -> Trainer:
    made = Trainer(task, [3, 4], config, torch.device("cpu"), torch.float64)
    made.net.weights[:, INPUTS:, -2:] *= 20
    return made


@torch.inference_mode()
def played(update: int) -> Trainer:
    made = trainer()
    made.lives.deal(update)
    made.lives.play(update)
    return made


@pytest.mark.parametrize("update", [0, 1, 2])
def test_each_life_is_dealt_its_task_and_told_so(update):
    made = played(update)
    block = slice(7 * (update % 2), 7 * (update % 2) + 7)
    told = made.net.inputs[:-1, :, INPUTS : INPUTS + CONTEXT].numpy()
    for agent in range(2):
        own = [TABLE[agent, place] for place in range(block.start, block.stop)]
        own.sort(key=lambda task: -task.lifetime)
        assert made.lives.samples[agent] == sum(int(task.lifetime) for task in own)
        for life, task in enumerate(own):
            lifetime = int(task.lifetime)
            for name in ("sigma_p", "sigma_l", "mean", "lifetime"):
                dealt = made.lives.task[name][agent].expand(7)[life]
                assert dealt.item() == getattr(task, name), name
            assert made.lives.unit[agent, life].item() == task.unit
            assert np.array_equal(told[:, agent, :, life], [task.context] * 9)
            clock = torch.log(torch.arange(lifetime, 0, -1, dtype=torch.float64) / 20) / 3
            torch.testing.assert_close(made.net.inputs[:lifetime, agent, TIME, life], clock)
            assert not made.net.inputs[lifetime + 1 :, agent, REWARD, life].any()
            alive = [1.0] * lifetime + [0.0] * (9 - lifetime)
            assert made.lives.mask[:, agent, life].tolist() == alive


@torch.inference_mode()
def test_rewards_are_those_of_the_lifes_own_task():
    made = played(1)
    normal = made.lives.noise.draw(1, 0)[0]
    arm = made.lives.mean + made.lives.sigma_p * made.lives.draw_arms(1, made.lives.mean)
    pays = (arm + made.lives.sigma_l * normal) / made.lives.unit
    outcome = made.net.inputs[1:]
    wanted = pays * outcome[:, :, RISKY_ROW] * made.lives.mask
    assert wanted.any()
    torch.testing.assert_close(outcome[:, :, REWARD] * made.lives.mask, wanted)


@pytest.mark.parametrize("update", [0, 1])
def test_gradient_of_a_table_equals_autograd(update):
    made = played(update)
    with torch.inference_mode():
        made.loss_slope(torch.tensor(0.2, dtype=torch.float64))
        gradient = made.net.backward(made.heads_slope).clone()
    inputs = made.net.inputs.clone()
    leaf = made.net.weights.clone().requires_grad_()
    heads = unrolled_heads(leaf, inputs[:-1, :, : INPUTS + CONTEXT])
    loss = torch.zeros((), dtype=torch.float64)
    for agent in range(2):
        found = []
        for life, lifetime in enumerate(made.lives.lifetime[agent].int().tolist()):
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


def test_only_lives_that_may_be_alive_are_computed():
    made = trainer()
    table = task_table(TABLE, 7, told=False)[2].reshape(2, 2, 7)
    for pull, width in enumerate(made.lives.widths):
        assert width == (table > pull).any(axis=(0, 1)).sum()
    assert made.lives.widths[0] == 7 > made.lives.widths[-1] > 0


def test_a_task_meets_the_whole_prior_in_time():
    """The slice of the prior that a life's arm is drawn from does not follow from its place."""
    made = trainer()
    with torch.inference_mode():
        draws = torch.stack([made.lives.draw_arms(2 * k, made.lives.mean) for k in range(60)])
    slices = (7 * torch.special.ndtr(draws)).floor().numpy()
    assert (np.sort(slices, axis=-1) == np.arange(7)).all()
    for agent in range(2):
        for place in range(7):
            assert set(slices[:, agent, place]) == set(range(7))
    assert (slices[:, 0] != slices[:, 1]).any()


@pytest.mark.parametrize("config", [SMALL, replace(SMALL, stratified_arms=False)])
def test_a_table_of_one_task_trains_as_that_task_alone(config):
    """But for the order of the prior's slices, which is by chance in a table."""
    config = replace(config, lives=64, updates=2)
    one = GaussianBandit([2.0, 1.0], [1.0, 0.5], [9, 6])
    wide = [np.tile(values[:, None], 128) for values in (one.sigma_p, one.sigma_l)]
    same = GaussianBandit(*wide, [[9], [6]])
    plain, table = (train(task, [3, 4], config, "cpu") for task in (one, same))
    if config.stratified_arms:
        assert not np.array_equal(plain.weights, table.weights)
    else:
        np.testing.assert_array_equal(plain.weights, table.weights)


def test_agents_of_a_table_train_alone_as_beside_others():
    config = replace(TOLD, lives=64)
    table = GaussianBandit(
        np.linspace(0.5, 3.0, 256).reshape(2, 128), 1.0, np.resize([3, 40, 11], (2, 128))
    )
    both = train(table, [3, 4], config, "cpu")
    for agent in range(2):
        alone = GaussianBandit(table.sigma_p[[agent]], 1.0, table.lifetime[[agent]])
        alone = train(alone, [3 + agent], config, "cpu")
        np.testing.assert_array_equal(both.weights[[agent]], alone.weights)


def test_agents_of_a_table_are_saved_with_it_and_play(tmp_path):
    trained = train(TABLE, [3, 4], TOLD, "cpu")
    path = tmp_path / "agents.safetensors"
    save_agents(trained, path)
    read = load_agents(path)
    assert read.task == TABLE
    np.testing.assert_array_equal(read.weights, trained.weights)
    np.testing.assert_array_equal(read.curve.mean_return, trained.curve.mean_return)
    second = read[1]
    assert second.task.shape == (1, 14)
    assert np.array_equal(second.task.lifetime, TABLE.lifetime[[1]])
    world = GaussianBandit([1.0, 2.0], 1.0, 6)
    lives = [
        simulate(AgentPolicy(it), world, 20, np.random.default_rng(0)) for it in (trained, read)
    ]
    np.testing.assert_array_equal(lives[0].actions, lives[1].actions)


def test_an_agent_that_is_told_its_task_reads_rewards_in_that_tasks_unit():
    """As in training: a world in another unit of reward is the same world (prop-scale)."""
    trained = train(TABLE, [3, 4], TOLD, "cpu")
    worlds = [GaussianBandit([1.0, 2.0], 1.5, 9, -1.0), GaussianBandit([8.0, 16.0], 12.0, 9, -8.0)]
    both = [
        simulate(AgentPolicy(trained, greedy=False), it, 50, np.random.default_rng(0))
        for it in worlds
    ]
    np.testing.assert_allclose(
        both[0].risky_probability, both[1].risky_probability, rtol=1e-4, atol=1e-6
    )


def test_a_stopped_run_on_a_table_goes_on_as_itself_alone(tmp_path):
    path = tmp_path / "run.safetensors"
    config = replace(TOLD, updates=4)

    def stop(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(TABLE, [3, 4], config, "cpu", stop, checkpoint=path, every=0)
    resumed = train(TABLE, [3, 4], config, "cpu", checkpoint=path)
    np.testing.assert_array_equal(resumed.weights, train(TABLE, [3, 4], config, "cpu").weights)
    other = GaussianBandit(TABLE.sigma_p, TABLE.sigma_l, TABLE.lifetime + 1, TABLE.mean)
    with pytest.raises(ValueError, match="another task: lifetime"):
        train(other, [3, 4], config, "cpu", checkpoint=path)


def test_agents_are_told_their_task_up_to_the_unit_of_reward():
    told = GaussianBandit([2.0, 8.0], [0.5, 2.0], 50, [-1.0, -4.0]).context
    np.testing.assert_allclose(told, np.log([[2.0, 0.5, 0.5]] * 2))
    with pytest.raises(ValueError, match="mean = 0: must not be 0 for agents that are told"):
        train(GaussianBandit([1.0], 1.0, 9, 0.0), [3], replace(TOLD, lives=8), "cpu")


def test_a_tasks_unit_comes_from_earlier_lives_and_brings_advantages_to_order_one():
    config = replace(TOLD, normalise_advantages="task")
    with torch.inference_mode():
        made = trainer(config=config)
        made.lives.play(0)
        assert not made.task_square.any()
        source = torch.Generator().manual_seed(0)
        raw = (0.1 + torch.rand(9, 2, 7, dtype=torch.float64, generator=source)) * made.lives.mask
        largest = raw.square().amax(0)
        first = raw.clone()
        made.normalise_by_task(first, 0)
        # nothing is known yet: one unit for all tasks of an agent
        torch.testing.assert_close(first * largest.mean(-1).sqrt()[:, None], raw)
        torch.testing.assert_close(made.task_square[:, :7], largest)
        assert not made.task_square[:, 7:].any()
        # a life that is ten times as lucky is measured by what was before it, and then remembered
        lucky = 10 * raw
        made.normalise_by_task(lucky, 2)
        # but for the 1e-8 that keeps a unit from being 0
        wanted = torch.full_like(largest, 10.0)
        torch.testing.assert_close(lucky.abs().amax(0), wanted, rtol=1e-6, atol=0.0)
        torch.testing.assert_close(made.task_square[:, :7], (1 + 0.03 * 99) * largest)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 6), r"task: 6 tasks for each agent: must be a multiple of the 7 lives"),
        ((2, 0), r"task: 0 tasks for each agent: must be a multiple of the 7 lives"),
        ((3, 7), r"task: shape \(3, 7\) with 2 seeds: must be"),
        ((2, 7, 1), r"task: shape \(2, 7, 1\) with 2 seeds: must be"),
        ((), r"task: shape \(\) with 2 seeds: must be"),
    ],
)
def test_tables_that_do_not_fit_are_named(shape, message):
    with pytest.raises(ValueError, match=message):
        train(GaussianBandit(np.ones(shape), 1.0, 9), [3, 4], SMALL, "cpu")
