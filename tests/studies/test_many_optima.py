"""What *Many optima* and *Between the optima* make of agents on a row of tasks."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from meta_bandit import GaussianBandit
from meta_bandit.agents import AgentPolicy, train
from meta_bandit.agents.network import INPUTS, LOGIT, initial_weights
from meta_bandit.studies import between_optima, stored, walks
from meta_bandit.studies import many_optima as chapter
from meta_bandit.worlds import simulate
from tests.chapters.many_optima import PLAIN, agents, heirs, optima, row

BOOK = Path(__file__).parents[2] / "book"


@pytest.fixture(scope="module")
def walk():
    """Two agents at three prior means, down and up, hardly trained."""
    short, teams = replace(PLAIN, updates=1), []
    for m in (0.0, -1.0, -1.8):
        task = GaussianBandit(np.full(2, 1.0), 1.0, 100, m)
        teams.append(train(task, [0, 1], short, "cpu"))
    return chapter.walked(teams, teams[::-1], lives=50)


def test_every_fact_is_quoted_and_says_what_it_is(walk):
    data, facts = row()
    pages = [(BOOK / f"{name}.md").read_text() for name in ("many-optima", "between-optima")]
    own = facts | optima()[1] | chapter.failures(data)[1]
    first = own | walks.lived(walks.Walk(1, 2, 1, step=0.75), 0.03, 20)[1]
    assert walk[1].keys() < first.keys()
    second = facts | chapter.heirs(data, heirs(), 0.8, 2000) | chapter.pairs(data, agents(), 3)[1]
    loops = json.loads((BOOK.parent / "benchmarks/results/hysteresis.json").read_text())
    of_walks = walks.loops(loops)[1]
    one = {"as above": (replace(PLAIN, updates=1), 0.0)}
    second |= of_walks | between_optima.raced(one, data, 0.9, [0])[1]
    for text, known in zip(pages, (first, second), strict=True):
        quoted = set(re.findall(r"{glue:text}`([\w-]+)", text))
        live = {"seed", "profile", *re.findall(r'"([\w-]+)": ', text)}
        assert quoted - live <= known.keys()
    everything = first | second
    assert all(fact.about for fact in everything.values())
    unquoted = everything.keys() - set(re.findall(r"{glue:text}`([\w-]+)", "".join(pages)))
    # where all that come back earn nothing, the highest says it; the first that pulls again
    assert unquoted - of_walks.keys() == {"coming-lowest", "returns-highest"}


def test_agents_are_sorted_by_what_they_do():
    data, _ = row()
    one = {"training": "direct", "sigma_p": 1.2, "seed": 3}
    raw = stored("across-direct.nc").isel(sigma_l=0, lifetime=0).sel(sigma_p=1.2, seed=3)
    assert data.expected_return.sel(one) == raw.expected_return
    assert (data.learns == (data.kind == "learns")).all()
    assert ((data.goes_on < 0.01) | (data.kind != "never")).all()
    assert (data.begins.where(data.learns).min() > 0.5) & (
        data.begins.where(~data.learns).max() < 0.5
    )


def test_the_trap_is_where_a_pull_stops_to_cost():
    # g(1) = phi(1) - Phi(-1) = 0.0833155 at m = -1
    assert chapter.trap(1.0, -1.0, 100) == pytest.approx(1 / (99 * 0.0833155), rel=1e-5)
    assert chapter.trap(1.0, [0.0, 0.5], 100).tolist() == [0.0, 0.0]
    assert chapter.trap(0.2, -1.0, 100) == 1.0


class Constant:
    """Pulls with one probability, whatever it has seen."""

    def __init__(self, probability):
        self.probability = probability

    def risky_probability(self, task, history):
        return np.full(history.last_reward.shape, self.probability)


def test_who_is_pushed_begins_with_the_risky_arm_and_then_does_as_before():
    task = GaussianBandit(1.0, 1.0, 20)
    lives = simulate(chapter.Pushed(Constant(0.0)), task, 300, np.random.default_rng(0))
    assert (lives.risky_pulls == 1).all()
    assert (lives.risky_probability[0] == 1).all()
    np.testing.assert_allclose(lives.expected_returns, lives.arm_mean)


def test_of_two_policies_one_decides_each_pull():
    task = GaussianBandit(1.0, 1.0, 20)
    mixed = chapter.Mixed(Constant(0.2), Constant(1.0), 0.25)
    lives = simulate(mixed, task, 10, np.random.default_rng(0))
    np.testing.assert_allclose(lives.risky_probability, 0.4)


def test_the_interval_of_a_share_is_wilson_s():
    found = chapter.shares(row()[0])
    none = found.sel(group="learn", training="direct", sigma_p=0.6)
    assert none.share == none.low == 0
    assert none.high == pytest.approx(0.2425, abs=1e-4)
    assert ((found.low <= found.share + 1e-9) & (found.share <= found.high + 1e-9)).all()
    assert (found.share.sel(group="learn") <= found.share.sel(group="learn or hesitate")).all()


def test_a_walk_is_told_by_its_stops(walk):
    steps, facts = walk
    assert steps.mean_down.values.tolist() == [0.0, -1.0, -1.8]
    np.testing.assert_allclose(steps.return_down, steps.return_up[::-1])
    # hardly trained, they flip coins at every stop
    assert np.isnan(facts["falls-highest"].value)
    assert (facts["returned"].value, facts["returns-lowest"].value) == (2, -1.8)
    assert facts["compare"].value == -1
    assert facts["there-best"].value == pytest.approx(5.621745)
    assert facts["still"].value == 0
    assert -1.8 < facts["walk-bayes-edge"].value < facts["walk-commit-edge"].value < -1


def test_a_kind_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"sigma_p = 1\.2: no agent of training direct never"):
        chapter.some_of(row()[0], agents()["direct"], "direct", "never", 1.2, 1)


def test_a_line_goes_from_one_agent_to_the_other():
    couples, facts = chapter.pairs(row()[0], agents(), 2)
    assert facts["line-p"].value == 0.9
    for first, second in couples.values():
        assert (first.task.sigma_p == 0.9).all()
        line = chapter.on_line(first, second, 3, 200)
        for at, team in ((0, first), (-1, second)):
            rng = np.random.default_rng([0, 4])
            lives = simulate(AgentPolicy(team, greedy=False), team.task, 200, rng)
            own = lives.expected_returns.mean(axis=-1)
            np.testing.assert_allclose(line.value[:, at], own, rtol=1e-6)
    lost, learner = couples["never to learner"]
    assert lost.seeds.tolist() == learner.seeds.tolist()


def test_a_barrier_is_below_both_ends_by_more_than_the_noise():
    value = [[0.0, -2.0, 1.0], [0.0, 0.5, 1.0], [0.0, -0.2, 1.0]]
    line = xr.Dataset({"value": (("pair", "along"), value)})
    line["value_se"] = xr.full_like(line.value, 0.1)
    table = chapter.barriers({"lines": line})
    assert {name: column["lines"] for name, column in table.items()} == {
        "lines": 3,
        "with a barrier": 1,
        "deepest": 2.0,
    }


def test_where_training_begins_decides():
    teams = {}
    for name, logit in (("as above", 0.0), ("shy", -2.0), ("bold", 2.0)):
        first = initial_weights(range(5), PLAIN.units).float().numpy()
        first[:, INPUTS, 4 * PLAIN.units + LOGIT] += logit
        here = GaussianBandit(np.full(5, 0.9), 1.0, 100)
        short = replace(PLAIN, updates=120)
        teams[name] = train(here, list(range(5)), short, "auto", initial=first)
    data, table = chapter.handicaps(teams, 500)
    assert table["never"]["shy"] == 5 > table["never"]["as above"] > 0 == table["never"]["bold"]
    assert table["learns"]["bold"] >= 4 > table["learns"]["as above"]
    assert table["pull"]["shy"] == "less"
    # whether the bold pull more often than others, too few seeds cannot tell
    assert data.pulls.sel(variation="bold").mean() > data.pulls.sel(variation="as above").mean()
