"""The learners of `benchmarks.learners`, each by its definition, in double precision."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import learners
from benchmarks.networks import GRU, GreedyPolicy, GRUTrainer, Network, Transformer
from benchmarks.networks import TransformerTrainer as Transformers
from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, A2CConfig, TrainedAgents
from meta_bandit.agents.a2c import Trainer
from meta_bandit.agents.network import INPUTS, LOGIT, REWARD, RISKY_ROW, VALUE
from meta_bandit.theory import bayes_optimal, optimal_commit

UNITS, LIVES, PULLS, SEEDS = 6, 5, 7, [3, 8]
TASK = GaussianBandit([2.0, 1.0], [1.0, 3.0], PULLS, [-1.0, -2.0])
SMALL = A2CConfig(updates=4, lives=8, units=UNITS)
NETWORKS = {"GRU": (GRU, GRUTrainer), "transformer": (Transformer, Transformers)}
networks = pytest.mark.parametrize("name", NETWORKS)


def inputs(seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (PULLS, len(SEEDS), INPUTS, LIVES)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def made(kind: type[Network]) -> Network:
    weights = kind.initial(SEEDS, UNITS)
    # heads begin small; here they are to say something
    return kind(weights + 0.3 * torch.randn_like(weights), UNITS, LIVES, PULLS)


def play(net: Network, x: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        net.inputs[:-1] = x
        net.begin()
        for pull in range(PULLS):
            net.step(pull)
    return net.heads.clone()


@networks
def test_no_answer_depends_on_what_comes_later(name):
    net, x = made(NETWORKS[name][0]), inputs()
    before = play(net, x)
    for pull in range(PULLS):
        other = x.clone()
        other[pull] += 1
        after = play(net, other)
        assert torch.equal(after[:pull], before[:pull])
        # and each depends on everything that came before
        assert (after[pull:] != before[pull:]).any(-1).all()


@networks
def test_lives_and_agents_are_strangers(name):
    net, x = made(NETWORKS[name][0]), inputs()
    before, other = play(net, x), x.clone()
    other[:, 0, :, 0] += 1
    changed = (play(net, other) != before).any(0).any(1)
    assert changed.tolist() == [[True, *[False] * (LIVES - 1)], [False] * LIVES]


@networks
def test_the_gradient_is_that_of_central_differences(name):
    net, x = made(NETWORKS[name][0]), inputs()
    slope, step = torch.randn_like(net.heads), 1e-6
    play(net, x)
    gradient = net.backward(slope).clone()
    generator = torch.Generator().manual_seed(3)
    for _ in range(40):
        at = tuple(int(torch.randint(n, (), generator=generator)) for n in net.weights.shape)
        losses = []
        for sign in (1, -1):
            net.weights[at] += sign * step
            losses.append((play(net, x) * slope).sum())
            net.weights[at] -= sign * step
        difference = (losses[0] - losses[1]) / (2 * step)
        torch.testing.assert_close(gradient[at], difference, rtol=1e-5, atol=1e-7)


def test_the_gru_is_that_of_torch():
    net, x = made(GRU), inputs()
    heads = play(net, x)
    for agent in range(len(SEEDS)):
        torchs = torch.nn.GRU(INPUTS, UNITS, dtype=torch.float64)
        part = {key: value[agent].detach() for key, value in net.part.items()}
        with torch.no_grad():
            torchs.weight_ih_l0.copy_(part["told"][:-1].T)
            torchs.bias_ih_l0.copy_(part["told"][-1])
            torchs.weight_hh_l0.copy_(part["kept"].T)
            torchs.bias_hh_l0.zero_()
            hidden, _ = torchs(x[:, agent].transpose(1, 2))
            expected = hidden @ part["heads"][:-1] + part["heads"][-1]
        torch.testing.assert_close(heads[:, agent], expected.transpose(1, 2))


def test_slopes_of_the_gru_are_bounded_on_their_way_back():
    net, x = made(GRU), inputs()
    slope = torch.zeros_like(net.heads)
    slope[-1] = 1.0
    play(net, x)
    free = net.backward(slope).clone()
    play(net, x)
    bounded = net.backward(slope, 1e-3).clone()
    memory, heads = (slice(None, -2 * (UNITS + 1)), slice(-2 * (UNITS + 1), None))
    assert bounded[..., memory].abs().max() < 0.1 * free[..., memory].abs().max()
    # heads are reached without a way back
    torch.testing.assert_close(bounded[..., heads], free[..., heads])


def test_a_life_read_at_once_is_answered_as_pull_by_pull():
    net, x = made(Transformer), inputs()
    torch.testing.assert_close(net.read(x).detach(), play(net, x))


@networks
def test_agents_are_told_in_play_what_they_are_told_in_training(name):
    network, learner = NETWORKS[name]
    with torch.inference_mode():
        trainer = learner(TASK, SEEDS, SMALL, torch.device("cpu"), torch.float64)
        trainer.net.weights.mul_(3)
        trainer.lives.play(0)
        rows, heads = trainer.net.inputs, trainer.net.heads
        weights = trainer.net.weights.numpy().copy()
    trained = TrainedAgents(TASK, np.array(SEEDS), SMALL, weights, None)
    policy = GreedyPolicy(trained, network)
    for pull in range(PULLS):
        paid = rows[pull, :, REWARD].numpy() * TASK.unit[:, None]
        action = rows[pull, :, RISKY_ROW].numpy().astype(np.int8)
        history = SimpleNamespace(pull=pull, last_reward=paid, last_action=action)
        answer = policy.risky_probability(TASK, history)
        np.testing.assert_array_equal(answer, heads[pull, :, LOGIT].numpy() > 0)
    torch.testing.assert_close(policy.net.inputs[:-1], rows[:-1])


def after_one_step(config: A2CConfig) -> list[Trainer]:
    """An agent of A2C and one of PPO after the same lives, and what made them."""
    with torch.inference_mode():
        pair = [
            kind(TASK, SEEDS, config, torch.device("cpu"), torch.float64)
            for kind in (Trainer, learners.PPO)
        ]
        for one in pair:
            one.net.weights[:, INPUTS:, -2:] *= 20
            one.lives.play(0)
            one.loss_slope(torch.tensor(0.1))
    return pair


DEFAULT = replace(
    CONFIGURATIONS["companion"], updates=4, lives=8, validation=0, snapshots=0, units=UNITS
)


@pytest.mark.parametrize("config", [SMALL, DEFAULT])
def test_the_first_step_of_ppo_is_one_of_a2c(config):
    plain, ppo = after_one_step(config)
    torch.testing.assert_close(ppo.heads_slope, plain.heads_slope)
    assert plain.heads_slope.abs().max() > 0.1


@pytest.mark.parametrize("config", [SMALL, DEFAULT])
def test_as_long_as_nothing_moves_so_are_its_other_steps(config, monkeypatch):
    monkeypatch.setattr(learners, "EPOCHS", 3)
    slopes: list[torch.Tensor] = []

    def stay(gradient: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        slopes.append(gradient.clone())
        return gradient.new_zeros(len(SEEDS))

    for one in after_one_step(config):
        monkeypatch.setattr(one, "descend", stay)
        with torch.inference_mode():
            one.update(0)
    for later in slopes[1:]:
        torch.testing.assert_close(later, slopes[0])
    assert len(slopes) == 4


def test_later_steps_of_ppo_follow_its_objective():
    _, ppo = after_one_step(SMALL)
    before = ppo.net.heads.clone()
    risky = ppo.net.inputs[1:, :, RISKY_ROW].clone()
    with torch.inference_mode():
        # other weights, the same lives
        ppo.net.weights.mul_(1.3)
        ppo.net.begin()
        for pull in range(PULLS):
            ppo.net.step(pull)
        ppo.epoch = 1
        ppo._coin_slope(ppo.advantage, torch.tensor(0.1))
    heads = ppo.net.heads.clone().requires_grad_()
    advantage, target = ppo.advantage.clone(), ppo.target.clone()

    def probability(logit: torch.Tensor) -> torch.Tensor:
        return torch.where(risky > 0, logit.sigmoid(), 1 - logit.sigmoid())

    ratio = probability(heads[:, :, LOGIT]) / probability(before[:, :, LOGIT])
    clipped = ratio.clamp(1 - learners.CLIP, 1 + learners.CLIP)
    chance = heads[:, :, LOGIT].sigmoid()
    entropy = torch.distributions.Bernoulli(chance).entropy()
    loss = -torch.minimum(ratio * advantage, clipped * advantage) - 0.1 * entropy
    loss = loss + 0.5 * SMALL.value_weight * (heads[:, :, VALUE] - target) ** 2
    loss.sum().backward()
    assert (ratio != clipped).any()
    torch.testing.assert_close(ppo.heads_slope.clone(), heads.grad)


def test_evolution_climbs_a_quadratic_by_its_slope():
    size, centre = 4, torch.tensor([[1.0, -2.0, 0.5, 3.0]], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(size, size, dtype=torch.float64, generator=generator)
    # neighbours in all directions alike: then the estimate is exact, as even terms cancel
    noise = size**0.5 * torch.linalg.qr(matrix)[0][None]

    def earned(at: torch.Tensor) -> torch.Tensor:
        return -(at**2).sum(-1) + at[..., 0]

    plus, minus = (earned(centre[:, None] + sign * 0.1 * noise) for sign in (1, -1))
    slope = -2 * centre + torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(learners.climb(noise, plus, minus, 0.1), slope)
    # by ranks the length is lost, the direction is not
    noise = torch.randn(1, 2000, size, dtype=torch.float64, generator=generator)
    both = [earned(centre[:, None] + sign * 0.1 * noise) for sign in (1, -1)]
    shaped = learners.ranks(torch.cat(both, 1)).split(2000, 1)
    found = learners.climb(noise, *shaped, 0.1)
    assert torch.cosine_similarity(found, slope) > 0.99


def test_equals_have_the_same_rank():
    fitness = torch.tensor([[0.0, 0.0, 5.0, -1.0], [2.0, 2.0, 2.0, 2.0]])
    expected = [[0.0, 0.0, 0.5, -0.5], [0.0] * 4]
    torch.testing.assert_close(learners.ranks(fitness), torch.tensor(expected))


def test_evolution_trains_an_agent_as_it_would_alone():
    config = replace(SMALL, lives=16, updates=2)
    both = learners.evolve(TASK, SEEDS, config)
    alone = learners.evolve(TASK[np.array([1])], SEEDS[1:], config)
    np.testing.assert_allclose(both.weights[1], alone.weights[0], rtol=1e-4, atol=1e-6)
    assert not both.weights[:, :INPUTS, -2:].any()
    assert both.curve.risky_pulls.shape == (2, 2)


def test_tasks_lie_between_the_edges():
    for task in learners.draw(2, np.random.default_rng(5)):
        assert optimal_commit(task)[1] <= 1e-9 < bayes_optimal(task).value


def test_what_is_stored_is_not_trained_again(tmp_path, monkeypatch):
    learner = learners.Learner(units=4)
    quick = {"OUT": tmp_path / "out.json", "LIVES": 50, "POINTS": 2, "UPDATES": 3, "TASKS": 2}
    for name, value in quick.items():
        monkeypatch.setattr(learners, name, value)
    monkeypatch.setattr(learners, "SEEDS", ((0, 1), (2,)))
    monkeypatch.setattr(learners, "LEARNERS", {"small": learner, "gru": learner})
    monkeypatch.setattr(
        learners, "WAYS", {way: learners.WAYS[way] for way in ("direct", "default")}
    )
    learners.main("small")
    first = json.loads(quick["OUT"].read_text())
    rows = first["learners"]["small"]["default"]["rows"]
    assert sorted((row["task"], row["seed"]) for row in rows) == [
        (task, seed) for task in (0, 1) for seed in (0, 1, 2)
    ]
    assert len(rows[0]["curve_risky_pulls"]) == len(first["updates"]) == 2
    ways = first["learners"]["small"]
    paths = {way: own["config"]["continuation_until"] for way, own in ways.items()}
    assert paths == {"direct": 0.0, "default": 0.8}
    learners.main()
    then = json.loads(quick["OUT"].read_text())
    assert then["learners"]["small"] == first["learners"]["small"]
    # the same seeds and settings: the same agents
    for mine, other in zip(rows, then["learners"]["gru"]["default"]["rows"], strict=True):
        assert mine == other
