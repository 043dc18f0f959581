"""What tests of *Lives of another length* look at, each made once in a process."""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr

from meta_bandit.agents import TrainedAgents
from meta_bandit.studies import lifetimes as chapter
from meta_bandit.studies import stored_agents
from meta_bandit.studies.facts import Facts

BUDGET = chapter.Budget(0, 6_000, 60)
Made = tuple[xr.Dataset, Facts]


@cache
def teams() -> dict[str, TrainedAgents]:
    return {clock: stored_agents(f"lifetimes-{clock}.safetensors") for clock in chapter.CLOCKS}


@cache
def elsewhere() -> Made:
    return chapter.elsewhere(teams(), BUDGET)


@cache
def staying() -> Made:
    return chapter.staying(teams()["fraction"], 100, BUDGET)


@cache
def turned() -> Made:
    lived = [(team, np.isin(team.task.lifetime, [20, 50])) for team in teams().values()]
    own = [team[np.flatnonzero(chosen)] for team, chosen in lived]
    across = stored_agents("across.safetensors")
    across = across[np.flatnonzero(across.task.sigma_p >= 1.0)]
    return chapter.tampered([*own, across], BUDGET)
