"""Trainings of *Between the optima*: who is trained, on what, and with which first weights."""

from dataclasses import replace

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, AgentPolicy, train
from meta_bandit.studies import between_optima as chapter
from meta_bandit.studies import many_optima
from meta_bandit.worlds import simulate

SHORT = replace(CONFIGURATIONS["plain"], updates=1, continuation_until=0.0)


@pytest.fixture(scope="module")
def chosen():
    return chapter.at_tasks([0.9, 0.8])


def test_tasks_are_chosen_with_their_agents(chosen):
    results, agents = chosen
    data, facts = many_optima.row(results, list(agents.values()), lives=400)
    assert data.sigma_p.values.tolist() == [0.8, 0.9]
    assert list(agents) == ["direct", "continuation"]
    for team in agents.values():
        assert team.task.sigma_p.tolist() == [0.8] * 12 + [0.9] * 12
    assert many_optima.pairs(data, agents, 3)[1]["line-p"].value == 0.9
    assert facts["seeds"].value == 12


def test_those_are_trained_on_whose_kind_is_asked_for(chosen):
    results, agents = chosen
    data, _ = many_optima.row(results, list(agents.values()), lives=400)
    moves = chapter.trained_on(data, agents, SHORT, (0.8, 0.9), 2, 400)
    (title, (before, after)), (_, (shy, _)) = moves.items()
    assert title == "learners, moved to 0.8"
    assert before.sizes == after.sizes == {"agent": 2}
    assert (shy.kind == "hesitates").all()
    assert (before.begins != after.begins).all()


def test_a_loaded_coin_falls_as_it_is_loaded():
    task = GaussianBandit(np.full(2, 0.9), 1.0, 20)
    none = replace(SHORT, learning_rate=1e-12)
    for logit in (-2.0, 0.0, 2.0):
        agents = chapter.loaded(task, [3, 4], none, logit)
        lived = simulate(AgentPolicy(agents, greedy=False), task, 1, np.random.default_rng(0))
        expected = 1 / (1 + np.exp(-logit))
        assert lived.risky_probability[0, :, 0] == pytest.approx(expected, abs=0.05)
    plain = train(task, [3, 4], SHORT, "cpu", progress=False)
    np.testing.assert_array_equal(chapter.loaded(task, [3, 4], SHORT, 0.0).weights, plain.weights)
