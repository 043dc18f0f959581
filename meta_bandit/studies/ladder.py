"""What the chapter *Many arms* draws of its worlds, and the numbers that it quotes of them."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit.policies.many_arms import Gittins
from meta_bandit.studies.facts import Facts, fact
from meta_bandit.theory import stopping_critical_sigma_l
from meta_bandit.theory.many_arms import index_offsets, many_optimal_commit
from meta_bandit.worlds import ManyArms, simulate


def map_of_arms(
    world: ManyArms,
    safes: NDArray[np.float64],
    spreads: NDArray[np.float64],
    lives: int,
    seed: int,
) -> tuple[xr.Dataset, Facts]:
    """Map what is best over what arm 0 pays and the noise of the others.

    Parameters
    ----------
    world
        All else.
    safes, spreads
        What arm 0 pays, more than the prior mean of the others, and sigma_l; units of reward.
    lives, seed
        Of the index policy in each world.

    Returns
    -------
    Dataset over (safe, sigma_l)
        ``arms``, how many of them the best committed plan tries, 0 if it never explores (arms);
        ``plan`` and ``index``, what that plan and the index policy earn beyond never exploring
        (reward). Over safe: ``edge``, the sigma_l from which on no policy earns more than that.
    Facts
    """
    shape = (len(safes), len(spreads))
    arms, plan, index = np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape)
    fixed = world.arms, world.sigma_p
    for j, spread in enumerate(spreads):
        # the index does not depend on what arm 0 pays
        policy = Gittins(index_offsets(ManyArms(*fixed, spread, world.lifetime, world.mean)))
        for i, safe in enumerate(safes):
            own = ManyArms(*fixed, spread, world.lifetime, world.mean, safe)
            never = float(own.lifetime * own.safe)
            arms[i, j], _, value = many_optimal_commit(own)
            lived = simulate(policy, own, lives, np.random.default_rng(seed))
            plan[i, j], index[i, j] = value - never, lived.expected_returns.mean() - never
    one = ManyArms(*fixed, 1.0, world.lifetime, world.mean, safes).one_armed
    both = ("safe", "sigma_l")
    data = xr.Dataset(
        {"arms": (both, arms), "plan": (both, plan), "index": (both, index)},
        {"safe": safes, "sigma_l": spreads},
    )
    data["edge"] = "safe", stopping_critical_sigma_l(one)
    pays = data.sigma_l < data.edge
    some = (data.arms > 0) & (data.arms < world.unknown)
    facts = {
        "map-lives": fact(f"{lives:,}", "lives of the index policy in each world"),
        "map-worlds": fact(data.arms.size, "worlds of the map"),
        "map-none": fact((data.arms == 0).sum(), "in which no committed plan explores"),
        "map-pays": fact((pays & (data.arms == 0)).sum(), "of them, exploring pays all the same"),
        "map-all": fact((data.arms == world.unknown).sum(), "in which the best plan tries all"),
        "map-some": fact(some.sum(), "in which it tries some, not all"),
    }
    return data, facts
