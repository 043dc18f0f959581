"""What the page *Trained again* draws: stored agents of several studies, trained again now.

A few cells of each study are enough: each agent's training follows from its own settings alone.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from meta_bandit.studies.facts import Facts, fact
from meta_bandit.studies.foraging import Foragers
from meta_bandit.studies.grid import Grid
from meta_bandit.studies.named import STUDIES
from meta_bandit.studies.results import stored
from meta_bandit.studies.study import Chunk

Some = Grid | Foragers
"""Studies of which cells are trained again."""


def cells(study: Some, **labels: Any) -> list[int]:
    """Find the cells of a study whose settings are these, by their numbers.

    Raises
    ------
    ValueError
        If there is none.
    """
    found = [
        number
        for number, cell in enumerate(study.cells)
        if all(study.labels(cell)[name] == value for name, value in labels.items())
    ]
    if not found:
        raise ValueError(f"no cell of the study has {labels}")
    return found


def shortened(study: Some, updates: int) -> Some:
    """The same study with so few updates of training, and fewer lives to measure."""
    short = replace(study, config=replace(study.config, updates=updates))
    return replace(short, lives=200) if isinstance(short, Grid) else short


def train_again(study: Some, chunk: Chunk, device: str = "cpu") -> xr.Dataset:
    """Train some cells from nothing, and measure them as the study does.

    Returns
    -------
    Dataset over agent
        ``earned``, the return of a life in units of reward; ``curve``, over ``update``, that of
        the lives of training.
    """
    measured = xr.load_dataset(io.BytesIO(study.train(chunk, device)), engine="scipy")
    return _named(measured, study)


def kept(study: Some, chunk: Chunk, dataset: xr.Dataset) -> xr.Dataset:
    """What a stored dataset of that study holds of some cells.

    Returns
    -------
    Dataset over agent
        See `train_again`; and ``optimum``, the most that any policy earns, in units of reward.
    """
    if isinstance(study, Foragers):
        found = dataset.isel(agent=list(chunk))
    else:
        axes = ("sigma_p", "sigma_l", "lifetime", "seed")
        own = [study.cells[number] for number in chunk]
        at = {
            name: xr.DataArray([getattr(cell, name) for cell in own], dims="agent") for name in axes
        }
        found = dataset.sel(at).rename(bayes_value="optimum")
    return _named(found, study).assign(optimum=found.optimum.variable)


def both(
    chosen: Mapping[str, Mapping[str, Any]], device: str = "cpu", short: bool = False
) -> dict[str, tuple[xr.Dataset, xr.Dataset]]:
    """Train stored cells again.

    Parameters
    ----------
    chosen
        By the name of a study, the settings of its cells.
    device
        Where they are trained; on a CPU by the kernel of the study, ``cpu`` or ``native``.
    short
        Train for 3 updates, twice: too short to learn, but is it the same?

    Returns
    -------
    dict
        Stored and now, see `kept` and `train_again`, by the name of the study.
    """
    pairs = {}
    for name, labels in chosen.items():
        study = STUDIES[name]
        if not isinstance(study, Some):
            raise ValueError(f"{name}: must be a grid of tasks, or of foragers")
        numbers = cells(study, **labels)
        results = stored(f"{name}.nc")
        before, place = kept(study, numbers, results), device
        if device == "cpu" and results.attrs["device"] == "native":
            place = "native"
        if short:
            study = shortened(study, 3)
            before = train_again(study, numbers, place).assign(optimum=before.optimum)
        pairs[name] = before, train_again(study, numbers, place)
    return pairs


def _named(found: xr.Dataset, study: Some) -> xr.Dataset:
    name = "return" if isinstance(study, Foragers) else "expected_return"
    curve = found.curve_return.transpose("agent", "update").variable
    return xr.Dataset({"earned": found[name].variable, "curve": curve})


def compare(
    pairs: Mapping[str, tuple[xr.Dataset, xr.Dataset]], allowed: float
) -> tuple[xr.Dataset, Facts]:
    """Put what was stored beside what was trained now.

    Parameters
    ----------
    pairs
        Stored and now, see `kept` and `train_again`, by the name of the study.
    allowed
        Error that training again may have, in shares of the optimum, or of 1 where that is less.

    Returns
    -------
    Dataset over agent
        ``study``; ``stored`` and ``now``, shares of the optimum; ``error``, their difference,
        in units of the optimum, or of a reward where that is less;
        ``agrees``, whether it is allowed and both or none earn nothing; ``same``, whether the
        learning curve is the stored one to the last bit.
    Facts
    """
    parts = []
    for name, (before, now) in pairs.items():
        error = abs(now.earned - before.earned) / np.maximum(before.optimum, 1)
        alike = (now.earned == 0) == (before.earned == 0)
        parts.append(
            xr.Dataset(
                {
                    "stored": before.earned / before.optimum,
                    "now": now.earned / before.optimum,
                    "error": error,
                    "agrees": (error <= allowed) & alike,
                    "same": ("agent", (before.curve.values == now.curve.values).all(axis=1)),
                }
            ).assign_coords(study=("agent", [name] * before.sizes["agent"]))
        )
    data = xr.concat(parts, "agent")
    facts: Facts = {
        "agents": fact(data.sizes["agent"], "agents that are trained again"),
        "studies": fact(len(pairs), "studies that they are of"),
        "same": fact(data.same.sum(), "agents whose learning curve is the stored one, bit for bit"),
        "largest": fact(100 * data.error.max(), "largest difference of returns, % of the optimum"),
        "allowed": fact(100 * allowed, "difference that is allowed, % of the optimum"),
    }
    return data, facts


def by_study(data: xr.Dataset) -> dict[str, dict[str, float | int]]:
    """Lay out a row for each study: agents, returns in % of the optimum, and agreement."""
    table: dict[str, dict[str, float | int]] = {}
    for name in dict.fromkeys(data.study.values.tolist()):
        own = data.isel(agent=np.flatnonzero(data.study.values == name))
        row: dict[str, float | int] = {
            "agents": own.sizes["agent"],
            "stored, %": round(100 * float(own.stored.mean()), 1),
            "trained again, %": round(100 * float(own.now.mean()), 1),
            "largest difference, %": round(100 * float(own.error.max()), 1),
            "the same to the last bit": int(own.same.sum()),
        }
        for title, value in row.items():
            table.setdefault(title, {})[name] = value
    return table
