"""What agents do greedily, and when they sample, over the plane."""

import numpy as np
import pytest

from meta_bandit.studies import maps, stored


def test_both_maps_and_what_greed_adds():
    grid = stored("plane.nc")
    data, facts = maps.greedy_and_sampled(grid)
    one = {"sigma_p": grid.sigma_p[3], "sigma_l": grid.sigma_l[4]}
    cell = grid.isel(lifetime=0).sel(one)
    found = data.exploration.sel(one)
    assert found.sel(map="greedy") == pytest.approx(float(cell.exploration.mean()))
    assert found.sel(map="sampled") == pytest.approx(float(cell.exploration_sampled.mean()))
    gained = cell.expected_return - cell.expected_return_sampled
    np.testing.assert_allclose(data.gained.sel(one), gained)
    assert facts["greed-agents"].value == 300
    mean, half = (facts[f"greed-gain{end}"].value for end in ("", "-half"))
    assert 0 < half < mean
    assert facts["greed-longer"].value > facts["greed-shorter"].value
    # whether an agent pulls hardly depends on it
    assert facts["greed-changed"].value < 0.1 * facts["greed-agents"].value
    assert facts["greed-hidden"].value <= facts["greed-changed"].value
    drawn = maps.edges(data)
    assert set(drawn.dims) == {"sigma_p"}
    assert {"commit_edge", "stopping_edge"} <= set(drawn.data_vars)
