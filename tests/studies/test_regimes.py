"""What the chapter *Foraging* says of the best animals, and how it sorts agents."""

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from meta_bandit.studies import regimes
from tests.chapters.regimes import abroad, found, single

TEXT = (Path(__file__).parents[2] / "book" / "foraging.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def best():
    return regimes.best_ways([1, 2, 3, 5], np.linspace(1, 10, 37), 20)


def test_every_number_quoted_is_a_fact_that_says_what_it_is(best):
    facts = best[1] | single()[1] | found()[1] | abroad()[1]
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", TEXT))
    assert quoted - {"places", "lifetime", "far"} == facts.keys()
    assert all(fact.about for fact in facts.values())


def test_there_are_three_ways_to_live(best):
    data, facts = best
    cheap = data.sel(far=slice(0, 2))
    xr.testing.assert_allclose(cheap.optimum - cheap.stay, 0 * cheap.optimum)
    brief = data.sel(lifetime=slice(1, 7))
    np.testing.assert_allclose(brief.optimum, brief.habit)
    assert (brief.optimum > brief.stay * 1.01).any()
    np.testing.assert_allclose(data.optimum.sel(places=1), data.habit.sel(places=1))
    most = data.gain.max(["lifetime", "far"])
    assert (most.diff("places") > 0).all()
    assert facts["gain-least"].value == pytest.approx(0, abs=1e-9)
    assert facts["edge-8"].value == pytest.approx(4.75)


def test_a_way_to_live_is_told_by_what_is_earned_and_where_it_went():
    names = ["return", "searched", "optimum", "habit", "stay"]
    rows = np.array(
        [
            [4.0, 0.4, 6.0, 5.0, 4.0],
            [4.5, 0.5, 5.0, 5.0, 4.0],
            [5.5, 1.0, 6.0, 5.0, 4.0],
            [4.0, 1.0, 4.0, 4.0, 4.0],
        ]
    )
    runs = xr.Dataset({name: ("agent", rows[:, i]) for i, name in enumerate(names)})
    for name in ("recipe", "seed", "lifetime", "places", "far", "edge"):
        runs[name] = "agent", np.zeros(len(rows))
    data = regimes.ways_to_live(runs)
    stays, searches, learns = regimes.STAYS, regimes.SEARCHES, regimes.LEARNS
    assert data.regime.values.tolist() == [stays, searches, learns, searches]
    assert data.optimal_regime.values.tolist() == [learns, searches, learns, stays]
    np.testing.assert_allclose(data.share, [4 / 6, 0.9, 5.5 / 6, 1])


def test_the_better_of_two_agents_is_one_of_them():
    data, _ = found()
    both = data.share.sel(who=["agents, direct", "agents, led"])
    np.testing.assert_array_equal(data.share.sel(who=regimes.BETTER), both.max("who"))
    maps = regimes.maps(data)
    assert maps.sizes == {"who": 4, "lifetime": 8, "places": 5}
    assert (maps.share.sel(who="optimal") == 1).all()
    row = regimes.agreement(data)["as is optimal, clear worlds (%, and by seed)"]
    assert row["agents, direct"] == "78 (72 to 84)"


def test_learning_begins_later_where_there_is_less_to_learn():
    lines = regimes.begins([4.0, 8.0], 16)
    assert lines[0] == "K = 2: inf moves at R = 4, inf moves at R = 8"
    assert [line[:5] for line in lines] == ["K = 2", "K = 3", "K = 4", "K = 5"]
