"""The claims of the chapter *A dark room* that stored results bear out."""

from pathlib import Path

import numpy as np
import pytest

from book.run.chapter import default_parameters, read_chapter
from meta_bandit.agents import AgentPolicy
from meta_bandit.policies.treasure_room import Planner
from meta_bandit.studies import STUDIES, RoomAgents, stored, stored_agents
from meta_bandit.studies.facts import interval_ends
from meta_bandit.theory.treasure_room import blind, bound, informed
from meta_bandit.worlds import simulate

CHAPTER = Path(__file__).parents[2] / "book" / "a-dark-room.md"
STUDY = STUDIES["treasure-room"]
assert isinstance(STUDY, RoomAgents)
LIVES = 600


def planned(low: float, bonus: float) -> tuple[float, float]:
    """What a planner earns, and its standard error."""
    lives = simulate(Planner(bonus), STUDY.room(low), LIVES, np.random.default_rng(3))
    return lives.returns.mean(), lives.returns.std() / np.sqrt(LIVES)


def test_no_agent_gets_out_of_the_deceptive_room_and_a_planner_does():
    kept, task = stored("treasure-room.nc"), STUDY.room(-4.0)
    most = bound(task, informed(task, 500, 3)[0])
    assert most == pytest.approx(6.22, abs=0.01)
    own = kept.isel(agent=kept.low == -4.0)
    # none earns a tenth of what can be had, nor looks around
    assert (own["return"] + 4 * own.return_se < 0.1 * most).all()
    assert (own.greedy_seen < 2.5).all()
    for recipe in STUDY.recipes:
        earned = own["return"].values[own.recipe == recipe]
        assert len(earned) == 3
        assert interval_ends(earned)[1] < 0.3 * most
    bonus = default_parameters(read_chapter(CHAPTER))["bonus"]
    value, error = planned(-4.0, bonus)
    assert 0.6 * most < value - 2 * error < value < most
    # who looks for nothing earns no more than agents might
    value, error = planned(-4.0, 0.0)
    assert value + 4 * error < 0.1 * most


def test_the_best_agent_leaves_the_centre_where_it_is_bad_and_stays_where_not():
    kept = stored("treasure-room.nc")
    best = kept.isel(agent=int(kept["return"].where(kept.low == -4.0).argmax("agent")))
    assert str(best.recipe.values) == "free"
    team = stored_agents("treasure-room-free.safetensors")
    own = np.flatnonzero(team.seeds == int(best.seed))
    lives = simulate(AgentPolicy(team[own]), team.task[own], LIVES, np.random.default_rng(3))
    centre = lives.worth[0, :, STUDY.room(-4.0).centre]
    earned = lives.by_episode[:, 0]
    bad = centre < -1
    assert bad.sum() > 20
    # in the first episode it pays for the centre, later for less than half of it
    assert earned[0, bad].mean() < 0.9 * centre[bad].mean()
    assert earned[2:, bad].mean() > 0.5 * centre[bad].mean()
    assert (lives.seen[0, bad] >= 2).mean() > 0.9
    # where nothing lies there, or something good, it stays
    for kind in (centre == 0, centre > 0):
        assert kind.sum() > 10
        assert (lives.seen[0, kind] == 1).mean() > 0.9


def test_in_the_plain_room_some_agents_learn_and_all_stay_far_below_the_planner():
    kept, task = stored("treasure-room.nc"), STUDY.room(0.0)
    own = kept.isel(agent=kept.low == 0)
    value, error = planned(0.0, 0.0)
    assert (own["return"] + 4 * own.return_se < 0.7 * (value - 4 * error)).all()
    best = own.isel(agent=int(own["return"].argmax("agent")))
    assert best["return"] - 4 * best.return_se > 1.4 * blind(task)
    # of the others one is no better than the best plan that learns nothing
    assert own["return"].min() < blind(task) + 4 * own.return_se.max()
    # it learns within its life
    assert best.by_episode[4:].mean() > 1.4 * best.by_episode[0]
