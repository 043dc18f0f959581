"""What the chapter *One arm you know, one arm you do not* draws and quotes."""

import re
from pathlib import Path

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.studies import bandit as chapter

TEXT = (Path(__file__).parents[2] / "book" / "the-bandit.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def plans():
    return chapter.plans(2.0, 2.0, [3, 25, 100, 400], -1.0, 2_000, 0)


def test_every_number_quoted_is_a_fact_that_says_what_it_is(plans):
    facts = plans[1] | chapter.good_arms(-1.0)
    assert set(re.findall(r"{glue:text}`([\w-]+)", TEXT)) == facts.keys()
    assert all(fact.about for fact in facts.values())


def test_good_arms_are_rare_where_lives_are_alike():
    facts = chapter.good_arms(-1.0)
    # the chance to be 2 and 1/2 standard deviations above the mean
    assert facts["good-share-half"].value == pytest.approx(2.275, abs=1e-3)
    assert facts["good-share-two"].value == pytest.approx(30.854, abs=1e-3)


def test_a_life_s_rewards_scatter_around_its_mean_by_its_noise():
    tasks = GaussianBandit([0.5, 2.0], [0.1, 4.0], 400)
    samples = chapter.watched(tasks, ["quiet", "loud"], 5, 0)
    assert samples.reward.sizes == {"pull": 400, "task": 2, "life": 5}
    noise = (samples.reward - samples.arm_mean).std("pull")
    np.testing.assert_allclose(noise, np.repeat([[0.1], [4.0]], 5, axis=1), rtol=0.15)


@pytest.mark.checks("thm-commit-value")
def test_simulated_plans_earn_what_the_theory_says(plans):
    values, facts = plans
    assert facts["largest-z"].value < 4.5
    assert (values.theory.sel(plan="never pull") == 0).all()
    np.testing.assert_array_equal(values.theory.sel(plan="always pull"), -values.lifetime)
    # a life of three pulls has no room for ten looks
    short = values.sel(lifetime=3).theory
    assert short.sel(plan="look ten times") == short.sel(plan="always pull") == -3


def test_ten_looks_are_too_many_for_a_short_life(plans):
    values, facts = plans
    ten = values.theory.sel(plan="look ten times")
    assert facts["pays"].value == f"at T = {int(ten.lifetime[ten.values > 0][0])}"
    better = ten.values > values.theory.sel(plan="look once").values
    assert facts["overtakes"].value == f"at T = {int(ten.lifetime[better][0])}"
    _, poor = chapter.plans(0.3, 2.0, [3, 6], -1.0, 10, 0)
    assert poor["pays"].value == "at none of them"
