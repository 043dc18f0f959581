"""What the chapter *The adaptive learner* draws and quotes."""

import re
from pathlib import Path

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.studies import adaptive as chapter
from meta_bandit.theory import commit_value, first_pull_value, full_information_value, posterior

TEXT = (Path(__file__).parents[2] / "book" / "adaptive-learner.md").read_text(encoding="utf-8")
TASKS = GaussianBandit([1.0, 2.0, 3.0], [1.0, 4.0, 12.0], 100)
NAMES = ["alike", "noisy", "wide"]


@pytest.fixture(scope="module")
def optima():
    return chapter.optima(TASKS, NAMES)


@pytest.fixture(scope="module")
def regrets(optima):
    rivals = chapter.rivals(optima[0])
    return chapter.regrets(rivals, TASKS, optima[0], 3_000, 0)


@pytest.fixture(scope="module")
def plane():
    return chapter.plane(7, 30, -1.0)


def test_every_number_quoted_is_a_fact_that_says_what_it_is(optima, plane, regrets):
    leaving = chapter.leaving(GaussianBandit(1.0, 1.0, 10), 3, 0)
    facts = optima[1] | plane[1] | regrets[1] | leaving[1]
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", TEXT))
    unquoted = {"regret-bayes-optimal", "regret-explore-then-commit"}
    assert facts.keys() - quoted == unquoted
    assert quoted <= facts.keys()
    assert all(fact.about for fact in facts.values())


@pytest.mark.checks("thm-stopping")
def test_both_optima_of_the_chapter(optima):
    data, facts = optima
    assert data.threshold.sizes == {"pulls": 100, "task": 3}
    assert data.commit_value[0] == pytest.approx(2.266003, abs=1e-6)
    assert data.bayes_value[0] == pytest.approx(5.621745, abs=1e-6)
    assert facts["ratio-0"].value == pytest.approx(5.621745 / 2.266003, rel=1e-6)
    assert facts["error"].value < 1e-6
    assert data.commit_pulls.values.tolist()[:2] == [2, 7]
    np.testing.assert_allclose(data.commit_value, commit_value(TASKS, data.commit_pulls.values))
    assert (data.commit_value < data.bayes_value).all()
    assert (data.least > 0).all()
    np.testing.assert_allclose(data.least + data.bayes_value, full_information_value(TASKS))
    # far below zero at first, and zero in the end
    assert (data.threshold[0] < -1).all()
    assert (data.threshold[-1] == 0).all()


@pytest.mark.checks("thm-stopping")
def test_bellman_s_equation_on_a_grid_gives_a_little_more(optima):
    # the cell of the chapter: straight lines between points are above a convex function
    code = TEXT[TEXT.index("z = np") : TEXT.index('print(f"on a grid')]
    known = {"np": np, "tasks": TASKS, "lifetime": 100, "posterior": posterior}
    exec(code, known)
    found = np.interp(-1.0, known["x"], known["J"])
    exact = float(optima[0].bayes_value[0])
    assert exact < found < 1.001 * exact


def test_a_life_is_drawn_until_it_leaves():
    task = GaussianBandit(1.0, 1.0, 10)
    paths, facts = chapter.leaving(task, 200, 0)
    drawn = paths.posterior_mean.notnull()
    assert (paths.posterior_mean[0] == -1).all()
    # the estimate at which a life leaves is the last that is drawn
    above = paths.posterior_mean > paths.threshold
    last = drawn.sum("pulls") - 1
    left = drawn.sum("pulls") < 10
    assert left.any()
    assert not above.isel(pulls=last).where(left, False).any()
    assert (above | ~drawn | (paths.pulls == last)).all()
    assert (facts["shown-lives"].value, facts["shown-p"].value) == (200, 1.0)


def test_who_leaves_too_soon_loses():
    found = chapter.hasty(TASKS[0], 4_000, [0, 99])
    value, se = found.expected_return, found.expected_return_se
    assert abs(value.sel(policy="patient") - 5.621745) < 4 * se.sel(policy="patient")
    assert value.sel(policy="hasty") < value.sel(policy="patient") - 4 * float(se.max())


@pytest.mark.checks("prop-stopping-edge", "prop-stopping-edge-curve")
def test_the_adaptive_learner_earns_more_and_learns_further_out(plane):
    data, facts = plane
    assert data.attrs["lifetime"] == 30
    learns = data.sigma_l < data.stopping_edge
    assert ((data.bayes_value > 0) == learns).all()
    assert ((data.commit_value > 0) == (data.sigma_l < data.commit_edge)).all()
    assert (data.bayes_value > data.commit_value).where(learns, True).all()
    both = data.commit_edge > 0
    assert both.any()
    assert (data.stopping_edge > data.commit_edge).where(both, True).all()
    for sign, noise in ((1, 0.999), (-1, 1.001)):
        at = GaussianBandit(data.sigma_p[both], noise * data.stopping_edge[both], 30)
        assert (np.sign(first_pull_value(at)) == sign).all()
    assert 1 < facts["factor-least"].value < facts["factor-most"].value


def test_who_does_not_ask_how_much_life_is_left_pays(optima, regrets):
    table, facts = regrets
    assert facts["largest-z"].value < 4
    slack = 4 * table.regret_se
    assert (table.regret > table.least - slack).all()
    never = table.regret.sel(policy="never")
    np.testing.assert_array_less(
        abs(never - full_information_value(TASKS)), 4 * table.regret_se.sel(policy="never")
    )
    last = table.isel(task=-1).regret
    assert facts["regret-never"].value == last.sel(policy="never")
    assert last.sel(policy="knowledge gradient") < last.sel(policy="Thompson sampling")
    assert last.sel(policy="Bayes-UCB") > last.sel(policy="never")
