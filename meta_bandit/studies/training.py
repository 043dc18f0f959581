"""What the chapter *How agents are trained* draws, and the numbers that it quotes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from meta_bandit.agents import CONFIGURATIONS, AgentPolicy, TrainedAgents
from meta_bandit.agents.a2c import Trainer
from meta_bandit.agents.network import INPUTS
from meta_bandit.policies import Stopping
from meta_bandit.studies.facts import Facts, fact
from meta_bandit.theory import bayes_optimal
from meta_bandit.worlds import simulate
from meta_bandit.worlds.bandit import Policy

Watch = Callable[[Tensor], None]
Network = Callable[[Tensor, Tensor, Watch], Tensor]
"""Heads of every pull, (pulls, agents, 2, lives), from weights and inputs; it hands the slope of
each pull's cells, (agents, units, lives), to the watch, from the last pull to the first."""
PLAIN = CONFIGURATIONS["plain"]
RECIPES = {
    "plain": PLAIN,
    "slopes unbounded": replace(PLAIN, backpropagation_clip=math.inf),
    "shorter gradient": replace(PLAIN, gradient_clip=0.1),
    "both": replace(PLAIN, backpropagation_clip=math.inf, gradient_clip=0.1),
    "author-minimal": CONFIGURATIONS["author-minimal"],
}
"""Two settings, each changed alone and both together; and the first author's public code."""
TRAINERS = {
    "native": "this engine, compiled from C",
    "ours": "this engine, in PyTorch",
    "jax": "JAX",
    "plain": "autograd",
}
"""What the benchmark of speed calls the trainers, and what the chapter does."""


def shares(
    agents: TrainedAgents, lives: int, seed: int | Sequence[int], policy: Policy | None = None
) -> xr.Dataset:
    """Compare greedy agents with the Bayes-optimal policy on the same lives.

    Parameters
    ----------
    agents
        Each on a task of its own.
    lives
        Of each agent.
    seed
        Of all lives.
    policy
        What plays for them, where it is not `AgentPolicy`.

    Returns
    -------
    Dataset
        Over agent: ``share`` of the optimal return with its standard error ``share_se``, both 0 if
        it never pulls and NaN where that return is 0; ``risky_pulls`` in a life.
    """
    task = agents.task
    optimum = bayes_optimal(task)
    value = np.asarray(optimum.value)
    played, ideal = (
        simulate(player, task, lives, np.random.default_rng(seed))
        for player in (policy or AgentPolicy(agents), Stopping(optimum.thresholds))
    )
    unit = np.where(value > 0, value, np.nan)
    lost = (ideal.expected_returns - played.expected_returns) / unit[:, None]
    pulls = played.risky_pulls.mean(-1)
    idle = (pulls == 0) & (value > 0)
    found = {
        "share": np.where(idle, 0.0, 1 - lost.mean(-1)),
        "share_se": np.where(idle, 0.0, lost.std(-1) / lives**0.5),
        "risky_pulls": pulls,
    }
    return xr.Dataset({name: ("agent", values) for name, values in found.items()})


def recipes(stored: Mapping[str, Any]) -> tuple[xr.Dataset, Facts]:
    """Lay out what `benchmarks.recipes` measured of five agents by each recipe.

    Parameters
    ----------
    stored
        ``benchmarks/results/recipes.json``.

    Returns
    -------
    Dataset
        Over (recipe, seed): ``share`` of the Bayes-optimal return, in units of 1, see `shares`.
        Over (recipe, seed, stretch) of training: ``earned``, return of its lives over the
        optimum; ``gradient`` and ``longest``, median and largest length of a gradient before it
        was shortened; and over (recipe, stretch) ``pulls`` of an agent until its end.
    Facts
        Of each recipe, by its name with hyphens; and of all.
    """
    rows, axes = stored["rows"], ("recipe", "seed", "stretch")
    curves = [row["curve"] for row in rows]
    returns = np.array([curve["return"] for curve in curves])
    data = xr.Dataset(
        {
            "share": (axes[:2], np.array([row["share"] for row in rows])),
            "earned": (axes, returns / stored["optimum"]),
            "gradient": (axes, np.array([curve["gradient_median"] for curve in curves])),
            "longest": (axes, np.array([curve["gradient_longest"] for curve in curves])),
            "pulls": (("recipe", "stretch"), np.array([curve["pulls"] for curve in curves])),
        },
        {"recipe": [row["recipe"] for row in rows], "seed": stored["seeds"]},
    )
    facts = {
        "recipe-seeds": fact(len(stored["seeds"]), "agents of each recipe, count"),
        "recipe-lives": fact(f"{stored['lives']:,}", "lives in which each is measured"),
        "recipe-se": fact(100 * max(max(row["share_se"]) for row in rows), "largest s.e., %"),
    }
    for row in rows:
        name, share = row["recipe"], 100 * np.array(row["share"])
        key = name.replace(" ", "-")
        facts |= {
            f"{key}-worst": fact(share.min(), f"{name}: worst agent, % of the optimum"),
            f"{key}-best": fact(share.max(), f"{name}: best agent, % of the optimum"),
            f"{key}-pulls": fact(
                row["curve"]["pulls"][-1] / 1e6,
                f"{name}: pulls that an agent is trained for, million",
            ),
            f"{key}-usual": fact(
                np.median(row["gradient_median"]), f"{name}: median length of a gradient"
            ),
            f"{key}-longest": fact(max(row["gradient_longest"]), f"{name}: longest gradient"),
        }
    return data, facts


def slopes(agents: TrainedAgents, network: Network) -> tuple[xr.DataArray, Facts]:
    """Hand the slopes of an update's lives back through time without a bound.

    Parameters
    ----------
    agents
        As they are now; they do not learn from these lives.
    network
        The same network, written so that autograd can follow.

    Returns
    -------
    DataArray
        Largest slope of a life's cells at each pull, over (pull, agent, life).
    Facts
        How many lives would meet the bound of their training.
    """
    config = replace(agents.config, updates=1)
    trainer = Trainer(agents.task, agents.seeds.tolist(), config, torch.device("cpu"))
    trainer.net.weights.copy_(torch.from_numpy(agents.weights))
    with torch.inference_mode():
        trainer.lives.play(0)
        trainer.loss_slope(torch.tensor(0.0))
    # tensors of inference mode are closed to autograd, copies are not
    weights = trainer.net.weights.clone().requires_grad_()
    inputs = trainer.net.inputs[:-1, :, :INPUTS].clone()
    seen: list[Tensor] = []
    heads = network(weights, inputs, lambda slope: seen.append(slope.abs().amax(1)))
    (heads * trainer.heads_slope.clone()).sum().backward()
    data = xr.DataArray(
        torch.stack(seen[::-1]).numpy(),
        dims=["pull", "agent", "life"],
        coords={"pull": 1 + np.arange(len(seen))},
    )
    over = (data > agents.config.backpropagation_clip).any("pull")
    return data, {
        "over": fact(100 * over.mean(), "lives with a slope above the bound, %"),
        "largest-slope": fact(data.max(), "largest slope of all, loss"),
    }


def speed(rates: Mapping[str, Any]) -> tuple[dict[str, list[Any]], Facts]:
    """Compare trainers by how fast they are, each as it uses the cores best.

    Parameters
    ----------
    rates
        The section ``rates`` of ``benchmarks/results/training.json``.

    Returns
    -------
    dict
        Columns of a table with a row for each trainer and size of an ensemble; rates are in
        thousand pulls a second.
    Facts
        Ratios of their medians, what the cores reach, the goals that were set, and the machine.
    """
    best: dict[tuple[str, int], dict[str, Any]] = {}
    for row in rates["rows"]:
        if row["kind"] in TRAINERS:
            key = row["kind"], row["agents"]
            best[key] = max(best.get(key, row), row, key=lambda one: one["rate"]["median"])
    order = sorted(best, key=lambda key: (key[1], [*TRAINERS].index(key[0])))
    table: dict[str, list[Any]] = {
        "agents": [agents for _, agents in order],
        "trainer": [TRAINERS[kind] for kind, _ in order],
    }
    for name in ("median", "lowest", "highest"):
        table[name] = [round(best[key]["rate"][name] / 1e3) for key in order]
    median = {key: row["rate"]["median"] for key, row in best.items()}
    most = max(agents for _, agents in best)
    facts: Facts = {"most": fact(most, "agents of the largest ensemble, count")}
    for name, agents in (("one", 1), ("eight", 8), ("most", most)):
        ours = max(median.get((kind, agents), 0.0) for kind in ("ours", "native"))
        said = f"rate of {agents} agents"
        facts |= {
            f"{name}-autograd": fact(ours / median["plain", 1], f"{said} over that of autograd"),
            f"{name}-jax": fact(ours / median["jax", agents], f"{said} over that of JAX"),
        }
    matrix = {bar["what"].strip(): bar["measured"] for bar in rates["bars"]}
    goals = [bar["met"] for bar in rates["bars"] if bar["met"] is not None]
    machine = rates["machine"]
    return table, facts | {
        "matrix": fact(
            100 * matrix[f"{most} agents: share of the float32 matrix rate"],
            f"operations a second of {most} agents, % of those of large products",
        ),
        "goals": fact(len(goals), "goals that were set for speed, count"),
        "missed": fact(goals.count(False), "of these not met, count"),
        "repeats": fact(rates["rows"][0]["rate"]["repeats"], "turns of each trainer, count"),
        "processor": fact(machine["processor"], "processor"),
        "cores": fact(machine["cores"], "its cores, count"),
        "load": fact(machine["load_average"][0], "load of the machine at the start, processes"),
        "torch": fact(machine["versions"]["torch"], "version of torch"),
        "measured-on": fact(machine["date"][:10], "day of the measurement"),
    }
