"""The claims of the chapter *Between the optima* that stored results bear out."""

from dataclasses import replace

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, train
from meta_bandit.studies import many_optima as chapter
from meta_bandit.studies import stored, stored_agents, stored_benchmark, walks

PLAIN = replace(CONFIGURATIONS["plain"], continuation_until=0.0)


@pytest.fixture(scope="module")
def agents():
    files = ("across-direct.safetensors", "across.safetensors")
    return dict(zip(chapter.TRAININGS, map(stored_agents, files), strict=True))


@pytest.fixture(scope="module")
def row(agents):
    results = [stored("across-direct.nc"), stored("across.nc")]
    return chapter.row(results, list(agents.values()), lives=2000)


@pytest.fixture(scope="module")
def heirs(row, agents):
    """Learners from the edge, trained on where no native learns: before and after."""
    before = chapter.some_of(row[0], agents["continuation"], "continuation", "learns", 0.9, 3)
    gentle = replace(PLAIN, updates=160, learning_rate=1e-3, entropy=0.0)
    gentle = replace(gentle, learning_rate_hold=1.0, entropy_until=1.0)
    here = GaussianBandit(np.full(3, 0.8), 1.0, 100)
    after = train(here, [30_000, 30_001, 30_002], gentle, "cpu", initial=before.weights)
    return {"heirs": tuple(chapter.observe(team, here, 2000, 0) for team in (before, after))}


def test_better_networks_exist_and_are_lost(row, heirs):
    data, _ = row
    before, after = heirs["heirs"]
    facts = chapter.heirs(data, heirs, 0.8, 2000)
    assert (facts["heir-stored"].value, facts["heir-all"].value) == (0, 24)
    assert facts["heir-commit"].value < 0 < facts["heir-best"].value
    assert (before.kind == "learns").all()
    assert before.earned.mean() > 3 * np.sqrt((before.earned_se**2).mean() / 3)
    assert after.begins.mean() < before.begins.mean()
    assert chapter.became(heirs)["heirs, before"]["learns"] == 3


def test_stored_networks_are_cut_off_from_both_kinds(row, agents):
    couples, _ = chapter.pairs(row[0], agents, 3)
    lines = {name: chapter.on_line(*ends, 5, 500) for name, ends in couples.items()}
    blocked = chapter.barriers(lines)["with a barrier"]
    assert blocked["never to learner"] >= 1
    assert blocked["two learners"] >= 1


def test_the_loop_gets_narrower_but_does_not_close():
    data, facts = walks.loops(stored_benchmark("hysteresis.json"))
    assert data.sizes["walker"] >= 10
    assert data.sizes["updates"] >= 4
    assert facts["loop-slope-high"].value < 0 < 0.8 < facts["slow-low"].value
    assert facts["loop-last-low"].value < 0 < facts["loop-last-high"].value
    # the way down ends at the edges, the way up has nearly no return
    assert data.attrs["bayes_edge"] < facts["slow-fell"].value < data.attrs["commit_edge"]
    assert facts["slow-never"].value >= data.sizes["walker"] / 2
    assert (data.back > -0.3).all()
