"""What the chapter *How agents are trained* draws and quotes."""

import math
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

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
RECIPES = {"a few": SMALL, "more": replace(SMALL, updates=5)}


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
    return chapter.train_all(RECIPES, TASK, [3, 4], processes=1)


@pytest.fixture(scope="module")
def earned(trained):
    return chapter.earnings(trained, 300, 0)


@pytest.fixture(scope="module")
def speed():
    return chapter.speed(stored_benchmark("training.json")["rates"])


def test_every_number_quoted_is_a_fact_that_says_what_it_is(trained, earned, speed):
    found = earned[1] | chapter.slopes(trained["more"], plainly)[1] | speed[1]
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", TEXT))
    live = set(re.findall(r'"([\w-]+)": ', TEXT))
    of_recipes = {
        f"{name.replace(' ', '-')}-{what}"
        for name in from_the_page("plain = ")["recipes"]
        for what in ("worst", "best", "pulls", "usual", "longest")
    }
    assert quoted - live - of_recipes <= found.keys()
    assert all(fact.about for fact in found.values())


def test_two_settings_are_changed_each_alone_and_both_together():
    recipes = from_the_page("plain = ")["recipes"]
    default = asdict(recipes["plain"])
    changed = {
        name: {key for key, value in asdict(config).items() if value != default[key]}
        for name, config in recipes.items()
    }
    bound, limit = "backpropagation_clip", "gradient_clip"
    assert changed["slopes unbounded"] == {bound}
    assert changed["shorter gradient"] == {limit}
    assert changed["both"] == {bound, limit}
    for name, setting in (("slopes unbounded", bound), ("shorter gradient", limit)):
        assert getattr(recipes["both"], setting) == getattr(recipes[name], setting)


def test_each_recipe_trains_as_it_would_alone(trained):
    assert [*trained] == [*RECIPES]
    for name, config in RECIPES.items():
        alone = train(TASK, [3, 4], config, "cpu", progress=False)
        assert np.array_equal(trained[name].weights, alone.weights)


def test_who_never_pulls_earns_nothing_and_who_always_does_the_mean(trained):
    weights = np.zeros_like(trained["more"].weights)
    weights[:, INPUTS, 4 * SMALL.units + LOGIT] = [-30.0, 30.0]
    agents = replace(trained["more"], weights=weights)
    found = chapter.shares(agents, 4000, 1)
    assert found.risky_pulls.values.tolist() == [0, 10]
    assert (found.share[0], found.share_se[0]) == (0, 0)
    always = -10 / float(bayes_optimal(TASK[0]).value)
    assert abs(found.share[1] - always) < 5 * found.share_se[1]
    # on a task that is not worth a pull there is nothing to have a share of
    hopeless = replace(agents, task=GaussianBandit([0.1, 0.1], 5.0, 10))
    assert np.isnan(chapter.shares(hopeless, 10, 1).share).all()


def test_pulls_are_counted_from_the_first_update_on(trained):
    history = chapter.histories(trained)["a few"]
    assert history.pulls.values.tolist() == [80, 160, 240]


def test_what_recipes_earn(trained, earned):
    data, facts = earned
    assert data.seed.values.tolist() == [3, 4]
    for name, agents in trained.items():
        own = 100 * chapter.shares(agents, 300, [0, 1]).share
        key = name.replace(" ", "-")
        assert facts[f"{key}-worst"].value == own.min()
        assert facts[f"{key}-best"].value == own.max()
        assert facts[f"{key}-longest"].value == agents.curve.gradient_norm.max()
        assert facts[f"{key}-pulls"].value == pytest.approx(80e-6 * agents.config.updates)


def test_slopes_of_the_last_pull_are_those_of_its_outputs(trained):
    agents = trained["more"]
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
    assert speed[1]["missed"].value == len(missed) == 3
    assert {int(what.split()[0]) for what in missed} == {1, 8}
    # the text says that on a GPU nothing has been measured
    assert stored["gpu"]["measured"].startswith("not measured")
