"""Agents of many arms: their gradient against autograd, their lives in training against play."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from meta_bandit.agents import CONFIGURATIONS, AgentPolicy, train
from meta_bandit.agents.a2c import Trainer, advantages
from meta_bandit.agents.many_arms import FALL
from meta_bandit.agents.network import ACTION, REWARD
from meta_bandit.worlds import ManyArms, simulate
from meta_bandit.worlds.many_arms import estimates
from tests.agents.again import trained_again
from tests.agents.unrolled import unrolled_heads

CONFIG = CONFIGURATIONS["many-arms"]
WORLD = ManyArms(4, [1.0, 2.0], 0.5, [9, 6], 0.1, [0.5, 0.0])
SMALL = replace(CONFIG, updates=4, lives=64, units=5, continuation_until=0.0)
MEMORIES = pytest.mark.parametrize("shared", [False, True])


def made(world=WORLD, dtype=torch.float64, **changes) -> Trainer:
    config = replace(SMALL, **changes)
    return Trainer(world, [0, 1], config, torch.device("cpu"), dtype)


@MEMORIES
@pytest.mark.parametrize("normalise", [True, False])
def test_the_slopes_are_those_of_autograd(shared, normalise):
    """The whole gradient, through the softmax over arms, the memories and time, to 1e-10."""
    with torch.no_grad():
        learner = made(shared_memory=shared, normalise_advantages=normalise)
        learner.net.weights.mul_(3)  # answers that differ
        learner.lives.play(0)
        beta = torch.tensor(0.2, dtype=torch.float64)
        entropy = learner.loss_slope(beta).clone()
        gradient = learner.net.backward(learner.heads_slope).clone()
        learner.baseline.products.zero_()
        reward = learner.lives.signal() / learner.lives.lifetime
        target = advantages(
            reward,
            learner.baseline.fit(learner.lives.observed(), reward.flip(0).cumsum(0).flip(0), None),
            1.0,
            learner.config.gae_lambda,
        )
    mask, taken = learner.lives.mask, learner.lives.taken
    if normalise:
        for agent in range(2):
            lived = mask[:, agent, 0] > 0
            own = target[lived, agent]
            target[:, agent] = (target[:, agent] - own.mean()) / (own.std(correction=0) + 1e-8)
    leaf = learner.net.weights.clone().requires_grad_()
    x = learner.net.inputs[:-1, :, : learner.net.read].clone()
    heads = unrolled_heads(leaf, x, logits=1 if shared else 4)
    logits = heads[:, :, 0].unflatten(2, (4, 64)) if shared else heads[:, :, :4]
    policy = torch.distributions.Categorical(logits=logits.transpose(2, 3))
    loss = (-target * policy.log_prob(taken.argmax(2)) - 0.2 * policy.entropy()) * mask
    loss.sum().backward()
    assert leaf.grad is not None
    assert gradient.abs().max() > 1e-3
    torch.testing.assert_close(gradient, leaf.grad, rtol=0, atol=1e-10)
    expected = (policy.entropy() * mask).sum((0, 2)).detach() / learner.lives.samples
    torch.testing.assert_close(entropy, expected)


@MEMORIES
def test_lives_in_training_follow_the_rules_and_so_does_what_is_known_of_them(shared):
    with torch.inference_mode():
        learner = made(shared_memory=shared)
        learner.lives.play(1)
        taken, z = learner.lives.taken.numpy(), learner.net.inputs.numpy()
        paid, means = learner.lives.paid.numpy(), learner.lives.arm_means.numpy()
        known, pulls = (part.numpy() for part in learner.lives.posterior())
    arm = taken.argmax(2)
    alive = np.arange(9)[:, None] < WORLD.lifetime
    unit = WORLD.unit[:, None]
    noise = paid * unit - np.take_along_axis(means[None], arm[:, :, None], 2)[:, :, 0]
    assert np.abs(noise[alive[:, :, None] & (arm == 0)]).max() < 1e-12
    drawn = noise[alive[:, :, None] & (arm > 0)]
    assert abs(drawn.mean()) < 4 * 0.5 / np.sqrt(drawn.size)
    assert drawn.std() == pytest.approx(0.5, rel=0.15)
    assert not paid[~alive].any()

    class Told:
        """Lives that were played, as a policy is told them."""

    for step in range(6):
        told, done = Told(), taken[:step, :, 1:]
        told.pulls = np.moveaxis(done.sum(0), 1, -1)
        told.reward_sums = np.moveaxis((done * (paid * unit)[:step, :, None]).sum(0), 1, -1)
        excess, _ = estimates(WORLD.per_life, told)
        found = np.moveaxis(known[step], 1, -1) - WORLD.safe[:, None, None]
        np.testing.assert_allclose(found, excess, atol=1e-12)
        np.testing.assert_array_equal(np.moveaxis(pulls[step], 1, -1), told.pulls)
    if shared:
        by_arm = z.reshape(*z.shape[:3], 4, 64)[1:]
        np.testing.assert_allclose(by_arm[:, :, REWARD].sum(2), paid)
        np.testing.assert_array_equal(by_arm[:, :, 1], taken)
        np.testing.assert_array_equal(by_arm[:, :, 2], 1 - taken)
    else:
        np.testing.assert_array_equal(z[1:, :, ACTION : ACTION + 4], taken)
        np.testing.assert_array_equal(z[1:, :, REWARD], paid)


@MEMORIES
def test_lives_in_training_earn_what_the_sampling_policy_earns(shared):
    """Another hand plays the same weights, on other arms: equal in law."""
    world = ManyArms(4, [1.0, 2.0], 0.5, [9, 6], 0.1, [0.5, -0.5])
    config = {"shared_memory": shared, "lives": 8192, "stratified_arms": False}
    learner = made(world, torch.float32, **config)
    with torch.inference_mode():
        # answers that lean to what paid, and differ from arm to arm
        learner.net.weights.mul_(2)
        learner.net.weights[..., 20:] *= 60
        learner.lives.play(0)
        pulls = (learner.lives.taken * learner.lives.mask[:, :, None]).sum(0)
        found = (pulls * learner.lives.arm_means).sum(1).double().numpy()
        share = (pulls / pulls.sum(1, keepdim=True)).mean(-1).numpy()
        weights = learner.net.weights.numpy().copy()
    trained = train(world, [0, 1], replace(SMALL, shared_memory=shared), "cpu", progress=False)
    agent = AgentPolicy(replace(trained, weights=weights), greedy=False)
    lives = simulate(agent, world, 8192, np.random.default_rng(1))
    played = lives.pulls / world.lifetime[:, None, None]
    assert np.ptp(share) > 0.1, "a policy that pulls all alike shows nothing"
    error = np.sqrt(2 * played.var(axis=1) / 8192)
    assert (np.abs(played.mean(axis=1) - share) < 4 * error).all()
    returns = lives.expected_returns
    error = np.hypot(found.std(axis=1), returns.std(axis=1)) / np.sqrt(8192)
    assert (np.abs(found.mean(axis=1) - returns.mean(axis=1)) < 4 * error).all()


def test_means_are_dealt_one_from_each_slice_of_the_prior():
    with torch.inference_mode():
        drawn = made().lives.draw_arms(3)
        share = torch.special.ndtr(drawn).mul(64).floor().sort(-1)[0]
        free = torch.special.ndtr(made(stratified_arms=False).lives.draw_arms(3)).mul(64).floor()
    torch.testing.assert_close(share, torch.arange(64.0).double().expand_as(share))
    assert (free.sort(-1)[0] != torch.arange(64)).any()
    assert abs(np.corrcoef(drawn[0].numpy())[0, 1]) < 0.5


def test_the_way_begins_where_arm_0_is_poor():
    config = replace(SMALL, continuation_from=0.0, continuation_until=0.5)
    curve = train(WORLD, [0, 1], config, "cpu", progress=False).curve
    safe, spread = WORLD.full["safe"], WORLD.full["sigma_p"]
    way = np.array([0.0, 0.5, 1.0, 1.0])[None]
    np.testing.assert_allclose(
        curve.known_reward, safe[:, None] - (1 - way) * FALL * spread[:, None], rtol=1e-6
    )


@MEMORIES
def test_training_is_the_same_alone_and_resumed_and_survives_a_file(tmp_path, shared):
    trained_again(WORLD, replace(SMALL, shared_memory=shared), tmp_path, one=0)


def test_a_memory_for_each_arm_learns_to_prefer_better_arms_in_seconds():
    world = ManyArms(4, lifetime=[20], safe=0.0)
    config = replace(CONFIG, updates=40, units=8, shared_memory=True, continuation_until=0.0)
    curve = train(world, [0], replace(config, learning_rate=0.01), "cpu", progress=False).curve
    assert curve.mean_return[0, -5:].mean() > 4  # of some 12; pulling at random earns 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("good_arms", 0.3), ("tremble", 0.2), ("task_context", True), ("validation", 9)],
)
def test_what_only_the_bandit_has_is_refused(name, value):
    with pytest.raises(
        ValueError, match=f"^{name} = {value!r}: must be .* for agents of many arms"
    ):
        made(**{name: value})


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="critic = 'network': must be 'regression'"):
        made(shared_memory=True, critic="network")
    with pytest.raises(ValueError, match="trained on one task each"):
        made(normalise_advantages="task")
    agent = AgentPolicy(train(WORLD, [1, 2], SMALL, "cpu", progress=False))
    with pytest.raises(ValueError, match=r"must be \(2,\), one for each agent"):
        simulate(agent, ManyArms(4), 4, np.random.default_rng(0))
    with pytest.raises(ValueError, match="arms = 5: must be 4 for agents with one memory"):
        simulate(agent, WORLD.with_arms(5), 4, np.random.default_rng(0))


def test_greedy_takes_arms_that_were_never_pulled_as_one_choice():
    """Two that are left outweigh one with a logit of ln 1.5, the last one does not."""
    one = WORLD[np.array([0])]
    trained = train(one, [1], replace(SMALL, shared_memory=True), "cpu", progress=False)
    weights, units = np.zeros_like(trained.weights), 5
    # the first unit of an arm that was just pulled is full: c = 1 and h = tanh(1), else less
    weights[:, 1, [0, units, 3 * units]] = 50.0
    weights[:, 7, 4 * units] = np.log(1.5) / np.tanh(1.0)
    agent = AgentPolicy(replace(trained, weights=weights))
    lives = simulate(agent, one, 8, np.random.default_rng(0))
    assert (lives.actions[:4, 0] == np.array([1, 2, 2, 2])[:, None]).all()
