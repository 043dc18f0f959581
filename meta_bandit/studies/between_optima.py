"""Trainings of *Between the optima*: agents that are trained on, and agents that begin elsewhere.

What they become is measured, and told, by `many_optima`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from meta_bandit import GaussianBandit
from meta_bandit.agents import A2CConfig, TrainedAgents, train
from meta_bandit.agents.network import INPUTS, LOGIT, initial_weights
from meta_bandit.studies.many_optima import TRAININGS, observe, some_of
from meta_bandit.studies.results import stored, stored_agents


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
