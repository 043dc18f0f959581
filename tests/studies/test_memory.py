"""How *What the memory does* pushes memory, and what it watches."""

import re
from pathlib import Path

import numpy as np
import pytest

from meta_bandit.agents import AgentPolicy
from meta_bandit.agents.memory import log_odds
from meta_bandit.measure import estimates
from meta_bandit.policies import Constant
from meta_bandit.studies import memory as chapter
from meta_bandit.studies import stored_agents
from meta_bandit.theory import bayes_optimal
from meta_bandit.worlds import simulate
from tests.chapters.memory import agents, at_rest, pushed

PAGE = (Path(__file__).parents[2] / "book" / "memory.md").read_text(encoding="utf-8")


def test_every_quoted_fact_is_there_and_says_what_it_is():
    known = pushed()[1] | at_rest()[1]
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", PAGE)) - {"seed", "profile"}
    assert quoted <= known.keys()
    assert all(fact.about for fact in known.values())


def test_a_task_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"sigma_p = 3\.0: must be one of 0\.6, 0\.7"):
        chapter.some(stored_agents("across.safetensors"), [3.0], 2)


def test_what_is_watched_is_what_agents_that_always_pull_would_be_told():
    lived, memory, told = chapter.watched(agents(), 4, 0)
    assert (lived.actions == 1).all()
    unit = np.sqrt(1 + 1.2**2 + 1)
    np.testing.assert_allclose(told[7, 0, 0], lived.rewards[6, 0] / unit)
    np.testing.assert_allclose(told[7, :, 3], 2 * 7 / 100 - 1)
    again = AgentPolicy(agents(), greedy=False)
    rng = np.random.default_rng([0, 1])
    asked = simulate(chapter.Watch(Constant(1.0), again), agents().task, 4, rng)
    np.testing.assert_array_equal(asked.arm_mean, lived.arm_mean)
    assert log_odds(agents().weights, memory[0]).shape == (6, 4)


def test_other_rewards_move_the_exact_estimate_by_the_dose():
    """By the Bayes-optimal policy in lives whose rewards are really other ones."""
    data, _ = pushed()
    agents = chapter.some(stored_agents("across.safetensors"), [1.2], 3)
    both = chapter.some(stored_agents("across.safetensors"), [1.2, 0.6], 3)
    lived, _, _ = chapter.watched(both, 120, 0)
    rewards = lived.rewards[:, :3, 1::2].copy()
    n, p, noise, m = 5, 1.2**2, 1.0, -1.0
    raised = 2.0 * (n * p + noise) / (n * p)
    rewards[:n] += raised
    total = rewards[: n + 1].sum(axis=0)
    exact = (m / p + total / noise) / (1 / p + (n + 1) / noise)
    bound = bayes_optimal(agents.task[0]).thresholds[n + 1]
    share = (exact >= bound).mean()
    assert data.exact.sel(task=1.2, dose=2.0) == pytest.approx(share)
    unmoved = estimates(lived)[n + 1, :3, 1::2] >= bound
    assert data.exact.sel(task=1.2, dose=0.0) == pytest.approx(unmoved.mean())


def test_without_a_dose_all_are_alike():
    none = pushed()[0].risky.sel(dose=0.0)
    # the network itself computes in single precision
    assert abs(none - none.isel(direction=0, drop=True)).max() < 1e-5


def test_small_pushes_of_both_halves_add_up():
    _, states, told = chapter.watched(agents(), 60, 0)
    pattern = states[5, 0, :, 0] - states[5, 0, :, 1]
    lines = chapter.halves(agents().weights[0], states[5, 0], told[6, 0], pattern)
    assert [line.partition(":")[0] for line in lines] == ["both", "h", "c"]
    both, outputs, cells = (float(line.rpartition(" ")[2]) for line in lines)
    assert both == pytest.approx(outputs + cells, abs=0.1 * max(abs(outputs), abs(cells)))
    assert both != 0


def test_both_tables_hold_the_facts():
    facts = pushed()[1] | at_rest()[1]
    strengths = chapter.strengths(facts)
    assert [*strengths] == [*chapter.DIRECTIONS[1:]]
    later = f"{facts['later'].value} pulls later"
    said = strengths["with the estimate"][later]
    assert float(said.partition(" ")[0]) == round(facts["with-late"].value, 2)
    least, most = (facts[f"with-late-{end}"].value for end in ("least", "most"))
    assert said.endswith(f"({least:.2f} to {most:.2f})")
    rest = chapter.rest(facts)
    learn, never = (f"{who} (of {facts['seeds'].value})" for who in ("learn", "never learn"))
    assert rest["... if it pays 0"] == {
        learn: str(facts["first-zero-two"].value),
        never: str(facts["last-zero-two"].value),
    }
    assert float(rest["R² after 80"][never]) == pytest.approx(facts["last-read-80"].value, abs=0.01)
