"""What the chapter *Many arms* draws of its worlds and agents, and the numbers that it quotes.

Functions make a dataset and facts of what the study ``many-arms`` found, and of the theory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit.policies.many_arms import Gittins
from meta_bandit.studies.facts import Facts, fact
from meta_bandit.theory import stopping_critical_sigma_l
from meta_bandit.theory.many_arms import index_offsets, many_optimal_commit
from meta_bandit.worlds import ManyArms, simulate

RECIPES = {"default": "default", "direct": "direct", "shared": "a memory for each arm"}
"""Ways of training, and what the chapter calls them."""


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
        which as much can be earned at all (thm-ladder), two standard errors of both granted.
    Facts
        Of the first world (``-0``), the second, and so on, by recipe.
    """
    data = runs.set_index(agent=["safe", "recipe", "seed"]).unstack("agent")
    data = data.sel(safe=rungs.safe.values, recipe=list(RECIPES)).rename(safe="world")
    data = data.assign_coords(world=rungs.world.values, recipe=list(RECIPES.values()))
    sure = data.expected_return - 2 * data.expected_return_se
    below = rungs.bound + 2 * rungs.bound_se < sure
    data["never"] = "world", runs.attrs["lifetime"] * rungs.safe.values
    data["needs"] = below.sum("tried").clip(max=rungs.sizes["tried"] - 1)
    about = runs.attrs
    facts: Facts = {
        "agents": fact(data.sizes["seed"], "agents of each training in each world"),
        "agent-lives": fact(f"{about['lives']:,}", "lives in which each agent is measured"),
        "agent-se": fact(data.expected_return_se.max(), "largest standard error of an agent"),
        "updates": fact(data["update"].max(), "updates of each training"),
        "training-minutes": fact(about["training_seconds"] / 60, "minutes of training, summed"),
    }
    for world in range(data.sizes["world"]):
        for key, recipe in RECIPES.items():
            own = data.isel(world=world).sel(recipe=recipe)
            where = f"{recipe}, world {world}"
            facts |= {
                f"{key}-mean-{world}": fact(own.expected_return.mean(), f"return of {where}"),
                f"{key}-low-{world}": fact(own.expected_return.min(), f"of the worst of {where}"),
                f"{key}-tried-{world}": fact(own.greedy_tried.mean(), f"arms tried by {where}"),
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
            "arms tried": f"{float(tried.min()):.1f} to {float(tried.max()):.1f}",
            "arms needed": f"{int(needs.min())} to {int(needs.max())}",
            "pulls of arm 0": round(float(own.greedy_safe.mean()), 1),
        }
        for title, value in values.items():
            table.setdefault(title, {})[world, recipe] = value
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
        # the index does not depend on what arm 0 pays
        policy = Gittins(index_offsets(ManyArms(*fixed, spread, world.lifetime, world.mean)))
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
        Of each recipe the mean share with the lowest and the highest seed (means over worlds).
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
    beyond = data.sigma_l >= data.edge
    facts = {
        "found-worlds": fact(data["index"].size, "worlds of the map in which agents were trained"),
        "found-worth": fact((data["index"] >= 1).sum(), "in which the index earns 1 more or more"),
        "found-beyond": fact(beyond.sum(), "in which exploring cannot pay"),
        "found-lives": fact(f"{about['lives']:,}", "lives in which each of them is measured"),
        "found-seeds": fact(data.sizes["seed"], "agents of each way in each world"),
    }
    for recipe in RECIPES:
        own = data.sel(recipe=recipe)
        seeds = 100 * own.share.mean(["safe", "sigma_l"])
        facts |= {
            f"found-{recipe}": fact(seeds.mean(), f"mean share of {recipe}, %"),
            f"found-{recipe}-low": fact(seeds.min(), f"{recipe}: of the worst seed, %"),
            f"found-{recipe}-high": fact(seeds.max(), f"{recipe}: of the best seed, %"),
            f"found-{recipe}-stuck": fact(
                (own.share < 0.5).sum(), f"{recipe}: agents with less than half, where it is worth"
            ),
            f"found-{recipe}-agents": fact(own.share.count(), f"{recipe}: of so many agents"),
            f"found-{recipe}-loss": fact(
                -own.earned.where(beyond).min(), f"{recipe}: most lost where none can gain, reward"
            ),
        }
    return data, facts
