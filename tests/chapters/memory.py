"""What tests of *What the memory does* look at, each made once in a process."""

from __future__ import annotations

from functools import cache

import xarray as xr

from meta_bandit.agents import TrainedAgents
from meta_bandit.studies import memory as chapter
from meta_bandit.studies import stored_agents
from meta_bandit.studies.facts import Facts

Made = tuple[xr.Dataset, Facts]


@cache
def agents() -> TrainedAgents:
    return chapter.some(stored_agents("across.safetensors"), [1.2, 0.6], 3)


@cache
def pushed() -> Made:
    return chapter.pushed(agents(), [-2.0, -1.0, 0.0, 1.0, 2.0], lives=120, onward=2)


@cache
def at_rest() -> Made:
    return chapter.at_rest(agents())
