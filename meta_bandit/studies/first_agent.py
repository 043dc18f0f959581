"""What *A first agent* draws of agents on a few tasks, and the numbers that it quotes.

Agents are in the order in which `teams` puts them: by task, then by seed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit import GaussianBandit
from meta_bandit.agents import TrainedAgents
from meta_bandit.measure import behaviour, lay_out, measure
from meta_bandit.studies.facts import Facts, fact
from meta_bandit.theory import bayes_optimal, full_information_value, optimal_commit
from meta_bandit.worlds.bandit import Lives


def teams(worlds: GaussianBandit, seed: int, agents: int) -> tuple[GaussianBandit, list[int]]:
    """Put some agents on each task: the task of each, and its seed.

    Parameters
    ----------
    worlds : shape (tasks,)
        The tasks.
    seed
        Of the first agent of each task; the others count on.
    agents
        Of each task.
    """
    which = np.repeat(np.arange(worlds.shape[0]), agents)
    return worlds[which], np.tile(seed + np.arange(agents), worlds.shape[0]).tolist()


def curves(
    trained: TrainedAgents, worlds: GaussianBandit, names: Sequence[str]
) -> tuple[xr.Dataset, Facts]:
    """Lay learning curves out by task.

    Parameters
    ----------
    trained
        Agents as `teams` puts them.
    worlds, names
        The tasks, and what each is called.

    Returns
    -------
    Dataset
        ``mean_return`` over (task, seed, update); over (task), ``commit_value``, what the best
        committed plan earns; in units of reward.
    Facts
    """
    data = _by_seed(trained.curve[["mean_return"]], trained, names)
    data["commit_value"] = "task", optimal_commit(worlds)[1]
    seeds = np.unique(trained.seeds).astype(int)
    config = trained.config
    return data, {
        "agents": fact(len(seeds), "agents of each task"),
        "seeds": fact(", ".join(map(str, seeds)), "their seeds"),
        "updates": fact(config.updates, "updates of their training"),
        "batch": fact(config.lives, "lives of an update"),
        "gae-lambda": fact(config.gae_lambda, "lambda of the advantages"),
        "continuation": fact(
            100 * config.continuation_until, "training while the prior mean moves, %"
        ),
    }


def maps(
    sampled: Lives, worlds: GaussianBandit, names: Sequence[str], early: int = 10
) -> tuple[xr.Dataset, Facts]:
    """Sort the pulls of the first agent of each task by what an ideal observer would know.

    Parameters
    ----------
    sampled
        Lives of all agents, with sampled actions.
    worlds, names
        The tasks, and what each is called.
    early
        A pull, counted from 1, at which the boundary of the first task is told.

    Returns
    -------
    Dataset
        ``risky_probability`` over (task, posterior_mean, pull), NaN where no life was, and
        ``threshold`` over (pull, task), where the Bayes-optimal policy leaves.
    Facts
    """
    count = sampled.task.shape[0] // len(names)
    bins = np.linspace(-3, 3, 49) * float(np.max(worlds.sigma_p))
    own = [behaviour(sampled[place * count], bins) for place in range(len(names))]
    data = xr.concat(own, xr.Variable("task", list(names))).to_dataset(name="risky_probability")
    data["threshold"] = ("pull", "task"), bayes_optimal(worlds).thresholds
    there = data.isel(task=0).sel(pull=early - 1)
    left = there.posterior_mean.where(there.risky_probability > 0.5).min()
    pulls = sampled.risky_pulls.reshape(len(names), -1)
    return data, {
        "early": fact(early, "a pull early in life"),
        "boundary": fact(left, "posterior mean below which the first agent leaves there, reward"),
        "exact-boundary": fact(there.threshold, "the same of the Bayes-optimal policy, reward"),
        "sampled-pulls": fact(pulls[-1].mean(), "risky pulls of a life on the last task, sampled"),
    }


def earnings(
    played: Lives, trained: TrainedAgents, worlds: GaussianBandit, names: Sequence[str]
) -> tuple[xr.Dataset, Facts]:
    """Measure greedy agents, and set them beside both optima.

    Parameters
    ----------
    played
        Lives of all agents, acting greedily.
    trained
        The agents.
    worlds, names
        The tasks, and what each is called.

    Returns
    -------
    Dataset over (task, seed)
        What `measure` finds, and ``pulls``, risky pulls of a life.
    Facts
        Of the first task, on which learning should pay, and of the last, on which it should not.
    """
    data = _by_seed(measure(played, ["agent"]), trained, names)
    pulls = xr.Dataset({"pulls": ("agent", played.risky_pulls.mean(axis=-1))})
    data["pulls"] = _by_seed(pulls, trained, names).pulls
    first = data.isel(task=0)
    best_pulls, best_value = (float(found[0]) for found in optimal_commit(worlds))
    exact, informed = bayes_optimal(worlds), full_information_value(worlds)
    value, lowest = float(exact.value[0]), float(first.expected_return.min())
    return data, {
        "return-learns": fact(first.expected_return.mean(), "return on the first task, reward"),
        "return-learns-lowest": fact(lowest, "the same of the worst agent"),
        "return-learns-highest": fact(first.expected_return.max(), "the same of the best agent"),
        "largest-se": fact(first.expected_return_se.max(), "largest standard error of one"),
        "commit-learns": fact(best_value, "the best committed plan there, reward"),
        "commit-pulls": fact(int(best_pulls), "pulls for which it explores"),
        "share-learns": fact(100 * lowest / best_value, "worst agent, % of the best plan"),
        "bayes-learns": fact(value, "the Bayes-optimal policy there, reward"),
        "share-bayes": fact(100 * lowest / value, "worst agent, % of the Bayes-optimal policy"),
        "bayes-explores": fact(exact.exploration[0], "exploration of that policy, pulls"),
        "explores": fact(first.exploration.mean(), "exploration of the agents there, pulls"),
        "pulls-never": fact(data.pulls[-1].max(), "most pulls of a life on the last task"),
        "informed": fact(informed[0], "one who is told the arm at birth, first task, reward"),
    }


def checked(facts: Facts, worlds: GaussianBandit, profile: str) -> Facts:
    """Return facts of `earnings` if the text holds: on its own worlds, but not at profile smoke.

    Raises
    ------
    ValueError
        If the worst agent earns too little of the best plan on the first task, or one pulls on the
        second.
    """
    own = GaussianBandit([2.0, 0.5], [2.0, 1.0], 100, -1.0)
    if profile == "smoke" or not np.array_equal(_numbers(worlds), _numbers(own)):
        return facts
    share, pulls = facts["share-learns"].value, facts["pulls-never"].value
    if share <= 85 or pulls != 0:
        raise ValueError(f"agents earn {share:.0f}% and pull {pulls:g} times: the text says others")
    return facts


def _numbers(worlds: GaussianBandit) -> NDArray[np.float64]:
    return np.stack(np.broadcast_arrays(*worlds.values.values()))


def table(data: xr.Dataset, worlds: GaussianBandit) -> dict[str, list[object]]:
    """Lay out what agents and both optima earn and how long they explore: a row for each."""
    best_pulls, best_value = optimal_commit(worlds)
    exact = bayes_optimal(worlds)
    columns = ("sigma_p", "sigma_l", "who", "return", "s.e.", "exploration")
    found: dict[str, list[object]] = {name: [] for name in columns}
    for place in range(worlds.shape[0]):
        task, own = worlds[place], data.isel(task=place)
        rows = [
            (f"agent {number}", agent.expected_return, agent.expected_return_se, agent.exploration)
            for number, agent in ((int(seed), own.sel(seed=seed)) for seed in own.seed)
        ]
        rows.append(("best committed plan", best_value[place], 0.0, best_pulls[place]))
        rows.append(("Bayes-optimal", exact.value[place], 0.0, exact.exploration[place]))
        for who, *numbers in rows:
            said = [float(task.sigma_p), float(task.sigma_l), who]
            said += [round(float(number), 2) for number in numbers]
            for name, value in zip(columns, said, strict=True):
                found[name].append(value)
    return found


def _by_seed(data: xr.Dataset, trained: TrainedAgents, names: Sequence[str]) -> xr.Dataset:
    """Lay agents out over task and seed."""
    seeds = trained.seeds.astype(int).tolist()
    return lay_out(
        data, "agent", task=np.repeat(list(names), len(seeds) // len(names)).tolist(), seed=seeds
    )
