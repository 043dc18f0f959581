"""What the chapter *One agent for every life* says of agents that are raised on many tasks."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, AgentPolicy
from meta_bandit.studies import STUDIES, every_lifetime, stored, stored_agents
from meta_bandit.studies import one_for_all as chapter
from meta_bandit.theory import bayes_optimal
from meta_bandit.worlds import simulate
from tests.chapters.one_for_all import BUDGET, beside, universal, untold

TEXT = (Path(__file__).parents[2] / "book" / "every-lifetime.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def clocks():
    # stored agents in place of new ones: what they are told is not looked at
    return chapter.by_clock({"a": universal(), "b": universal()[[0, 0, 1]]}, BUDGET)


@pytest.fixture(scope="module")
def plane():
    results = stored("plane.nc").isel(sigma_p=slice(0, None, 3), sigma_l=slice(0, None, 3))
    return chapter.over_plane(stored_agents("every-task.safetensors"), results, (10, 100), 20)


def test_every_number_quoted_is_a_fact_that_says_what_it_is(clocks, plane):
    facts = beside()[1] | clocks[1] | plane[1] | untold()[2]
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", TEXT)) - {"profile", "device"}
    named = {name for name in quoted if not re.match("(clock|brief|long)-", name)}
    assert named <= facts.keys()
    assert all(fact.about for fact in facts.values())
    per_clock = {name for name in facts if re.match("(clock|brief|long)-", name)}
    assert facts.keys() - per_clock <= quoted


def test_the_optimum_at_birth_is_lowered_alike_by_each_doubling():
    data = chapter.optima(universal(), [10, 20, 80])
    best = [bayes_optimal(GaussianBandit(2.0, 2.0, T)) for T in (10, 20, 80)]
    first = [float(one.thresholds[0]) for one in best]
    assert data.threshold.values.tolist() == pytest.approx(first)
    steps = [first[1] - first[0], (first[2] - first[1]) / 2]
    assert data["per doubling"].values[1:].tolist() == pytest.approx(steps)


def test_one_for_all_earns_what_its_lives_do():
    data, facts = beside()
    task = GaussianBandit(np.full(3, 2.0), 2.0, 100)
    lived = simulate(AgentPolicy(universal()), task, 4_000, np.random.default_rng(9))
    own = lived.expected_returns.mean() / bayes_optimal(task[0]).value
    error = 4 * float(data.error.sel(length=100))
    assert float(data.one.sel(length=100)) == pytest.approx(float(own), abs=error + 0.03)
    assert data.raised.values[-1] == "5 to 394"
    assert (facts["shortest"].value, facts["longest"].value) == (5, 394)
    assert facts["one-mean"].value > 90
    assert facts["kept-updates"].value == sum(s.updates for s in STUDIES["every-lifetime"].stages)


def test_specialists_at_home_and_abroad_are_told_apart():
    share = xr.DataArray(
        [[0.0, 0.9, 0.8], [0.0, 0.5, 0.7], [0.1, 0.4, 0.95], [0.2, 0.85, 0.9]],
        {"raised": ["5", "10", "20", "5 to 20"], "tested": [5, 10, 20]},
        ("raised", "tested"),
    )
    data = xr.Dataset({"share": share, "optimum": ("tested", [0.0, 1.0, 2.0])})
    data["error"] = xr.DataArray([0.1, 0.2, 0.3], {"length": [5, 10, 20]}, ("length",))
    table = chapter.compared(data)
    assert table.tested.values.tolist() == [10, 20]
    assert table["one for all"].values.tolist() == [0.85, 0.9]
    assert table["its error"].values.tolist() == [0.2, 0.3]
    assert table[chapter.HOME].values.tolist() == [0.5, 0.95]
    assert table[chapter.FOREIGN].values.tolist() == [0.9, 0.8]


def test_clocks_are_compared_in_the_same_lives(clocks):
    data, facts = clocks
    assert data.tested.values.tolist()[0] == 7
    np.testing.assert_allclose(data[1, :, 0], data[0, :, 0])
    assert facts["clock-a"].value == pytest.approx(100 * float(data.sel(clock="a").mean()))
    short = data.sel(clock="b", tested=[7, 10, 14, 20]).mean()
    assert facts["brief-b"].value == pytest.approx(100 * float(short))
    assert facts["new-longest"].value == 394
    study = every_lifetime((0,), (STUDIES["every-lifetime"].stages[0],))
    assert (study.task.lifetime == universal().task.lifetime[0]).all()


def test_agents_are_raised_plainly_by_their_clock():
    (team,) = chapter.raised(["remaining"], [5, 6], 1, "cpu", shortest=7, longest=20).values()
    plain = CONFIGURATIONS["plain"]
    assert team.seeds.tolist() == [5, 6]
    assert (team.config.time_feature, team.config.updates) == ("remaining", 1)
    assert replace(team.config, time_feature="fraction", updates=plain.updates) == plain
    assert (team.task.lifetime.min(), team.task.lifetime.max()) == (7, 20)


def test_the_plane_is_scored_against_the_exact_optima(plane):
    data, facts = plane
    task = GaussianBandit(data.sigma_p.values[:, None], data.sigma_l.values, 100)
    best = bayes_optimal(task)
    np.testing.assert_allclose(data.optimum.sel(lifetime=100), best.value)
    table = chapter.agreed(data).mean("seed")
    right = (data.begin.sel(lifetime=100) > 0.5) == (best.value > 0)
    counted = right.where(data.outside.sel(lifetime=100))
    assert float(table.agreement.sel(lifetime=100)) == pytest.approx(float(counted.mean()))
    assert facts["agree-least"].value == pytest.approx(100 * float(table.agreement.min()))
    assert facts["net-return-least"].value == pytest.approx(100 * float(table["return"].min()))
    rows = chapter.in_percent(data)
    said = f"{100 * float(table['return, all'].sel(lifetime=10)):.0f} "
    assert list(rows) == [10, 100]
    assert rows[10]["on all that pay"].startswith(said)
    assert facts["net-loss"].value == -table["where none pays"].min() >= 0
    assert (data.earned.max("seed") < best.value.max() + 5).all()
    lines = chapter.edges(data, 4)
    assert (lines.stopping_edge >= lines.commit_edge).all()
    assert data.maps.sizes["map"] == 3


def test_a_task_near_the_edge_is_left_out(plane):
    data, _ = plane
    line = data.edge.sel(lifetime=100)
    near = (data.sigma_l < 1.5 * line) & (data.sigma_l > line / 1.5) & (line > 0)
    assert (data.outside.sel(lifetime=100) == ~near.transpose("sigma_p", "sigma_l")).all()
