"""What the chapter *Many arms* draws of its worlds and agents, and the numbers that it quotes.

Functions make a dataset and facts of what the study ``many-arms`` found, and of the theory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit.agents import AgentPolicy, TrainedAgents, load_agents
from meta_bandit.policies.many_arms import (
    Gittins,
    Informed,
    KnowledgeGradient,
    Never,
    ThompsonSampling,
)
from meta_bandit.studies.facts import Facts, fact
from meta_bandit.studies.many_arms import Pullers
from meta_bandit.studies.named import STUDIES
from meta_bandit.studies.results import stored, stored_agents, stored_parts
from meta_bandit.studies.run import run
from meta_bandit.theory import stopping_critical_sigma_l
from meta_bandit.theory.many_arms import (
    index_offsets,
    many_optimal_commit,
    price_bound,
    timid_bound,
)
from meta_bandit.theory.path_bound import path_bound
from meta_bandit.worlds import ManyArms, simulate
from meta_bandit.worlds.many_arms import ManyPolicy

RECIPES = {"default": "default", "direct": "direct", "shared": "a memory for each arm"}
"""Ways of training, and what the chapter calls them."""
PAYS, NOISES = np.linspace(0.1, 1.7, 9), np.exp2(np.linspace(-3, 3, 7))
"""The chapter's map: what arm 0 pays, and sigma_l; units of reward."""


def index_policy(world: ManyArms) -> Gittins:
    """Make the index policy of a world; it depends on neither arm 0 nor the number of arms."""
    return _index_policy(world.sigma_p.item(), world.sigma_l.item(), world.lifetime.item())


@lru_cache(maxsize=16)
def _index_policy(sigma_p: float, sigma_l: float, lifetime: int) -> Gittins:
    return Gittins(index_offsets(ManyArms(2, sigma_p, sigma_l, lifetime)))


def _played(policy: ManyPolicy, world: ManyArms, lives: int, seed: int) -> tuple[float, float]:
    found = simulate(policy, world, lives, np.random.default_rng(seed)).expected_returns
    return float(found.mean()), float(found.std() / np.sqrt(lives))


def rungs(
    worlds: Sequence[ManyArms], lives: int, samples: int, seed: int
) -> tuple[xr.Dataset, Facts]:
    """Catch what can be earned with 0, 1, ..., K - 1 unknown arms between a policy and a bound.

    Parameters
    ----------
    worlds
        They differ in what arm 0 pays alone.
    lives, samples, seed
        Lives of the index policy, and sets of paths of each bound.

    Returns
    -------
    Dataset over (world, tried)
        ``index`` and ``bound``, each with its standard error, and ``committed``, what the best
        committed plan earns; units of reward. Over world: ``safe``,
        and ``first``, the most that can be earned with one unknown arm.
    Facts
        Of the first world (``-0``), the second, and so on, with all arms unless said.
    """
    names = ("index", "index_se", "bound", "bound_se", "committed")
    table, facts = [], Facts()
    for place, world in enumerate(worlds):
        floor = float(world.lifetime * world.safe)
        rows = [(floor, 0.0, floor, 0.0, floor)]
        policy = index_policy(world)
        for tried in range(1, world.arms):
            own = world.with_arms(tried + 1)
            paths = path_bound(own, samples, np.random.default_rng([seed, tried]))
            price = price_bound(own)[0]
            bound = (price, 0.0) if price < paths.value else (paths.value, paths.se)
            plan = many_optimal_commit(own)[2]
            rows.append((*_played(policy, own, lives, seed), *bound, plan))
        table.append(rows)
        index, _, best, se, _ = rows[-1]
        facts |= {
            f"safe-{place}": fact(world.safe, "what arm 0 pays"),
            f"bound-se-{place}": fact(se, "standard error of the bound"),
            f"gap-{place}": fact(100 * (best / index - 1), "from the index to the bound, %"),
        }
    one = worlds[0]
    facts |= {
        "timid": fact(timid_bound(one, 1), "eta of thm-ladder with one arm, world 0"),
        "lives": fact(f"{lives:,}", "lives of each policy"),
        "samples": fact(f"{samples:,}", "sets of paths of each bound"),
        "seed": fact(seed, "of lives and paths"),
        "sigma-p": fact(one.sigma_p, "spread of an arm's mean, reward"),
        "sigma-l": fact(one.sigma_l, "spread of a reward, reward"),
        "lifetime": fact(one.lifetime, "pulls"),
        "unknown": fact(one.arms - 1, "unknown arms"),
    }
    values = np.array(table)
    data = xr.Dataset({name: (("world", "tried"), values[..., i]) for i, name in enumerate(names)})
    safes = np.array([float(world.safe) for world in worlds])
    data = data.assign_coords(
        world=[f"known arm pays {safe:g}" for safe in safes],
        safe=("world", safes),
        tried=np.arange(int(one.arms)),
        first=("world", [price_bound(world.with_arms(2))[0] for world in worlds]),
    )
    return data, facts


def rivals(worlds: Sequence[ManyArms], lives: int, seed: int) -> tuple[xr.DataArray, Facts]:
    """Let policies that need no training live in each world, the same lives for all.

    Returns
    -------
    DataArray over (world, policy)
        What they earn, units of reward. The last is told all means at birth.
    Facts
        ``se``, their largest standard error.
    """
    policies: dict[str, ManyPolicy] = {
        "never": Never(),
        "Thompson": ThompsonSampling(),
        "knowledge gradient": KnowledgeGradient(),
    }
    found = []
    for world in worlds:
        row = [_played(policy, world, lives, seed) for policy in policies.values()]
        means = simulate(Never(), world, lives, np.random.default_rng(seed)).arm_means
        found.append([*row, _played(Informed(means), world, lives, seed)])
    values = np.array(found)
    facts = {"se": fact(values[..., 1].max(), "largest standard error of these policies")}
    names = [f"known arm pays {float(world.safe):g}" for world in worlds]
    places = {"world": names, "policy": [*policies, "told all"]}
    return xr.DataArray(values[..., 0], places, ("world", "policy")), facts


def levels(rungs: xr.Dataset) -> xr.DataArray:
    """Return what can be earned with one arm and with all, over (world, level)."""
    values = np.array([rungs["first"].values, rungs.bound[:, -1].values]).T
    places = {"world": rungs.world.values, "level": ["first rung", "bound"]}
    return xr.DataArray(values, places, ("world", "level"))


def in_the_trap(page: Page) -> tuple[dict[str, NDArray[np.float64]], dict[str, float]]:
    """Lay out what each way to live earns in the first world.

    Returns
    -------
    earned
        Of each agent, or of one policy, from the trap upward; units of reward.
    levels
        Returns to compare with: see `levels`.
    """
    agents = page.agents.expected_return.isel(world=0)
    own = {name: agents.sel(recipe=title).values for name, title in RECIPES.items()}
    first = levels(page.rungs)[0]
    compared = dict(zip(map(str, first.level.values), map(float, first.values), strict=True))
    earned = {
        "never exploring": page.agents.never.values[:1],
        r"RL$^2$, direct": own["direct"],
        r"RL$^2$, default": own["default"],
        "Thompson sampling": page.others.sel(policy="Thompson").values[:1],
        r"RL$^2$, " + RECIPES["shared"]: own["shared"],
    }
    return earned, compared


def raised(
    worlds: Sequence[ManyArms], lives: int, agents: int, updates: int
) -> tuple[xr.Dataset, dict[str, TrainedAgents]]:
    """Take the stored agents of these worlds; where there are none, train and measure them.

    Returns
    -------
    runs
        The study's dataset, over agent.
    teams
        The agents, by recipe.
    """
    book = STUDIES["many-arms"]
    if not isinstance(book, Pullers):
        raise TypeError("the study many-arms is not one of agents of many arms")
    one = worlds[0]
    study = replace(
        book,
        safe=tuple(float(world.safe) for world in worlds),
        arms=int(one.arms),
        sigma_p=float(one.sigma_p),
        sigma_l=float(one.sigma_l),
        lifetime=int(one.lifetime),
        lives=lives,
        seed=tuple(range(agents)),
        config=replace(book.config, updates=updates),
        shared=replace(book.shared, updates=updates),
    )
    if study == book:
        files = {way: f"many-arms-{way}.safetensors" for way in study.recipes}
        return stored("many-arms.nc"), {way: stored_agents(name) for way, name in files.items()}
    with TemporaryDirectory() as folder:
        out = Path(folder, "many-arms.nc")
        runs = run(study, out, "cpu", 2, progress=False)
        return runs, {way[1:]: load_agents(file) for way, file in study.files(out).items()}


def climbed(runs: xr.Dataset, rungs: xr.Dataset) -> tuple[xr.Dataset, Facts]:
    """Say on which rung of the ladder each agent stands.

    Parameters
    ----------
    runs
        A study of many arms, over agent.
    rungs
        ``bound`` and ``bound_se`` over (world, tried), in units of reward, with ``safe`` as a
        coordinate of each world.

    Returns
    -------
    Dataset
        What the study holds, over (world, recipe, seed); ``needs``, the fewest unknown arms with
        which as much can be earned at all (thm-ladder), two standard errors of both granted;
        ``share``, the return as a share of the bound with all arms.
    Facts
        Of the first world (``-0``), the second, and so on, by recipe.
    """
    data = runs.set_index(agent=["safe", "recipe", "seed"]).unstack("agent")
    data = data.sel(safe=rungs.safe.values, recipe=list(RECIPES)).rename(safe="world")
    data = data.assign_coords(world=rungs.world.values, recipe=list(RECIPES.values()))
    sure = data.expected_return - 2 * data.expected_return_se
    below = rungs.bound + 2 * rungs.bound_se < sure
    data["never"] = "world", runs.attrs["lifetime"] * rungs.safe.values
    data["share"] = data.expected_return / rungs.bound.isel(tried=-1)
    data["needs"] = below.sum("tried").clip(max=rungs.sizes["tried"] - 1)
    about = runs.attrs
    facts: Facts = {
        "agents": fact(data.sizes["seed"], "agents of each training in each world"),
        "agent-lives": fact(f"{about['lives']:,}", "lives in which each agent is measured"),
        "agent-se": fact(data.expected_return_se.max(), "largest standard error of an agent"),
        "updates": fact(data["update"].max(), "updates of each training"),
        "one-memory-rung": fact(
            data.needs.sel(recipe=[RECIPES["default"], RECIPES["direct"]]).max(),
            "highest rung that an agent of one memory reaches",
        ),
    }
    for world in range(data.sizes["world"]):
        for key, recipe in RECIPES.items():
            own = data.isel(world=world).sel(recipe=recipe)
            where = f"{recipe}, world {world}"
            facts |= {
                f"{key}-share-{world}": fact(
                    100 * own.share.mean(),
                    f"mean return in % of the bound with all arms: {where}",
                ),
                f"{key}-below-{world}": fact(
                    (own.expected_return + 2 * own.expected_return_se < own.never).sum(),
                    f"agents that earn less than never exploring: {where}",
                ),
            }
    return data, facts


def by_recipe(data: xr.Dataset) -> dict[str, dict[tuple[str, str], str | float]]:
    """Lay out what agents earn and on which rung they stand, a row for each world and training."""
    rows = [(str(w), str(r)) for w in data.world.values for r in data.recipe.values]
    table: dict[str, dict[tuple[str, str], str | float]] = {}
    for world, recipe in rows:
        own = data.sel(world=world, recipe=recipe)
        earned, tried, needs = own.expected_return, own.greedy_tried, own.needs
        values: dict[str, str | float] = {
            "return, mean": round(float(earned.mean()), 1),
            "worst agent": round(float(earned.min()), 1),
            "best agent": round(float(earned.max()), 1),
            "mean, % of the bound": round(100 * float(own.share.mean())),
            "arms tried": f"{float(tried.min()):.1f} to {float(tried.max()):.1f}",
            "arms needed": f"{int(needs.min())} to {int(needs.max())}",
        }
        for title, value in values.items():
            table.setdefault(title, {})[world, recipe] = value
    return table


def tried(
    teams: Mapping[str, TrainedAgents], lives: int, seed: Sequence[int]
) -> dict[str, dict[str, str]]:
    """Lay out how many arms the index policy and the first agent of each training try, greedily.

    Parameters
    ----------
    teams
        Agents by recipe; the first of each are of one world, in which all live.
    lives, seed
        Of each, the same for all.
    """
    firsts = {name: team[0] for name, team in teams.items()}
    home = next(iter(firsts.values())).task
    policies: dict[str, ManyPolicy] = {"index": index_policy(home)}
    policies |= {name: AgentPolicy(agent) for name, agent in firsts.items()}
    table: dict[str, dict[str, str]] = {"arms tried, mean": {}, "all, % of lives": {}}
    for name, policy in policies.items():
        found = simulate(policy, home, lives, np.random.default_rng(seed)).tried
        everything = 100 * (found == home.unknown).mean()
        for title, said in zip(table, (f"{found.mean():.1f}", f"{everything:.0f}"), strict=True):
            table[title][name] = said
    return table


def map_of_arms(
    world: ManyArms,
    safes: NDArray[np.float64],
    spreads: NDArray[np.float64],
    lives: int,
    seed: int,
) -> tuple[xr.Dataset, Facts]:
    """Map what is best over what arm 0 pays and the noise of the others.

    Parameters
    ----------
    world
        All else.
    safes, spreads
        What arm 0 pays, more than the prior mean of the others, and sigma_l; units of reward.
    lives, seed
        Of the index policy in each world.

    Returns
    -------
    Dataset over (safe, sigma_l)
        ``arms``, how many of them the best committed plan tries, 0 if it never explores (arms);
        ``plan`` and ``index``, what that plan and the index policy earn beyond never exploring
        (reward). Over safe: ``edge``, the sigma_l from which on no policy earns more than that.
    Facts
    """
    shape = (len(safes), len(spreads))
    arms, plan, index = np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape)
    fixed = world.arms, world.sigma_p
    for j, spread in enumerate(spreads):
        policy = index_policy(ManyArms(*fixed, spread, world.lifetime, world.mean))
        for i, safe in enumerate(safes):
            own = ManyArms(*fixed, spread, world.lifetime, world.mean, safe)
            never = float(own.lifetime * own.safe)
            arms[i, j], _, value = many_optimal_commit(own)
            lived = simulate(policy, own, lives, np.random.default_rng(seed))
            plan[i, j], index[i, j] = value - never, lived.expected_returns.mean() - never
    one = ManyArms(*fixed, 1.0, world.lifetime, world.mean, safes).one_armed
    both = ("safe", "sigma_l")
    data = xr.Dataset(
        {"arms": (both, arms), "plan": (both, plan), "index": (both, index)},
        {"safe": safes, "sigma_l": spreads},
    )
    data["edge"] = "safe", stopping_critical_sigma_l(one)
    pays = data.sigma_l < data.edge
    some = (data.arms > 0) & (data.arms < world.unknown)
    facts = {
        "map-lives": fact(f"{lives:,}", "lives of the index policy in each world"),
        "map-worlds": fact(data.arms.size, "worlds of the map"),
        "map-none": fact((data.arms == 0).sum(), "in which no committed plan explores"),
        "map-pays": fact((pays & (data.arms == 0)).sum(), "of them, exploring pays all the same"),
        "map-all": fact((data.arms == world.unknown).sum(), "in which the best plan tries all"),
        "map-some": fact(some.sum(), "in which it tries some, not all"),
    }
    return data, facts


def found_over_map(rows: Sequence[xr.Dataset], lives: int, seed: int) -> tuple[xr.Dataset, Facts]:
    """Compare what agents earn over a map of worlds with what the index policy does.

    Parameters
    ----------
    rows
        Studies of many arms that differ in sigma_l alone.
    lives, seed
        Of the index policy in each world.

    Returns
    -------
    Dataset
        ``earned``, what an agent earns beyond never exploring (reward), over (recipe, safe,
        sigma_l, seed), and ``share`` of what the index policy earns beyond that: NaN where it
        earns less than 1 of the reward; and what `map_of_arms` gives of these worlds.
    Facts
        How many worlds there are of which kind, and how many agents and lives in each.
    """
    noises = [row.attrs["sigma_l"] for row in rows]
    runs = xr.concat(
        [row.set_index(agent=["safe", "recipe", "seed"]).unstack("agent") for row in rows],
        xr.Variable("sigma_l", noises),
        combine_attrs="override",
    ).sortby("sigma_l")
    about = runs.attrs
    names = ("arms", "sigma_p", "sigma_l", "lifetime", "mean")
    world = ManyArms(*(about[name] for name in names))
    data, _ = map_of_arms(world, runs.safe.values, runs.sigma_l.values, lives, seed)
    data = data.assign_coords(recipe=list(RECIPES), seed=runs.seed)
    data["earned"] = runs.expected_return - about["lifetime"] * runs.safe
    data["share"] = (data.earned / data["index"]).where(data["index"] >= 1)
    data["called"] = "recipe", list(RECIPES.values())
    facts = {
        "found-worlds": fact(data["index"].size, "worlds of the map in which agents were trained"),
        "found-worth": fact((data["index"] >= 1).sum(), "in which the index earns 1 more or more"),
        "found-lives": fact(f"{about['lives']:,}", "lives in which each of them is measured"),
        "found-seeds": fact(data.sizes["seed"], "agents of each way in each world"),
    }
    for recipe in RECIPES:
        seeds = 100 * data.share.sel(recipe=recipe).mean(["safe", "sigma_l"])
        ends = " to ".join(dict.fromkeys(f"{float(end):.0f}" for end in (seeds.min(), seeds.max())))
        facts[f"{recipe}-found"] = fact(
            ends, f"mean share of the index's gain, by seed, %: {recipe}"
        )
    return data, facts


class Page(NamedTuple):
    """All that the chapter draws and quotes: see the functions that make it."""

    rungs: xr.Dataset
    others: xr.DataArray
    agents: xr.Dataset
    teams: dict[str, TrainedAgents]
    paying: xr.Dataset
    found: xr.Dataset
    facts: Facts


def page(
    worlds: Sequence[ManyArms],
    lives: int,
    samples: int,
    agents: int,
    updates: int,
    seed: int,
    coarse: int = 1,
) -> Page:
    """Compute the chapter; of its map every ``coarse``-th world alone."""
    caught, facts = rungs(worlds, lives, samples, seed)
    others, of_others = rivals(worlds, lives, seed)
    runs, teams = raised(worlds, lives, agents, updates)
    data, of_agents = climbed(runs, caught)
    pays, noises = PAYS[::coarse], NOISES[::coarse]
    paying, of_map = map_of_arms(worlds[0], pays, noises, min(lives, 2_000), seed)
    rows = list(stored_parts("many-arms-map").values())
    found, of_found = found_over_map(rows, min(lives, 2_000), seed)
    facts |= of_others | of_agents | of_map | of_found
    return Page(caught, others, data, teams, paying, found, facts)
