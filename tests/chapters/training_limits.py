"""What tests of *What limits training* look at, each made once in a process."""

from __future__ import annotations

from functools import cache
from typing import Any

import xarray as xr

from meta_bandit.studies import stored, stored_benchmark, stored_slices
from meta_bandit.studies import training_limits as chapter
from meta_bandit.studies.facts import Facts

EDGE, CAUSES = stored_benchmark("edge.json"), stored_benchmark("causes.json")


@cache
def ablation() -> tuple[xr.DataArray, Facts]:
    return chapter.ablation(EDGE["ablation"])


@cache
def noisy() -> tuple[dict[str, dict[str, object]], Facts]:
    return chapter.noisy(EDGE["noisy"])


@cache
def held_out() -> tuple[dict[str, dict[str, Any]], Facts]:
    return chapter.held_out(EDGE, CAUSES)


@cache
def causes() -> tuple[xr.DataArray, Facts]:
    return chapter.causes(CAUSES)


@cache
def strip() -> tuple[xr.Dataset, Facts]:
    return chapter.across_edges(stored_slices("strip"), stored("across.nc"))


@cache
def lost() -> tuple[xr.Dataset, Facts]:
    return chapter.lost_again(stored_slices("paper-grid"))


@cache
def longer() -> tuple[xr.Dataset, Facts]:
    return chapter.learned_edge(stored_slices("length", "updates"))
