"""The claims of the chapter *Is it Bayesian inference?* that stored results bear out."""

import numpy as np
import pytest

from meta_bandit.studies import inference as chapter
from meta_bandit.studies import stored_agents
from meta_bandit.theory import bayes_optimal

LIVES = 120


@pytest.fixture(scope="module")
def teams():
    agents = stored_agents("across.safetensors")
    return [chapter.at(agents, sigma_p) for sigma_p in (1.2, 0.9, 0.6)]


@pytest.fixture(scope="module")
def shown(teams):
    return [chapter.watched(team, LIVES) for team in teams]


@pytest.fixture(scope="module")
def probed(shown):
    return chapter.probed(shown)


@pytest.fixture(scope="module")
def own(teams):
    return chapter.own_lives(chapter.lived(teams[0], LIVES))


@pytest.fixture(scope="module")
def given(shown):
    return chapter.answered(shown)


def test_random_networks_can_be_read(probed, own):
    # those that are trained need more lives than a test has: directions that hardly vary
    means = probed[0].r2.sel(network="untrained").mean(["task", "seed"])
    assert (means > 0.75).all()
    assert (probed[0].r2.sel(network="inputs").mean(["task", "seed"]) < means - 0.3).all()
    read = own[0].r2.sel(part="memory")
    assert read.sel(phase="still pulling", network="untrained").mean() > 0.9
    trained = read.sel(network="trained").median("seed")
    assert trained.sel(phase="has left") < trained.sel(phase="still pulling") - 0.2


def test_training_makes_the_estimate_loud(own):
    moved = own[0].moved
    assert (moved.sel(network="trained") > moved.sel(network="untrained")).sum() >= 9
    assert moved.sel(network="trained").mean() > 1.5 * moved.sel(network="untrained").mean()


def test_what_tells_learners_from_others_is_their_answer(given):
    data, facts = given
    pays, edge, never = (data.isel(task=number) for number in range(3))
    here = chapter.at(stored_agents("across.safetensors"), 1.2).task[0]
    exact = bayes_optimal(here).thresholds[9]
    assert float(pays.threshold) == pytest.approx(float(np.ravel(exact)[0]))
    assert pays.above.mean() > 0.6 > edge.above.mean() > never.above.mean()
    assert never.above.mean() < 0.2
    assert (data.below.mean("seed") < 0.15).all()
    assert never.typical.mean() < -15
    # it was not always deaf, and sinks with every further pull
    assert (data.follows.mean("seed") > 0.9).all()
    assert never.level.mean() < -4
    assert (never.typical < never.level - 3).all()
    assert facts["deaf"].value == int((never.above == 0).sum()) >= 5
