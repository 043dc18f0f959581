"""The claims of the chapter *Is it Bayesian inference?* that stored results bear out."""

import numpy as np
import pytest

from meta_bandit.studies import inference as chapter
from meta_bandit.studies import stored_agents
from meta_bandit.theory import bayes_optimal
from tests.chapters.inference import given, own, probed


def test_random_networks_can_be_read():
    # those that are trained need more lives than a test has: directions that hardly vary
    means = probed()[0].r2.sel(network="untrained").mean(["task", "seed"])
    assert (means > 0.75).all()
    assert (probed()[0].r2.sel(network="inputs").mean(["task", "seed"]) < means - 0.3).all()
    read = own()[0].r2.sel(part="memory")
    assert read.sel(phase="still pulling", network="untrained").mean() > 0.9
    trained = read.sel(network="trained").median("seed")
    assert trained.sel(phase="has left") < trained.sel(phase="still pulling") - 0.2


def test_training_makes_the_estimate_loud():
    moved = own()[0].moved
    assert (moved.sel(network="trained") > moved.sel(network="untrained")).sum() >= 9
    assert moved.sel(network="trained").mean() > 1.5 * moved.sel(network="untrained").mean()


def test_what_tells_learners_from_others_is_their_answer():
    data, facts = given()
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
