"""What tests of *Lives of another length* look at, each made once in a process."""

from __future__ import annotations

from functools import cache

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
    return chapter.tampered(chapter.turned_teams(teams(), [20, 50]), BUDGET)
