import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from meta_bandit import GaussianBandit
from meta_bandit.agents import A2CConfig, train
from meta_bandit.agents.a2c import Trainer, advantages
from meta_bandit.agents.network import (
    INPUTS,
    LOGIT,
    REWARD,
    RISKY_ROW,
    TIME,
    VALUE,
    initial_weights,
)
from tests.agents.unrolled import unrolled_heads

MIXED = GaussianBandit(
    sigma_p=[2.0, 0.5, 1.0], sigma_l=[1.0, 3.0, 0.1], lifetime=[9, 1, 6], mean=[-1.0, -2.0, 0.5]
)
SEEDS = [3, 2**40, 5]
SMALL = A2CConfig(updates=6, lives=7, units=6)
WHOLE_VECTORS = A2CConfig(updates=6, lives=64, units=6)


def adam_rates(learning_rate: float, update: int) -> tuple[torch.Tensor, ...]:
    """What `schedules` makes of a constant step size."""
    first, second = 1 - 0.9 ** (update + 1), 1 - 0.999 ** (update + 1)
    rates = (learning_rate / first, second**-0.5)
    return tuple(torch.tensor(rates, dtype=torch.float64))


def trainer(config: A2CConfig = SMALL, dtype: torch.dtype = torch.float64) -> Trainer:
    made = Trainer(MIXED, SEEDS, config, torch.device("cpu"), dtype)
    # larger heads than at the start, so that no term of the loss is near nothing
    made.net.weights[:, INPUTS:, -2:] *= 20
    return made


def brute_advantages(reward, value, discount, gae_lambda):
    """The definition, one life at a time: lists of one life's rewards and values."""
    following = [*value[1:], 0.0]
    delta = [r + discount * w - v for r, v, w in zip(reward, value, following, strict=True)]
    return [
        sum((discount * gae_lambda) ** (k - t) * delta[k] for k in range(t, len(delta)))
        for t in range(len(delta))
    ]


@pytest.mark.parametrize(("discount", "gae_lambda"), [(1, 1), (0.8, 1), (1, 0), (0.9, 0.7)])
def test_advantages_equal_their_definition(discount, gae_lambda):
    rng = np.random.default_rng(0)
    reward, value = rng.normal(size=(2, 8, 2, 3))
    reward[5:, 1] = value[5:, 1] = 0.0
    found = advantages(torch.tensor(reward), torch.tensor(value), discount, gae_lambda)
    for agent, lifetime in enumerate([8, 5]):
        for life in range(3):
            lived = (slice(lifetime), agent, life)
            expected = brute_advantages(reward[lived], value[lived], discount, gae_lambda)
            np.testing.assert_allclose(found[lived], expected, atol=1e-12)
    assert not found[5:, 1].any()


def test_advantages_without_discount_are_returns_less_values():
    reward = torch.tensor([1.0, 2.0, 4.0])[:, None, None]
    value = torch.tensor([0.5, -1.0, 3.0])[:, None, None]
    assert advantages(reward, value, 1.0, 1.0).ravel().tolist() == [6.5, 7.0, 1.0]


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize(
    ("entropy_weight", "value_weight"), [(0.0, 0.0), (0.3, 0.0), (0.0, 2.0), (0.3, 2.0)]
)
def test_gradient_of_the_whole_loss_equals_autograd(normalise, entropy_weight, value_weight):
    config = A2CConfig(
        updates=6,
        lives=7,
        units=6,
        discount=0.95,
        gae_lambda=0.8,
        value_weight=value_weight,
        normalise_advantages=normalise,
    )
    made = trainer(config)
    with torch.inference_mode():
        made.lives.play(0)
        entropy = made.loss_slope(torch.tensor(entropy_weight, dtype=made.lives.mean.dtype))
        gradient = made.net.backward(made.heads_slope).clone()
    inputs = made.net.inputs.clone()
    leaf = made.net.weights.clone().requires_grad_()
    heads = unrolled_heads(leaf, inputs[:-1, :, :INPUTS])
    loss = torch.zeros((), dtype=torch.float64)
    for agent, lifetime in enumerate([9, 1, 6]):
        logit, value = heads[:lifetime, agent, LOGIT], heads[:lifetime, agent, VALUE]
        risky = inputs[1 : lifetime + 1, agent, RISKY_ROW]
        reward = inputs[1 : lifetime + 1, agent, REWARD] / lifetime
        advantage = torch.tensor(
            [
                brute_advantages(reward[:, life].tolist(), value[:, life].tolist(), 0.95, 0.8)
                for life in range(7)
            ],
            dtype=torch.float64,
        ).T
        target = value.detach() + advantage
        if normalise:
            advantage = (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-8)
        policy = torch.distributions.Bernoulli(logits=logit)
        loss = (
            loss
            + (
                -advantage * policy.log_prob(risky)
                - entropy_weight * policy.entropy()
                + value_weight / 2 * (value - target) ** 2
            ).sum()
        )
        torch.testing.assert_close(entropy[agent], policy.entropy().mean().detach())
    loss.backward()
    assert leaf.grad is not None
    torch.testing.assert_close(gradient, leaf.grad, rtol=0, atol=1e-10)


def test_nothing_after_the_end_of_a_life_counts():
    made = trainer()
    with torch.inference_mode():
        made.lives.play(0)
        made.loss_slope(torch.tensor(0.1))
        before = made.net.backward(made.heads_slope).clone()
        # what happens to agent 2 after its 6 pulls: other times, other outputs
        made.net.heads[6:, 2] = 7.0
        made.net.inputs[7:, 2, TIME] = -3.0
        made.loss_slope(torch.tensor(0.1))
        assert torch.equal(made.net.backward(made.heads_slope), before)
        # while what happens before its end does count
        made.net.heads[5, 2, VALUE] += 1.0
        made.loss_slope(torch.tensor(0.1))
        assert not torch.equal(made.net.backward(made.heads_slope), before)


def test_lives_follow_the_task():
    task = GaussianBandit([2.0, 0.5], [1.0, 3.0], [30, 20], [-1.0, 0.5])
    for stratified in (True, False):
        config = A2CConfig(lives=4000, units=2, stratified_arms=stratified)
        made = Trainer(task, [1, 2], config, torch.device("cpu"))
        with torch.inference_mode():
            made.lives.play(0)
        arm_mean = made.lives.arm_mean.double()
        reward = made.net.inputs[1:, :, REWARD].double() * torch.tensor(task.unit)[:, None]
        risky = made.net.inputs[1:, :, RISKY_ROW].bool()
        for agent in range(2):
            mean, sigma_p = task.mean[agent], task.sigma_p[agent]
            assert abs(arm_mean[agent].mean() - mean) < 4 * sigma_p / 4000**0.5
            assert abs(arm_mean[agent].std() / sigma_p - 1) < 0.05
            lived = risky[: task.lifetime[agent], agent]
            assert abs(lived.double().mean() - 0.5) < 0.1  # a coin flip at first
            noise = (reward[: task.lifetime[agent], agent] - arm_mean[agent])[lived]
            assert abs(noise.mean()) < 4 * task.sigma_l[agent] / len(noise) ** 0.5
            assert abs(noise.std() / task.sigma_l[agent] - 1) < 0.02
        assert not reward[20:, 1].any()
        assert not reward[~risky].any()


def test_stratified_arms_lie_one_in_each_slice():
    made = Trainer(MIXED, SEEDS, A2CConfig(lives=10, units=2), torch.device("cpu"))
    with torch.inference_mode():
        first, second = (made.lives.draw_arms(update, made.lives.prior_mean) for update in (0, 1))
    for arms in (first, second):
        quantile = torch.special.ndtr(arms)
        assert torch.equal((10 * quantile).floor(), torch.arange(10.0).double().expand(3, 10))
    assert not torch.isin(first, second).any()


def test_first_update_shows_time_and_last_action_as_the_book_says():
    made = trainer()
    with torch.inference_mode():
        made.lives.play(0)
    x = made.net.inputs[:-1, :, :INPUTS]
    pull = torch.arange(9.0, dtype=torch.float64)
    torch.testing.assert_close(x[:, 0, TIME, 0], 2 * pull / 9 - 1)
    torch.testing.assert_close(x[:6, 2, TIME, 3], 2 * pull[:6] / 6 - 1)
    assert not x[0, :, :TIME].any()  # before the first pull: no action, no reward
    one_hot = x[1:, :, RISKY_ROW : RISKY_ROW + 2]
    assert torch.equal(one_hot.sum(2), torch.ones(8, 3, 7, dtype=torch.float64))


@pytest.mark.parametrize(
    ("kind", "expected"), [("elapsed", 0.04), ("remaining", 0.05), ("none", 0.0)]
)
def test_other_time_features(kind, expected):
    made = trainer(A2CConfig(lives=2, units=2, time_feature=kind))
    assert float(made.net.inputs[4, 0, TIME, 0]) == pytest.approx(expected)


def test_descent_is_adam():
    made = trainer(A2CConfig(updates=6, units=6, gradient_clip=float("inf")))
    parameter = made.net.weights.clone().requires_grad_()
    adam = torch.optim.Adam([parameter], lr=0.01)
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        for update in range(6):
            gradient = torch.randn(parameter.shape, dtype=torch.float64, generator=generator)
            with torch.inference_mode(False), torch.enable_grad():
                parameter.grad = gradient.clone()
                adam.step()
            made.descend(gradient, *adam_rates(0.01, update))
    torch.testing.assert_close(made.net.weights, parameter.detach(), rtol=0, atol=1e-12)


def test_each_agent_is_clipped_on_its_own():
    made = trainer(A2CConfig(units=6, gradient_clip=1.0))
    gradient = torch.ones_like(made.net.weights) / made.net.weights[0].numel() ** 0.5
    gradient *= torch.tensor([0.5, 4.0, 0.0], dtype=torch.float64)[:, None, None]
    with torch.inference_mode():
        norm = made.descend(gradient, *adam_rates(0.01, 0))
        clipped = made.first_moment.flatten(1).norm(dim=1) / 0.1
    torch.testing.assert_close(norm, torch.tensor([0.5, 4.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(clipped, torch.tensor([0.5, 1.0, 0.0], dtype=torch.float64))


def test_an_agents_result_is_bit_for_bit_its_own():
    together = train(MIXED, SEEDS, WHOLE_VECTORS, device="cpu")
    for agent in range(3):
        only = GaussianBandit(
            *(
                field[[agent]]
                for field in (MIXED.sigma_p, MIXED.sigma_l, MIXED.lifetime, MIXED.mean)
            )
        )
        alone = train(only, [SEEDS[agent]], WHOLE_VECTORS, device="cpu")
        assert np.array_equal(together.weights[agent], alone.weights[0])
        np.testing.assert_array_equal(
            together.curve.mean_return[agent].values, alone.curve.mean_return[0].values
        )


def test_full_size_agents_are_their_own_too():
    config = A2CConfig(updates=3)
    task = GaussianBandit(np.linspace(0.5, 2.0, 5), 1.0)
    together = train(task, range(5), config, device="cpu")
    for agent in (0, 4):
        alone = train(GaussianBandit(task.sigma_p[[agent]], 1.0), [agent], config, device="cpu")
        assert np.array_equal(together.weights[agent], alone.weights[0])


def test_with_any_number_of_lives_agents_differ_by_rounding_at_most():
    config = A2CConfig(updates=1, lives=7, units=6)
    together = train(MIXED, SEEDS, config, device="cpu")
    alone = train(GaussianBandit([1.0], [0.1], [6], [0.5]), [5], config, device="cpu")
    np.testing.assert_allclose(together.weights[2], alone.weights[0], rtol=1e-4, atol=1e-6)


def test_same_seed_same_bits_other_seed_other_weights():
    once, again = (train(MIXED, SEEDS, WHOLE_VECTORS, device="cpu") for _ in range(2))
    assert np.array_equal(once.weights, again.weights)
    assert once.curve.drop_attrs().identical(again.curve.drop_attrs())
    other = train(MIXED, [3, 2**40, 6], WHOLE_VECTORS, device="cpu")
    assert np.array_equal(once.weights[:2], other.weights[:2])
    assert not np.array_equal(once.weights[2], other.weights[2])


def test_training_moves_every_weight_that_is_used():
    begun = initial_weights(SEEDS, SMALL.units).float().numpy()
    moved = train(MIXED, SEEDS, SMALL, device="cpu").weights != begun
    assert not moved[:, :INPUTS, -2:].any()
    assert moved[[0, 2], INPUTS:].all()
    assert moved[[0, 2], :INPUTS, :-2].all()


def test_curve_is_labelled_and_follows_the_schedule():
    trained = train(MIXED, SEEDS, SMALL, device="cpu")
    curve = trained.curve
    assert curve.mean_return.dims == ("agent", "update")
    assert dict(curve.sizes) == {"agent": 3, "update": 6}
    share = np.array([0, 1, 2, 3, 3, 3]) / 3
    np.testing.assert_allclose(curve.prior_mean, MIXED.mean[:, None] * share, rtol=1e-6)
    assert (curve.risky_pulls.values <= MIXED.lifetime[:, None]).all()
    np.testing.assert_allclose(curve.entropy[:, 0], np.log(2), rtol=0.01)
    assert curve.seed.values.tolist() == SEEDS
    assert (curve.diverged_at == -1).all()
    assert curve.attrs["pulls_per_second"] > 0


def test_mean_return_is_the_arms_mean_times_the_pulls():
    made = trainer()
    with torch.inference_mode():
        made.update(0)
        actions = made.net.inputs[1:, :, RISKY_ROW].clone()
        # the prior mean begins at 0
        arm_mean = made.lives.draw_arms(0, made.lives.prior_mean) * made.lives.sigma_p
    expected = [
        (actions[:lifetime, agent].sum(0) * arm_mean[agent]).mean()
        for agent, lifetime in enumerate([9, 1, 6])
    ]
    torch.testing.assert_close(made.curves["mean_return"][0], torch.stack(expected))


def test_an_agent_that_diverges_stops_alone():
    healthy, sick = trainer(dtype=torch.float32), trainer(dtype=torch.float32)
    with torch.inference_mode():
        for update in range(6):
            if update == 2:
                sick.net.weights[1, 0, 0] = float("nan")
                kept = sick.net.weights[1].clone()
            healthy.update(update)
            sick.update(update)
        assert torch.equal(sick.net.weights[[0, 2]], healthy.net.weights[[0, 2]])
        torch.testing.assert_close(sick.net.weights[1], kept, rtol=0, atol=0, equal_nan=True)
        assert sick.alive[:, 1].tolist() == [True, True, False, False, False, False]
        assert sick.alive[:, [0, 2]].all()


def test_divergence_is_named():
    config = A2CConfig(updates=4, lives=4, units=4, learning_rate=1e37)
    with pytest.warns(RuntimeWarning, match="diverged") as warned:
        trained = train(GaussianBandit([1.0, 3.0], [1.0, 2.0]), [7, 8], config, device="cpu")
    assert (trained.curve.diverged_at > 0).all()
    assert np.isfinite(trained.weights).all()
    for agent, who in enumerate(["1, sigma_l = 1, seed = 7", "3, sigma_l = 2, seed = 8"]):
        assert f"agent {agent} (sigma_p = {who}) diverged" in str(warned[agent].message)


@pytest.mark.parametrize(
    ("task", "seeds", "message"),
    [
        (GaussianBandit(1.0, 1.0), [1], r"task: shape \(\) with 1 seeds"),
        (GaussianBandit([1.0, 2.0], 1.0), [1], r"task: shape \(2,\) with 1 seeds"),
        (GaussianBandit([1.0], 1.0), [-1], r"seed = -1: must be a whole number in \[0, 2\^64\)"),
        (GaussianBandit([1.0], 1.0), [2**64], "seed = 18446744073709551616"),
        (GaussianBandit([1.0], 1.0), [1.5], "seed = 1.5"),
    ],
)
def test_tasks_and_seeds_must_fit(task, seeds, message):
    with pytest.raises(ValueError, match=message):
        train(task, seeds, SMALL)


@pytest.mark.parametrize(
    ("keyword", "value"), [("device", "tpu"), ("threads", 0), ("device", "CPU")]
)
def test_machine_settings_must_be_known(keyword, value):
    with pytest.raises(ValueError, match=f"{keyword} = {value!r}"):
        train(MIXED, SEEDS, SMALL, **{keyword: value})


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_is_refused_where_there_is_none():
    with pytest.raises(ValueError, match="no CUDA device"):
        train(MIXED, SEEDS, SMALL, device="cuda")


def test_global_state_is_left_as_it_was():
    before = torch.get_num_threads()
    train(MIXED, SEEDS, SMALL, device="cpu", threads=before + 1)
    assert torch.get_num_threads() == before
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_no_bar_where_standard_error_is_no_terminal(capfd):
    train(MIXED, SEEDS, SMALL, device="cpu")
    assert capfd.readouterr().err == ""


def test_importing_the_package_loads_no_torch():
    code = "import sys, meta_bandit, meta_bandit.worlds; sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    )
