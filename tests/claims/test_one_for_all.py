"""The claims of the chapter *One agent for every life* that stored results bear out."""

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.agents import AgentPolicy
from meta_bandit.studies import one_for_all as chapter
from meta_bandit.theory import bayes_optimal, hazard_optimal
from meta_bandit.worlds import simulate
from tests.chapters.one_for_all import beside, plane, universal, untold


def test_it_begins_in_the_shortest_lives_where_never_is_optimal():
    data, facts = beside()
    assert data.optimal.sel(length=5) == 0 < data.optimal.sel(length=7)
    assert chapter.begins(universal(), 5).all()
    assert (facts["idle-begin"].value, facts["right"].value) == (3, facts["right-of"].value - 1)
    task = GaussianBandit(np.full(3, 2.0), 2.0, 5)
    lived = simulate(AgentPolicy(universal()), task, 50, np.random.default_rng(1))
    assert (lived.actions[0] == 1).all()


def test_not_to_know_costs_most_in_short_lives():
    price, levels, facts = untold()
    assert (price.untold.diff("lifetime") > 0).all()
    assert (price.untold < 1).all()
    assert (price.agents < price.untold + 5 * price.error.max()).where(price.agents.notnull()).all()
    one = GaussianBandit(2.0, 2.0, 1, -1.0)
    ideal = hazard_optimal(one, 1 - 1 / 60, 1e-6)
    assert float(price.hazard.sel(lifetime=60)) == pytest.approx(float(ideal.value))
    # told its lifetime: a mean over lives of chance length
    lengths = np.random.default_rng(0).geometric(1 / 10, 300)
    values = bayes_optimal(GaussianBandit(2.0, 2.0, lengths)).value
    error = 4 * values.std() / np.sqrt(300)
    assert float(price.told.sel(lifetime=10)) == pytest.approx(values.mean(), abs=error)
    assert np.isnan(levels.values[0, -1])
    assert levels.values[1, -1] < 0
    assert facts["death-seeds"].value == facts["death-hazards"].value == 3


def test_one_network_for_the_plane_meets_both_aims_at_each_lifetime():
    data, facts = plane()
    assert data.lifetime.values.tolist() == [10, 30, 100]
    assert facts["agree-least"].value >= 95
    assert facts["net-return-least"].value >= 93
