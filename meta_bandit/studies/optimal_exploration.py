"""What the chapter *How much to explore, exactly* draws, and the numbers that it quotes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from meta_bandit.measure import estimates, evaluate
from meta_bandit.policies import Commit
from meta_bandit.studies.facts import Facts, fact
from meta_bandit.theory import commit_value, optimal_commit, posterior_mean_std
from meta_bandit.worlds import GaussianBandit, simulate

DRAWN = 25
"""Lives of which the estimate is drawn."""
CHECKED = 10
"""Pulls after which the spread of the estimate is compared with its law."""


def settling(task: GaussianBandit, lives: int, seed: int) -> tuple[xr.Dataset, Facts]:
    """Follow the posterior mean in lives that pull the risky arm only.

    Parameters
    ----------
    task
        One task, of more than `CHECKED` pulls.
    lives
        Lives in which the spread of the estimate is measured.
    seed
        Of all random numbers.

    Returns
    -------
    Dataset
        ``posterior_mean`` over (pulls, life) in `DRAWN` lives and ``posterior_mean_std`` over
        (pulls), its exact spread over all lives (prop-posterior-law), in units of reward.
    Facts
        The task, and how far the measured spread is from the exact one.
    """
    lifetime = int(task.lifetime)
    few = simulate(Commit(lifetime), task, DRAWN, np.random.default_rng(seed))
    many = simulate(Commit(lifetime), task, lives, np.random.default_rng(seed))
    spread = estimates(many)[CHECKED].std() / posterior_mean_std(task, CHECKED)
    pulls = np.arange(lifetime)
    fan = xr.Dataset(
        {
            "posterior_mean": (("pulls", "life"), estimates(few)),
            "posterior_mean_std": ("pulls", posterior_mean_std(task, pulls)),
        },
        coords={"pulls": pulls},
        attrs={"mean": float(task.mean)},
    )
    facts = {
        "fan-sigma-p": fact(task.sigma_p, "sigma_p of the lives drawn, reward"),
        "fan-sigma-l": fact(task.sigma_l, "sigma_l of the lives drawn, reward"),
        "fan-lives": fact(DRAWN, "lives drawn"),
        "fan-checked": fact(CHECKED, "pulls after which the spread is measured"),
        "spread-z": fact(
            (spread - 1) * np.sqrt(2 * lives), "measured spread less s_n, standard errors"
        ),
    }
    return fan, facts


def plane(
    sigma_p_max: float, sigma_l_max: float, points: int, lifetime: int, mean: float
) -> tuple[xr.Dataset, Facts]:
    """Map how long the best committed plan explores, as the first page draws it.

    Parameters
    ----------
    sigma_p_max, sigma_l_max
        Largest values drawn, in units of reward.
    points
        Of the grid along each axis.
    lifetime, mean
        Of all tasks, in pulls and in units of reward.

    Returns
    -------
    Dataset
        ``optimal_pulls`` over (sigma_l, sigma_p), in pulls.
    Facts
        Where never learning is best, and how long exploration is beside it.
    """
    sigma_p = np.linspace(0, sigma_p_max, points + 1)[1:]
    sigma_l = np.linspace(0, sigma_l_max, points + 1)[1:]
    pulls, _ = optimal_commit(GaussianBandit(sigma_p, sigma_l[:, None], lifetime, mean))
    data = xr.Dataset(
        {"optimal_pulls": (("sigma_l", "sigma_p"), pulls)},
        coords={"sigma_p": sigma_p, "sigma_l": sigma_l},
        attrs={"lifetime": lifetime},
    )
    beside = (pulls[1:] == 0) != (pulls[:-1] == 0)
    jumps = np.maximum(pulls[1:], pulls[:-1])[beside]
    return data, {
        "largest-jump": fact(jumps.max(), "longest exploration next to none, pulls"),
        "never-share": fact(100 * (pulls == 0).mean(), "of the map, where none is best, %"),
    }


def forgotten(task: GaussianBandit, looks: Sequence[int]) -> Facts:
    """Say what the sample mean loses against the posterior mean (prop-ml-value).

    Parameters
    ----------
    task
        One task.
    looks
        Lengths of the exploration, in pulls, >= 1.
    """
    loss = {n: commit_value(task, n) - commit_value(task, n, estimator="ml") for n in looks}
    return {
        f"forgotten-{n}": fact(lost, f"lost without the prior, {n} pulls, third task, reward")
        for n, lost in loss.items()
    }


def plans(
    tasks: GaussianBandit, names: Sequence[str], longest: int, lives: int, seed: int
) -> tuple[xr.Dataset, Facts]:
    """Compute what plans are worth, and play some of them.

    Parameters
    ----------
    tasks
        One-dimensional array of tasks of one lifetime and prior mean.
    names
        One for each task.
    longest
        Longest exploration, in pulls.
    lives
        Simulated lives of each plan on each task.
    seed
        Of all random numbers.

    Returns
    -------
    Dataset
        ``value`` over (task, pulls), exact (thm-commit-value); ``simulated`` and
        ``simulated_se`` over (task, checked); ``optimal_pulls`` and ``optimal_value`` over
        (task). Returns in units of reward.
    Facts
        What was asked for; of each task, by its place, the best plan; how far the simulation is
        from the theorem.
    """
    best, worth = optimal_commit(tasks)
    pulls = np.arange(min(longest, int(np.min(tasks.lifetime))) + 1)
    checked = np.unique(np.linspace(1, pulls[-1], 9).astype(int))
    played = evaluate({str(n): Commit(n) for n in checked}, tasks, lives, seed, ["task"])
    played = played.rename(policy="checked").assign_coords(checked=checked)
    off = played.expected_return - commit_value(tasks, checked[:, None])
    curves = xr.Dataset(
        {
            "value": (("pulls", "task"), commit_value(tasks, pulls[:, None])),
            "optimal_pulls": ("task", best),
            "optimal_value": ("task", worth),
            "simulated": played.expected_return,
            "simulated_se": played.expected_return_se,
        },
        coords={"task": list(names), "pulls": pulls},
    )
    facts = {
        "lifetime": fact(np.max(tasks.lifetime), "pulls in a life"),
        "mean": fact(np.max(tasks.mean), "prior mean of the risky arm, reward"),
        "lives": fact(f"{lives:,}", "simulated lives of each plan on each task"),
        "seed": fact(seed, "of all random numbers"),
        "simulated-points": fact(off.size, "plans that were played, over all tasks"),
        "simulated-z": fact(
            abs(off / played.expected_return_se).max(),
            "largest distance of simulated from exact returns, standard errors",
        ),
    }
    for i, name in enumerate(names):
        facts[f"n-star-{i}"] = fact(best[i], f"best exploration at {name}, pulls")
        facts[f"value-{i}"] = fact(worth[i], f"what it is worth at {name}, reward")
    return curves, facts
