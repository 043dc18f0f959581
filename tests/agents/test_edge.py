"""What the default training adds to plain A2C: each part by its definition, all at the edge."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, A2CConfig, AgentPolicy, train
from meta_bandit.agents.a2c import Trainer
from meta_bandit.agents.baseline import FEATURES, RATE, Baseline, observe
from meta_bandit.agents.network import INPUTS, LOGIT, RISKY_ROW
from meta_bandit.policies import Stopping
from meta_bandit.theory import bayes_optimal, gain, posterior
from meta_bandit.worlds import simulate

TASK = GaussianBandit([2.0, 0.5, 1.0], [1.0, 3.0, 0.1], [9, 2, 6], [-1.0, -2.0, 0.5])
SEEDS = [3, 2**40, 5]
SMALL = A2CConfig(updates=6, lives=64, units=6)
DEFAULT = replace(CONFIGURATIONS["companion"], updates=6, units=6)


def played(config: A2CConfig, dtype: torch.dtype = torch.float64) -> Trainer:
    made = Trainer(TASK, SEEDS, config, torch.device("cpu"), dtype)
    made.net.weights[:, INPUTS:, -2:] *= 20
    with torch.inference_mode():
        made.lives.play(0)
    return made


def test_what_is_known_of_an_arm_is_the_posterior():
    made = played(SMALL)
    mean, std = made.lives.posterior()
    inputs = made.net.inputs[1:].numpy()
    for agent in range(3):
        lived = int(TASK.lifetime[agent])
        risky = inputs[:lived, agent, RISKY_ROW]
        paid = inputs[:lived, agent, 0] * float(made.lives.unit[agent, 0])
        task = GaussianBandit(TASK.sigma_p[agent], TASK.sigma_l[agent], lived, TASK.mean[agent])
        for pull in range(lived):
            expected, variance = posterior(task, risky[:pull].sum(0), paid[:pull].sum(0))
            np.testing.assert_allclose(mean[pull, agent], expected, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(std[pull, agent] ** 2, variance, rtol=1e-9)


@pytest.mark.parametrize("signal", ["posterior-mean", "arm-mean"])
def test_the_gradient_in_expectation_is_the_same_with_less_noise(signal):
    task = GaussianBandit([1.0], [4.0], 8)
    plain = A2CConfig(
        updates=1, lives=256, units=4, value_weight=0.0, normalise_advantages=False, gae_lambda=1.0
    )
    gradients = {}
    for name in ("reward", signal):
        config = replace(plain, learning_signal=name)
        made = Trainer(task, [1], config, torch.device("cpu"), torch.float64)
        made.net.weights[:, INPUTS:, -2] *= 20
        found = []
        with torch.inference_mode():
            for update in range(150):
                made.lives.play(update)
                made.loss_slope(torch.tensor(0.0))
                found.append(made.net.backward(made.heads_slope)[0].clone())
        gradients[name] = torch.stack(found)
    noisy, quiet = gradients["reward"], gradients[signal]
    # the same lives were played: what differs is the noise that was taken away
    difference = noisy - quiet
    error = difference.std(0) / len(difference) ** 0.5
    used = error > 0
    z = difference.mean(0)[used] / error[used]
    assert z.abs().max() < 5
    assert z.square().mean() < 1.6
    assert quiet.var(0).sum() < 0.5 * noisy.var(0).sum()


def test_good_arms_are_drawn_more_often_and_weigh_less():
    task = GaussianBandit([2.0, 0.5, 0.05], 1.0, 5, [-1.0, -1.0, -1.0])
    config = A2CConfig(lives=20_000, units=2, good_arms=0.3)
    made = Trainer(task, [1, 2, 3], config, torch.device("cpu"), torch.float64)
    with torch.inference_mode():
        made.lives.play(0)
    arm, weight = made.lives.arm_mean, made.lives.weight
    assert weight is not None
    good = torch.special.ndtr(made.lives.mean / made.lives.sigma_p)[:, 0]
    assert ((arm > 0).double().mean(1) - (0.3 + 0.7 * good)).abs().max() < 1e-3
    for values, expected in [
        (torch.ones_like(arm), torch.ones(3, dtype=torch.float64)),
        (arm, made.lives.mean[:, 0]),
        ((arm - made.lives.mean) ** 2, made.lives.sigma_p[:, 0] ** 2),
        ((arm > 0).double(), good),
    ]:
        torch.testing.assert_close((weight * values).mean(1), expected, rtol=2e-3, atol=1e-4)


def test_both_arms_keep_their_least_probability_and_no_slope_leads_out():
    config = A2CConfig(updates=1, lives=4096, units=4, tremble=0.2, continuation_from=1.0)
    task = GaussianBandit([1.0, 1.0], 1.0, 10)
    made = Trainer(task, [1, 2], config, torch.device("cpu"), torch.float64)
    made.net.weights[:, INPUTS:, -2] = 0.0
    made.net.weights[0, INPUTS, -2], made.net.weights[1, INPUTS, -2] = 30.0, -30.0
    with torch.inference_mode():
        made.lives.play(0)
        made.loss_slope(torch.tensor(0.0))
    risky = made.net.inputs[1:, :, RISKY_ROW]
    rare = torch.stack((1 - risky[:, 0], risky[:, 1])).mean((1, 2))
    assert ((rare - 0.02).abs() < 4 * (0.02 / risky[:, 0].numel()) ** 0.5).all()
    slope = made.heads_slope[:, :, LOGIT]
    assert (slope[:, 0] >= 0).all()  # against the slope: down, from pulling always
    assert (slope[:, 1] <= 0).all()
    assert (slope != 0).double().mean() > 0.1


def test_inside_its_limits_a_logit_has_the_slope_of_the_loss():
    with torch.inference_mode():
        bounded, free = (played(replace(SMALL, tremble=tremble)) for tremble in (1e-12, 0.0))
        for made in (bounded, free):
            made.loss_slope(torch.tensor(0.1))
    assert bounded.lives.limit is not None
    torch.testing.assert_close(bounded.heads_slope, free.heads_slope)


def test_the_baseline_is_the_regression_on_earlier_lives():
    rng = np.random.default_rng(0)
    baseline = Baseline(2, torch.device("cpu"))
    moments = np.zeros((2, FEATURES, FEATURES + 1))
    for update in range(4):
        features = rng.normal(size=(5, 2, FEATURES, 30))
        returns = rng.normal(size=(5, 2, 30)) + features[:, :, 3]
        weight = rng.uniform(0.5, 2.0, (2, 30))
        guess = baseline.fit(*map(torch.from_numpy, (features, returns, weight))).numpy()
        now = np.zeros_like(moments)
        for agent in range(2):
            x = features[:, agent].transpose(0, 2, 1).reshape(-1, FEATURES)
            y = returns[:, agent].reshape(-1)
            w = np.tile(weight[agent], 5)
            now[agent] = (x * w[:, None]).T @ np.column_stack((x, y))
        used = now if update == 0 else moments
        for agent in range(2):
            matrix, column = used[agent, :, :-1], used[agent, :, -1]
            ridge = 1e-6 * np.trace(matrix) / FEATURES * np.eye(FEATURES)
            coefficients = np.linalg.solve(matrix + ridge, column)
            expected = np.einsum("tfb,f->tb", features[:, agent], coefficients)
            np.testing.assert_allclose(guess[:, agent], expected, rtol=1e-8)
        moments = now if update == 0 else (1 - RATE) * moments + RATE * now


def test_what_the_baseline_sees_is_what_an_ideal_observer_knows():
    made = played(DEFAULT)
    mean, std = made.lives.posterior()
    unit = made.lives.unit
    left = 1 - made.lives.step_number / made.lives.lifetime
    risky = made.net.inputs[1:, :, RISKY_ROW]
    seen = observe(mean, std, left, risky, made.lives.mask, unit)
    np.testing.assert_allclose(
        seen[2, 0, 6],
        gain(mean[2, 0].numpy(), std[2, 0].numpy()) / float(unit[0, 0]),
        rtol=1e-9,
        atol=1e-13,
    )
    torch.testing.assert_close(seen[2, 0, 3], 7 / 9 * mean[2, 0] / unit[0])
    torch.testing.assert_close(seen[1:, :, 7:], seen[1:, :, :7] * risky[:-1, :, None])
    assert not seen[2:, 1].any()  # this life has two pulls


def test_default_agents_are_their_own_bit_for_bit():
    together = train(TASK, SEEDS, DEFAULT, device="cpu")
    for agent in range(3):
        alone = train(TASK[[agent]], [SEEDS[agent]], DEFAULT, device="cpu")
        assert np.array_equal(together.weights[agent], alone.weights[0])


def test_at_the_edge_the_default_learns_where_plain_training_gives_up():
    # one life in 8 meets an arm worth pulling
    task, seeds = GaussianBandit([1.7, 1.7], 0.7, 30, -2.0), [1, 2]
    optimum = bayes_optimal(task[0])
    best = Stopping(optimum.thresholds)
    shares = {}
    for name in ("companion", "plain"):
        trained = train(task, seeds, CONFIGURATIONS[name], progress=False)
        agents, exact = (
            simulate(policy, task, 40_000, np.random.default_rng(1))
            for policy in (AgentPolicy(trained), best)
        )
        lost = (exact.arm_mean * exact.risky_pulls - agents.arm_mean * agents.risky_pulls).mean(-1)
        shares[name] = 1 - lost / float(optimum.value)
    assert (shares["companion"] > 0.75).all()
    assert (shares["plain"] < 0.5).all()


def hand_over(task: GaussianBandit, bias: float, validation: int) -> Trainer:
    """Validate agents that pull in every life, or in none, whatever they see."""
    config = replace(DEFAULT, validation=validation, tremble=0.0)
    made = Trainer(task, range(len(task.sigma_p)), config, torch.device("cpu"))
    made.net.weights[..., -2] = 0.0
    made.net.weights[:, made.net.read, -2] = bias
    return made


def test_an_agent_that_loses_is_handed_over_as_one_that_never_pulls():
    tasks = GaussianBandit([1.0, 1.0, 1.0], 2.0, [9, 30, 5], [-1.0, 0.5, -0.1])
    made = hand_over(tasks, 3.0, validation=64)
    kept = made.net.weights[1].clone()
    with torch.inference_mode():
        earned = made.validate()["validation_return"].numpy()
    # who always pulls earns T m: 64 x 64 lives, one in each slice of the prior
    np.testing.assert_allclose(earned, tasks.lifetime * tasks.mean, rtol=0.02, atol=0.02)
    assert (made.net.weights[1] == kept).all()
    for agent in (0, 2):
        logit = made.net.weights[agent, :, -2]
        assert logit.count_nonzero() == 1
        assert logit[made.net.read] < -10
    with torch.inference_mode():
        made.lives.greedy = False
        made.lives.play(0)
    pulls = made.lives.note()["risky_pulls"].tolist()
    assert pulls[0] == pulls[2] == 0.0 < pulls[1]


def test_who_never_pulls_loses_nothing_and_is_left_alone():
    made = hand_over(GaussianBandit([1.0], [2.0], 9), -0.1, validation=2)
    before = made.net.weights.clone()
    with torch.inference_mode():
        assert made.validate()["validation_return"].tolist() == [0.0]
    assert (made.net.weights == before).all()


@pytest.mark.parametrize(("bias", "kept"), [(-3.0, 4), (0.5, 6)])
def test_an_agent_that_lost_what_it_had_learned_is_handed_over_as_it_was(bias, kept):
    # the arm is good on average: who always pulls earns T m, who never does nothing
    made = hand_over(GaussianBandit([1.0], [2.0], 30, 0.5), 3.0, validation=64)
    weights = {4: made.net.weights.clone()}
    with torch.inference_mode():
        made.snapshot(4)
        logit = made.net.weights[0, made.net.read]
        logit[-2] = -3.0
        made.snapshot(5)
        logit[-2] = bias
        weights[6] = made.net.weights.clone()
        found = {name: values.item() for name, values in made.validate().items()}
    assert found["kept_update"] == kept
    assert found["validation_return"] == pytest.approx(15, rel=0.02)
    assert found["last_return"] == (0 if bias < 0 else found["validation_return"])
    assert (made.net.weights == weights[kept]).all()


@pytest.mark.parametrize("device", ["cpu", "native"])
def test_whether_anybody_looks_changes_nothing_of_training(device):
    task = GaussianBandit([2.0, 2.0], 1.0, 12, -0.3)
    looked = replace(DEFAULT, updates=30, validation=2, snapshots=5)
    seen = train(task, [0, 1], looked, device, progress=False)
    alone = train(task, [0, 1], replace(looked, validation=0, snapshots=0), device, progress=False)
    for name in ("mean_return", "risky_pulls", "entropy", "gradient_norm"):
        assert (seen.curve[name] == alone.curve[name]).all()
    last = seen.curve.kept_update == 30
    assert (seen.weights[last] == alone.weights[last]).all()
    assert set(seen.curve.kept_update.values.tolist()) <= {15, 18, 21, 24, 27, 30}


def test_validation_is_of_greedy_lives_on_the_task_itself():
    task = GaussianBandit([2.0, 2.0], 1.0, 12, -0.3)
    config = replace(DEFAULT, updates=60, learning_rate=0.02, validation=150, snapshots=0)
    trained = train(task, [0, 1], config, "cpu", progress=False)
    lived = simulate(AgentPolicy(trained), task, 20_000, np.random.default_rng(5))
    each = lived.expected_returns
    error = 4 * each.std(-1) / np.sqrt(20_000)
    assert (each.mean(-1) > 1).all()
    assert (abs(each.mean(-1) - trained.curve.validation_return.values) < error).all()
    # and nothing else is changed by it
    plain = train(task, [0, 1], replace(config, validation=0), "cpu", progress=False)
    assert (plain.weights == trained.weights).all()
    assert "validation_return" not in plain.curve


def test_agents_of_many_tasks_are_not_validated():
    task = GaussianBandit(np.ones((1, 64)), 1.0, 9)
    with pytest.raises(ValueError, match="validation = 192: must be 0 for agents of many tasks"):
        train(task, [0], DEFAULT, "cpu", progress=False)
