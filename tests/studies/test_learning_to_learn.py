"""What the chapter *Learning to learn, and not to* says of the stored planes."""

import re
from pathlib import Path

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.studies import learning_to_learn as chapter
from meta_bandit.studies import stored
from meta_bandit.theory import stopping_critical_sigma_l

CHAPTER = Path(__file__).parents[2] / "book" / "learning-to-learn.md"
LED, DIRECT = ({"training": name} for name in chapter.TRAININGS)


@pytest.fixture(scope="module")
def plane():
    return chapter.plane(stored("plane.nc"), stored("plane-direct.nc"))


@pytest.fixture(scope="module")
def shorter():
    short, long = stored("plane-short.nc"), stored("plane.nc")
    return chapter.shorter(short, long, np.array([1.0, 2.0]))


def test_every_fact_is_quoted_or_left_out_and_says_what_it_is(plane, shorter):
    facts = plane[1] | shorter[1] | chapter.walk(stored("lifetimes-fraction.nc"))[1]
    text = CHAPTER.read_text(encoding="utf-8")
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", text))
    live = set(re.findall(r'glue\("([\w-]+)"', text))
    assert quoted - live <= facts.keys()
    assert all(fact.about for fact in facts.values())
    # numbers of both trainings are made together, and not all are quoted
    plain = {name for name in facts if not name.endswith(("-continuation", "-direct"))}
    assert plain <= quoted


def test_agents_are_sorted_by_what_they_do(plane):
    data, facts = plane
    raw = stored("plane-direct.nc").isel(lifetime=0)
    one = {"sigma_p": 2.0, "sigma_l": 0.954, "seed": 1}
    agent, task = raw.sel(one), data.sel(one).sel(DIRECT)
    assert task.expected_return == agent.expected_return
    assert task.learns == (agent.risky_pulls_se > 0)
    assert task.normalised == agent.expected_return / agent.bayes_value
    assert not (data.learns & data.never).any()
    missed = (raw.risky_pulls == 0) & (raw.bayes_value > 0)
    assert facts["missed-direct"].value == missed.sum()
    # the literal numbers of the page
    said = {"compared": 223, "below": 4, "missed-continuation": 25, "count": 600, "opposite": 3}
    assert {name: facts[name].value for name in said} == said


def test_a_task_is_placed_by_its_own_edge(plane):
    data, _ = plane
    edge = float(stopping_critical_sigma_l(GaussianBandit(2.0, 1.0)))
    assert data.ratio.sel(sigma_p=2.0, sigma_l=5.18) == pytest.approx(5.18 / edge)
    assert (data.ratio.where(data.pays) < 1.001).sum() == data.pays.sum()


def test_medians_are_of_one_training_alone(plane):
    data, facts = plane
    for training in chapter.TRAININGS:
        own = data.sel(training=training)
        learners = own.normalised.values[own.learns.values]
        typical = 100 * np.nanmedian(learners)
        assert facts[f"typical-{training}"].value == pytest.approx(typical)


def test_whether_as_if_to_commit_and_how_well_better_than_that(plane):
    data, facts = plane
    agree = data.whether.sel(LED)
    assert agree.sel(theory="best committed plan").min() > agree.sel(theory="Bayes-optimal").max()
    assert facts["beats-wide"].value > 80
    assert facts["factor-bayes"].value < facts["factor-commit"].value
    assert facts["noisy-share"].value < 90


def test_the_one_kind_of_error_is_not_to_learn_and_only_near_an_edge(plane):
    data, facts = plane
    assert not data.needless.any()
    assert facts["commit-ratio-continuation"].value > 0.7
    assert facts["opposite"].value > 0
    assert facts["missed-direct"].value > facts["missed-continuation"].value


def test_at_every_lifetime_agents_agree_with_the_plan_first(shorter):
    data, facts = shorter
    over = chapter.TASKS
    assert (data.by_plan.mean(over) > data.by_bayes.mean(over)).all()
    assert facts["needless-short"].value == 0
    assert facts["earn-least"].value > 95


def test_what_figures_draw_has_the_axes_that_they_take(plane, shorter):
    data, _ = plane
    assert chapter.maps(data).sizes == {"map": 3, "sigma_p": 10, "sigma_l": 10}
    assert set(chapter.cloud(data).dims) == {"training", "theory", "agent"}
    assert set(chapter.from_edge(data).dims) == {"training", "agent"}
    assert chapter.maps_by_lifetime(shorter[0]).sizes["lifetime"] == 3
    assert set(chapter.edges(shorter[0]).dims) == {"sigma_p", "lifetime"}
