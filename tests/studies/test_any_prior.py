"""What the chapter *Any prior, any reward* draws and quotes."""

import re
from pathlib import Path

import numpy as np
import pytest

from meta_bandit.studies import any_prior as chapter
from meta_bandit.theory.any_prior import BernoulliArm, bernoulli_commit_values, bernoulli_optimal

TEXT = (Path(__file__).parents[2] / "book" / "any-prior.md").read_text(encoding="utf-8")
ARM = BernoulliArm(2.0, 3.0, 0.5, 40)


@pytest.fixture(scope="module")
def plans():
    return chapter.plans(ARM)


def test_every_number_quoted_is_a_fact_that_says_what_it_is(plans):
    _, facts = plans
    assert set(re.findall(r"{glue:text}`([\w-]+)", TEXT)) == facts.keys()
    assert all(fact.about for fact in facts.values())


@pytest.mark.checks("prop-bernoulli")
def test_plans_have_more_than_one_top_and_the_best_policy_is_above_all(plans):
    data, facts = plans
    assert data.sizes == {"pulls": 41}
    # by hand: after one success 3/6 - 1/2 = 0, so that one pull never changes a decision
    assert data.values[:2] == pytest.approx([0, -0.1])
    assert data.attrs["best"] == facts["best"].value > facts["plan"].value == data.values.max() > 0
    assert data.values[facts["plan-pulls"].value] == data.values.max()
    turns = np.diff(np.sign(np.diff(data.values)))
    assert facts["peaks"].value == (turns == -2).sum() > 1
    assert 0 < facts["patience"].value < 40


@pytest.mark.checks("thm-any-prior", "prop-bernoulli")
def test_learning_pays_beyond_the_shortest_life_and_takes_longer_where_lives_are_alike():
    data = chapter.edges(ARM, 150, 4)
    assert (data.informed <= data.adaptive).where(data.adaptive.notnull(), True).all()
    assert (data.adaptive <= data.committed + 1).where(data.committed.notnull(), True).all()
    assert (data.diff("weight").informed > 0).all()
    # the most alike: no learning in what was looked at
    assert np.isnan(data.adaptive.values[-1])
    first = data.isel(weight=0)
    for lives, pays in ((int(first.adaptive), True), (int(first.adaptive) - 1, False)):
        arm = BernoulliArm(0.5 * 0.4, 0.5 * 0.6, 0.5, lives)
        assert (bernoulli_optimal(arm)[0] > 0) == pays
    for lives in (int(first.committed), int(first.committed) + 1):
        arm = BernoulliArm(0.5 * 0.4, 0.5 * 0.6, 0.5, lives)
        assert (bernoulli_commit_values(arm).max() > 0) == (lives > first.committed)
