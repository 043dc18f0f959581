"""From trained agents to the dataset of a sweep, with where it came from."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from meta_bandit.agents import AgentPolicy, TrainedAgents, load_agents
from meta_bandit.measure import lay_out, measure
from meta_bandit.simulate import simulate
from meta_bandit.sweep.grid import Cell, Sweep
from meta_bandit.task import GaussianBandit
from meta_bandit.theory import bayes_optimal, optimal_commit


def measure_cell(cell: Cell, agent: TrainedAgents) -> xr.Dataset:
    """Measure one agent alone, greedy and sampling, on lives drawn from its cell's id.

    No other cell can matter. Both policies meet the same arms and rewards.
    """
    both = []
    for greedy in (True, False):
        rng = np.random.default_rng(int(cell.id, 16))
        lives = simulate(AgentPolicy(agent, greedy), agent.task, cell.lives, rng)
        measured = measure(lives, ["cell"]).drop_vars(["regret", "regret_se"])
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
    loaded = [xr.load_dataset(part, engine="scipy") for part in parts]
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
    for name, values, units in (
        ("optimal_pulls", pulls, "pulls"),
        ("commit_value", value, "reward"),
        ("bayes_value", best.value, "reward"),
        ("bayes_error", best.error, "reward"),
    ):
        dataset[name] = (grid, values, {"units": units})
    for name in ("sigma_p", "sigma_l", "lifetime", "update"):
        units = {"lifetime": "pulls", "update": "updates"}.get(name, "reward")
        dataset[name].attrs["units"] = units
    dataset.attrs = {
        "lives": sweep.lives,
        "policy": "greedy; *_sampled: actions sampled as in training",
        "mean": sweep.mean,
        "training_seconds": sum(part.attrs["seconds"] for part in loaded),
    }
    return dataset


def gather_agents(sweep: Sweep, cells: Sequence[Cell], parts: Sequence[Path]) -> TrainedAgents:
    """Gather the trained agents of all parts, whose cells these are, in the order of the sweep."""
    loaded = [xr.load_dataset(part, engine="scipy") for part in parts]
    place = {cell.id: number for number, cell in enumerate(cells)}
    order = [place[cell.id] for cell in sweep.cells]
    curve = xr.Dataset(coords={"update": np.arange(sweep.config.updates)})
    for name in ("sigma_p", "sigma_l", "lifetime", "mean"):
        curve[name] = ("agent", [float(getattr(cell, name)) for cell in sweep.cells])
    seeds = np.array([cell.seed for cell in sweep.cells], dtype=np.uint64)
    curve["seed"] = ("agent", seeds)
    diverged_at = np.concatenate([part.diverged_at.values for part in loaded])[order]
    curve["diverged_at"] = ("agent", diverged_at.astype(np.int64))
    weights = np.concatenate([part.weights.values for part in loaded])[order]
    # NetCDF 3 keeps its numbers with the most significant byte first
    return TrainedAgents(
        tasks_of(sweep.cells), seeds, sweep.config, weights.astype(np.float32), curve
    )


def tasks_of(cells: Sequence[Cell]) -> GaussianBandit:
    """Lay the tasks of some cells side by side, shape (cells,)."""
    return GaussianBandit(
        [cell.sigma_p for cell in cells],
        [cell.sigma_l for cell in cells],
        [cell.lifetime for cell in cells],
        [cell.mean for cell in cells],
    )


def to_netcdf(dataset: xr.Dataset) -> bytes:
    """NetCDF 3 by SciPy: any tool reads it, and it needs no library of its own."""
    return bytes(dataset.to_netcdf(engine="scipy", format="NETCDF3_64BIT"))


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
    return xr.load_dataset(kept_file(name), engine="scipy")


def stored_agents(name: str) -> TrainedAgents:
    """Read the trained agents that the book keeps beside a dataset, in the order of its cells.

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


def code_commit() -> str:
    """Commit of the package's code, with ``-dirty`` if it was changed; "unknown" if installed."""
    here = Path(__file__)
    git = ("git", "-C", str(here.parent))
    try:
        # an environment inside some other repository is not that repository's code
        subprocess.run(
            [*git, "ls-files", "--error-unmatch", here.name], check=True, capture_output=True
        )
        described = subprocess.run(
            [*git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            check=True,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()
