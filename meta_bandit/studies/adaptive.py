"""What the chapter *The adaptive learner* draws, and the numbers that it quotes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from meta_bandit.measure import estimates, evaluate
from meta_bandit.policies import (
    Commit,
    Constant,
    KnowledgeGradient,
    Stopping,
    ThompsonSampling,
    UpperConfidenceBound,
)
from meta_bandit.studies.facts import Facts, fact
from meta_bandit.theory import (
    bayes_optimal,
    critical_sigma_l,
    full_information_value,
    optimal_commit,
    stopping_critical_sigma_l,
)
from meta_bandit.worlds import GaussianBandit, simulate
from meta_bandit.worlds.bandit import Policy

BEST = "Bayes-optimal"
"""What the chapter calls the policy of thm-stopping among others."""


def optima(tasks: GaussianBandit, names: Sequence[str]) -> tuple[xr.Dataset, Facts]:
    """Compute both optima of some tasks: the best committed plan, and the best of all policies.

    Parameters
    ----------
    tasks : shape (tasks,)
        Tasks of one lifetime and prior mean.
    names
        One for each.

    Returns
    -------
    Dataset
        ``threshold`` over (pulls, task), of the Bayes-optimal policy (thm-stopping), in units of
        reward. Over task: ``sigma_p``, ``sigma_l``, ``commit_value``, ``bayes_value``, and
        ``least``, the regret of the Bayes-optimal policy, in units of reward; ``commit_pulls``,
        and ``bayes_pulls``, its mean number of risky pulls in lives that end on the safe arm.
    Facts
        The world, how the two optima of the first task compare, and how exact they are.
    """
    best = bayes_optimal(tasks)
    pulls, committed = optimal_commit(tasks)
    lifetime = len(best.thresholds)
    data = xr.Dataset(
        {
            "threshold": (("pulls", "task"), best.thresholds),
            "sigma_p": ("task", tasks.sigma_p),
            "sigma_l": ("task", tasks.sigma_l),
            "commit_pulls": ("task", pulls),
            "bayes_pulls": ("task", best.exploration),
            "commit_value": ("task", committed),
            "bayes_value": ("task", best.value),
            "least": ("task", full_information_value(tasks) - best.value),
        },
        {"pulls": np.arange(lifetime), "task": list(names)},
    )
    return data, {
        "lifetime": fact(lifetime, "pulls in a life"),
        "mean": fact(np.max(tasks.mean), "prior mean of the risky arm, reward"),
        "ratio-0": fact(
            best.value[0] / committed[0], "Bayes-optimal over committed value of the first task"
        ),
        "error": fact(best.error.max(), "largest error of a value, by its own estimate, reward"),
    }


def leaving(task: GaussianBandit, lives: int, seed: int) -> tuple[xr.Dataset, Facts]:
    """Follow the posterior mean in lives of the Bayes-optimal policy, until they leave.

    Parameters
    ----------
    task
        A single task.
    lives
        Lives that are drawn.
    seed
        Of these lives.

    Returns
    -------
    Dataset
        ``posterior_mean`` over (pulls, life), NaN after a life has left the risky arm, and
        ``threshold`` over (pulls); units of reward.
    Facts
        The task, and how many lives there are.
    """
    best = bayes_optimal(task)
    played = simulate(Stopping(best.thresholds), task, lives, np.random.default_rng(seed))
    pulls = np.arange(int(task.lifetime))
    stays = pulls[:, None] <= played.risky_pulls
    paths = np.where(stays, estimates(played), np.nan)
    data = xr.Dataset(
        {"posterior_mean": (("pulls", "life"), paths), "threshold": ("pulls", best.thresholds)},
        {"pulls": pulls},
    )
    return data, {
        "shown-p": fact(task.sigma_p, "sigma_p of the lives drawn, reward"),
        "shown-l": fact(task.sigma_l, "sigma_l of the lives drawn, reward"),
        "shown-lives": fact(lives, "lives drawn"),
        "seed": fact(seed, "of all random numbers"),
    }


def hasty(task: GaussianBandit, lives: int, seed: Sequence[int]) -> xr.Dataset:
    """Compare the Bayes-optimal policy with one that leaves at a negative estimate.

    Parameters
    ----------
    task
        A single task, on which to begin with a pull is best.
    lives, seed
        Of both policies, the same arms and noise for both.

    Returns
    -------
    Dataset over policy
        ``expected_return`` and its standard error ``expected_return_se``, units of reward.
    """
    leaves = np.where(np.arange(int(task.lifetime)) == 0, -np.inf, 0)
    patient = Stopping(bayes_optimal(task).thresholds)
    found = evaluate({"patient": patient, "hasty": Stopping(leaves)}, task, lives, seed)
    return found[["expected_return", "expected_return_se"]]


def plane(points: int, lifetime: int, mean: float) -> tuple[xr.Dataset, Facts]:
    """Map what both optima are worth, and where each of them begins to learn.

    Parameters
    ----------
    points
        Along each axis.
    lifetime, mean
        Of all tasks; pulls, and reward, < 0.

    Returns
    -------
    Dataset
        ``commit_value`` and ``bayes_value`` over (sigma_l, sigma_p), ``commit_edge`` and
        ``stopping_edge`` over (sigma_p), 0 where learning never pays; units of reward. The
        ``lifetime`` is an attribute.
    Facts
        How many times the noise the adaptive learner copes with, where both edges are.
    """
    sigma_p, sigma_l = np.linspace(0.4, 4, points), np.linspace(0.3, 24, points)
    tasks = GaussianBandit(sigma_p, sigma_l[:, None], lifetime, mean)
    line, over = GaussianBandit(sigma_p, 1.0, lifetime, mean), ("sigma_l", "sigma_p")
    data = xr.Dataset(
        {
            "commit_value": (over, optimal_commit(tasks)[1]),
            "bayes_value": (over, bayes_optimal(tasks).value),
            "commit_edge": ("sigma_p", critical_sigma_l(line)),
            "stopping_edge": ("sigma_p", stopping_critical_sigma_l(line)),
        },
        {"sigma_p": sigma_p, "sigma_l": sigma_l},
        {"lifetime": lifetime},
    )
    factor = (data.stopping_edge / data.commit_edge).where(data.commit_edge > 0)
    return data, {
        "factor-least": fact(factor.min(), "adaptive edge / edge of commitment, least of the map"),
        "factor-most": fact(factor.max(), "adaptive edge / edge of commitment, most of the map"),
    }


def rivals(optima: xr.Dataset) -> dict[str, Policy]:
    """Name the policies whose regret is compared, `BEST` first.

    Parameters
    ----------
    optima
        What `optima` gives of the tasks on which they are played.
    """
    return {
        BEST: Stopping(optima.threshold.values),
        "knowledge gradient": KnowledgeGradient(),
        "explore, then commit": Commit(optima.commit_pulls.values),
        "Bayes-UCB": UpperConfidenceBound(),
        "Thompson sampling": ThompsonSampling(),
        "never": Constant(0.0),
    }


def regrets(
    policies: Mapping[str, Policy], tasks: GaussianBandit, optima: xr.Dataset, lives: int, seed: int
) -> tuple[xr.Dataset, Facts]:
    """Measure what policies miss against one that is told the arm's mean at birth.

    Parameters
    ----------
    policies
        By name, `BEST` among them.
    tasks : shape (tasks,)
        Those of ``optima``.
    optima
        What `optima` gives of these tasks.
    lives, seed
        Of each policy on each task, the same arms and noise for all.

    Returns
    -------
    Dataset
        What `evaluate` measures, over (policy, task), and ``least`` over (task).
    Facts
        Each policy's regret on the last task, as ``regret-NAME``; how far that of the
        Bayes-optimal policy is from the exact one.
    """
    table = evaluate(policies, tasks, lives, seed, ["task"]).assign_coords(task=optima.task)
    table["least"] = optima.least
    own = table.sel(policy=BEST)
    facts = {
        "lives": fact(f"{lives:,}", "simulated lives of each policy on each task"),
        "largest-z": fact(
            abs((own.regret - own.least) / own.regret_se).max(),
            "largest distance of a measured from an exact least regret, standard errors",
        ),
    }
    for name in policies:
        last = table.regret.sel(policy=name)[-1]
        key = f"regret-{name.replace(' ', '-').replace(',', '').lower()}"
        facts[key] = fact(last, f"regret of {name} on the last task, reward")
    return table, facts
