"""What tests of *Many optima* and *Between the optima* look at, each made once in a process."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import xarray as xr

from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, TrainedAgents, train
from meta_bandit.studies import many_optima as chapter
from meta_bandit.studies import stored, stored_agents
from meta_bandit.studies.facts import Facts

PLAIN = replace(CONFIGURATIONS["plain"], continuation_until=0.0)
Made = tuple[xr.Dataset, Facts]


@cache
def agents() -> dict[str, TrainedAgents]:
    files = ("across-direct.safetensors", "across.safetensors")
    return dict(zip(chapter.TRAININGS, map(stored_agents, files), strict=True))


@cache
def row() -> Made:
    results = [stored("across-direct.nc"), stored("across.nc")]
    return chapter.row(results, list(agents().values()), lives=2000)


@cache
def optima() -> Made:
    return chapter.optima(row()[0], np.linspace(0.55, 1.25, 71))


@cache
def heirs() -> dict[str, tuple[xr.Dataset, xr.Dataset]]:
    """Learners from the edge, trained on where no native learns: before and after."""
    before = chapter.some_of(row()[0], agents()["continuation"], "continuation", "learns", 0.9, 3)
    gentle = replace(PLAIN, updates=160, learning_rate=1e-3, entropy=0.0)
    gentle = replace(gentle, learning_rate_hold=1.0, entropy_until=1.0)
    here = GaussianBandit(np.full(3, 0.8), 1.0, 100)
    after = train(here, [30_000, 30_001, 30_002], gentle, "cpu", initial=before.weights)
    was, became = (chapter.observe(team, here, 2000, 0) for team in (before, after))
    return {"heirs": (was, became)}
