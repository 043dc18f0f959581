"""What the chapter *Is it Bayesian inference?* reads in stored agents, before and after training.

All seeds of some tasks of a study are looked into: what can be read off their memory of lives that
they watch (`watched`, `probed`) or live (`own_lives`), what they answer to evidence (`answered`),
and where it takes their memory (`paths`). Measures are given with intervals over seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit.agents import AgentPolicy, TrainedAgents, Watch
from meta_bandit.agents.network import initial_weights
from meta_bandit.measure import estimates, held_out_r2, raw_inputs, share_moved_by
from meta_bandit.studies.facts import Facts, fact, interval, task_names
from meta_bandit.theory import bayes_optimal
from meta_bandit.worlds import GaussianBandit, simulate
from meta_bandit.worlds.bandit import History, Lives

TARGETS = ("posterior mean", "count of pulls")
WORLDS = ("learns", "edge", "never")
"""Words for three tasks: learning pays, just does, does not."""


@dataclass
class OwnRate:
    """Pulls the risky arm at a rate that each life draws at birth.

    In its lives the count of pulls and the time come apart.
    """

    seed: int = 0

    def risky_probability(self, task: GaussianBandit, history: History) -> NDArray[np.float64]:
        """Probability of the risky arm: the life's rate."""
        if history.pull == 0:
            draws = np.random.default_rng([self.seed, 3])
            self.rate = draws.random(history.last_reward.shape)
        return self.rate


class Watched(NamedTuple):
    """Lives that agents of one task have watched, and their memory of them.

    Attributes
    ----------
    team, seen
        The agents and the lives, each agent's own.
    memory, untrained : shape (pulls, features, agents, lives)
        Outputs, then cells, right before each pull: of the agents, and of the networks that their
        training began with.
    """

    team: TrainedAgents
    seen: Lives
    memory: NDArray[np.float32]
    untrained: NDArray[np.float32]

    @property
    def units(self) -> int:
        """Units of the network: so many outputs, and as many cells."""
        return self.team.config.units

    @property
    def targets(self) -> dict[str, NDArray[np.float64]]:
        """What an ideal observer would know before each pull; shape (pulls, agents, lives) each."""
        count = np.cumsum(self.seen.actions, axis=0) - self.seen.actions
        return dict(zip(TARGETS, (estimates(self.seen), count.astype(float)), strict=True))


def before_training(team: TrainedAgents) -> TrainedAgents:
    """Give the networks that agents' training began with."""
    first = initial_weights(team.seeds.tolist(), team.config.units).float().numpy()
    return replace(team, weights=first)


def at(team: TrainedAgents, sigma_p: float) -> TrainedAgents:
    """Choose the agents of a task, all seeds.

    Raises
    ------
    ValueError
        If there is none.
    """
    found = np.flatnonzero(np.isclose(team.task.sigma_p, sigma_p))
    if not found.size:
        known = ", ".join(f"{p:g}" for p in np.unique(team.task.sigma_p))
        raise ValueError(f"sigma_p = {sigma_p:g}: no agent is of that task, but of {known}")
    return team[found]


def watched(team: TrainedAgents, lives: int, seed: int = 0) -> Watched:
    """Show agents of one task, and the networks that they began as, the same lives."""
    kept = []
    for network in (team, before_training(team)):
        watcher = AgentPolicy(network, remember=True)
        rng = np.random.default_rng([seed, 1])
        seen = simulate(Watch(OwnRate(seed), watcher), team.task, lives, rng)
        kept.append(watcher.memory.swapaxes(1, 2))
    return Watched(team, seen, *kept)


def lived(team: TrainedAgents, lives: int, seed: int = 0) -> Watched:
    """Let greedy agents live, watched by the networks that they began as."""
    own = AgentPolicy(team, remember=True)
    other = AgentPolicy(before_training(team), remember=True)
    seen = simulate(Watch(own, other), team.task, lives, np.random.default_rng([seed, 2]))
    return Watched(team, seen, own.memory.swapaxes(1, 2), other.memory.swapaxes(1, 2))


def _worlds(shown: Sequence[Watched]) -> list[str]:
    """Name the tasks."""
    tasks = [it.team.task[0] for it in shown]
    both = GaussianBandit(
        [float(task.sigma_p) for task in tasks],
        [float(task.sigma_l) for task in tasks],
        int(tasks[0].lifetime),
    )
    return task_names(both, WORLDS if len(tasks) == len(WORLDS) else ())


def _coordinates(shown: Sequence[Watched]) -> dict[str, list[int] | list[str]]:
    return {"task": _worlds(shown), "seed": shown[0].team.seeds.astype(int).tolist()}


def said(values: xr.DataArray, digits: int = 2, times: float = 1.0) -> str:
    """Write a mean over seeds with half of its 95% interval."""
    mean, half = interval(values)
    return f"{times * mean:.{digits}f} ± {times * half:.{digits}f}".replace("-", "−")


def probed(shown: Sequence[Watched]) -> tuple[xr.Dataset, Facts]:
    """Read both numbers of an ideal observer off memories, and off inputs alone.

    Returns
    -------
    Dataset over (task, target, network, seed)
        ``r2``, held out; networks are ``untrained``, ``trained`` and the ``inputs``.
    Facts
    """
    found = []
    for here in shown:
        sources = (here.untrained, here.memory, raw_inputs(here.seen))
        agents = range(len(here.team.seeds))
        found.append(
            [
                [[held_out_r2(x[:, :, i], y[:, i]) for i in agents] for x in sources]
                for y in here.targets.values()
            ]
        )
    over = ("task", "target", "network", "seed")
    data = xr.Dataset({"r2": (over, np.array(found))}).assign_coords(_coordinates(shown))
    data = data.assign_coords(target=list(TARGETS), network=["untrained", "trained", "inputs"])
    facts = _shown(shown)
    for key, target in zip(("mean", "count"), TARGETS, strict=True):
        for first, network in (("first", "untrained"), ("last", "trained"), ("raw", "inputs")):
            values = data.r2.sel(target=target, network=network).mean("task")
            about = f"R^2 of the {target}, {network}, mean over tasks, 95% interval over seeds"
            facts[f"{first}-{key}"] = fact(said(values), about)
    never = data.r2.sel(target=TARGETS[0], network="trained").isel(task=-1)
    facts["never-mean"] = fact(said(never), "R^2 of the posterior mean, trained, last task")
    return data, facts


def _shown(shown: Sequence[Watched]) -> Facts:
    team = shown[0].team
    return {
        "seeds": fact(len(team.seeds), "agents of each task"),
        "units": fact(team.config.units, "outputs of a network, and cells"),
        "updates": fact(team.config.updates, "updates of training"),
        "lives": fact(shown[0].seen.actions.shape[-1], "lives that each network watches"),
        "lifetime": fact(int(np.ravel(team.task.lifetime)[0]), "pulls of a life"),
        "mean": fact(float(np.ravel(team.task.mean)[0]), "prior mean of the risky arm, reward"),
    }


def own_lives(here: Watched) -> tuple[xr.Dataset, Facts]:
    """Read the posterior mean off memories of lives that agents lead themselves.

    Parameters
    ----------
    here
        Of `lived`.

    Returns
    -------
    Dataset over (phase, part, network, seed) and (network, seed)
        ``r2`` of the posterior mean, while agents still pull the risky arm and after they have
        left it for good, in all of memory, its outputs and its cells; ``moved``, the share of the
        outputs' movement that goes with the posterior mean while they pull.
    Facts
    """
    pulls = here.seen.actions
    still = np.cumsum(pulls[::-1], axis=0)[::-1] > 0
    mean, units = here.targets[TARGETS[0]], here.units
    parts = {"memory": slice(None), "outputs": slice(None, units), "cells": slice(units, None)}
    networks = {"untrained": here.untrained, "trained": here.memory}
    agents = range(len(here.team.seeds))
    read = [
        [
            [[held_out_r2(x[:, part, i], mean[:, i], on[:, i]) for i in agents] for x in both]
            for part in parts.values()
        ]
        for both in [networks.values()]
        for on in (still, ~still)
    ]
    moved = [
        [share_moved_by(mean[:, i], x[:, :units, i], still[:, i]) for i in agents]
        for x in networks.values()
    ]
    data = xr.Dataset(
        {"r2": (("phase", "part", "network", "seed"), read), "moved": (("network", "seed"), moved)},
        {
            "phase": ["still pulling", "has left"],
            "part": list(parts),
            "network": list(networks),
            "seed": here.team.seeds.astype(int),
        },
    )
    r2 = data.r2.sel(part="memory")
    own, left = r2.sel(phase="still pulling"), r2.sel(phase="has left", network="trained")
    unread = (1 - own.sel(network="trained")) / (1 - own.sel(network="untrained"))
    facts = {
        "own-removed": fact(said(1 - unread, 0, 100), "of what was not read, read now, %"),
        "left-trained": fact(said(left), "R^2 of the posterior mean, trained, after leaving"),
    }
    for name in networks:
        value, share = own.sel(network=name), data.moved.sel(network=name)
        facts[f"own-{name}"] = fact(said(value, 3), f"R^2 of the posterior mean, {name}, own lives")
        facts[f"moved-{name}"] = fact(said(share, 0, 100), f"of movement that goes with it, {name}")
    return data, facts


def log_odds(here: Watched, pull: int) -> NDArray[np.float64]:
    """What agents answer before a pull, counted from 0: log-odds of the risky arm.

    Returns
    -------
    shape (agents, lives)
    """
    units = here.units
    head = here.team.weights[:, -units - 1 :, 4 * units].astype(float)
    risky = np.einsum("au,ual->al", head[:, 1:], here.memory[pull, :units]) + head[:, :1]
    return np.asarray(risky, dtype=np.float64)


def answered(shown: Sequence[Watched], pull: int = 10) -> tuple[xr.Dataset, Facts]:
    """Ask agents for their answer to what the lives that they watched have shown.

    Parameters
    ----------
    shown
        Agents of each task, and what they watched.
    pull
        Before which they are asked, counted from 1.

    Returns
    -------
    Dataset
        ``log_odds`` and ``posterior_mean`` (reward) over (task, seed, life); ``threshold`` over
        (task), below which the Bayes-optimal policy leaves. Over (task, seed): ``above`` and
        ``below``, the shares of lives above and below it in which an agent would go on (NaN where
        there is none); ``typical``, the median of the log-odds; ``follows``, the correlation of the
        answer to a first risky reward with the posterior mean; ``level``, the median of that.
    Facts
    """
    over = ("task", "seed", "life")
    data = xr.Dataset(coords=_coordinates(shown))
    data["log_odds"] = over, [log_odds(here, pull - 1) for here in shown]
    data["posterior_mean"] = over, [here.targets[TARGETS[0]][pull - 1] for here in shown]
    best = [bayes_optimal(here.team.task[0]).thresholds[pull - 1] for here in shown]
    data["threshold"] = "task", np.ravel(best)
    enough = data.posterior_mean > data.threshold
    on = data.log_odds > 0
    data["above"], data["below"] = on.where(enough).mean("life"), on.where(~enough).mean("life")
    data["typical"] = data.log_odds.median("life")
    follows, level = [], []
    for here in shown:
        answer, mean, began = log_odds(here, 1), here.targets[TARGETS[0]][1], here.seen.actions[0]
        each = [(mean[i, began[i] == 1], answer[i, began[i] == 1]) for i in range(len(mean))]
        follows.append([np.corrcoef(*both)[0, 1] for both in each])
        level.append([np.median(own) for _, own in each])
    data["follows"], data["level"] = (over[:2], follows), (over[:2], level)
    facts = {
        "asked": fact(pull, "pull before which agents are asked"),
        "deaf": fact(
            (data.above.isel(task=-1) == 0).sum(), "of the last task that would never go on"
        ),
    }
    return data, facts


def answers_table(data: xr.Dataset) -> dict[str, dict[str, str]]:
    """Lay out what agents answer: mean over seeds, 95% interval."""
    lines = {
        "would go on above the threshold (%)": (data.above, 100),
        "would go on below it (%)": (data.below, 100),
        "median log-odds": (data.typical, 1),
        "median log-odds after a first risky reward": (data.level, 1),
    }
    table = {name: _each(values, 0 if n > 1 else 1, n) for name, (values, n) in lines.items()}
    table["correlation of that answer with the posterior mean"] = _each(data.follows, 2)
    return table


def _each(values: xr.DataArray, digits: int, times: float = 1) -> dict[str, str]:
    return {str(t): said(values.sel(task=t), digits, times) for t in values.task.values}


def paths(shown: Sequence[Watched], most: int = 40) -> tuple[xr.Dataset, Facts]:
    """Follow watched lives through the first two principal components of agents' outputs.

    Parameters
    ----------
    shown
        Agents of each task, and what they watched.
    most
        Lives whose paths are given, of the first agent of each task.

    Returns
    -------
    Dataset
        ``place`` over (task, life, pull, component), ``explained`` over (task, component), share of
        variance, and ``posterior_mean`` over (task, life, pull), of the first agent; ``along`` over
        (task, seed): the share of variance along the first component, after ten pulls, that goes
        with the posterior mean, of every agent.
    Facts
        Of the first and the last task.
    """
    data = xr.Dataset(coords=_coordinates(shown))
    place, explained, means, along = [], [], [], []
    for here in shown:
        mean, shares = here.targets[TARGETS[0]], []
        for agent in range(len(here.team.seeds)):
            outputs = here.memory[:, : here.units, agent].transpose(2, 0, 1)
            off = outputs - outputs.mean((0, 1))
            _, size, axes = np.linalg.svd(off.reshape(-1, here.units), full_matrices=False)
            first = (off @ axes[0])[:, 10:]
            own = mean[10:, agent].T
            shares.append(np.corrcoef(first.ravel(), own.ravel())[0, 1] ** 2)
            if agent == 0:
                place.append(off[:most] @ axes[:2].T)
                explained.append((size**2 / (size**2).sum())[:2])
                means.append(mean[:, 0, :most].T)
        along.append(shares)
    data["place"] = ("task", "life", "pull", "component"), place
    data["explained"] = ("task", "component"), explained
    data["posterior_mean"] = ("task", "life", "pull"), means
    data["along"] = ("task", "seed"), along
    facts = {
        f"path-{name}": fact(
            said(data.along.isel(task=number), 0, 100),
            "of the first component's variance goes with the posterior mean, %, "
            + ("first" if number == 0 else "last")
            + " task",
        )
        for name, number in (("learns", 0), ("never", -1))
    }
    return data, facts
