"""What the chapter *Two reasons not to learn* draws and quotes."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.measure import evaluate
from meta_bandit.studies import never_learn as chapter
from meta_bandit.theory import gain, posterior

TEXT = (Path(__file__).parents[2] / "book" / "never-learn.md").read_text(encoding="utf-8")
TASKS = GaussianBandit([4.0, 2.0, 1.0, 0.5], [1.0, 4.0, 1.0, 1.0], 100)
NAMES = ["wide", "noisy", "easy", "alike"]


@pytest.fixture(scope="module")
def regions():
    return chapter.regions([10, 100, 1000], 40, -1.0)


def test_every_number_quoted_is_a_fact_that_says_what_it_is(regions):
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", TEXT))
    assert quoted - {"lifetime"} == regions[1].keys()
    assert all(fact.about for fact in regions[1].values())


@pytest.mark.checks("prop-predictable")
def test_where_behaviour_is_predictable_no_plan_explores(regions):
    data, facts = regions
    inside = data.sigma_p < data.predictable
    assert inside.any("sigma_p").all()
    assert not (data.learns & inside).any()
    # beside it some plan does, as long as noise is small
    assert data.learns.isel(sigma_l=0).sum() == (~inside).sum()
    bound = (data.lifetime - 1) * gain(-1.0, data.predictable.values)
    np.testing.assert_allclose(bound, 1, rtol=1e-9)
    assert (data.learns.mean(["sigma_l", "sigma_p"]).diff("lifetime") > 0).all()
    assert facts["first-predictable"].value > facts["last-predictable"].value > 0


@pytest.mark.checks("thm-never-local")
def test_every_curve_falls_at_first():
    curves = chapter.first_bit(TASKS, NAMES)
    first = curves.value.isel(pulls=0) / curves.pulls[0]
    np.testing.assert_allclose(first, -1, rtol=1e-6)
    assert np.isnan(curves.interior_value).values.tolist() == [False, False, False, True]
    assert (curves.barrier_value.isel(task=slice(3)) < 0).all()


@dataclass
class Timid:
    """Pulls with probability eta an arm that is untried or looks good."""

    eta: np.ndarray

    def risky_probability(self, task, history):
        estimate, _ = posterior(task, history.risky_pulls, history.reward_sum)
        return self.eta[:, None] * ((estimate > 0) | (history.risky_pulls == 0))


@pytest.mark.checks("thm-never-local")
def test_who_seldom_pulls_loses_as_the_bound_says():
    later = 99 * gain(-1.0, TASKS.sigma_p)
    for share, loses in ((1.0, True), (30.0, False)):
        eta = np.minimum(share / later, 1)
        found = evaluate({"timid": Timid(eta)}, TASKS, 4_000, 0, ["task"]).isel(policy=0)
        earned, slack = found.expected_return, 4 * found.expected_return_se
        bound = (1 - (1 - eta) ** 100) * (-1 + eta * later)
        assert (earned <= bound + slack).all()
        # beyond the bound there is something to be had, if not in every world
        assert (earned < -slack).all() == loses


@pytest.mark.checks("prop-foc")
def test_benefit_exceeds_cost_between_barrier_and_optimum_alone():
    sides = chapter.benefit_and_cost(TASKS, NAMES)
    optima = chapter.first_bit(TASKS, NAMES)
    between = (sides.pulls > optima.barrier_pulls) & (sides.pulls < optima.interior_pulls)
    assert ((sides.benefit > sides.cost) == between).all()
    assert between.any("pulls").values.tolist() == [True, True, True, False]


@pytest.mark.checks("prop-short-life")
def test_the_shortest_life_grows_as_the_square_of_noise():
    lives = chapter.shortest_lives(np.array([0.5, 2.0]), -1.0)
    assert (lives.exact > lives.law).all()
    np.testing.assert_allclose(lives.exact[:, -1] / lives.law[:, -1], 1, rtol=0.01)
    unit = lives.law / lives.sigma_l**2
    np.testing.assert_allclose(unit, np.repeat(unit[:, :1], 60, axis=1), rtol=1e-9)
    least = np.floor(1 + 1 / gain(-1.0, lives.sigma_p.values)) + 1
    assert (lives.exact.min("sigma_l") >= least).all()
    np.testing.assert_allclose(lives.exact[:, 0], least, rtol=0.05)
