"""Other ways up the ladder: the benchmark on small input.

Labels, weights and sums are compared with what another part of the package says of them.
"""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import xarray as xr

from benchmarks.many_arms import PARTS, Imitator, run, widened
from meta_bandit import figures
from meta_bandit.agents import CONFIGURATIONS, AgentPolicy, train
from meta_bandit.policies.many_arms import Gittins
from meta_bandit.studies import STUDIES
from meta_bandit.studies.ladder import levels
from meta_bandit.studies.ways_out import WAYS, earned, ways_out
from meta_bandit.theory.many_arms import index_offsets
from meta_bandit.worlds import ManyArms

SMALL = replace(CONFIGURATIONS["many-arms"], updates=2, lives=64, units=5, continuation_until=0.0)


RUNGS = xr.Dataset(
    {"bound": (("world", "tried"), [[1.0, 1.0, 1.0, 20.0], [0.0, 1.0, 2.0, 10.0]])},
    {"world": ["deceptive", "plain"], "first": ("world", [1.0, 1.0])},
)


def test_labels_are_what_the_index_policy_pulls():
    world = ManyArms(4, lifetime=[9, 9], safe=[0.5, 0.0])
    with torch.inference_mode():
        learner = Imitator(world, [0, 1], SMALL, torch.device("cpu"), torch.float64)
        learner.lives.play(0)
        labels = learner.best_arm(learner.lives).numpy()
        taken, paid = learner.lives.taken.numpy(), learner.lives.paid.numpy()
    policy, unit = Gittins(index_offsets(world[0])), world.unit[:, None, None]
    for pull in range(9):
        done = taken[:pull, :, 1:]
        sums = (done * paid[:pull, :, None]).sum(0) * unit
        history = SimpleNamespace(
            pull=pull,
            pulls=np.moveaxis(done.sum(0), 1, -1).astype(int),
            reward_sums=np.moveaxis(sums, 1, -1),
        )
        index = policy.choose(world.per_life, history, np.random.default_rng())
        np.testing.assert_array_equal(labels[pull], index)
    assert len(np.unique(labels)) == 4


def test_one_arm_more_answers_as_the_last_one_did():
    three, four = (ManyArms(arms, lifetime=[6]) for arms in (3, 4))
    trained = train(three, [0], SMALL, "cpu", progress=False)
    wider = train(four, [0], SMALL, "cpu", False, initial=widened(trained.weights, 3, SMALL.units))
    wider = replace(wider, weights=widened(3 * trained.weights, 3, SMALL.units))
    trained = replace(trained, weights=3 * trained.weights)
    told = [np.array([[0, 1, 2]]), np.array([[0.5, 1.0, -1.0]])]
    before, after = (
        AgentPolicy(agents)._ask(world, pull, *told, arms=int(world.arms))[0, :, 0].numpy()
        for agents, world, pull in ((trained, three, 0), (wider, four, 0))
    )
    np.testing.assert_allclose(after[:3], before, rtol=1e-6)
    np.testing.assert_array_equal(after[3], after[2])


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    out = tmp_path_factory.mktemp("ways") / "out.json"
    study = replace(STUDIES["many-arms-smoke"], seed=(0, 1))
    for part in PARTS:
        run(study, [part], out, dict.fromkeys(PARTS, 8))
    return study, json.loads(out.read_text())


def test_each_part_is_written_beside_the_others(small):
    study, wrote = small
    assert wrote["ways"].keys() == WAYS.keys()
    for way in wrote["ways"].values():
        assert len(way["expected_return"]) == len(wrote["seed"]) == 2 * len(study.safe)
        assert way["config"]["units"] == study.config.units
    assert wrote["lives"] == study.lives


def test_the_dataset_says_what_the_file_does(small):
    _, wrote = small
    data, facts = ways_out(wrote, RUNGS)
    for name, way in WAYS.items():
        own = data.sel(way=way)
        for at, value in enumerate(wrote["ways"][name]["expected_return"]):
            place = {"world": at // 2, "seed": wrote["seed"][at]}
            assert float(own.expected_return[place["world"]].sel(seed=place["seed"])) == value
        curve = own["curve"].isel(world=1, seed=0).dropna("point")
        np.testing.assert_array_equal(curve, wrote["ways"][name]["curve_mean_return"][2])
    explored = wrote["ways"]["first explore"]
    best = np.array(explored["by_explores"]).max((1, 2)).reshape(2, 2)
    settled = data.by_explores.sel(pulls=data.explores)
    np.testing.assert_allclose(settled, best)
    assert 0 < facts["chance-tried"].value < 3
    table = earned(data, RUNGS)
    shares = sorted(np.array(wrote["ways"]["fitted"]["expected_return"][2:]) / 10 * 100)
    said = table["plain: % of the bound"][WAYS["fitted"]]
    assert said == f"{round(shares[0])} to {round(shares[-1])}"
    tried = np.mean(wrote["ways"]["fitted"]["greedy_tried"][2:])
    assert table["plain: arms tried"][WAYS["fitted"]] == f"{tried:.1f}"
    assert len(figures.ways_out(data, levels(RUNGS)).axes) == 4
