"""What the chapter *The edge* draws and quotes."""

import re
from pathlib import Path

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.studies import edges as chapter
from meta_bandit.theory import commit_value

TEXT = (Path(__file__).parents[2] / "book" / "the-edge.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def curves():
    return chapter.curves([10, 100], -1.0)


@pytest.fixture(scope="module")
def line():
    return chapter.across(2.0, 100, -1.0)


@pytest.fixture(scope="module")
def growing(line):
    return chapter.growing(2.0, line[0].attrs["critical"] / 2, -1.0)


@pytest.fixture(scope="module")
def long():
    return chapter.long_lives(5, -1.0)


def test_every_number_quoted_is_a_fact_that_says_what_it_is(curves, line, growing, long):
    facts = curves[1] | line[1] | growing[1] | long[1]
    assert set(re.findall(r"{glue:text}`([\w-]+)", TEXT)) == facts.keys()
    assert all(fact.about for fact in facts.values())


@pytest.mark.checks("thm-edge")
def test_some_plan_pays_below_the_edge_and_none_above(curves):
    data, facts = curves
    pulls = np.arange(1, 101)
    for sigma_p, critical in zip(data.sigma_p.values, data.exact.sel(lifetime=100), strict=True):
        if sigma_p > 1:
            for side in (0.99, 1.01):
                task = GaussianBandit(sigma_p, side * float(critical), 100)
                assert (commit_value(task, pulls) > 0).any() == (side < 1)
    # where nothing is to be learnt there is no edge
    assert np.isnan(data.exact[:, 0]).all()
    assert (
        data.exact.sel(lifetime=100).notnull().sum() > data.exact.sel(lifetime=10).notnull().sum()
    )
    assert facts["largest-share"].value == pytest.approx(14.2641, abs=1e-4)


@pytest.mark.checks("thm-edge")
def test_closed_forms_of_all_lifetimes_are_one_curve(curves):
    data, _ = curves
    unit = data.sigma_l_real / np.sqrt(data.lifetime)
    np.testing.assert_allclose(unit.sel(lifetime=10), unit.sel(lifetime=100))
    np.testing.assert_allclose(*data.sigma_p_real.values)


@pytest.mark.checks("thm-edge")
def test_the_best_plan_jumps_at_the_edge_while_both_optima_stay(line):
    data, facts = line
    critical = data.attrs["critical"]
    learns = data.optimal_pulls > 0
    assert (learns == (data.sigma_l < critical)).all()
    assert facts["jump"].value == 8
    beside = np.abs(data.sigma_l / critical - 1) < 0.1
    assert data.interior_pulls.where(beside, drop=True).notnull().all()
    # by brute force: V at the barrier and at the jump, on the edge
    value = commit_value(GaussianBandit(2.0, critical, 100), np.linspace(0, 8, 8001))
    assert facts["barrier"].value == pytest.approx(-value.min(), rel=1e-5)
    assert facts["barrier-pulls"].value == pytest.approx(1e-3 * value.argmin(), abs=1e-3)
    assert commit_value(GaussianBandit(2.0, critical, 100), 8) == pytest.approx(0, abs=1e-9)
    assert facts["critical"].value < facts["vanishes"].value < 1.3 * critical
    assert facts["adaptive"].value == pytest.approx(12.439, abs=1e-3)


def test_a_line_that_has_no_edge_is_named():
    with pytest.raises(ValueError, match=r"^sigma_p = 0.1: must be larger"):
        chapter.across(0.1, 100, -1.0)


@pytest.mark.checks("prop-short-life")
def test_learning_takes_the_lead_at_the_critical_lifetime(growing):
    data, facts = growing
    assert facts["born"].value == 25
    # at 25 itself both are worth the same, as this world has half the noise of the edge at 100
    tied = GaussianBandit(2.0, facts["half-edge"].value, 25)
    assert commit_value(tied, np.arange(1, 25)).max() == pytest.approx(0, abs=1e-9)
    others = data.drop_sel(lifetime=25)
    assert ((others.optimal_pulls > 0) == (others.lifetime > 25)).all()
    # in short lives there is but one optimum, then two, of which never learning leads at first
    assert np.isnan(data.interior_pulls[0])
    assert (data.interior_value < 0).any()


def test_ten_percent_of_noise_decide_where_the_best_point_is(line):
    data = chapter.profiles(line[0], 2.0, 100, -1.0)
    below, at, above = data.value.max("pulls").values
    assert below > 0.1
    assert at == pytest.approx(0, abs=0.02)
    assert above == 0


@pytest.mark.checks("prop-sqrt-law")
def test_long_lives_near_the_law(long):
    data, facts = long
    off = abs(data.exact / data.law - 1)
    assert facts["last-error"].value == pytest.approx(100 * off[:, -1].max().item())
    assert (off[:, -1] < off[:, 16]).all()
    task = GaussianBandit(2.0, 1.0, 1000)
    best = commit_value(task, np.arange(1001)).argmax()
    assert data.exact.isel(task=0).sel(lifetime=1000) == best
