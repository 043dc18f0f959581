"""What the chapter *A dark room* draws, and the numbers that it quotes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit.agents import AgentPolicy
from meta_bandit.policies.treasure_room import Planner
from meta_bandit.studies.facts import Facts, fact
from meta_bandit.studies.named import STUDIES
from meta_bandit.studies.results import stored, stored_agents
from meta_bandit.studies.treasure_room import RoomAgents
from meta_bandit.theory import treasure_room as theory
from meta_bandit.worlds import simulate
from meta_bandit.worlds.treasure_room import RoomLives

WAYS = {
    "direct": "agents: direct",
    "led": "agents: led",
    "free": "agents: free",
}
"""Ways of training by their names in the study, and what the chapter calls them."""
PLANS = ("hard-coded", "planner, no bonus", "planner")
"""What is compared with agents: the best blind plan, and `Planner` without and with a bonus."""


class Page(NamedTuple):
    """What the chapter draws and quotes.

    Attributes
    ----------
    earned
        ``earned`` over (room, way, seed), NaN where there is none; with ``earned_se``, its standard
        error; ``bound`` and ``informed`` over (room); ``seen``, cells entered in a life: units of
        reward, and cells.
    lives
        By room and who walks: a life, the same room for both.
    facts
        By name.
    """

    earned: xr.Dataset
    lives: dict[str, RoomLives]
    facts: Facts


def page(lives: int, rooms: int, bonus: float, seed: int) -> Page:
    """Compute the chapter from the stored agents.

    Parameters
    ----------
    lives
        Of each planner in each room.
    rooms
        By which it is found what knowing the room is worth.
    bonus
        Of the planner.
    seed
        Of these lives and rooms.
    """
    study = STUDIES["treasure-room"]
    assert isinstance(study, RoomAgents)
    kept = stored("treasure-room.nc")
    ways, seeds = [*PLANS, *WAYS.values()], list(study.seed)
    over = ("room", "way", "seed")
    shape = (len(study.low), len(ways), len(seeds))
    names = ("earned", "earned_se", "seen")
    data = xr.Dataset(
        {name: (over, np.full(shape, np.nan)) for name in names},
        {
            "room": ["deceptive" if low < 0 else "plain" for low in study.low],
            "way": ways,
            "seed": seeds,
        },
    )
    facts: Facts = {}
    known, known_se, most = [], [], []
    for number, least in enumerate(study.low):
        task = study.room(least)
        value, error = theory.informed(task, rooms, seed)
        known.append(value)
        known_se.append(error)
        most.append(theory.bound(task, value))
        data.earned[number, 0, 0] = theory.blind(task)
        data.seen[number, 0, 0] = 1 if theory.blind(task) < 0 else int(task.steps)
        data.earned_se[number, 0, 0] = 0.0
        for place, policy in ((1, Planner(0.0)), (2, Planner(bonus))):
            lived = simulate(policy, task, lives, np.random.default_rng(seed))
            data.earned[number, place, 0] = lived.returns.mean()
            data.earned_se[number, place, 0] = lived.returns.std() / np.sqrt(lives)
            data.seen[number, place, 0] = lived.seen.mean()
        for recipe, way in WAYS.items():
            own = kept.isel(agent=(kept.recipe == recipe) & (kept.low == least))
            at = {"room": number, "way": ways.index(way)}
            for name, source in zip(names, ("return", "return_se", "greedy_seen"), strict=True):
                data[name][at | {"seed": slice(own.sizes["agent"])}] = own[source].values
    data["informed"], data["informed_se"] = ("room", known), ("room", known_se)
    data["bound"] = "room", most
    task = study.room(study.low[0])
    facts |= {
        "room-seeds": fact(len(seeds), "agents of each way in each room"),
        "room-lives": fact(f"{study.lives:,}", "lives in which each is measured"),
        "room-updates": fact(f"{study.config.updates:,}", "updates of each training"),
        "room-episodes": fact(task.episodes, "episodes in a life"),
        "room-se": fact(data.earned_se.max(), "largest standard error"),
        "room-first-step": fact(
            theory.first_step(study.room(min(study.low))), "what a step out changes, reward"
        ),
    }
    for number, room in enumerate(data.room.values.tolist()):
        here = data.isel(room=number)
        agents = here.earned.sel(way=list(WAYS.values()))
        planner = here.earned.sel(way="planner").max()
        facts |= {
            f"{room}-blind": fact(here.earned.sel(way="hard-coded").max(), "best blind plan"),
            f"{room}-bound": fact(here.bound, "no policy earns more"),
            f"{room}-informed": fact(here.informed, "who knows the room earns"),
            f"{room}-planner": fact(planner, "the planner earns"),
            f"{room}-share": fact(100 * planner / here.bound, "of the bound, % : the planner"),
            f"{room}-myopic": fact(here.earned.sel(way=PLANS[1]).max(), "without a bonus"),
            f"{room}-best": fact(agents.max(), "the best agent earns"),
            f"{room}-worst": fact(agents.min(), "the worst agent earns"),
            f"{room}-most-seen": fact(
                here.seen.sel(way=list(WAYS.values())).max(), "most cells that an agent enters"
            ),
        }
    return Page(data, walks(study, bonus, seed), facts)


def by_bonus(bonuses: Sequence[float], lives: int, seed: int) -> str:
    """Say what the planner earns in each room by its bonus, in words.

    Parameters
    ----------
    bonuses
        To try.
    lives, seed
        Of each.
    """
    study, lines = STUDIES["treasure-room"], []
    assert isinstance(study, RoomAgents)
    for low in study.low:
        for bonus in bonuses:
            rng = np.random.default_rng(seed)
            earned = simulate(Planner(bonus), study.room(low), lives, rng).returns
            error = earned.std() / np.sqrt(lives)
            lines.append(f"v = {low:g}, b = {bonus:g}: {earned.mean():.1f} (s.e. {error:.1f})")
    return "\n".join(lines)


def walks(study: RoomAgents, bonus: float, seed: int) -> dict[str, RoomLives]:
    """One life of the planner and of the agent that earns most, in a room of each kind.

    Parameters
    ----------
    study
        Whose agents they are.
    bonus, seed
        See `page`.
    """
    kept = stored("treasure-room.nc")
    found = {}
    for low in study.low:
        task, room = study.room([low]), "deceptive" if low < 0 else "plain"
        best = kept.isel(agent=int(kept["return"].where(kept.low == low).argmax("agent")))
        recipe = str(best.recipe.values)
        team = stored_agents(f"treasure-room-{recipe}.safetensors")
        own = (team.task.full["low"] == low) & (team.seeds == best.seed.item())
        agent = AgentPolicy(team[np.flatnonzero(own)])
        for name, policy in (("planner", Planner(bonus)), ("best agent", agent)):
            rng = np.random.default_rng(seed)
            found[f"{room}, {name}"] = simulate(policy, task, 1, rng)
    return found


def table(data: xr.Dataset) -> dict[str, dict[str, str]]:
    """Lay out what is earned, of agents from the worst to the best seed, and cells entered."""
    said: dict[str, dict[str, str]] = {}
    for number, room in enumerate(data.room.values.tolist()):
        for name, unit, digits in (("earned", "reward", 1), ("seen", "cells", 0)):
            column = said.setdefault(f"{room}: {name} ({unit})", {})
            for way in data.way.values.tolist():
                own = data[name].isel(room=number).sel(way=way).dropna("seed").values
                column[way] = _ends(own, digits)
    return said


def _ends(values: NDArray[np.float64], digits: int) -> str:
    """From the least to the most; whose it is, of what was not trained as it would be the same."""
    if not values.size:
        return "as direct"
    return " to ".join(dict.fromkeys(f"{end:.{digits}f}" for end in (values.min(), values.max())))
