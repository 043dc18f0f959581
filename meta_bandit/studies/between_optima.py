"""Trainings of *Between the optima*: agents that are trained on, and agents that begin elsewhere.

What they become is measured, and told, by `many_optima`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from scipy.special import expit

from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, A2CConfig, AgentPolicy, TrainedAgents, train
from meta_bandit.agents.network import INPUTS, LOGIT, initial_weights
from meta_bandit.measure import measure
from meta_bandit.studies.facts import Facts, fact
from meta_bandit.studies.many_optima import TRAININGS, Mixed, observe, some_of
from meta_bandit.studies.results import stored, stored_agents
from meta_bandit.theory import bayes_optimal
from meta_bandit.worlds import simulate

PLAIN = replace(CONFIGURATIONS["plain"], continuation_until=0.0)
"""How agents are trained directly."""


def at_tasks(
    sigma_p: Sequence[float],
) -> tuple[list[xr.Dataset], dict[str, TrainedAgents]]:
    """Choose some tasks of the stored row, with their agents.

    Parameters
    ----------
    sigma_p
        Of the tasks, in units of reward.

    Returns
    -------
    list, dict
        What is stored of them, for each training, and the agents by training.
    """
    results, agents = [], {}
    for training, name in zip(TRAININGS, ("across-direct", "across"), strict=True):
        results.append(stored(f"{name}.nc").sel(sigma_p=sorted(set(sigma_p))))
        team = stored_agents(f"{name}.safetensors")
        agents[training] = team[np.flatnonzero(np.isin(team.task.sigma_p, sigma_p))]
    return results, agents


def world(data: xr.Dataset, sigma_p: float, count: int) -> GaussianBandit:
    """Make a task of a row of tasks, once for each agent.

    Parameters
    ----------
    data
        Of the row, see `many_optima.row`.
    sigma_p
        In units of reward.
    count
        Agents.
    """
    rest = (data.attrs[name] for name in ("sigma_l", "lifetime", "mean"))
    return GaussianBandit(np.full(count, sigma_p), *rest)


def gentle(updates: int) -> A2CConfig:
    """Configure so many updates of further training: small steps, and no entropy bonus."""
    steady = replace(PLAIN, updates=updates, learning_rate=1e-3, learning_rate_hold=1.0)
    return replace(steady, entropy=0.0, entropy_until=1.0)


def trained_on(
    data: xr.Dataset,
    agents: Mapping[str, TrainedAgents],
    config: A2CConfig,
    tasks: tuple[float, float],
    most: int,
    lives: int,
    seed: int = 0,
    device: str = "cpu",
) -> dict[str, tuple[xr.Dataset, xr.Dataset]]:
    """Train stored agents on: learners on a task where none learns, and hesitant ones on theirs.

    Parameters
    ----------
    data, agents
        Of the row, see `many_optima.row`; the agents by training.
    config
        Of their further training.
    tasks
        sigma_p of the task that learners are moved to, and of the task that all come from.
    most
        Agents of each group, at most.
    lives
        In which each is observed, before and after.
    seed
        Of these lives; that of the first agent is 30,000 more.
    device
        Where they are trained.

    Returns
    -------
    dict
        By group, what `many_optima.observe` found before and after.
    """
    here, home = tasks
    moves = {}
    for title, training, kind, sigma_p in (
        (f"learners, moved to {here:g}", "continuation", "learns", here),
        (f"hesitant, at {home:g}", "direct", "hesitates", home),
    ):
        before = some_of(data, agents[training], training, kind, home, most)
        count = len(before.seeds)
        seeds = [seed + 30_000 + number for number in range(count)]
        task = world(data, sigma_p, count)
        after = train(task, seeds, config, device, progress=False, initial=before.weights)
        moves[title] = observe(before, task, lives, seed), observe(after, task, lives, seed)
    return moves


def loaded(
    task: GaussianBandit, seeds: Sequence[int], config: A2CConfig, logit: float, device: str = "cpu"
) -> TrainedAgents:
    """Train agents whose first weights are moved, so that their first coins are loaded.

    Parameters
    ----------
    task : shape (agents,)
        Where they live.
    seeds
        One for each.
    config
        Of their training.
    logit
        Log-odds of a pull with which all begin; 0: a fair coin.
    device
        Where they are trained.
    """
    first = initial_weights(list(seeds), config.units).float().numpy()
    first[:, INPUTS, 4 * config.units + LOGIT] += logit
    return train(task, list(seeds), config, device, progress=False, initial=first)


def raced(
    ways: Mapping[str, tuple[A2CConfig, float]],
    data: xr.Dataset,
    sigma_p: float,
    seeds: Sequence[int],
    device: str = "cpu",
) -> tuple[dict[str, TrainedAgents], Facts]:
    """Train agents in several ways on a task of a row.

    Parameters
    ----------
    ways
        By name, how, and the log-odds of a pull with which they begin: see `loaded`.
    data
        Of the row, see `many_optima.row`.
    sigma_p
        Of the task, in units of reward.
    seeds
        Of the agents of each way.
    device
        Where they are trained.

    Returns
    -------
    dict
        The agents, by way.
    Facts
    """
    here = world(data, sigma_p, len(seeds))
    teams = {name: loaded(here, seeds, *way, device) for name, way in ways.items()}
    odds = [logit for _, logit in ways.values()]
    updates = max(config.updates for config, _ in ways.values())
    return teams, {
        "vary-p": fact(sigma_p, "sigma_p of the task of the race, reward"),
        "vary-seeds": fact(len(seeds), "agents of each way"),
        "vary-updates": fact(updates, "updates of their training"),
        "vary-best": fact(bayes_optimal(here[0]).value, "what the best policy earns there"),
        "shy": fact(expit(min(odds)), "probability of a pull with which the shy begin"),
        "bold": fact(expit(max(odds)), "the same of the bold"),
    }


def mixed(
    first: TrainedAgents, second: TrainedAgents, shares: Sequence[float], lives: int, seed: int = 0
) -> list[str]:
    """Say what the behaviours of two agents earn, mixed, a line for each share of the second.

    Parameters
    ----------
    first, second
        One agent each, of one task.
    shares
        Probabilities that the second decides, at each pull.
    lives, seed
        That are played, and of their random numbers.
    """
    lines = []
    for share in shares:
        policy = Mixed(AgentPolicy(first), AgentPolicy(second), share)
        rng = np.random.default_rng([seed, 7])
        found = measure(simulate(policy, second.task, lives, rng), ["agent"])
        value, error = float(found.expected_return[0]), float(found.expected_return_se[0])
        lines.append(f"eta = {share}: return {value:.2f}, s.e. {error:.2f}")
    return lines
