"""One chunk of a sweep: the cells that one process trains side by side, and how many at most."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from joblib import Parallel, delayed

from meta_bandit.agents import A2CConfig, train
from meta_bandit.sweep.grid import Cell, Sweep
from meta_bandit.sweep.results import measure_cell, tasks_of, thin, to_netcdf

SIDE_BY_SIDE = 25
"""Agents that one CPU process trains at once; more are hardly faster, and finish later."""
CPU_BYTES = 2**29
"""Memory that the agents of one CPU process may take: two processes stay under 2 GB in all."""
CUDA_SHARE = 0.7
"""Share of a GPU's free memory that agents may take."""


def split(sweep: Sweep, device: str, trainers: int, free_bytes: int) -> list[list[int]]:
    """Split cells into chunks of one lifetime: as many as memory holds, evenly over processes.

    Parameters
    ----------
    sweep
        Whose cells.
    device
        ``"cpu"`` or ``"cuda"``.
    trainers
        Processes that train at the same time.
    free_bytes
        Free memory of each one's GPU; not used on a CPU.

    Returns
    -------
    list of chunks, each the numbers of its cells
    """
    numbers = np.arange(len(sweep.cells)).reshape(len(sweep.lifetime), -1)
    chunks: list[list[int]] = []
    for lifetime, cells in zip(sweep.lifetime, numbers, strict=True):
        most = agents_that_fit(lifetime, sweep.config, device, free_bytes)
        rounds = math.ceil(len(cells) / (most * trainers))
        count = min(len(cells), rounds * trainers)
        chunks += [chunk.tolist() for chunk in np.array_split(cells, count)]
    return chunks


def agents_that_fit(lifetime: int, config: A2CConfig, device: str, free_bytes: int) -> int:
    """Agents that one process may train at once, at least one."""
    each = agent_bytes(lifetime, config)
    if device == "cuda":
        return max(1, int(CUDA_SHARE * free_bytes / each))
    return max(1, min(SIDE_BY_SIDE, CPU_BYTES // each))


def agent_bytes(lifetime: int, config: A2CConfig) -> int:
    """Memory of one agent's training, nearly all of it for the pulls of the lives of an update.

    Of float32 numbers a pull keeps 7 for each unit (output, four gates, cell, its tanh) and, with
    inputs, heads, random numbers and what is made of them for the loss, some 32 more.
    """
    return 4 * lifetime * config.lives * (7 * config.units + 32)


def free_memory(device: str) -> int:
    """Free bytes of this process's GPU; 0 on a CPU, where nobody asks."""
    return int(torch.cuda.mem_get_info()[0]) if device == "cuda" else 0


def train_chunk(
    cells: Sequence[Cell],
    device: str,
    curve_points: int,
    measurers: int = 1,
    checkpoint: Path | None = None,
    every: float = 30.0,
    note: Callable[[int], None] | None = None,
) -> bytes:
    """Train and measure some cells of one lifetime, side by side.

    Parameters
    ----------
    cells
        Of one lifetime and configuration.
    device
        ``"cpu"`` or ``"cuda"``.
    curve_points
        Length of the learning curves.
    measurers
        Processes for measuring.
    checkpoint, every
        See `agents.train`.
    note
        Called with the number of updates made after each.

    Returns
    -------
    bytes
        Their part of the sweep's dataset, over ``cell``, as a NetCDF file.
    """
    seeds = [cell.seed for cell in cells]
    trained = train(
        tasks_of(cells), seeds, cells[0].config, device, note or False, 1, checkpoint, every
    )
    measured = Parallel(n_jobs=measurers)(
        delayed(measure_cell)(cell, trained[agent]) for agent, cell in enumerate(cells)
    )
    curve = trained.curve.rename(agent="cell")
    dataset = xr.concat(measured, "cell").assign(diverged_at=curve.diverged_at)
    dataset = dataset.merge(thin(curve, curve_points))
    dataset["weights"] = (("cell", "row", "column"), trained.weights)
    dataset.attrs = {"seconds": trained.curve.attrs["seconds"]}
    return to_netcdf(dataset)
