"""What the chapter *How much to explore, exactly* draws and quotes."""

import re
from pathlib import Path

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.studies import optimal_exploration as chapter
from meta_bandit.theory import commit_value

CHAPTER = Path(__file__).parents[2] / "book" / "optimal-exploration.md"
NAMES = ["easy", "wide", "noisy", "alike"]
FORGOTTEN = chapter.forgotten(GaussianBandit(2.0, 8.0, 100), [1, 10])


@pytest.fixture(scope="module")
def plans():
    tasks = GaussianBandit([1.0, 2.0, 2.0, 0.5], [1.0, 2.0, 8.0, 1.0], 100)
    return chapter.plans(tasks, NAMES, 30, 4_000, 0)


@pytest.fixture(scope="module")
def settling():
    return chapter.settling(GaussianBandit(2.0, 2.0, 40), 4_000, 0)


def test_every_fact_is_quoted_and_says_what_it_is(plans, settling):
    facts = plans[1] | settling[1] | FORGOTTEN
    text = CHAPTER.read_text(encoding="utf-8")
    assert set(re.findall(r"{glue:text}`([\w-]+)", text)) == facts.keys()
    assert all(fact.about for fact in facts.values())


def test_the_best_plan_is_the_top_of_its_curve(plans):
    curves, facts = plans
    assert facts["n-star-0"].value == 2
    assert facts["value-0"].value == pytest.approx(2.266, abs=5e-4)
    assert facts["n-star-3"].value == 0
    assert np.array_equal(curves.value.argmax("pulls"), curves.optimal_pulls)
    assert np.array_equal(curves.value.max("pulls"), curves.optimal_value)


def test_where_noise_is_large_the_curve_dips_first_and_then_rises_to_one_maximum(plans):
    curves, _ = plans
    noisy = curves.value.sel(task="noisy")
    assert noisy[1] < 0 < noisy.max()
    turns = np.diff(np.sign(np.diff(noisy)))
    assert np.count_nonzero(turns) == 2


def test_played_plans_earn_what_the_theorem_says(plans):
    curves, facts = plans
    tasks = GaussianBandit([1.0, 2.0, 2.0, 0.5], [1.0, 2.0, 8.0, 1.0], 100)
    off = curves.simulated - commit_value(tasks, curves.checked.values[:, None])
    assert facts["simulated-points"].value == off.size == 36
    assert facts["simulated-z"].value == float(abs(off / curves.simulated_se).max())
    assert facts["simulated-z"].value < 4.5


@pytest.mark.checks("prop-ml-value")
def test_to_forget_the_prior_costs_and_least_after_many_looks():
    lost = {name: said.value for name, said in FORGOTTEN.items()}
    assert lost["forgotten-1"] > lost["forgotten-10"] > 0


def test_a_life_shorter_than_the_axis_is_drawn_to_its_end():
    curves, _ = chapter.plans(GaussianBandit([1.0], [1.0], 5), ["short"], 30, 10, 0)
    assert curves.pulls.values.tolist() == [0, 1, 2, 3, 4, 5]


def test_estimates_begin_at_the_prior_mean_and_spread_by_their_law(settling):
    fan, facts = settling
    assert fan.posterior_mean.sizes == {"pulls": 40, "life": chapter.DRAWN}
    assert (fan.posterior_mean.isel(pulls=0) == -1).all()
    # by hand: s_1^2 = 16 / (4 + 4)
    assert fan.posterior_mean_std.values[:2] == pytest.approx([0, np.sqrt(2)])
    assert abs(facts["spread-z"].value) < 4


def test_exploration_jumps_where_it_begins():
    data, facts = chapter.plane(4.0, 8.0, 20, 100, -1.0)
    assert data.optimal_pulls.shape == (20, 20)
    # by hand: the first row holds the least noise, and the last column the widest worlds
    assert data.optimal_pulls[:, 0].values.tolist() == [0] * 20
    assert (data.optimal_pulls[0, 5:] == 1).all()
    never = float((data.optimal_pulls == 0).mean())
    assert facts["never-share"].value == pytest.approx(100 * never)
    assert facts["largest-jump"].value > 5
