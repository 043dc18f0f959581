"""The claims of the chapter *A dark room* that stored results bear out."""

from pathlib import Path

import numpy as np
import pytest

from book.run.chapter import default_parameters, read_chapter
from meta_bandit.policies.treasure_room import Planner
from meta_bandit.studies import STUDIES, RoomAgents, stored
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
    # none earns a tenth of what can be had, nor looks around: 81 cells there are
    assert (own["return"] + 4 * own.return_se < 0.1 * most).all()
    assert (own.greedy_seen < 5).all()
    assert own.sizes["agent"] == 3 * len(STUDY.recipes)
    assert interval_ends(own["return"].values)[1] < 0.1 * most
    bonus = default_parameters(read_chapter(CHAPTER))["bonus"]
    value, error = planned(-4.0, bonus)
    assert 0.6 * most < value - 2 * error < value < most
    # who looks for nothing earns no more than agents might
    value, error = planned(-4.0, 0.0)
    assert value + 4 * error < 0.1 * most


def test_in_the_plain_room_all_agents_learn_and_stay_below_the_planner():
    kept, task = stored("treasure-room.nc"), STUDY.room(0.0)
    own = kept.isel(agent=kept.low == 0)
    value, error = planned(0.0, 0.0)
    assert own.sizes["agent"] == 3
    assert (own["return"] + 4 * own.return_se < 0.8 * (value - 4 * error)).all()
    assert (own["return"] - 4 * own.return_se > 1.4 * blind(task)).all()
    # within their lives
    assert (own.by_episode[:, 4:].mean("episode") > 1.4 * own.by_episode[:, 0]).all()
