"""What the chapter *Any prior, any reward* draws, and the numbers that it quotes."""

from __future__ import annotations

import numpy as np
import xarray as xr

from meta_bandit.studies.facts import Facts, fact
from meta_bandit.theory.any_prior import (
    BernoulliArm,
    bernoulli_commit_values,
    bernoulli_critical_lifetime,
    bernoulli_gains,
    bernoulli_optimal,
    break_even_lifetime,
)


def plans(arm: BernoulliArm) -> tuple[xr.DataArray, Facts]:
    """Compute what committed plans earn on a Bernoulli arm (prop-bernoulli).

    Parameters
    ----------
    arm
        The arm.

    Returns
    -------
    DataArray
        V(n) over (pulls), in units of reward; the attribute ``best`` is the value of the best of
        all policies.
    Facts
        The arm, the best plan, the best policy, and how many tops V has between its ends.
    """
    best, least = bernoulli_optimal(arm)
    values = bernoulli_commit_values(arm)
    inside = values[1:-1]
    tops = (inside > values[:-2]) & (inside > values[2:])
    data = xr.DataArray(values, {"pulls": np.arange(len(values))}, "pulls", attrs={"best": best})
    return data, {
        "alpha": fact(arm.successes, "successes that the prior is worth"),
        "beta": fact(arm.failures, "failures that the prior is worth"),
        "price": fact(arm.price, "what each pull costs, reward"),
        "lifetime": fact(arm.lifetime, "pulls in a life"),
        "best": fact(best, "return of the best policy, reward"),
        "plan": fact(values.max(), "return of the best committed plan, reward"),
        "plan-pulls": fact(values.argmax(), "length of its exploration, pulls"),
        "patience": fact((least <= 0).sum(), "pulls of the best policy if all fail"),
        "peaks": fact(int(tops.sum()), "local maxima of V(n) among 0 < n < T"),
    }


def edges(arm: BernoulliArm, longest: int, points: int) -> xr.Dataset:
    """Compute the shortest lives in which learning pays, where lives are more and more alike.

    Parameters
    ----------
    arm
        Its price and its prior mean are kept; m < 0.
    longest
        Longest life that is looked at, in pulls.
    points
        Priors.

    Returns
    -------
    Dataset
        ``informed``, ``adaptive`` and ``committed`` over (weight), critical lifetimes in pulls
        (thm-any-prior), NaN beyond the longest; ``weight`` is alpha + beta, in pulls.
    """
    share = arm.successes / (arm.successes + arm.failures)
    weights = np.geomspace(0.5, 60, points)
    arms = [BernoulliArm(w * share, w * (1 - share), arm.price) for w in weights]
    gains = [bernoulli_gains(own, longest // 2) for own in arms]
    found = {
        "informed": [1 - own.mean / own.informed_gain for own in arms],
        "adaptive": [bernoulli_critical_lifetime(own, longest) + 1 for own in arms],
        "committed": [break_even_lifetime(arm.mean, own) for own in gains],
    }
    data = xr.Dataset({name: ("weight", lives) for name, lives in found.items()})
    return data.where(data < longest).assign_coords(weight=weights)
