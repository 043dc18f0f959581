"""Walks of the prior mean at several rates."""

import json
from dataclasses import replace

import numpy as np
import pytest

from meta_bandit.agents import train
from meta_bandit.studies import walks
from meta_bandit.worlds import GaussianBandit

SHORT = walks.Walk(1, walkers=2, first=1, lowest=-0.5, highest=0.25)


def stored(down, up):
    """Three walkers' pulls on the stops of both ways, at two rates."""
    row = {
        "mean_down": [0.0, -0.5, -1.0],
        "mean_up": [-1.0, -0.5, 0.0],
        "pulls_down": np.transpose(down).tolist(),
        "pulls_up": np.transpose(up).tolist(),
    }
    walk = {"lifetime": 10, "step": 0.5, "lowest": -1, "highest": 0, "sigma_p": 1, "sigma_l": 1}
    rows = [row | {"updates": updates} for updates in (10, 20)]
    edges = {"commit_edge": -0.6, "bayes_edge": -0.8}
    return {"walk": walk, "lives": 5, "edges": edges, "rows": rows}


def test_crossings_are_found_between_stops():
    down = [[5, 3, 0], [5, 0, 0], [5, 4, 3]]
    up = [[0, 0, 2], [0, 2, 5], [3, 4, 5]]
    data, facts = walks.loops(stored(down, up))
    # a third of the way and so on; the last one never stops, and is back at once
    np.testing.assert_allclose(data.fell[0], [-0.5 - 0.5 * 2 / 3, -0.4, -1.0])
    np.testing.assert_allclose(data.back[0], [-0.25, -0.75, -1.0])
    assert data.returned.all()
    assert facts["slow-narrowest"].value == pytest.approx(-0.35)
    assert facts["loop-first-back"].value == -1
    assert facts["fast-fell"].value == pytest.approx(data.fell[0].mean())


def test_who_does_not_come_back_has_at_least_the_rest_of_the_walk():
    data, facts = walks.loops(stored([[5, 0, 0]] * 3, [[0, 0, 0]] * 3))
    assert (facts["loop-returned"].value, facts["loop-all"].value) == (0, 6)
    np.testing.assert_allclose(data.back - data.fell, 0.4)


def test_a_walk_goes_on_from_where_it_stopped(tmp_path):
    falling, rising = walks.go(SHORT, tmp_path)
    assert [float(team.task.mean) for team in falling] == [0.0, -0.25, -0.5]
    assert [float(team.task.mean) for team in rising] == [-0.5, -0.25, 0.0, 0.25]
    (tmp_path / "1-up-3.safetensors").unlink()
    again = walks.go(SHORT, tmp_path)[1][-1]
    np.testing.assert_array_equal(again.weights, rising[-1].weights)


def test_each_stop_begins_with_the_weights_of_the_one_before():
    falling, _ = walks.go(SHORT)
    task = GaussianBandit(np.full(2, 1.0), 1.0, 30, -0.25)
    config = replace(SHORT.config, updates=1)
    alone = train(task, [10_100, 10_101], config, "cpu", initial=falling[0].weights)
    np.testing.assert_array_equal(alone.weights, falling[1].weights)


def test_what_is_measured_is_what_is_read():
    both = walks.go(SHORT)
    found = walks.measured({1: both, 2: both}, lives=20)
    about = {"walk": {"lifetime": 30, "step": 0.25, "lowest": -0.5, "highest": 0.25, "sigma_p": 1,
                      "sigma_l": 1}}  # fmt: skip
    data, _ = walks.loops(json.loads(json.dumps(about | found)))
    # hardly trained, they toss coins
    assert 0.3 < float(data.share_down.mean()) < 0.7
    np.testing.assert_allclose(data.share_up[0, -1], data.share_up[1, -1])
