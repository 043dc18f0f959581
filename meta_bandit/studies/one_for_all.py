"""What the chapter *One agent for every life* says of agents that are raised on many tasks.

Each part of the chapter has a function that makes a dataset and facts of how these agents live:
lives of every length (`by_clock`, `beside_specialists`), every task of a plane (`over_plane`), and
lives that may end at any pull (`untold`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit.agents import CONFIGURATIONS, AgentPolicy, TrainedAgents
from meta_bandit.agents.config import TimeFeature
from meta_bandit.measure import controlled_mean, measure
from meta_bandit.policies import Stopping
from meta_bandit.studies.facts import Facts, fact, interval, percent
from meta_bandit.studies.generalists import every_lifetime
from meta_bandit.studies.lifetimes import Budget, shares
from meta_bandit.theory import (
    bayes_optimal,
    critical_sigma_l,
    first_pull_value,
    hazard_optimal,
    stopping_critical_lifetime,
    stopping_critical_sigma_l,
)
from meta_bandit.worlds import GaussianBandit, simulate

HOME, FOREIGN = "specialist at home", "best specialist abroad"
MEANS = (5, 7, 10, 15, 25, 40, 60)
"""Mean lengths of life under a hazard, pulls."""
_LIFETIMES = (5, 7, 10, 14, 20, 30, 50, 70, 100, 140, 200, 280, 400)
"""Lifetimes at which agents of all lengths are tested, pulls."""


def _world(team: TrainedAgents) -> tuple[float, float, float]:
    """Tell sigma_p, sigma_l and the prior mean of the one world of a team."""
    task = team.task
    return tuple(float(np.ravel(x)[0]) for x in (task.sigma_p, task.sigma_l, task.mean))  # type: ignore[return-value]


def optima(team: TrainedAgents, lifetimes: Sequence[int] = _LIFETIMES) -> xr.Dataset:
    """Tell what is best in the world of a team, in lives of each length.

    Returns
    -------
    Dataset over lifetime
        ``return`` and ``threshold``, that of the first pull, in units of reward; ``per doubling``:
        by how much the threshold rises for each doubling of life since the lifetime before.
    """
    sigma_p, sigma_l, mean = _world(team)
    best = bayes_optimal(GaussianBandit(sigma_p, sigma_l, np.array(lifetimes), mean))
    data = xr.Dataset(coords={"lifetime": list(lifetimes)})
    data["return"] = "lifetime", best.value
    data["threshold"] = "lifetime", best.thresholds[0]
    doublings = np.log2(data.lifetime).diff("lifetime")
    data["per doubling"] = data.threshold.diff("lifetime") / doublings
    return data


def _played(
    team: TrainedAgents, lifetimes: Sequence[int], budget: Budget
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of the optimum and their standard errors: shape (lifetimes, agents) each."""
    sigma_p, sigma_l, mean = _world(team)
    agents = np.full(len(team.seeds), sigma_p)
    found = [
        shares(AgentPolicy(team), GaussianBandit(agents, sigma_l, T, mean), budget)
        for T in lifetimes
    ]
    return np.array([share for share, _ in found]), np.array([error for _, error in found])


def begins(team: TrainedAgents, lifetime: int) -> NDArray[np.bool_]:
    """Tell which greedy agents begin a life of this length with the risky arm.

    At birth all lives of an agent are the same, so that one is enough.
    """
    sigma_p, sigma_l, mean = _world(team)
    task = GaussianBandit(np.full(len(team.seeds), sigma_p), sigma_l, lifetime, mean)
    lived = simulate(AgentPolicy(team), task, 1, np.random.default_rng(0))
    return np.asarray(lived.actions[0, :, 0] == 1)


def raised(
    clocks: Sequence[TimeFeature],
    seeds: Sequence[int],
    updates: int,
    device: str,
    shortest: int = 5,
    longest: int = 400,
) -> dict[str, TrainedAgents]:
    """Train agents on lives of every length plainly (recipe ``plain``), by their clock.

    Parameters
    ----------
    clocks
        What they are told of the time: see `A2CConfig.time_feature`.
    seeds
        Of the agents.
    updates
        Of their training, of 64 lives each.
    device
        Where they are trained: ``cpu``, ``cuda`` or ``auto``.
    shortest, longest
        Lives, in pulls.
    """
    plain = replace(CONFIGURATIONS["plain"], updates=updates)
    teams = {}
    for clock in clocks:
        stage = replace(plain, time_feature=clock)
        study = every_lifetime(tuple(seeds), (stage,), shortest=shortest, longest=longest)
        teams[str(clock)] = study.team(range(len(seeds))).train(device, progress=False)
    return teams


def by_clock(
    teams: Mapping[str, TrainedAgents], budget: Budget, lifetimes: Sequence[int] = _LIFETIMES
) -> tuple[xr.DataArray, Facts]:
    """Compare agents of all lengths of life by what they are told of the time.

    Parameters
    ----------
    teams
        By their clock; of one world, one training and the same seeds.
    budget
        How many lives.
    lifetimes
        At which they are tested, where learning pays, if no longer than those they are raised on.

    Returns
    -------
    DataArray over (clock, tested, seed)
        Return as a share of the optimum.
    Facts
        Means over lifetimes and seeds, and those over short and over long lives.
    """
    first = next(iter(teams.values()))
    lengths = first.task.lifetime
    # the longest of the lengths that they are dealt is a little short of the end of their range
    within = 1.03 * lengths.max()
    best = optima(first, [T for T in lifetimes if within >= T])
    worth = best.lifetime.values[best["return"].values > 0].tolist()
    found = [_played(team, worth, budget)[0] for team in teams.values()]
    labels = {"clock": list(teams), "tested": worth, "seed": first.seeds.astype(int)}
    data = xr.DataArray(found, labels, tuple(labels))
    steps = -best["per doubling"].sel(lifetime=slice(10, None))
    facts = {
        "step-least": fact(steps.min(), "by how much a doubling lowers the first threshold, least"),
        "step-most": fact(steps.max(), "the same, most, reward"),
        "new-longest": fact(lengths.max(), "longest life that agents trained now are raised on"),
        "new-batch": fact(first.config.lives, "lives of an update of theirs"),
        "new-updates": fact(first.config.updates, "updates of agents trained now"),
        "new-agents": fact(len(first.seeds), "agents trained now for each clock"),
        "new-seeds": fact(", ".join(map(str, first.seeds)), "their seeds"),
    }
    parts = {
        "clock": (data, "all lifetimes"),
        "brief": (data.where(data.tested <= 20), "lives of up to 20 pulls"),
        "long": (data.where(data.tested >= 50), "lives of 50 pulls and more"),
    }
    for part, (values, where) in parts.items():
        for clock, value in values.mean(["tested", "seed"]).groupby("clock"):
            about = f"told {clock}, in {where}, % of the optimum"
            facts[f"{part}-{clock}"] = fact(100 * value.squeeze(), about)
    return data, facts


def beside_specialists(
    universal: TrainedAgents, special: TrainedAgents, budget: Budget, few: Budget | None = None
) -> tuple[xr.Dataset, Facts]:
    """Play one agent for all lengths of life beside agents that were each raised on one.

    Parameters
    ----------
    universal
        Agents of all lengths, one for each seed.
    special
        Agents of the same world, by lifetime, then by seed.
    budget
        How many lives.
    few
        How many of the agents that were raised on one, who are many; as many unless given.

    Returns
    -------
    Dataset
        ``share`` over (raised, tested): means over seeds of the return as a share of the optimum,
        where that is 0 the return, last row: the universal agents; ``optimum`` over (tested), in
        units of reward. Over (length), at more lifetimes: ``one``, mean over seeds of what
        universal agents have (``each``), its ``error``, ``optimal`` and ``begin``, the share of
        them that begin with the risky arm.
    Facts
    """
    lifetimes = np.unique(special.task.lifetime).tolist()
    lengths = sorted({*lifetimes, *_LIFETIMES})
    own, noise = _played(universal, lengths, budget)
    data = xr.Dataset(coords={"length": lengths})
    data["each"] = ("length", "seed"), own
    data["one"], data["error"] = data.each.mean("seed"), ("length", noise.max(axis=1))
    data["optimal"] = "length", optima(universal, lengths)["return"].values
    data["begin"] = "length", [begins(universal, T).mean() for T in lengths]
    others, _ = _played(special, lifetimes, few or budget)
    size = (len(lifetimes), len(lifetimes), -1)
    many = xr.DataArray(
        others.reshape(size).mean(axis=-1),
        {"tested": lifetimes, "raised": list(map(str, lifetimes))},
        ("tested", "raised"),
    )
    own_lives = universal.task.lifetime
    name = f"{own_lives.min()} to {own_lives.max()}"
    last = data.one.sel(length=lifetimes).rename(length="tested").expand_dims(raised=[name])
    data["share"] = xr.concat([many.transpose("raised", "tested"), last], "raised")
    data["optimum"] = data.optimal.sel(length=lifetimes).rename(length="tested")
    return data, _who(universal, special) | _alone(universal, data) | _compared(data)


def _who(universal: TrainedAgents, special: TrainedAgents) -> Facts:
    sigma_p, _, mean = _world(universal)
    return {
        "sigma": fact(sigma_p, "sigma_p and sigma_l of the world, reward"),
        "mean": fact(mean, "prior mean of the risky arm, reward"),
        "shortest": fact(universal.task.lifetime.min(), "shortest life of all lengths, pulls"),
        "longest": fact(universal.task.lifetime.max(), "longest life of all lengths, pulls"),
        "batch": fact(universal.config.lives, "lives of an update of agents for all lengths"),
        "kept-seeds": fact(len(universal.seeds), "stored agents for all lengths"),
        "kept-updates": fact(
            sum(stage["updates"] for stage in json.loads(universal.curve.attrs["stages"])),
            "updates of their training, all stages",
        ),
        "special-updates": fact(special.config.updates, "updates of a specialist"),
        "special-batch": fact(special.config.lives, "lives of an update of a specialist"),
    }


def _alone(universal: TrainedAgents, data: xr.Dataset) -> Facts:
    pays = data.optimal > 0
    worth = data.one[pays.values]
    at = int(worth.idxmin())
    right = (data.begin > 0.5) == pays
    shortest = data.isel(length=0)
    sigma_p, sigma_l, mean = _world(universal)
    from_on = stopping_critical_lifetime(GaussianBandit(sigma_p, sigma_l, 1, mean))
    middle, half = interval(100 * data.each[pays.values].mean("length"))
    return {
        "one-mean": fact(middle, "one for all, mean over lifetimes, % of the optimum"),
        "one-half": fact(half, "half of its 95% interval over seeds"),
        "one-least": fact(100 * worth.min(), "the same, where it is lowest"),
        "one-error": fact(
            100 * data.error[pays.values].max(), "largest standard error of its share, % points"
        ),
        "one-least-at": fact(at, "lifetime where it is lowest, pulls"),
        "one-met": fact((worth >= 0.95).sum(), "lifetimes at which it earns 95%"),
        "one-of": fact(worth.size, "tested lifetimes where learning pays"),
        "pays-from": fact(int(from_on), "lifetime from which learning pays, pulls"),
        "right": fact(right.sum(), "lifetimes at which it begins as the optimum does"),
        "right-of": fact(right.size, "tested lifetimes"),
        "idle-begin": fact(
            int(shortest.begin * len(universal.seeds) + 0.5), "that begin in the shortest lives"
        ),
        "idle-return": fact(shortest.one, "what a shortest life earns, reward"),
        "idle-cost": fact(
            0.0 - first_pull_value(GaussianBandit(sigma_p, sigma_l, int(shortest.length), mean)),
            "what the best policy that begins loses in a shortest life, reward",
        ),
    }


def compared(data: xr.Dataset) -> xr.Dataset:
    """Set one for all beside the specialist at home, and beside the best of the others.

    Returns
    -------
    Dataset over tested, where learning pays
        Shares of the optimum; ``its error``, a standard error.
    """
    pays = data.tested.values[data.optimum.values > 0]
    many = data.share[:-1].sel(tested=pays)
    at_home = many.raised.astype(int) == many.tested
    table = xr.Dataset(coords={"tested": pays})
    table["one for all"] = data.share[-1].sel(tested=pays, drop=True).drop_vars("raised")
    table["its error"] = data.error.sel(length=pays).rename(length="tested")
    table[HOME] = many.where(at_home).max("raised")
    table[FOREIGN] = many.where(~at_home).max("raised")
    return table


def _compared(data: xr.Dataset) -> Facts:
    table = compared(data)
    home = table["one for all"] - table[HOME]
    abroad = table["one for all"] - table[FOREIGN]
    many = data.share[:-1].sel(tested=table.tested)
    foreign = many.where(many.raised.astype(int) != many.tested)
    ahead = (table["one for all"] > foreign).where(foreign.notnull())
    return {
        "bars-of": fact(table.sizes["tested"], "lifetimes of specialists where learning pays"),
        "home-met": fact((home >= -0.02).sum(), "at which it is within 0.02 of them at home"),
        "home-least": fact(100 * home.min(), "its lead on specialists at home, lowest, % points"),
        "home-least-at": fact(int(home.idxmin()), "lifetime where it is lowest, pulls"),
        "pairs-met": fact(int(ahead.sum()), "specialists abroad that it is ahead of"),
        "pairs-of": fact(int(foreign.notnull().sum()), "pairs of a specialist and a lifetime"),
        "abroad-met": fact((abroad > 0).sum(), "lifetimes where it is ahead of all abroad"),
        "abroad-least": fact(100 * abroad.min(), "its lead on the best abroad, lowest, % points"),
    }


def _on_plane(
    network: TrainedAgents, tasks: GaussianBandit, shape: tuple[int, int], lives: int, seed: int
) -> xr.Dataset:
    """Play all agents on tasks of one lifetime: earned, begin and exploration of each."""
    over = ("seed", "sigma_p", "sigma_l")
    rng = [seed, int(np.ravel(tasks.lifetime)[0])]
    ideal = bayes_optimal(tasks)
    companion = simulate(
        Stopping(ideal.thresholds), tasks, lives, np.random.default_rng(rng)
    ).expected_returns
    found: dict[str, list[NDArray[np.float64]]] = {"earned": [], "begin": [], "exploration": []}
    for agent in range(len(network.seeds)):
        policy = AgentPolicy(network[np.full(ideal.value.size, agent)])
        lived = simulate(policy, tasks, lives, np.random.default_rng(rng))
        each = zip(lived.expected_returns, companion, ideal.value, strict=True)
        earned = np.array([controlled_mean(*both)[0] for both in each])
        begin = (lived.actions[0] == 1).mean(axis=-1)
        explored = measure(lived, ["task"]).exploration.values
        for name, values in zip(found, (earned, begin, explored), strict=True):
            found[name].append(values.reshape(shape))
    data = xr.Dataset({name: (over, np.array(values)) for name, values in found.items()})
    data["optimum"] = over[1:], ideal.value.reshape(shape)
    data["optimal"] = over[1:], ideal.exploration.reshape(shape)
    return data


def over_plane(
    network: TrainedAgents,
    results: xr.Dataset,
    lifetimes: Sequence[int] = (10, 30, 100),
    lives: int = 400,
    seed: int = 0,
    band: float = 1.5,
) -> tuple[xr.Dataset, Facts]:
    """Play agents that are told their task on every task of a plane, beside the optima.

    Parameters
    ----------
    network
        The agents, one for each seed.
    results
        What agents with a network for each task earn and explore (study ``plane``); its tasks are
        played.
    lifetimes
        At which they are played, pulls; the last one is that of ``results``.
    lives, seed
        Of each agent on each task, and of their random numbers.
    band
        Tasks are near the edge if their sigma_l is within this factor of it.

    Returns
    -------
    Dataset
        ``earned`` and ``optimum`` (reward), ``begin`` (share of lives), ``exploration`` and
        ``optimal`` (pulls), over (lifetime, seed, sigma_p, sigma_l) or without the seed;
        ``outside``, whether a task is not near the edge. ``maps``, exploration over (map, sigma_l,
        sigma_p) in lives of the last length. `edges` draws the lines on it.
    Facts
    """
    grid = {name: results[name].values for name in ("sigma_p", "sigma_l")}
    mean = float(results.attrs["mean"])
    p, q = np.meshgrid(*grid.values(), indexing="ij")
    parts = []
    for T in lifetimes:
        tasks = GaussianBandit(p.ravel(), q.ravel(), T, mean)
        part = _on_plane(network, tasks, p.shape, lives, seed)
        line = stopping_critical_sigma_l(GaussianBandit(grid["sigma_p"], 1.0, T, mean))
        part["edge"] = "sigma_p", line
        parts.append(part)
    labels = {**grid, "seed": network.seeds.astype(int)}
    data = xr.concat(parts, xr.Variable("lifetime", list(lifetimes))).assign_coords(labels)
    ratio = abs(np.log(data.sigma_l / data.edge.where(data.edge > 0)))
    data["outside"] = (ratio > np.log(band)) | (data.edge == 0)
    stage = results.sel(lifetime=lifetimes[-1]).drop_vars("lifetime")
    last = data.isel(lifetime=-1, drop=True)
    networks = 3 * stage.exploration.mean("seed").size
    maps = {
        "Bayes-optimal": last.optimal,
        f"{networks} networks": stage.exploration.mean("seed"),
        "one network": last.exploration.isel(seed=0, drop=True),
    }
    maps_of = xr.concat(list(maps.values()), xr.Variable("map", list(maps)), coords="minimal")
    data["maps"] = maps_of.transpose("map", "sigma_l", "sigma_p")
    facts = _agreed(data) | {
        "stage": fact(lifetimes[-1], "lifetime on the maps, pulls"),
        "lives": fact(lives, "lives of each agent on each task"),
        "band": fact(band, "factor around the edge that is left out"),
        "networks": fact(networks, "agents of the plane in lives of that length"),
        "net-first": fact(network.seeds[0], "seed of the one network"),
        "plane-shortest": fact(network.task.lifetime.min(), "shortest life of training, pulls"),
        "plane-longest": fact(network.task.lifetime.max(), "longest life of training, pulls"),
    }
    counted = last.outside & (last.optimum > 0)
    own = (stage.expected_return / stage.bayes_value).mean("seed").where(counted).mean()
    facts["many-return"] = fact(100 * own, "of agents of one task each, % of the optimum")
    return data, facts


def edges(data: xr.Dataset, points: int = 25) -> xr.Dataset:
    """Draw both edges over the plane: ``commit_edge`` and ``stopping_edge`` over (sigma_p)."""
    spreads = np.linspace(float(data.sigma_p.min()), float(data.sigma_p.max()), points)
    line = GaussianBandit(spreads, 1.0, int(data.lifetime[-1]))
    found = {
        "commit_edge": critical_sigma_l(line),
        "stopping_edge": stopping_critical_sigma_l(line),
    }
    return xr.Dataset({name: ("sigma_p", it) for name, it in found.items()}, {"sigma_p": spreads})


def agreed(data: xr.Dataset) -> xr.Dataset:
    """Tell at each lifetime how one network agrees with the optimum, and what it earns.

    Returns
    -------
    Dataset over (lifetime, seed)
        Shares of tasks, and of the optimum: means over tasks. ``where none pays``: the return
        there, in units of reward. ``tasks outside``: over lifetime alone.
    """
    over, pays = ["sigma_p", "sigma_l"], data.optimum > 0
    agrees = ((data.begin > 0.5) == pays).astype(float)
    normal = (data.earned / data.optimum).where(pays)
    return xr.Dataset(
        {
            "tasks outside": data.outside.mean(over),
            "agreement": agrees.where(data.outside).mean(over),
            "agreement, all": agrees.mean(over),
            "return": normal.where(data.outside).mean(over),
            "return, all": normal.mean(over),
            "where none pays": data.earned.where(~pays).mean(over),
        }
    )


def _agreed(data: xr.Dataset) -> Facts:
    table, possible = agreed(data).mean("seed"), data.optimum.where(data.optimum > 0)
    summed = data.earned.where(data.optimum > 0).mean("seed").sum() / possible.sum()
    vain = table["where none pays"].min()
    facts = {
        "net-seeds": fact(data.sizes["seed"], "networks that are told their task"),
        "net-sum": fact(100 * summed, "of the sum of all optima, %"),
        "net-loss": fact(
            -vain,
            "most lost in a life of any length where none pays, reward",
        ),
    }
    for key, name, said in (
        ("agree", "agreement", "right first pulls outside the band, % of tasks"),
        ("net-return", "return", "earned outside the band, % of the optimum"),
    ):
        facts[f"{key}-least"] = fact(100 * table[name].min(), f"{said}: least of all lifetimes")
    return facts


def in_percent(data: xr.Dataset) -> dict[int, dict[str, str]]:
    """Lay out `agreed` by lifetime: means over tasks, ± 95% over seeds where there are some."""
    columns = {
        "first pull right, off the edge (%)": "agreement",
        "on all tasks": "agreement, all",
        "return, off the edge (%)": "return",
        "on all that pay": "return, all",
    }
    table = agreed(data)
    return {
        T: {title: percent(table[name].sel(lifetime=T)) for title, name in columns.items()}
        for T in data.lifetime.values.tolist()
    }


def _discounted(
    team: TrainedAgents, mean_life: int, budget: Budget
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Play to where hardly anyone lives: return of lives of chance length, standard error."""
    sigma_p, sigma_l, mean = _world(team)
    ideal = hazard_optimal(GaussianBandit(sigma_p, sigma_l, 1, mean), 1 - 1 / mean_life, 1e-6)
    horizon = 8 * mean_life
    task = GaussianBandit(np.full(len(team.seeds), sigma_p), sigma_l, horizon, mean)
    lived = (1 - 1 / mean_life) ** np.arange(horizon)[:, None, None]
    returns = []
    for player in (Stopping(ideal.thresholds[:, None]), AgentPolicy(team)):
        rng = np.random.default_rng([budget.seed, mean_life])
        game = simulate(player, task, budget.lives(horizon, 5), rng)
        returns.append(game.arm_mean * (lived * game.actions).sum(axis=0))
    return controlled_mean(returns[1], returns[0], float(ideal.value))


def untold(
    team: TrainedAgents, budget: Budget, points: int = 60
) -> tuple[xr.Dataset, xr.DataArray, Facts]:
    """Price not knowing one's lifetime, where lives end by chance, exactly and of agents.

    Parameters
    ----------
    team
        Agents of one world that are told nothing of the time, each raised with a hazard.
    budget
        How many lives; five times as many pulls as it says.
    points
        Lifetimes at which the optimum that is told its lifetime is computed; between them it is
        interpolated.

    Returns
    -------
    price : Dataset over lifetime
        Mean lengths of life (`MEANS`): ``told`` and ``hazard``, returns of the optimum that is told
        its lifetime or the hazard, in units of reward; ``untold``, their ratio; ``agents``, over
        seeds, the same of agents (NaN where there are none), and their ``error``.
    thresholds : DataArray over (told, pull)
        Of both optima, in units of reward, at the longest mean life of agents; NaN after the end.
    Facts
    """
    sigma_p, sigma_l, mean = _world(team)
    span = np.unique(np.geomspace(1, 700, points).astype(int))
    known = bayes_optimal(GaussianBandit(sigma_p, sigma_l, span, mean)).value
    every = np.arange(1, span[-1] + 1)
    informed = np.interp(np.log(every), np.log(span), known / span) * every
    one = GaussianBandit(sigma_p, sigma_l, 1, mean)
    ideal = {length: hazard_optimal(one, 1 - 1 / length, 1e-6) for length in MEANS}
    price = xr.Dataset(coords={"lifetime": list(MEANS), "seed": np.unique(team.seeds).astype(int)})
    chance = [1 / length * (1 - 1 / length) ** (every - 1) for length in MEANS]
    price["told"] = "lifetime", [float((informed * law).sum()) for law in chance]
    price["hazard"] = "lifetime", [float(ideal[length].value) for length in MEANS]
    price["untold"] = price.hazard / price.told
    price["agents"] = xr.full_like(price.hazard * price.seed, np.nan)
    price["error"] = price.agents.copy()
    hazards = np.round(team.task.lifetime.mean(axis=-1)).astype(int)
    for length in np.unique(hazards).tolist():
        found = _discounted(team[np.flatnonzero(hazards == length)], length, budget)
        for name, values in zip(("agents", "error"), found, strict=True):
            price[name].loc[{"lifetime": length}] = values / float(price.told.sel(lifetime=length))
    longest = int(hazards.max())
    both = np.full((2, longest + 1), np.nan)
    timed = bayes_optimal(GaussianBandit(sigma_p, sigma_l, longest, mean)).thresholds
    both[0, :longest], both[1] = timed, ideal[longest].thresholds[: longest + 1]
    names = [f"told: {longest} pulls", f"told: {longest} pulls on average"]
    axes = {"told": names, "pull": range(longest + 1)}
    return price, xr.DataArray(both, axes, tuple(axes)), _priced(price, np.unique(hazards))


def _priced(price: xr.Dataset, hazards: NDArray[np.int64]) -> Facts:
    shortest = price.sel(lifetime=hazards.min())
    facts = {
        "death-seeds": fact(price.sizes["seed"], "agents of each hazard"),
        "death-hazards": fact(len(hazards), "hazards of agents"),
        "untold-error": fact(price.error.max(), "largest standard error of an agent, share"),
        "death-idle": fact((abs(shortest.agents) < 0.01).sum(), "that earn nothing, shortest"),
        "death-worth": fact(shortest.hazard, "optimum told the hazard of the shortest, reward"),
    }
    for length in hazards.tolist():
        row, where = price.sel(lifetime=length), f"lives of {length} pulls on average"
        lost = 100 * (1 - row.agents.mean())
        facts[f"untold-{length}"] = fact(100 * (1 - row.untold), f"lost by not knowing, {where}, %")
        facts[f"agents-{length}"] = fact(lost, f"lost by agents that are told nothing, {where}, %")
    return facts
