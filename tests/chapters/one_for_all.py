"""What tests of *One agent for every life* look at, each made once in a process."""

from __future__ import annotations

from functools import cache

import xarray as xr

from meta_bandit.agents import TrainedAgents
from meta_bandit.studies import one_for_all as chapter
from meta_bandit.studies import stored, stored_agents
from meta_bandit.studies.facts import Facts
from meta_bandit.studies.lifetimes import Budget

BUDGET = Budget(0, 6_000, 60)


@cache
def universal() -> TrainedAgents:
    return stored_agents("every-lifetime.safetensors")


@cache
def beside() -> tuple[xr.Dataset, Facts]:
    special = stored_agents("lifetimes-fraction.safetensors")
    return chapter.beside_specialists(universal(), special, BUDGET)


@cache
def untold() -> tuple[xr.Dataset, xr.DataArray, Facts]:
    return chapter.untold(stored_agents("every-death.safetensors"), BUDGET, 12)


@cache
def plane() -> tuple[xr.Dataset, Facts]:
    return chapter.over_plane(
        stored_agents("every-task.safetensors"), stored("plane.nc"), lives=100
    )
