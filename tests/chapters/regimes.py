"""What tests of *Foraging* look at, each made once in a process."""

from __future__ import annotations

from functools import cache

import xarray as xr

from meta_bandit.studies import STUDIES, regimes, stored, stored_agents
from meta_bandit.studies.facts import Facts

STUDY = STUDIES["forage"]
Made = tuple[xr.Dataset, Facts]


@cache
def single() -> Made:
    return regimes.single_worlds(stored("forage.nc"), STUDY)


@cache
def found() -> Made:
    return regimes.over_map(stored("forage.nc"), STUDY)


@cache
def abroad() -> Made:
    team = stored_agents("forage-led.safetensors")
    return regimes.abroad(regimes.lived_abroad(team, STUDY, 0), STUDY)
