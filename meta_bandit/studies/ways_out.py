"""What the chapter *Other ways up* shows: `benchmarks.many_arms`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from meta_bandit.studies.facts import Facts, fact

WAYS = {
    "first explore": "two policies",
    "fitted": "fitted to the index",
    "from the fit": "trained on from there",
    "fewer first": "fewer arms first",
}
"""Ways by their names in the benchmark's file, and what the chapter calls them."""


def ways_out(stored: Mapping[str, Any], rungs: xr.Dataset) -> tuple[xr.Dataset, Facts]:
    """Lay out what `benchmarks.many_arms` found.

    Parameters
    ----------
    stored
        What its file holds.
    rungs
        Of its worlds: ``bound`` over (world, tried), in units of reward.

    Returns
    -------
    Dataset
        Over (way, world, seed): ``expected_return`` and its standard error (reward),
        ``greedy_tried`` (arms), ``greedy_safe`` (pulls of arm 0); with ``point``, the learning
        curve ``curve`` (reward), at the updates ``update`` over (way, point), those of the fit
        counted before what follows it; NaN beyond the last.
        Of the two policies over (world, seed): ``explores``, pulls of the explorer, and over
        (pulls), ``by_explores``, what a life earns with so many of them (reward).
    Facts
        By way, of the first world (``-0``), the second, and so on.
    """
    safes, seeds = list(dict.fromkeys(stored["safe"])), list(dict.fromkeys(stored["seed"]))
    called = {name: way for name, way in WAYS.items() if name in stored["ways"]}
    shape, ways = (len(safes), len(seeds)), {name: stored["ways"][name] for name in called}
    over = ("way", "world", "seed")
    names = ("expected_return", "expected_return_se", "greedy_tried", "greedy_safe")
    data = xr.Dataset(
        {name: (over, [np.reshape(own[name], shape) for own in ways.values()]) for name in names},
        {"way": list(called.values()), "world": rungs.world.values, "seed": seeds},
    )
    most = max(len(own["updates"]) for own in ways.values())
    curve, update = np.full((len(ways), *shape, most), np.nan), np.full((len(ways), most), np.nan)
    for place, (name, own) in enumerate(ways.items()):
        before = ways["fitted"]["updates"][-1] if name == "from the fit" else 0
        update[place, : len(own["updates"])] = before + np.array(own["updates"])
        values = np.reshape(own["curve_mean_return"], (*shape, -1))
        curve[place, ..., : values.shape[-1]] = values
    data["curve"], data["update"] = ((*over, "point"), curve), (("way", "point"), update)
    explored = ways["first explore"]
    greedy, earned = np.reshape(explored["greedy"], shape), np.array(explored["by_explores"])
    earned = earned.reshape(*shape, 2, -1)
    data["explores"] = over[1:], np.reshape(explored["explores"], shape)
    settled = np.take_along_axis(earned, greedy[..., None, None], 2)[..., 0, :]
    data["by_explores"] = (*over[1:], "pulls"), settled
    data = data.assign_coords(pulls=np.arange(settled.shape[-1]))
    tried, unknown = data.greedy_tried.sel(way=WAYS["first explore"]), rungs.sizes["tried"] - 1
    chance = unknown * (1 - (unknown / (unknown + 1)) ** data.explores)
    facts: Facts = {
        "ways-seeds": fact(len(seeds), "agents of each way in each world"),
        "ways-lives": fact(f"{stored['lives']:,}", "lives in which each is measured"),
        "ways-se": fact(data.expected_return_se.max(), "largest standard error of an agent"),
        "ways-updates": fact(explored["updates"][-1], "updates of the two policies"),
        "explores-low": fact(data.explores.min(), "fewest pulls that are explored"),
        "explores-high": fact(data.explores.max(), "most pulls that are explored"),
        "explores-sampled": fact((greedy == 0).sum(), "of all explorers, those that sample"),
        "explorers": fact(greedy.size, "all explorers"),
        "explorers-tried": fact(tried.mean(), "arms that two policies try in a life"),
        "chance-tried": fact(
            chance.mean(), "arms that as many pulls try, each of any of the K arms alike"
        ),
    }
    return data, facts


def earned(ways: xr.Dataset, rungs: xr.Dataset) -> dict[str, dict[str, str]]:
    """Lay out what agents earn, in % of the bound, from the worst to the best, and arms tried.

    Parameters
    ----------
    ways, rungs
        See `ways_out`.
    """
    table: dict[str, dict[str, str]] = {}
    for world, name in enumerate(map(str, ways.world.values)):
        share = 100 * ways.expected_return.isel(world=world) / float(rungs.bound[world, -1])
        tried = ways.greedy_tried.isel(world=world).mean("seed")
        table[f"{name}: % of the bound"] = {
            way: f"{round(float(own.min()))} to {round(float(own.max()))}"
            for way, own in zip(ways.way.values.tolist(), share, strict=True)
        }
        table[f"{name}: arms tried"] = {
            way: f"{arms:.1f}"
            for way, arms in zip(ways.way.values.tolist(), tried.values, strict=True)
        }
    return table
