"""What the chapter *Is it Bayesian inference?* reads in stored agents."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from meta_bandit.agents import AgentPolicy, Watch
from meta_bandit.agents.a2c import Trainer
from meta_bandit.measure import estimates, held_out_r2
from meta_bandit.studies import inference as chapter
from meta_bandit.studies import stored_agents
from meta_bandit.worlds import simulate
from tests.chapters.inference import LIVES, given, own, probed, shown, teams

TEXT = (Path(__file__).parents[2] / "book" / "amortised-inference.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def paths():
    return chapter.paths(shown(), 5)


def test_every_number_quoted_is_a_fact_that_says_what_it_is(paths):
    facts = probed()[1] | own()[1] | given()[1] | paths[1]
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", TEXT)) - {"profile"}
    assert quoted <= facts.keys()
    assert facts.keys() - quoted <= {"own-removed"}
    assert all(fact.about for fact in facts.values())
    assert facts["seeds"].value == 12


def test_a_network_before_training_is_what_training_begins_with():
    pair = teams()[0][[0, 5]]
    trainer = Trainer(pair.task, pair.seeds.tolist(), pair.config, torch.device("cpu"))
    first = chapter.before_training(pair)
    np.testing.assert_array_equal(first.weights, trainer.net.weights.numpy())
    assert not np.allclose(first.weights, pair.weights)


def test_a_task_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"sigma_p = 2: no agent is of that task, but of 0\.6"):
        chapter.at(stored_agents("across.safetensors"), 2.0)


def test_all_watch_the_same_lives_of_many_rates():
    here = shown()[0]
    rates = here.seen.actions.mean(axis=0)
    assert rates.min() < 0.1 < 0.9 < rates.max()
    watcher = AgentPolicy(teams()[0], remember=True)
    rng = np.random.default_rng([0, 1])
    seen = simulate(Watch(chapter.OwnRate(), watcher), teams()[0].task, LIVES, rng)
    np.testing.assert_array_equal(seen.actions, here.seen.actions)
    np.testing.assert_array_equal(watcher.memory.swapaxes(1, 2), here.memory)


def test_the_probes_are_those_of_each_network():
    data, facts = probed()
    here, mean = shown()[1], estimates(shown()[1].seen)
    for name, memory in (("trained", here.memory), ("untrained", here.untrained)):
        r2 = held_out_r2(memory[:, :, 4], mean[:, 4])
        found = data.r2.isel(task=1, seed=4).sel(target="posterior mean", network=name)
        assert float(found) == pytest.approx(r2)
    values = data.r2.sel(target="posterior mean", network="untrained").mean("task").values
    half = 2.201 * values.std(ddof=1) / np.sqrt(12)
    assert facts["first-mean"].value == f"{values.mean():.2f} ± {half:.2f}"


def test_log_odds_are_those_of_the_policy():
    class Asked:
        def __init__(self, policy):
            self.policy, self.said = policy, []

        def risky_probability(self, task, history):
            self.said.append(self.policy.risky_probability(task, history))
            return self.said[-1]

    asked = Asked(AgentPolicy(teams()[0], greedy=False))
    rng = np.random.default_rng([0, 1])
    simulate(Watch(chapter.OwnRate(), asked), teams()[0].task, LIVES, rng)
    probability = 1 / (1 + np.exp(-chapter.log_odds(shown()[0], 9)))
    np.testing.assert_allclose(probability, asked.said[9], atol=1e-5)


def test_the_table_has_a_mean_and_an_interval():
    table = chapter.answers_table(given()[0])
    task = given()[0].task.values[0]
    values = 100 * given()[0].above.sel(task=task).values
    half = 2.201 * values.std(ddof=1) / np.sqrt(12)
    assert table["would go on above the threshold (%)"][task] == f"{values.mean():.0f} ± {half:.0f}"
    assert chapter.said(xr.DataArray([-1.0, -3.0], dims="seed"), 1) == "−2.0 ± 12.7"


def test_paths_follow_the_estimate_where_learning_pays(paths):
    data, _ = paths
    assert data.along.isel(task=0).mean() > 0.25 > 0.1 > data.along.isel(task=2).mean()
    assert data.place.shape == (3, 5, 100, 2)
    first = data.place.isel(task=0, component=0)
    outputs = shown()[0].memory[:, :48, 0].transpose(2, 0, 1)
    off = outputs - outputs.mean((0, 1))
    # principal components keep lengths, and the first the most
    assert first.std() > data.place.isel(task=0, component=1).std()
    assert (data.explained.sum("component") <= 1).all()
    assert (first.values**2).sum() <= (off[:5] ** 2).sum()
