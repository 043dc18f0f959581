"""Trainings of *Between the optima*: who is trained, on what, and with which first weights."""

from dataclasses import replace

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.agents import AgentPolicy, train
from meta_bandit.studies import between_optima as chapter
from meta_bandit.studies import many_optima
from meta_bandit.theory import bayes_optimal
from meta_bandit.worlds import simulate

SHORT = replace(chapter.PLAIN, updates=1)


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


def test_ways_of_training_race_on_one_task(chosen):
    results, agents = chosen
    data, _ = many_optima.row(results, list(agents.values()), lives=10)
    ways = {"plain": (SHORT, 0.0), "shy": (SHORT, -2.0)}
    teams, facts = chapter.raced(ways, data, 0.9, [3, 4])
    here = GaussianBandit(np.full(2, 0.9), 1.0, 100)
    for name, way in ways.items():
        expected = chapter.loaded(here, [3, 4], *way).weights
        np.testing.assert_array_equal(teams[name].weights, expected)
    assert facts["vary-best"].value == pytest.approx(float(bayes_optimal(here[0]).value))
    assert (facts["vary-updates"].value, facts["bold"].value) == (1, 0.5)
    assert facts["shy"].value == pytest.approx(0.1192, abs=1e-4)


def test_gentle_training_has_no_entropy_bonus():
    config = chapter.gentle(7)
    assert (config.updates, config.entropy, config.continuation_until) == (7, 0, 0)


def test_behaviours_are_mixed_from_the_one_to_the_other(chosen):
    results, agents = chosen
    data, _ = many_optima.row(results, list(agents.values()), lives=400)
    couples, _ = many_optima.pairs(data, agents, 1)
    none, all_of_it = chapter.mixed(*couples["never to learner"], (0.0, 1.0), 2_000)
    assert none == "eta = 0.0: return 0.00, s.e. 0.00"
    earned = float(all_of_it.partition("return ")[2].partition(",")[0])
    assert earned > 0
