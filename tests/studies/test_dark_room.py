"""What the chapter on dark rooms draws and quotes, against what is stored and proved."""

import numpy as np
import pytest

from meta_bandit.agents import AgentPolicy
from meta_bandit.studies import STUDIES, RoomAgents, dark_room, stored, stored_agents
from meta_bandit.theory import treasure_room as theory
from meta_bandit.worlds import simulate


@pytest.fixture(scope="module")
def page():
    return dark_room.page(30, 60, 0.5, 1)


def test_the_page_shows_what_is_stored_beside_plans_and_bounds(page):
    data, kept, study = page.earned, stored("treasure-room.nc"), STUDIES["treasure-room"]
    assert isinstance(study, RoomAgents)
    assert data.room.values.tolist() == ["deceptive", "plain"]
    for number, low in enumerate(study.low):
        here, task = data.isel(room=number), study.room(low)
        assert float(here.earned.sel(way="hard-coded").max()) == theory.blind(task)
        value, _ = theory.informed(task, 60, 1)
        assert float(here.bound) == theory.bound(task, value) <= float(here.informed) == value
        for recipe, way in dark_room.WAYS.items():
            own = kept["return"].values[(kept.recipe == recipe) & (kept.low == low)]
            found = here.earned.sel(way=way).dropna("seed").values
            np.testing.assert_array_equal(found, own)
            assert len(found) == (3 if low < 0 or recipe == "direct" else 0)
    assert page.facts["deceptive-share"].value == pytest.approx(
        100 * float(data.earned.sel(way="planner")[0, 0]) / float(data.bound[0])
    )


def test_the_best_agent_walks_the_planners_room_and_titles_are_returns(page):
    lives, kept = page.lives, stored("treasure-room.nc")
    for room in ("deceptive", "plain"):
        planner, agent = lives[f"{room}, planner"], lives[f"{room}, best agent"]
        np.testing.assert_array_equal(planner.worth, agent.worth)
        assert (planner.worth.min() < 0) == (room == "deceptive")
    for lived in lives.values():
        assert lived.by_episode.sum() == pytest.approx(lived.returns.item())
    # of three agents in the plain room, the one that earns most
    own = kept.isel(agent=kept.low == 0)
    best = int(own.seed[int(own["return"].argmax("agent"))])
    team = stored_agents("treasure-room-direct.safetensors")
    row = np.flatnonzero((team.task.full["low"] == 0) & (team.seeds == best))
    again = simulate(AgentPolicy(team[row]), team.task[row], 1, np.random.default_rng(1))
    np.testing.assert_array_equal(again.positions, lives["plain, best agent"].positions)


def test_the_table_has_the_worst_and_the_best_seed(page):
    told = dark_room.table(page.earned)
    earned = page.earned.earned.isel(room=0).sel(way="agents: direct")
    low, high = (f"{float(end):.1f}" for end in (earned.min(), earned.max()))
    assert told["deceptive: earned (reward)"]["agents: direct"] in (f"{low} to {high}", low)
    assert told["plain: earned (reward)"]["agents: led"] == "as direct"
    assert told["plain: seen (cells)"]["hard-coded"] == "9"


def test_bonuses_are_told_one_by_one():
    lines = dark_room.by_bonus([0.0, 1.0], 10, 0).splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("v = -4, b = 0: ")
