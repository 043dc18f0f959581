"""What the chapter *Foraging* draws, and the numbers that it quotes.

To stay, to search and to learn are the three ways to live in that world: which of them is best,
and which of them the agents of the study `Foragers` have.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit.agents import AgentPolicy, TrainedAgents
from meta_bandit.measure import lay_out
from meta_bandit.policies.foraging import BestForager, HabitForager
from meta_bandit.studies.facts import Facts, fact, interval
from meta_bandit.studies.foraging import Foragers
from meta_bandit.theory.foraging import (
    TOLERANCE,
    best_habit,
    critical_far,
    habit_values,
    optimum,
    values,
)
from meta_bandit.worlds import Foraging, simulate
from meta_bandit.worlds.foraging import ForagingLives

STAYS, SEARCHES, LEARNS = range(3)
"""Ways to live: near the certain reward, by a habit that searches, by what was found."""
BETTER = "the better of the two"
_LABELS = ("recipe", "seed")
_WORLDS = ("lifetime", "places")


def best_ways(
    places: Sequence[int], far: NDArray[np.float64], longest: int
) -> tuple[xr.Dataset, Facts]:
    """Compute what the best animal, the best habit and one that stays earn, exactly.

    Parameters
    ----------
    places
        Numbers of hiding places.
    far : shape (rewards,)
        Large rewards, in near rewards.
    longest
        Longest life, in moves.

    Returns
    -------
    Dataset
        ``optimum`` and ``habit`` over (places, lifetime, far) and ``stay`` over lifetime, expected
        returns; ``gain``, what learning adds, % of the optimum; ``edge`` over (places, lifetime),
        the large reward above which the best animal searches. All returns in near rewards.
    Facts
        How much learning adds, and where the edge lies with the most places.
    """
    over = ("places", "lifetime", "far")
    lifetimes = np.arange(1, longest + 1)
    data = xr.Dataset(coords={"places": list(places), "lifetime": lifetimes, "far": far})
    data["optimum"] = over, [values(count, far, longest) for count in places]
    data["habit"] = over, [habit_values(count, far, longest) for count in places]
    data["stay"] = "lifetime", Foraging(lifetimes, 1, 1.0).stay.astype(float)
    edges = [[critical_far(Foraging(T, count, 1.0)) for T in lifetimes] for count in places]
    data["edge"] = over[:2], edges
    data["gain"] = 100 * (1 - data.habit / data.optimum)
    most = data.edge.isel(places=-1)
    return data, {
        "longest": fact(longest, "longest life of the map, moves"),
        "gain-most": fact(data.gain.max(), "most that learning adds, % of the optimum"),
        "gain-least": fact(
            data.gain.isel(places=0).max(), "the same with the fewest places, % of the optimum"
        ),
        "edge-places": fact(places[-1], "most hiding places"),
        "edge-8": fact(most.sel(lifetime=8), "with them, the edge in 8 moves, near rewards"),
        "edge-long": fact(most.isel(lifetime=-1), "the same in the longest life, near rewards"),
    }


def ways_to_live(runs: xr.Dataset) -> xr.Dataset:
    """Say of each agent how it lives, and how the best animal of its world does.

    Parameters
    ----------
    runs
        What a study of foragers found.

    Returns
    -------
    Dataset over agent
        ``regime`` and ``optimal_regime``, `STAYS`, `SEARCHES` or `LEARNS`; ``share``, the
        normalised return; and of ``runs`` what figures draw. Who earns more than the best habit
        has used what it found, and learns; of the others those search that enter hiding places in
        half of their lives or more.
    """
    data = runs.reset_coords()[
        [*_LABELS, *_WORLDS, "far", "return", "searched", "optimum", "habit", "stay", "edge"]
    ]
    learns = data["return"] > data.habit * (1 + TOLERANCE)
    searches = data.searched >= 0.5
    should_learn = data.optimum > data.habit * (1 + TOLERANCE)
    should_search = data.optimum > data.stay * (1 + TOLERANCE)
    return data.assign(
        regime=_way(searches, learns),
        optimal_regime=_way(should_search, should_learn),
        share=data["return"] / data.optimum,
    )


def _way(searches: xr.DataArray, learns: xr.DataArray) -> xr.DataArray:
    way: xr.DataArray = (SEARCHES * searches).where(~learns, LEARNS)
    return way


def single_worlds(runs: xr.Dataset, study: Foragers) -> tuple[xr.Dataset, Facts]:
    """Lay out the agents of the study's single worlds.

    Parameters
    ----------
    runs
        What the study found.
    study
        Its settings.

    Returns
    -------
    Dataset
        ``return``, ``share`` and ``searched`` over (world, recipe, seed); ``optimum``, ``habit``
        and ``stay`` over world, which says its numbers.
    Facts
        How agents were trained, and the least that those of each training earn.
    """
    data = ways_to_live(runs)
    names, rows = [], []
    for lifetime, places, far in study.worlds:
        inside = (data.lifetime == lifetime) & (data.places == places) & (data.far == far)
        rows.append(_over(data.isel(agent=np.flatnonzero(inside)), *_LABELS))
        names.append(f"T = {lifetime}, K = {places}, R = {far:g}")
    worlds = xr.concat(rows, xr.Variable("world", names))
    least = worlds.share.min(["world", "seed"])
    return worlds, {
        "updates": fact(study.config.updates, "updates of each training"),
        "batch": fact(study.config.lives, "lives of an update"),
        "seeds": fact(len(study.seed), "agents of each training in each world"),
        "five-led": fact(least.sel(recipe="led"), "least share of the optimum, led"),
        "five-direct": fact(least.sel(recipe="direct"), "least share of the optimum, direct"),
    }


def earnings(worlds: xr.Dataset) -> dict[str, dict[str, str]]:
    """Lay out what is earned in single worlds: a column for each animal, near rewards."""
    columns = {
        name: [f"{value:.1f}" for value in worlds[key].values]
        for name, key in (("staying", "stay"), ("best habit", "habit"), ("optimum", "optimum"))
    }
    for recipe in worlds.recipe.values:
        earned = worlds["return"].sel(recipe=recipe).values
        columns[f"agents, {recipe}"] = [f"{min(one):.1f} to {max(one):.1f}" for one in earned]
    return {
        name: dict(zip(worlds.world.values.tolist(), column, strict=True))
        for name, column in columns.items()
    }


def _over(data: xr.Dataset, *dims: str) -> xr.Dataset:
    """Put agents into a table, what is of their world without recipe and seed."""
    table = data.set_index(agent=list(dims)).unstack("agent")
    of_world = ["optimum", "habit", "stay", "edge", "optimal_regime"]
    alike = table[of_world].isel(dict.fromkeys(_LABELS, 0), drop=True)
    return table.drop_vars(of_world).merge(alike)


def over_map(runs: xr.Dataset, study: Foragers, band: float = 0.25) -> tuple[xr.Dataset, Facts]:
    """Compare how agents live over the study's map with how the best animal does.

    Parameters
    ----------
    runs
        What the study found.
    study
        Its settings.
    band
        A world is clear where its large reward is at least this share of the edge away from it,
        and learning adds nothing or more than 5%.

    Returns
    -------
    Dataset
        ``regime`` and ``share`` over (who, places, lifetime, seed), for each training and for the
        better agent of both; ``right``, whether it lives as the best animal does;
        ``optimal_regime``, ``far_off`` (not near the edge), ``clear``, and what learning ``adds``
        to the best habit, %, over (places, lifetime).
    Facts
        How many worlds there are, how many of them are clear, and how many agents are right.
    """
    data = ways_to_live(runs)
    on_map = (data.far == study.far) & data.places.isin(study.places)
    on_map &= data.lifetime.isin(study.lifetime)
    cells = _over(data.isel(agent=np.flatnonzero(on_map)), *_LABELS, *_WORLDS)
    lived = cells[["share", "regime"]]
    who = {f"agents, {name}": lived.sel(recipe=name) for name in ("direct", "led")}
    who[BETTER] = lived.isel(recipe=cells.share.argmax("recipe"))
    found = xr.concat(
        [one.drop_vars("recipe") for one in who.values()], xr.Variable("who", list(who))
    )
    found["optimal_regime"] = cells.optimal_regime
    found["right"] = found.regime == cells.optimal_regime
    far_off = np.abs(study.far / cells.edge - 1) > band
    decided = (cells.optimum / cells.habit > 1.05) | (cells.optimal_regime < LEARNS)
    found["clear"] = far_off & decided
    facts: Facts = {}
    for name in ("led", "direct"):
        right, half = interval(100 * found.right.sel(who=f"agents, {name}").mean(_WORLDS))
        facts |= {
            f"right-{name}": fact(right, f"{name} agents that live as is optimal, %"),
            f"right-{name}-half": fact(half, "half of its 95% interval over seeds, %"),
        }
    found["far_off"] = far_off
    found["adds"] = 100 * (cells.optimum / cells.habit - 1)
    wrong = ~found.right.sel(who="agents, led")
    facts |= {
        "wrong-led": fact(wrong.any("seed").sum(), "worlds in which a led agent lives otherwise"),
        "wrong-far": fact(
            (wrong.any("seed") & far_off).sum(), "of these, worlds not near the edge"
        ),
        "wrong-adds": fact(
            found.adds.where(wrong.any("seed") & far_off).max(),
            "what learning adds in the latter to the best habit, at most, %",
        ),
    }
    return found, facts | {
        "map-far": fact(study.far, "large reward of the map, near rewards"),
        "cells": fact(found.clear.size, "worlds of the map"),
        "clear": fact(found.clear.sum(), "of them, clear ones"),
        "band": fact(100 * band, "least distance of a clear world from the edge, %"),
    }


def maps(found: xr.Dataset) -> xr.Dataset:
    """What is optimal over the map, and what agents do: ``regime`` and ``share``, over who."""
    optimal = xr.Dataset({"regime": found.optimal_regime})
    optimal["share"] = xr.ones_like(optimal.regime, dtype=float)
    agents = found[["regime", "share"]].mean("seed")
    return xr.concat([optimal.expand_dims(who=["optimal"]), agents], "who")


def agreement(found: xr.Dataset) -> dict[str, dict[str, str]]:
    """Lay out who lives as the best animal does: a column for each question."""
    clear, every = 100 * found.right.where(found.clear), 100 * found.right
    share = found.share.mean("seed")
    columns = {
        "as is optimal, clear worlds (%, and by seed)": [
            f"{one.mean():.0f} ({one.min():.0f} to {one.max():.0f})"
            for one in clear.mean(_WORLDS).values
        ],
        "all worlds (%)": [f"{one:.0f}" for one in every.mean([*_WORLDS, "seed"]).values],
        "normalised return, mean": [f"{one:.2f}" for one in share.mean(_WORLDS).values],
        "least": [f"{one:.2f}" for one in share.min(_WORLDS).values],
    }
    return {
        title: dict(zip(found.who.values.tolist(), column, strict=True))
        for title, column in columns.items()
    }


def begins(far: Sequence[float], longest: int) -> list[str]:
    """Say how long a life must be before learning adds a tenth, a line for 2 to 5 places.

    Parameters
    ----------
    far
        Large rewards, in near rewards.
    longest
        Longest life that is tried, in moves.
    """
    rewards, lines = np.array(far), []
    for places in (2, 3, 4, 5):
        best, habit = (one(places, rewards, longest) for one in (values, habit_values))
        enough = best > 1.1 * habit
        first = np.where(enough.any(0), enough.argmax(0) + 1.0, np.inf)
        said = [f"{T:g} moves at R = {R:g}" for T, R in zip(first, rewards, strict=True)]
        lines.append(f"K = {places}: {', '.join(said)}")
    return lines


def agent_of(team: TrainedAgents, lifetime: int, places: int, far: float) -> TrainedAgents:
    """Take the first agent that was raised in this world."""
    home = team.task
    like = (home.lifetime == lifetime) & (home.places == places) & (home.far == far)
    return team[np.flatnonzero(like)[:1]]


def paths(world: Foraging, agent: TrainedAgents, seed: int) -> dict[str, ForagingLives]:
    """Let the best animal, the best habit and an agent live in each life that the world has."""
    rng = np.random.default_rng(seed)
    beside = Foraging(np.atleast_1d(world.lifetime), world.places, world.far)
    return {
        "optimum": simulate(BestForager(optimum(world)), world, None, rng),
        "best habit": simulate(HabitForager(best_habit(world)), world, None, rng),
        "agent": simulate(AgentPolicy(agent), beside, None, rng),
    }


def lived_abroad(team: TrainedAgents, study: Foragers, seed: int) -> xr.DataArray:
    """Let agents of worlds that differ in lifetime alone live at every lifetime.

    Parameters
    ----------
    team
        Agents of the study, among them those of its map that are kept.
    study
        Its settings.
    seed
        Of random numbers, of which greedy agents need none.

    Returns
    -------
    DataArray over (tested, agent)
        Expected returns, in near rewards; ``trained`` over agent, its lifetime in moves.
    """
    family = team[np.flatnonzero((team.task.places == study.kept) & (team.task.far == study.far))]
    returns = []
    for lifetime in study.lifetime:
        there = Foraging(np.full(len(family.seeds), lifetime), study.kept, study.far)
        lives = simulate(AgentPolicy(family), there, None, np.random.default_rng(seed))
        returns.append(lives.returns.mean(-1))
    labels = {"tested": list(study.lifetime), "trained": ("agent", family.task.lifetime)}
    return xr.DataArray(np.array(returns), labels, ("tested", "agent"))


def abroad(returns: xr.DataArray, study: Foragers) -> tuple[xr.Dataset, Facts]:
    """Compare what agents earn in lives of other lengths with the optimum there.

    Parameters
    ----------
    returns
        What `lived_abroad` made.
    study
        Its settings.

    Returns
    -------
    Dataset
        ``share`` over (trained, tested), normalised returns, means over seeds; ``optimum`` over
        tested, in near rewards.
    Facts
        How much agents earn at home, in longer and in shorter lives.
    """
    tested = list(study.lifetime)
    best = [optimum(Foraging(lifetime, study.kept, study.far)).value for lifetime in tested]
    data = xr.Dataset({"optimum": ("tested", best)}, {"tested": tested})
    each = (returns / data.optimum).to_dataset(name="share")
    trained = returns.trained.values
    # of each lifetime the agents stand in the order of their seeds
    seeds = [*study.seed] * len(np.unique(trained))
    by_seed = lay_out(each, "agent", trained=trained, seed=seeds).share
    data["share"] = by_seed.mean("seed")
    same = by_seed.tested - by_seed.trained
    facts: Facts = {}
    for name, chosen in (("home", same == 0), ("longer", same > 0), ("shorter", same < 0)):
        mean, half = interval(100 * by_seed.where(chosen).mean(["tested", "trained"]))
        facts |= {
            name: fact(mean, f"in {name} lives (home: as they know them), % of the optimum"),
            f"{name}-half": fact(half, "half of its 95% interval over seeds, %"),
        }
    return data, facts | {
        "kept": fact(study.kept, "hiding places of these worlds"),
        "shortest-T": fact(tested[0], "shortest life, moves"),
        "longest-T": fact(tested[-1], "longest life, moves"),
        "corner": fact(
            100 * data.share.sel(trained=tested[0], tested=tested[-1]),
            "from shortest to longest, % of the optimum",
        ),
    }
