"""What tests of *Is it Bayesian inference?* look at, each made once in a process."""

from __future__ import annotations

from functools import cache

import xarray as xr

from meta_bandit.agents import TrainedAgents
from meta_bandit.studies import inference as chapter
from meta_bandit.studies import stored_agents
from meta_bandit.studies.facts import Facts

LIVES = 120
Made = tuple[xr.Dataset, Facts]


@cache
def teams() -> list[TrainedAgents]:
    agents = stored_agents("across.safetensors")
    return [chapter.at(agents, sigma_p) for sigma_p in (1.2, 0.9, 0.6)]


@cache
def shown() -> list[chapter.Watched]:
    return [chapter.watched(team, LIVES) for team in teams()]


@cache
def probed() -> Made:
    return chapter.probed(shown())


@cache
def own() -> Made:
    return chapter.own_lives(chapter.lived(teams()[0], LIVES))


@cache
def given() -> Made:
    return chapter.answered(shown())
