"""What the chapter *A first agent* says of the agents that it trains."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, AgentPolicy, train
from meta_bandit.studies import first_agent as chapter
from meta_bandit.studies.facts import fact
from meta_bandit.theory import bayes_optimal, optimal_commit
from meta_bandit.worlds import simulate

TEXT = (Path(__file__).parents[2] / "book" / "a-first-agent.md").read_text(encoding="utf-8")
WORLDS = GaussianBandit([2.0, 0.5], [2.0, 1.0], 20, -1.0)
NAMES = ["kind", "poor"]


@pytest.fixture(scope="module")
def trained():
    task, seeds = chapter.teams(WORLDS, 4, 2)
    return train(task, seeds, replace(CONFIGURATIONS["smoke"], updates=2), "cpu", progress=False)


@pytest.fixture(scope="module")
def lived(trained):
    rng = np.random.default_rng(0)
    return simulate(AgentPolicy(trained, greedy=False), trained.task, 300, rng)


def test_each_task_has_agents_of_the_same_seeds():
    task, seeds = chapter.teams(WORLDS, 4, 2)
    assert seeds == [4, 5, 4, 5]
    assert task.sigma_p.tolist() == [2.0, 2.0, 0.5, 0.5]
    assert task.sigma_l.tolist() == [2.0, 2.0, 1.0, 1.0]


def test_every_fact_is_quoted_and_says_what_it_is(trained, lived):
    facts = chapter.curves(trained, WORLDS, NAMES)[1]
    facts |= chapter.maps(lived, WORLDS, NAMES)[1]
    facts |= chapter.earnings(lived, trained, WORLDS, NAMES)[1]
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", TEXT))
    (live,) = re.findall(r"quote\((seed=.*)\)", TEXT)
    assert quoted - set(re.findall(r"(\w+)=", live)) <= facts.keys()
    # the first page quotes the mean
    assert facts.keys() - quoted == {"return-learns"}
    assert all(fact.about for fact in facts.values())


def test_a_text_that_does_not_hold_is_not_quoted():
    own = GaussianBandit([2.0, 0.5], [2.0, 1.0], 100, -1.0)
    held = {"share-learns": fact(90.0, "share"), "pulls-never": fact(0.0, "pulls")}
    broken = held | {"pulls-never": fact(0.2, "pulls")}
    assert chapter.checked(held, own, "quick") == held
    for worlds, profile in ((own, "smoke"), (WORLDS, "quick")):
        assert chapter.checked(broken, worlds, profile) == broken
    with pytest.raises(ValueError, match=r"agents earn 90% and pull 0\.2 times"):
        chapter.checked(broken, own, "quick")


def test_curves_are_laid_out_by_task_and_seed(trained):
    data, facts = chapter.curves(trained, WORLDS, NAMES)
    own = data.mean_return.sel(task="poor", seed=5)
    np.testing.assert_array_equal(own, trained.curve.mean_return[3])
    assert data.commit_value.values.tolist() == optimal_commit(WORLDS)[1].tolist()
    assert (facts["agents"].value, facts["seeds"].value) == (2, "4, 5")


def test_a_map_is_of_the_first_agent_of_its_task(lived):
    data, facts = chapter.maps(lived, WORLDS, NAMES, early=3)
    birth = data.risky_probability.sel(task="poor", pull=0).dropna("posterior_mean")
    assert float(birth.item()) == pytest.approx(lived.risky_probability[0, 2].mean())
    assert facts["exact-boundary"].value == bayes_optimal(WORLDS).thresholds[2, 0]
    assert facts["sampled-pulls"].value == pytest.approx(lived.risky_pulls[2:].mean())


def test_agents_are_set_beside_both_optima(trained, lived):
    data, facts = chapter.earnings(lived, trained, WORLDS, NAMES)
    own = lived.expected_returns.mean(axis=-1)
    np.testing.assert_allclose(data.expected_return.values, own.reshape(2, 2))
    assert facts["return-learns-lowest"].value == pytest.approx(own[:2].min())
    assert facts["pulls-never"].value == pytest.approx(lived.risky_pulls[2:].mean(axis=-1).max())
    best = float(bayes_optimal(WORLDS).value[0])
    assert facts["share-bayes"].value == pytest.approx(100 * own[:2].min() / best)
    assert facts["commit-learns"].value < best < facts["informed"].value
    table = chapter.table(data, WORLDS)
    assert table["who"][:4] == ["agent 4", "agent 5", "best committed plan", "Bayes-optimal"]
    assert table["sigma_p"] == [2.0] * 4 + [0.5] * 4
    assert table["return"][3] == round(best, 2)
