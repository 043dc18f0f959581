"""What the chapter *Many arms* draws and quotes of its worlds and agents."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from meta_bandit.agents import load_agents
from meta_bandit.studies import STUDIES, run
from meta_bandit.studies.ladder import (
    RECIPES,
    Page,
    by_recipe,
    climbed,
    found_over_map,
    in_the_trap,
    index_policy,
    levels,
    map_of_arms,
    rivals,
    rungs,
    tried,
)
from meta_bandit.theory import optimal_commit
from meta_bandit.theory.many_arms import index_offsets, many_full_information
from meta_bandit.worlds import ManyArms


def test_many_arms_pay_where_one_does():
    safes, spreads = np.array([0.4, 0.9]), np.array([0.3, 1.5, 30.0])
    world = ManyArms(4, 1.0, 0.5, 20)
    found, facts = map_of_arms(world, safes, spreads, 4_000, 0)
    # by hand: at 0.3 all arms are tried, at 30 there is nothing to learn in 20 pulls
    assert found.arms[:, 0].values.tolist() == [3, 3]
    assert found.arms[:, 2].values.tolist() == [0, 0]
    inside = found.sigma_l < found.edge
    assert inside.any()
    assert not inside.all()
    assert ((found["index"] > 0) == inside).all()
    assert ((found.plan > 0) == (found.arms > 0)).all()
    assert (found.plan[:, 0] < found["index"][:, 0]).all()
    assert facts["map-none"].value + facts["map-all"].value + facts["map-some"].value == 6


def test_the_index_is_one_for_any_number_of_arms_and_any_known_arm():
    world = ManyArms(3, 1.0, 0.5, 10, 0.0, 0.4)
    policy = index_policy(world)
    assert policy is index_policy(ManyArms(6, 1.0, 0.5, 10, 0.0, -0.2))
    assert policy is not index_policy(ManyArms(3, 1.0, 0.6, 10, 0.0, 0.4))
    np.testing.assert_array_equal(policy.offsets, index_offsets(world))


def test_with_one_unknown_arm_it_is_the_plan_of_the_bandit():
    found, _ = map_of_arms(ManyArms(2), np.array([0.5]), np.array([0.5, 2.0]), 10, 0)
    own = [optimal_commit(ManyArms(2, 1.0, noise).one_armed)[1] for noise in (0.5, 2.0)]
    np.testing.assert_allclose(found.plan[0], own, rtol=1e-12)


def test_an_agent_stands_on_the_rung_that_it_cannot_earn_without(tmp_path):
    runs = run(STUDIES["many-arms-smoke"], tmp_path / "small.nc", "cpu")
    # recipe by recipe, in each first the deceptive world
    runs["expected_return"] = "agent", np.array([4.0, 1.0, 5.0, 6.5, 25.0, 9.0])
    runs["expected_return_se"] = xr.zeros_like(runs.expected_return)
    runs["expected_return_se"][3] = 0.3
    bounds = np.array([[5.0, 8.0, 20.0], [0.0, 6.0, 20.0]])
    rungs = xr.Dataset(
        {"bound": (("world", "tried"), bounds), "bound_se": (("world", "tried"), 0 * bounds)},
        {"world": ["poor", "plain"], "safe": ("world", [0.5, 0.0]), "tried": [0, 1, 2]},
    )
    data, facts = climbed(runs, rungs)
    assert data.recipe.values.tolist() == list(RECIPES.values())
    assert data.needs.sel(world="poor").values.ravel().tolist() == [0, 0, 2]
    assert data.needs.sel(world="plain").values.ravel().tolist() == [1, 1, 2]
    # 25 of at most 20, and the worse of the two others on the second rung of the plain world
    assert facts["shared-share-0"].value == 125
    assert facts["one-memory-rung"].value == 1
    # never exploring earns 5 in 10 pulls
    assert [facts[f"{recipe}-below-0"].value for recipe in RECIPES] == [1, 0, 0]
    table = by_recipe(data)
    assert table["arms needed"]["plain", "direct"] == "1 to 1"
    assert table["mean, % of the bound"]["poor", "default"] == 20


WORLDS = [ManyArms(3, 1.0, 0.5, 10, 0.0, safe) for safe in (0.5, 0.0)]


@pytest.fixture(scope="module")
def caught():
    return rungs(WORLDS, 4_000, 200, 0)


def test_what_can_be_earned_lies_between_the_index_and_the_bound(caught):
    found, facts = caught
    assert found.bound[:, 0].values.tolist() == [5, 0]
    slack = 3 * np.hypot(found.index_se, found.bound_se)
    assert (found["index"] <= found.bound + slack).all()
    assert (found.committed <= found.bound + slack).all()
    assert (found.bound.diff("tried") > 0).all()
    # with one unknown arm the index is optimal and the bound by price exact
    np.testing.assert_allclose(found["index"][:, 1], found["first"], atol=float(slack.max()))
    best, index = found.bound[0, -1], found["index"][0, -1]
    assert facts["gap-0"].value == pytest.approx(100 * float(best / index - 1))


def test_who_knows_more_earns_more():
    others, facts = rivals(WORLDS, 4_000, 0)
    assert others.sel(policy="never").values.tolist() == [5, 0]
    assert (others.sel(policy="told all") > others.sel(policy="Thompson")).all()
    exact = [many_full_information(world) for world in WORLDS]
    assert (abs(others.sel(policy="told all") - exact) < 4 * facts["se"].value + 0.1).all()


def test_the_chapter_quotes_facts_that_there_are(caught, tmp_path):
    text = (Path(__file__).parents[2] / "book" / "many-arms.md").read_text(encoding="utf-8")
    runs = run(STUDIES["many-arms-smoke"], tmp_path / "small.nc", "cpu")
    found, facts = caught
    data, of_agents = climbed(runs, found)
    others, of_rivals = rivals(WORLDS, 10, 0)
    earned, compared = in_the_trap(Page(found, others, data, {}, found, found, {}))
    assert earned["never exploring"].tolist() == [5]
    assert list(compared.values()) == levels(found)[0].values.tolist()
    assert levels(found).sizes == {"world": 2, "level": 2}
    facts = facts | of_rivals | of_agents
    facts |= map_of_arms(ManyArms(2), np.array([0.5]), np.array([0.5]), 10, 0)[1]
    facts |= found_over_map([runs], 10, 0)[1]
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", text))
    assert quoted <= facts.keys()
    assert {name for name in facts if not name.startswith(tuple(RECIPES))} <= quoted
    assert all(said.about for said in facts.values())


def test_what_is_found_is_a_share_of_what_the_index_gains(tmp_path):
    small = STUDIES["many-arms-smoke"]
    rows = []
    for noise in (2.0, 0.5):  # in any order
        row = run(replace(small, sigma_l=noise), tmp_path / f"{noise}.nc", "cpu")
        # never exploring, and a tenth of the reward more in each pull
        row["expected_return"] = row.safe * small.lifetime + (row.recipe == "shared")
        rows.append(row)
    data, facts = found_over_map(rows, 2_000, 0)
    assert data.sigma_l.values.tolist() == [0.5, 2.0]
    assert (data.earned.sel(recipe=["default", "direct"]) == 0).all()
    shared = data.sel(recipe="shared").isel(seed=0)
    np.testing.assert_allclose(shared.earned, 1)
    worth = data["index"] >= 1
    assert 0 < worth.sum() < worth.size
    expected = (1 / data["index"]).where(worth)
    np.testing.assert_allclose(shared.share.transpose(*expected.dims), expected)
    assert facts["found-worth"].value == worth.sum()
    assert facts["found-worlds"].value == worth.size == 4
    assert facts["direct-found"].value == "0"
    mean = float(100 * expected.mean())
    assert facts["shared-found"].value == f"{mean:.0f}"


def test_how_many_arms_are_tried(tmp_path):
    study, out = STUDIES["many-arms-smoke"], tmp_path / "small.nc"
    runs = run(study, out, "cpu")
    teams = {way[1:]: load_agents(file) for way, file in study.files(out).items()}
    table = tried(teams, study.lives, 0)
    assert list(table["all, % of lives"]) == ["index", *RECIPES]
    assert float(table["arms tried, mean"]["index"]) > 0
    # in the study's own lives, what it measured
    for recipe in RECIPES:
        own = float(runs.greedy_tried[runs.recipe == recipe][0])
        assert table["arms tried, mean"][recipe] == f"{own:.1f}"
