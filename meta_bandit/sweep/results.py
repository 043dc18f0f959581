"""From trained agents to the dataset of a sweep, with where it came from."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from meta_bandit.agents import AgentPolicy, TrainedAgents
from meta_bandit.measure import lay_out, measure
from meta_bandit.simulate import simulate
from meta_bandit.sweep.grid import Cell, Sweep
from meta_bandit.theory import bayes_optimal, optimal_commit


def measure_cell(cell: Cell, agent: TrainedAgents) -> xr.Dataset:
    """Measure one agent alone, on lives drawn from its cell's id: no other cell can matter."""
    rng = np.random.default_rng(int(cell.id, 16))
    lives = simulate(AgentPolicy(agent), agent.task, cell.lives, rng)
    measured = measure(lives, ["cell"]).drop_vars(["regret", "regret_se"])
    pulls = lives.risky_pulls
    spread = pulls.std(axis=-1, ddof=1) if cell.lives > 1 else np.full(1, np.nan)
    units = {"units": "pulls"}
    measured["risky_pulls"] = ("cell", pulls.mean(axis=-1), units)
    measured["risky_pulls_se"] = ("cell", spread / math.sqrt(cell.lives), units)
    return measured


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
        xr.concat(loaded, "cell", combine_attrs="override"),
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
        "policy": "greedy",
        "mean": sweep.mean,
        "training_seconds": sum(part.attrs["seconds"] for part in loaded),
    }
    return dataset


def to_netcdf(dataset: xr.Dataset) -> bytes:
    """NetCDF 3 by SciPy: any tool reads it, and it needs no library of its own."""
    return bytes(dataset.to_netcdf(engine="scipy", format="NETCDF3_64BIT"))


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
