"""From trained agents to the dataset of a sweep, with where it came from."""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from meta_bandit.agents import AgentPolicy, TrainedAgents, load_agents
from meta_bandit.measure import lay_out, measure
from meta_bandit.metadata import BANDIT, explain
from meta_bandit.sweep.grid import Cell, Sweep
from meta_bandit.theory import bayes_optimal, optimal_commit
from meta_bandit.worlds import GaussianBandit, simulate

ABOUT = {
    "title": "Agents trained on a grid of two-armed Gaussian bandits, and the optima of each task",
    "summary": "Arm 0 is safe and pays 0. Arm 1 is risky: its mean mu is drawn once a life from "
    "N(mean, sigma_p^2), and each pull of it pays N(mu, sigma_l^2). A life has `lifetime` pulls. "
    "On each task one agent for each seed, an LSTM trained by A2C (RL^2), was trained and then "
    "measured with its weights frozen.",
    "keywords": "meta-learning, reinforcement learning, bandit, optimal stopping",
    "mean_units": "reward",
    "comment": "Attribute lives: lives in which each agent is measured, under each policy; "
    "config.lives: lives that it plays between two updates of its training. mean: prior mean of "
    "the risky arm in all tasks. sweep, config: JSON, settings of the sweep and of training. "
    "training_seconds: sum over processes that train; wall_seconds: all sessions, measuring "
    "included. In a file of weights beside it agents follow the axes sigma_p, sigma_l, lifetime, "
    "seed, the last fastest.",
}
"""What a sweep's dataset says of itself."""
_DIGEST = re.compile(rb"(sha256\0\0\0\0\0\x02\0\0\0\x40)([0-9a-f]{64})")
"""The attribute of the digest in a NetCDF 3 file: name, type, length, text."""


def measure_cell(cell: Cell, agent: TrainedAgents) -> xr.Dataset:
    """Measure one agent alone, greedy and sampling, on lives drawn from its cell's id.

    No other cell can matter. Both policies meet the same arms and rewards.
    """
    both = []
    for greedy in (True, False):
        rng = np.random.default_rng(int(cell.id, 16))
        lives = simulate(AgentPolicy(agent, greedy), agent.task, cell.lives, rng)
        measured = measure(lives, ["cell"])
        pulls = lives.risky_pulls
        spread = pulls.std(axis=-1, ddof=1) if cell.lives > 1 else np.full(1, np.nan)
        units = {"units": "pulls"}
        measured["risky_pulls"] = ("cell", pulls.mean(axis=-1), units)
        measured["risky_pulls_se"] = ("cell", spread / math.sqrt(cell.lives), units)
        both.append(measured)
    greedily, sampled = both
    return greedily.merge(sampled.rename({str(name): sampled_name(str(name)) for name in sampled}))


def sampled_name(name: str) -> str:
    """Name of a measure, or of its standard error, under the sampling policy."""
    return f"{name.removesuffix('_se')}_sampled{'_se' if name.endswith('_se') else ''}"


def thin(curve: xr.Dataset, points: int) -> xr.Dataset:
    """Means over equal stretches of the learning curves, labelled by the updates then made."""
    updates = curve.sizes["update"]
    bounds = np.unique(np.linspace(0, updates, points + 1).round().astype(int))
    thinned = xr.Dataset(coords={"update": bounds[1:]})
    for name in ("mean_return", "risky_pulls", "entropy"):
        values = curve[name].transpose("cell", "update")
        total = np.add.reduceat(values.values.astype(np.float64), bounds[:-1], axis=1)
        short = name.removeprefix("mean_")
        thinned[f"curve_{short}"] = (("cell", "update"), total / np.diff(bounds), values.attrs)
    return thinned


def assemble(sweep: Sweep, cells: Sequence[Cell], parts: Sequence[Path]) -> xr.Dataset:
    """Lay the parts out over the grid, with the optima of each task beside them."""
    loaded = [read_netcdf(part) for part in parts]
    dataset = lay_out(
        xr.concat(loaded, "cell", combine_attrs="override").drop_vars("weights"),
        "cell",
        sigma_p=[cell.sigma_p for cell in cells],
        sigma_l=[cell.sigma_l for cell in cells],
        lifetime=[cell.lifetime for cell in cells],
        seed=[cell.seed for cell in cells],
    ).transpose("sigma_p", "sigma_l", "lifetime", "seed", "update")
    pulls, value = optimal_commit(sweep.tasks)
    best = bayes_optimal(sweep.tasks)
    grid = ("sigma_p", "sigma_l", "lifetime")
    for name, values in (
        ("optimal_pulls", pulls),
        ("commit_value", value),
        ("bayes_value", best.value),
        ("bayes_error", best.error),
    ):
        dataset[name] = grid, values
    dataset.attrs = {
        "lives": sweep.lives,
        "policy": "greedy; *_sampled: actions sampled as in training",
        "mean": sweep.mean,
        "training_seconds": sum(part.attrs["seconds"] for part in loaded),
    }
    return explain(dataset, BANDIT, **ABOUT)


def gather_agents(
    sweep: Sweep, cells: Sequence[Cell], parts: Sequence[Path], about: Mapping[str, Any]
) -> TrainedAgents:
    """Gather the trained agents of all parts, whose cells these are, in the dataset's order.

    What is said of the dataset, ``about``, is said of them, too.
    """
    loaded = [read_netcdf(part) for part in parts]
    place = {cell.id: number for number, cell in enumerate(cells)}
    mine = sweep.agents
    order = [place[cell.id] for cell in mine]
    curve = xr.Dataset(coords={"update": np.arange(sweep.config.updates)})
    for name in ("sigma_p", "sigma_l", "lifetime", "mean"):
        curve[name] = ("agent", [float(getattr(cell, name)) for cell in mine])
    seeds = np.array([cell.seed for cell in mine], dtype=np.uint64)
    curve["seed"] = ("agent", seeds)
    diverged_at = np.concatenate([part.diverged_at.values for part in loaded])[order]
    curve["diverged_at"] = ("agent", diverged_at.astype(np.int64))
    curve.attrs = provenance(about)
    weights = np.concatenate([part.weights.values for part in loaded])[order]
    # NetCDF 3 keeps its numbers with the most significant byte first
    return TrainedAgents(tasks_of(mine), seeds, sweep.config, weights.astype(np.float32), curve)


def provenance(about: Mapping[str, Any]) -> dict[str, Any]:
    """Of what is said of a dataset, where the agents come from as well."""
    names = ("meta_bandit", "commit", "date", "torch", "device", "device_name", "workers", "dask")
    times = ("training_seconds", "wall_seconds", "resumed")
    return {name: about[name] for name in (*names, *times) if name in about}


def tasks_of(cells: Sequence[Cell]) -> GaussianBandit:
    """Lay the tasks of some cells side by side, shape (cells,)."""
    return GaussianBandit(
        [cell.sigma_p for cell in cells],
        [cell.sigma_l for cell in cells],
        [cell.lifetime for cell in cells],
        [cell.mean for cell in cells],
    )


def to_netcdf(dataset: xr.Dataset) -> bytes:
    """NetCDF 3 by SciPy: any tool reads it, and it needs no library of its own.

    Its attribute ``sha256`` is the digest of the whole file with 64 times the digit 0 in its place.
    """
    blank = dataset.assign_attrs(sha256="0" * 64)
    content = bytes(blank.to_netcdf(engine="scipy", format="NETCDF3_64BIT"))
    digest = hashlib.sha256(content).hexdigest().encode()
    return _DIGEST.sub(rb"\g<1>" + digest, content, count=1)


def read_netcdf(path: Path) -> xr.Dataset:
    """Read what `to_netcdf` made, or any other NetCDF 3 file.

    Raises
    ------
    ValueError
        If it cannot be read, is no such file, or was changed since it was made.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    found = _DIGEST.search(content)
    if found:
        blank = content[: found.start(2)] + b"0" * 64 + content[found.end(2) :]
        if hashlib.sha256(blank).hexdigest().encode() != found[2]:
            raise ValueError(f"{path}: its content does not match its digest: it has been changed")
    try:
        return xr.load_dataset(io.BytesIO(content), engine="scipy")
    except Exception as error:  # whatever a file of another kind does to SciPy and xarray
        said = str(error).partition("\n")[0]
        raise ValueError(
            f"{path}: exists, and is no NetCDF 3 file, or a part of one ({said})"
        ) from None


def stored(name: str) -> xr.Dataset:
    """Read a dataset that the book keeps: ``book/results/NAME``, made by ``make results``.

    Parameters
    ----------
    name
        Name of the file, such as ``plane.nc``: the sweep ``plane`` of `PROFILES`.

    Raises
    ------
    FileNotFoundError
        If it is not there; the message says how to make it.
    """
    return read_netcdf(kept_file(name))


def stored_agents(name: str) -> TrainedAgents:
    """Read the trained agents that the book keeps beside a dataset, in the order of its axes.

    Parameters
    ----------
    name
        Name of the file, such as ``across.safetensors``: the sweep ``across`` of `PROFILES`.

    Raises
    ------
    FileNotFoundError
        If it is not there; the message says how to make it.
    """
    return load_agents(kept_file(name))


def kept_file(name: str) -> Path:
    """Find a file in the repository's folder of results."""
    path = Path(__file__).parents[2] / "book" / "results" / name
    if not path.exists():
        raise FileNotFoundError(
            f"{path}: is not there. It belongs to the repository: restore it with git, or train "
            f"its agents again (hours) with: make results RESULTS={path.stem}"
        )
    return path
