"""What the chapter *What limits training* shows of other learners: `benchmarks.learners`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from meta_bandit.studies.facts import Facts, fact

WAYS = {
    "direct": "plain, direct",
    "path": "plain, with its path",
    "default, direct": "default, direct",
    "default": "default, with its path",
}
"""Ways of learning by their names in the benchmark's file, and what the chapter calls them."""
MEASURES = ("share", "share_se", "risky_pulls")
CURVES = ("curve_risky_pulls", "curve_mean_return")


def learners(stored: Mapping[str, Any]) -> tuple[xr.Dataset, Facts]:
    """Lay out what agents of other learners earn between the edges, and whether they pull.

    Parameters
    ----------
    stored
        ``benchmarks/results/learners.json``.

    Returns
    -------
    Dataset
        Over (learner, way, task, seed): ``share`` of the Bayes-optimal return with its standard
        error ``share_se``, and ``risky_pulls`` in a life, all of greedy agents; with ``update``,
        learning curves ``curve_risky_pulls`` and ``curve_mean_return`` (reward) of agents that
        sample; NaN where a learner was not trained in that way. Over (task), what a perfect life is
        worth, ``value`` (reward).
    Facts
        What was trained on what, and from when on nobody pulls.
    """
    found, tasks = stored["learners"], stored["tasks"]
    rows = [row for ways in found.values() for own in ways.values() for row in own["rows"]]
    over = ("learner", "way", "task", "seed")
    at: dict[str, Any] = {
        "learner": [*found],
        "way": [*WAYS.values()],
        "task": np.arange(len(tasks)),
        "seed": sorted({row["seed"] for row in rows}),
        "update": stored["updates"],
    }
    shape = [len(at[name]) for name in over]
    data = xr.Dataset(coords=at)
    for name in (*MEASURES, *CURVES):
        more = ("update",) if name in CURVES else ()
        values = np.full((*shape, *(len(at[name]) for name in more)), np.nan)
        for learner, ways in found.items():
            for way, own in ways.items():
                for row in own["rows"]:
                    place = at["learner"].index(learner), [*WAYS].index(way), row["task"]
                    values[*place, at["seed"].index(row["seed"])] = row[name]
        data[name] = (*over, *more), values
    data["value"] = "task", [task["value"] for task in tasks]
    lives = {own["config"]["lives"] for ways in found.values() for own in ways.values()}
    most = found["evolution"]["direct"]["config"]["lives"] * stored["members"]
    facts: Facts = {
        "learner-tasks": fact(len(tasks), "tasks between the edges, count"),
        "learner-seeds": fact(len(at["seed"]), "agents of each task, learner and way, at most"),
        "learner-t": fact(tasks[0]["lifetime"], "lifetime, pulls"),
        "learner-lives": fact(f"{stored['lives']:,}", "lives in which each is looked at, count"),
        "learner-updates": fact(stored["updates"][-1], "updates of each agent, count"),
        "learner-more": fact(most / max(lives), "lives of evolution for each of the others"),
        "learner-least": fact(data.value.min(), "least that a perfect life is worth, reward"),
        "learner-most": fact(data.value.max(), "most that a perfect life is worth, reward"),
        "learner-se": fact(100 * data.share_se.max(), "largest standard error, % of the optimum"),
    }
    direct = data.curve_risky_pulls.sel(way=WAYS["direct"])
    # of the slowest: from when on no stretch of the curve has a pull a life
    late = (direct >= 1).any(over[:1] + over[2:])
    still = int(np.flatnonzero(late.values).max()) + 1
    path = data.curve_risky_pulls.sel(way=WAYS["path"])
    ours = data.risky_pulls.sel(way=WAYS["path"], learner="A2C")
    facts |= {
        "lstm-path": fact(ours.size, "LSTMs with the plain path, count"),
        "lstm-path-pull": fact((ours > 0).sum(), "of these, those that pull at all, count"),
        "direct-until": fact(
            data["update"][min(still, data.sizes["update"] - 1)],
            "plain, direct: updates after which no agent pulls once a life any more",
        ),
        "path-first": fact(
            path.isel(update=0).min(), "plain, with its path: fewest pulls a life at its begin"
        ),
    }
    return data, facts


def by_learner(data: xr.Dataset) -> dict[str, dict[str, object]]:
    """Lay out agents that pull, of all, and what those of the default earn: a row for a learner."""
    trained, pull = data.share.notnull(), data.risky_pulls > 0
    counts = {
        name: {
            way: f"{int((pull & trained).sel(learner=name, way=way).sum())} of "
            f"{int(trained.sel(learner=name, way=way).sum())}"
            for way in WAYS.values()
        }
        for name in data.learner.values
    }
    earned = 100 * data.share.sel(way=WAYS["default"]).mean(["task", "seed"])
    title = f"return, {WAYS['default']} (%)"
    return {
        name: {**own, title: round(float(earned.sel(learner=name)))} for name, own in counts.items()
    }
