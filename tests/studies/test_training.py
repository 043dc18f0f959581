"""What the chapter *How agents are trained* draws and quotes."""

import math
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.recipes import row
from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, A2CConfig, train
from meta_bandit.agents.a2c import Trainer
from meta_bandit.agents.network import INPUTS, LOGIT
from meta_bandit.studies import stored_benchmark
from meta_bandit.studies import training as chapter
from meta_bandit.theory import bayes_optimal

TEXT = (Path(__file__).parents[2] / "book" / "how-agents-are-trained.md").read_text("utf-8")
CELLS = re.findall(r"^```\{code-cell\} ipython3\n(.*?)^```", TEXT, re.M | re.S)
TASK = GaussianBandit([2.0, 2.0], 0.5, 10)
SMALL = A2CConfig(updates=3, lives=8, units=4)


def from_the_page(beginning):
    """What a cell of the chapter defines."""
    (cell,) = (cell for cell in CELLS if cell.startswith(beginning))
    names = {"CONFIGURATIONS": CONFIGURATIONS, "replace": replace, "math": math}
    names |= {"torch": torch, "INPUTS": INPUTS}
    exec(cell, names)
    return names


plainly = from_the_page("def plainly")["plainly"]


@pytest.fixture(scope="module")
def trained():
    return train(TASK, [3, 4], SMALL, "cpu", progress=False)


@pytest.fixture(scope="module")
def compared():
    return chapter.recipes(stored_benchmark("recipes.json"))


@pytest.fixture(scope="module")
def speed():
    return chapter.speed(stored_benchmark("training.json")["rates"])


def test_every_number_quoted_is_a_fact_that_says_what_it_is(trained, compared, speed):
    found = compared[1] | chapter.slopes(trained, plainly)[1] | speed[1]
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", TEXT))
    own = set(re.findall(r'"([\w-]+)": |(?<=[(, ])(\w+)=', TEXT.split("quote(facts")[1]))
    assert quoted - {name for pair in own for name in pair} <= found.keys()
    assert all(fact.about for fact in found.values())


def test_two_settings_are_changed_each_alone_and_both_together():
    default = asdict(chapter.RECIPES["plain"])
    changed = {
        name: {key for key, value in asdict(config).items() if value != default[key]}
        for name, config in chapter.RECIPES.items()
    }
    bound, limit = "backpropagation_clip", "gradient_clip"
    assert changed["slopes unbounded"] == {bound}
    assert changed["shorter gradient"] == {limit}
    assert changed["both"] == {bound, limit}
    for name, setting in (("slopes unbounded", bound), ("shorter gradient", limit)):
        one, both = chapter.RECIPES[name], chapter.RECIPES["both"]
        assert getattr(both, setting) == getattr(one, setting)


def test_what_is_kept_of_a_training(monkeypatch):
    monkeypatch.setattr("benchmarks.recipes.SEEDS", (3, 4))
    monkeypatch.setattr("benchmarks.recipes.LIVES", 300)
    monkeypatch.setattr("benchmarks.recipes.STRETCHES", 3)
    agents = train(TASK, [3, 4], replace(SMALL, updates=6), "cpu", progress=False)
    kept = row("a few", agents)
    assert kept["share"] == chapter.shares(agents, 300, [3, 1]).share.values.tolist()
    norm = agents.curve.gradient_norm.transpose("agent", "update").values
    assert kept["gradient_longest"] == norm.max(1).tolist()
    curve = kept["curve"]
    # two updates of 8 lives of 10 pulls
    assert curve["pulls"] == [160, 320, 480]
    assert curve["gradient_longest"] == norm.reshape(2, 3, 2).max(-1).tolist()
    returns = agents.curve.mean_return.transpose("agent", "update").values
    np.testing.assert_allclose(curve["return"], returns.reshape(2, 3, 2).mean(-1), rtol=1e-5)


def test_what_recipes_earn(compared):
    data, facts = compared
    stored = stored_benchmark("recipes.json")
    assert [*data.recipe.values] == [*chapter.RECIPES] == [one["recipe"] for one in stored["rows"]]
    for one in stored["rows"]:
        name = one["recipe"]
        config = chapter.RECIPES[name]
        pulls = config.updates * config.lives * stored["task"]["lifetime"]
        key = name.replace(" ", "-")
        assert facts[f"{key}-pulls"].value == pytest.approx(pulls / 1e6)
        assert facts[f"{key}-worst"].value == 100 * data.share.sel(recipe=name).min()
        assert facts[f"{key}-longest"].value == data.longest.sel(recipe=name).max()
    known = bayes_optimal(GaussianBandit(*stored["task"].values())).value
    assert stored["optimum"] == pytest.approx(float(known), rel=1e-9)


def test_a_bound_on_slopes_keeps_gradients_short(compared):
    _, facts = compared
    assert facts["slopes-unbounded-longest"].value > 100 * facts["plain-longest"].value


def test_who_never_pulls_earns_nothing_and_who_always_does_the_mean(trained):
    weights = np.zeros_like(trained.weights)
    weights[:, INPUTS, 4 * SMALL.units + LOGIT] = [-30.0, 30.0]
    agents = replace(trained, weights=weights)
    found = chapter.shares(agents, 4000, 1)
    assert found.risky_pulls.values.tolist() == [0, 10]
    assert (found.share[0], found.share_se[0]) == (0, 0)
    always = -10 / float(bayes_optimal(TASK[0]).value)
    assert abs(found.share[1] - always) < 5 * found.share_se[1]
    # on a task that is not worth a pull there is nothing to have a share of
    hopeless = replace(agents, task=GaussianBandit([0.1, 0.1], 5.0, 10))
    assert np.isnan(chapter.shares(hopeless, 10, 1).share).all()


def test_slopes_of_the_last_pull_are_those_of_its_outputs(trained):
    agents = trained
    data, facts = chapter.slopes(agents, plainly)
    trainer = Trainer(TASK, [3, 4], replace(agents.config, updates=1), torch.device("cpu"))
    trainer.net.weights.copy_(torch.from_numpy(agents.weights))
    with torch.inference_mode():
        trainer.lives.play(0)
        trainer.loss_slope(torch.tensor(0.0))
        # dh = W_y dy and dc = dh o (1 - tanh(c)^2), with h = o tanh(c)
        outwards = trainer.net.weights[:, INPUTS + 1 :, -2:] @ trainer.heads_slope[-1]
        h, c = trainer.net.memory(9)
        slope = outwards * (h / c.tanh()) * (1 - c.tanh() ** 2)
        expected = slope.abs().amax(1).numpy()
    np.testing.assert_allclose(data.sel(pull=10), expected, rtol=1e-4)
    assert data.shape == (10, 2, 8)
    # a chain that goes back as far as it is long
    assert (data.max(["agent", "life"]) > 0).all()
    assert facts["largest-slope"].value == data.max()
    assert facts["over"].value == 100 * (data > 1).any("pull").mean()


def test_trainers_are_compared_at_their_best(speed):
    rates = stored_benchmark("training.json")["rates"]
    table, facts = speed
    bars = {bar["what"].strip(): bar["measured"] for bar in rates["bars"]}
    for name, agents in (("one", 1), ("most", 25)):
        for peer, said in (("autograd", "plain autograd"), ("jax", "JAX")):
            known = bars[f"{agents} agents: times {said}"]
            assert facts[f"{name}-{peer}"].value == pytest.approx(known, rel=1e-9)
    stored = {
        (chapter.TRAINERS[row["kind"]], row["agents"])
        for row in rates["rows"]
        if row["kind"] in chapter.TRAINERS
    }
    assert set(zip(table["trainer"], table["agents"], strict=True)) == stored
    assert table["agents"] == sorted(table["agents"])
    assert (np.array(table["lowest"]) <= table["median"]).all()


def test_what_is_said_of_the_stored_benchmark(speed):
    stored = stored_benchmark("training.json")
    missed = [bar["what"] for bar in stored["rates"]["bars"] if bar["met"] is False]
    assert speed[1]["missed"].value == len(missed) == 1
    # "a single agent's share of that rate"
    assert "".join(missed).strip() == "1 agents: share of the float32 matrix rate"
    # the text says that on a GPU nothing has been measured
    assert stored["gpu"]["measured"].startswith("not measured")
