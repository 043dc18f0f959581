"""What the chapter *One arm you know, one arm you do not* draws, and the numbers it quotes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy.stats import norm

from meta_bandit.measure import evaluate
from meta_bandit.policies import Commit, Constant
from meta_bandit.studies.facts import Facts, fact
from meta_bandit.theory import commit_value
from meta_bandit.worlds import GaussianBandit, simulate

WIDTHS = {"half": 0.5, "one": 1.0, "two": 2.0}
"""Ecological uncertainties that are drawn, in units of reward."""
PLANS = {"never pull": 0, "look once": 1, "look ten times": 10, "always pull": None}
"""Pulls before the plan commits; None: all of life."""


def good_arms(mean: float) -> Facts:
    """Compute in how many lives the risky arm is the better one, for some of `WIDTHS`.

    Parameters
    ----------
    mean
        Prior mean of the risky arm, in units of reward.
    """
    facts = {"mean": fact(mean, "prior mean of the risky arm, reward")}
    for name in ("half", "two"):
        share = 100 * norm.sf(0, mean, WIDTHS[name])
        about = f"lives with a good risky arm at sigma_p = {WIDTHS[name]:g}, %"
        facts[f"good-share-{name}"] = fact(share, about)
    return facts


def watched(tasks: GaussianBandit, names: Sequence[str], lives: int, seed: int) -> xr.Dataset:
    """Pull the risky arm all the time.

    Parameters
    ----------
    tasks : shape (tasks,)
        Tasks of one lifetime.
    names
        One for each.
    lives
        Of each task.
    seed
        Of all random numbers.

    Returns
    -------
    Dataset
        ``arm_mean`` over (task, life) and ``reward`` over (pull, task, life), in units of reward.
    """
    always = simulate(Constant(1.0), tasks, lives, np.random.default_rng(seed))
    found = {
        "arm_mean": (("task", "life"), always.arm_mean),
        "reward": (("pull", "task", "life"), always.rewards),
    }
    return xr.Dataset(found, {"task": list(names), "pull": np.arange(len(always.rewards))})


def plans(
    sigma_p: float, sigma_l: float, lifetimes: Sequence[int], mean: float, lives: int, seed: int
) -> tuple[xr.Dataset, Facts]:
    """Play the fixed `PLANS` in lives of several lengths.

    Parameters
    ----------
    sigma_p, sigma_l, mean
        Of the world, in units of reward.
    lifetimes
        In pulls.
    lives
        Simulated lives of each plan and lifetime.
    seed
        Of all random numbers.

    Returns
    -------
    Dataset
        ``expected_return``, ``expected_return_se`` and ``theory`` (thm-commit-value) over
        (plan, lifetime), in units of reward.
    Facts
        What was asked for; from which lifetime on ten looks pay, and beat one; how far the
        simulation is from the theory.
    """
    ages = np.array(lifetimes)
    task = GaussianBandit(sigma_p, sigma_l, ages, mean)
    pulls = {name: ages if n is None else np.minimum(n, ages) for name, n in PLANS.items()}
    policies = {name: Commit(n) for name, n in pulls.items()}
    values = evaluate(policies, task, lives, seed, ["lifetime"]).rename(policy="plan")
    values = values.assign_coords(lifetime=ages)
    theory = np.array([commit_value(task, n) for n in pulls.values()])
    values["theory"] = ("plan", "lifetime"), theory
    ten, once = (values.theory.sel(plan=name).values for name in ("look ten times", "look once"))
    off = abs(values.expected_return - values.theory) / values.expected_return_se
    off = off.where(values.expected_return_se > 0)
    return values, {
        "seed": fact(seed, "of all random numbers"),
        "lives": fact(f"{lives:,}", "simulated lives of each plan and lifetime"),
        "sigma_p": fact(sigma_p, "sigma_p of the plans' world, reward"),
        "sigma_l": fact(sigma_l, "sigma_l of the plans' world, reward"),
        "largest-z": fact(off.max(), "largest distance from the theory, standard errors"),
        "pays": fact(_first(ages[ten > 0]), "lifetime at which ten looks first pay"),
        "overtakes": fact(_first(ages[ten > once]), "lifetime at which ten looks first beat one"),
    }


def _first(lifetimes: np.ndarray) -> str:
    return f"at T = {lifetimes[0]}" if lifetimes.size else "at none of them"
