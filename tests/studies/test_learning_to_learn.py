"""What the chapter *Learning to learn, and not to* makes of the stored planes."""

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from meta_bandit import GaussianBandit
from meta_bandit.agents import AgentPolicy
from meta_bandit.studies import learning_to_learn as chapter
from meta_bandit.studies import stored, stored_agents
from meta_bandit.studies.facts import percent
from meta_bandit.theory import bayes_optimal, optimal_commit, stopping_critical_sigma_l
from meta_bandit.worlds import simulate
from tests.chapters.learning_to_learn import DIRECT, LED, at_scale, elsewhere, moved, plane, shorter

CHAPTER = Path(__file__).parents[2] / "book" / "learning-to-learn.md"


def test_every_fact_is_quoted_or_left_out_and_says_what_it_is():
    greed = chapter.greedy_and_sampled(stored("plane.nc"))[1]
    facts = plane()[1] | at_scale()[1] | shorter()[1] | elsewhere()[1] | moved()[2] | greed
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", CHAPTER.read_text(encoding="utf-8")))
    assert quoted <= facts.keys()
    assert all(fact.about for fact in facts.values())
    # numbers of both trainings are made together, and not all are quoted
    plain = {name for name in facts if not name.endswith(("-continuation", "-direct"))}
    tabled = {name for name in plain if re.match(r"scale-(direct|\w+-(?!lost))", name)}
    assert plain - quoted - tabled == {"far-moved-native"}


def test_agents_are_sorted_by_what_they_do():
    data, facts = plane()
    raw = stored("plane-direct.nc").isel(lifetime=0)
    one = {"sigma_p": 2.0, "sigma_l": 0.954, "seed": 1}
    agent, task = raw.sel(one), data.sel(one).sel(DIRECT)
    assert task.expected_return == agent.expected_return
    assert task.learns == (agent.risky_pulls_se > 0)
    assert task.normalised == agent.expected_return / agent.bayes_value
    assert not (data.learns & data.never).any()
    missed = (raw.risky_pulls == 0) & (raw.bayes_value > 0)
    assert facts["missed-direct"].value == missed.sum()


def test_a_task_is_placed_by_its_own_edge():
    data, _ = plane()
    edge = float(stopping_critical_sigma_l(GaussianBandit(2.0, 1.0)))
    assert data.ratio.sel(sigma_p=2.0, sigma_l=5.18) == pytest.approx(5.18 / edge)
    assert (data.ratio.where(data.pays) < 1.001).sum() == data.pays.sum()


def test_medians_are_of_one_training_alone():
    data, facts = plane()
    for training in chapter.TRAININGS:
        own = data.sel(training=training)
        learners = own.normalised.values[own.learns.values]
        typical = 100 * np.nanmedian(learners)
        assert facts[f"typical-{training}"].value == pytest.approx(typical)


def test_a_share_is_a_mean_over_seeds_with_students_interval():
    data, facts = plane()
    led = data.sel(LED)
    agree = 100 * (led.learns == (data.bayes_value > 0)).mean(["sigma_p", "sigma_l"]).values
    assert facts["whether-bayes"].value == pytest.approx(agree.mean())
    # by hand: Student's quantile of 3 seeds
    half = 4.302653 * agree.std(ddof=1) / np.sqrt(3)
    assert facts["whether-bayes-half"].value == pytest.approx(half, rel=1e-6)
    assert percent(xr.DataArray([0.25, np.nan], dims="seed")) == "25"
    assert percent(xr.DataArray([0.5, 0.75, np.nan], dims="seed")) == "50 and 75"
    assert percent(xr.DataArray([0.5, 0.502], dims="seed")) == "50"
    assert percent(xr.DataArray([0.5, 0.5, 0.5], dims="seed")) == "50 ± 0"
    # Student's interval of three: 4.303 s / sqrt(3)
    assert percent(xr.DataArray([0.5, 0.502, 0.504], dims="seed")) == "50.2 ± 0.5"
    assert percent(xr.DataArray([0.5, 0.52, 0.54], dims="seed")) == "52 ± 5"


def test_who_is_moved_lives_with_the_other_noise():
    agents = stored_agents("across.safetensors")[[60, 61]]
    world = GaussianBandit(agents.task.sigma_p, 3.0, agents.task.lifetime)
    lived = simulate(AgentPolicy(agents), world, 50, np.random.default_rng(2))
    own = lived.expected_returns.mean(axis=-1)
    np.testing.assert_array_equal(chapter.move(agents, 3.0, 50, 2), own)
    best = [float(bayes_optimal(GaussianBandit(p, 3.0)).value) for p in agents.task.sigma_p]
    np.testing.assert_allclose(chapter.shares_elsewhere(agents, 3.0, 50, 2), own / best)


def test_what_figures_draw_has_the_axes_that_they_take():
    data, _ = plane()
    assert chapter.maps(data).sizes == {"map": 3, "sigma_p": 10, "sigma_l": 10}
    assert set(chapter.cloud(data).dims) == {"training", "theory", "agent"}
    assert set(chapter.from_edge(data).dims) == {"training", "agent"}
    assert chapter.maps_by_lifetime(shorter()[0]).sizes["lifetime"] == 3
    assert set(chapter.edges(shorter()[0]).dims) == {"sigma_p", "lifetime"}


def test_both_maps_and_what_greed_adds():
    grid = stored("plane.nc")
    data, facts = chapter.greedy_and_sampled(grid)
    one = {"sigma_p": grid.sigma_p[3], "sigma_l": grid.sigma_l[4]}
    cell = grid.isel(lifetime=0).sel(one)
    found = data.exploration.sel(one)
    assert found.sel(map="greedy") == pytest.approx(float(cell.exploration.mean()))
    assert found.sel(map="sampled") == pytest.approx(float(cell.exploration_sampled.mean()))
    gained = cell.expected_return - cell.expected_return_sampled
    np.testing.assert_allclose(data.gained.sel(one), gained)
    assert facts["greed-agents"].value == 300


def test_regions_of_a_grid_are_counted_agent_by_agent():
    grid = stored("plane.nc").sel(sigma_p=[0.4, 1.2, 2.0], sigma_l=[0.954, 5.18, 9.104])
    data, facts = chapter.at_scale({"led": grid})
    assert data.exploration.sel(map="led", sigma_p=2.0, sigma_l=0.954) == pytest.approx(
        float(grid.exploration.sel(sigma_p=2.0, sigma_l=0.954).mean())
    )
    optimum = bayes_optimal(GaussianBandit(1.2, 0.954, 100)).exploration
    found = float(data.exploration.sel(map="Bayes-optimal", sigma_p=1.2, sigma_l=0.954))
    assert found == pytest.approx(float(optimum))
    counted = {region: [0, 0] for region in chapter.REGIONS}
    right = np.zeros(grid.sizes["seed"])
    for at in np.ndindex(3, 3):
        cell = grid.isel(sigma_p=at[0], sigma_l=at[1], lifetime=0)
        best, plan = float(cell.bayes_value), float(cell.commit_value)
        region = "inside" if plan > 0 else "between" if best > 0 else "never"
        edge = stopping_critical_sigma_l(GaussianBandit(cell.sigma_p, 1.0, 100))
        faint = ["faint"] * bool(0.6 * edge <= cell.sigma_l <= 0.95 * edge)
        for name in [region, *faint]:
            counted[name][0] += cell.sizes["seed"]
            counted[name][1] += int((cell.risky_pulls > 0).sum())
        right += (cell.risky_pulls.values > 0) == (best > 0)
    assert all(agents for agents, _ in counted.values())
    for region, (agents, pull) in counted.items():
        assert facts[f"scale-led-{region}"].value == agents
        assert facts[f"scale-led-{region}-pull"].value == pull
    plan = float(data.exploration.sel(map="best committed plan", sigma_p=1.2, sigma_l=0.954))
    assert plan == optimal_commit(GaussianBandit(1.2, 0.954, 100))[0]
    table = chapter.by_region(facts, ["led"])
    assert [*table] == [(where, "led") for where in chapter.REGIONS.values()]
    assert table["between the two edges", "led"]["that pull"] == counted["between"][1]
    assert table["where no policy pays", "led"]["return (%)"] == ""
    row = chapter.by_length_of_life(facts, ["led"])[100]
    assert [row["where no policy pays"], row["of them, that pull"]] == counted["never"]
    nowhere = (grid.bayes_value <= 0) & (grid.risky_pulls > 0)
    lost = facts["scale-led-lost"].value
    assert lost == -float(grid.expected_return.where(grid.bayes_value <= 0).min())
    assert (lost > 0) == bool(nowhere.any())
    assert facts["scale-led-bayes"].value == percent(xr.DataArray(right / 9, dims="seed"))
