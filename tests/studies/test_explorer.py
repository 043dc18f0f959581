"""The explorer's table and picture against what they stand for."""

import json

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.studies import explorer
from meta_bandit.theory import (
    bayes_optimal,
    commit_value,
    critical_sigma_l,
    gain,
    optimal_commit,
    stopping_critical_sigma_l,
)

TASK = GaussianBandit(2.0, 1.5, 30, -1.3)


@pytest.fixture(scope="module")
def tabulated():
    return explorer.edge_table([2, 10, 100], 10)


def test_looking_is_the_value_of_the_committed_plans():
    data, facts = explorer.looking(TASK, 31)
    np.testing.assert_allclose(data.value, commit_value(TASK, np.arange(31)), rtol=1e-12)
    assert data.value.max() == facts["best-value"].value == optimal_commit(TASK)[1]
    assert facts["n-star"].value == data.attrs["optimal_pulls"] == data.value.values.argmax()
    assert facts["bayes-value"].value == bayes_optimal(TASK).value
    assert all(said.about for said in facts.values())


def test_the_table_is_the_edge_and_its_error_is_measured(tabulated):
    table, facts = tabulated
    for lifetime in (10, 100):
        row = table.sel(lifetime=lifetime)
        limit = float(row.limit)
        # prop-predictable: all that could be gained later is what the first pull costs
        assert (lifetime - 1) * gain(-1.0, limit) == pytest.approx(1.0, rel=1e-9)
        sigma_p = limit * (1 + np.exp(row.log_beyond.values[4]))
        edge = stopping_critical_sigma_l(GaussianBandit(sigma_p, 1.0, lifetime, -1.0))
        assert np.exp(row.log_sigma_l.values[4]) == pytest.approx(float(edge), rel=1e-9)
    assert 0 < facts["table-error"].value < 20  # of a short table


def test_the_plane_scales_with_the_prior_mean(tabulated):
    found = explorer.plane(TASK, tabulated[0])
    places = found.isel(sigma_p=[100, 200, 299])
    tasks = GaussianBandit(places.sigma_p.values, 1.0, 30, -1.3)
    np.testing.assert_allclose(places.commit_edge, critical_sigma_l(tasks), rtol=1e-9)
    exact = stopping_critical_sigma_l(tasks)
    np.testing.assert_allclose(places.stopping_edge, exact, rtol=0.2)
    assert 29 * gain(-1.3, found.attrs["predictable"]) == pytest.approx(1.3, rel=1e-9)
    assert found.attrs["task"] == (2.0, 1.5)


def test_the_script_holds_the_table_and_the_start(tabulated):
    table = tabulated[0]
    written = explorer.script("{a: 1}", table, {"T": 30}, 5)
    prefix, suffix = "<script>window.explorer = {formulas: {a: 1}, ...", "};</script>"
    assert written.startswith(prefix)
    held = json.loads(written.removeprefix(prefix).removesuffix(suffix))
    assert held["start"] == {"T": 30}
    assert held["stopping_edge"]["longest"] == 100
    np.testing.assert_allclose(
        held["stopping_edge"]["log_sigma_l"], table.log_sigma_l.values, atol=1e-6
    )


def test_every_formula_is_there_by_the_name_that_the_page_uses():
    assert {"commit_value", "gain", "edge_sigma_l", "predictable"} <= set(explorer.formulas())
