"""What the chapter *Wide worlds* draws and quotes."""

import re
from pathlib import Path

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.studies import wide as chapter
from meta_bandit.theory import (
    commit_value,
    critical_sigma_l,
    first_pull_value,
    gain,
    stopping_critical_sigma_l,
)

TEXT = (Path(__file__).parents[2] / "book" / "wide-worlds.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def edges():
    return chapter.edges([10, 50], 5, -2.0)


@pytest.fixture(scope="module")
def approach():
    return chapter.approach(100, 6)


@pytest.fixture(scope="module")
def beginning():
    return chapter.beginning(50, 5, -1.5)


@pytest.fixture(scope="module")
def starts():
    return chapter.starts(-1.0)


@pytest.fixture(scope="module")
def regrets():
    return chapter.regrets(2.0, 4.0, -1.0, 200, 5)


def test_every_number_quoted_is_a_fact_that_says_what_it_is(
    edges, approach, beginning, starts, regrets
):
    facts = edges[1] | approach[1] | beginning[1] | starts[1] | regrets[1]
    assert set(re.findall(r"{glue:text}`([\w-]+)", TEXT)) == facts.keys()
    assert all(fact.about for fact in facts.values())


@pytest.mark.checks("thm-wide-worlds")
def test_no_edge_is_above_its_limit(edges):
    data, facts = edges
    assert data.sigma_p[-1] == pytest.approx(30)  # in units of |m|
    world = GaussianBandit(60.0, 1.0, 50, -2.0)
    unit = 60**2 / 2 * 50**0.5
    last = data.isel(lifetime=-1, sigma_p=-1)
    assert last.committed == pytest.approx(float(critical_sigma_l(world)) / unit)
    assert last.adaptive == pytest.approx(float(stopping_critical_sigma_l(world)) / unit)
    assert (data.adaptive < data.attrs["adaptive"]).all()
    # over whole n an edge is not above that over real n, which stays below c_0
    assert (data.committed < data.attrs["committed"]).all()
    assert facts["shorter"].value == pytest.approx((facts["c"].value / facts["c-0"].value) ** 2)


@pytest.mark.checks("thm-wide-worlds")
def test_finite_lives_miss_less_than_the_bound(approach):
    data, facts = approach
    assert data.lifetime.values[[0, -1]].tolist() == [2, 100]
    assert ((data.missing > 0) & (data.missing < data.bound)).all()
    # by hand: -zeta(1/2) = 1.4603545, over sqrt(2 pi) = 2.5066283
    assert facts["shift"].value == pytest.approx(0.5825971, abs=1e-6)
    assert facts["last-shift"].value == pytest.approx(10 * data.missing.values[-1])


@pytest.mark.checks("prop-predictable-side", "prop-small-noise")
def test_edges_begin_by_their_laws(beginning):
    data, facts = beginning
    assert data.attrs["lifetime"] == facts["age"].value == 50
    first = data.isel(excess=0)
    np.testing.assert_allclose(first.committed, first.one_pull)
    np.testing.assert_allclose(first.one_pull, first.one_pull_law, rtol=2e-3)
    np.testing.assert_allclose(first.adaptive, first.adaptive_law, rtol=0.03)
    assert facts["gain-of-looks"].value > 1
    start = float(first.excess) * 1e3
    for side, pays in ((0.99, True), (1.01, False)):
        at = GaussianBandit(start + first.excess, side * first.one_pull, 50, -1.5)
        assert bool(commit_value(at, 1) > 0) == pays
        at = GaussianBandit(start + first.excess, side * first.adaptive, 50, -1.5)
        assert bool(first_pull_value(at) > 0) == pays


@pytest.mark.checks("prop-predictable-side")
def test_the_corrected_law_is_closer(starts):
    data, facts = starts
    np.testing.assert_allclose((data.lifetime - 1) * gain(-1.0, data.exact), 1)
    last = data.isel(lifetime=-1)
    assert facts["off"].value == pytest.approx(100 * float(1 - last.law / last.exact))
    assert abs(facts["off"].value) < 1 < facts["rough"].value


@pytest.mark.checks("prop-price-of-commitment")
def test_both_optima_miss_little_and_the_plan_by_its_law(regrets):
    data, facts = regrets
    assert (data.adaptive < data.committed).all()
    off = abs(data.committed / data.law - 1).values
    assert off[-1] < off[0]
    assert 0 < facts["law-off"].value < 1
    world = GaussianBandit(2.0, 4.0, 200, -1.0)
    best = commit_value(world, np.arange(201)).max()
    assert data.committed.values[-1] == pytest.approx(200 * float(gain(-1.0, 2.0)) - best)
    assert ((data.little_noise > 0) & (data.little_noise < (data.lifetime - 1) / 2)).all()
