"""What *The explorer* draws and quotes, and what it hands to the reader's browser."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import sympy
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import RegularGridInterpolator

from meta_bandit import GaussianBandit
from meta_bandit.studies.facts import Facts, fact
from meta_bandit.theory import (
    bayes_optimal,
    commit_value,
    critical_sigma_l,
    local_optima,
    optimal_commit,
    predictable_sigma_p,
    stopping_critical_sigma_l,
)
from meta_bandit.theory.symbolic import base, committing, never_learning
from meta_bandit.theory.symbolic.edge import thm_edge
from meta_bandit.theory.symbolic.stopping import thm_stopping


def looking(task: GaussianBandit, points: int = 4001) -> tuple[xr.Dataset, Facts]:
    """Follow what a committed plan earns over the length of its exploration.

    Parameters
    ----------
    task
        A single task.
    points
        Lengths from 0 to the lifetime, real numbers.

    Returns
    -------
    Dataset over pulls
        ``value``, V(n) of thm-commit-value, in units of reward. Attributes: the best whole n and
        its value, ``optimal_pulls`` and ``optimal_value``, and those of `theory.local_optima`.
    Facts
    """
    pulls = np.linspace(0, float(task.lifetime), points)
    data = xr.Dataset({"value": ("pulls", commit_value(task, pulls))}, {"pulls": pulls})
    length, value = optimal_commit(task)
    data.attrs = {"optimal_pulls": int(length), "optimal_value": float(value)}
    data.attrs |= {name: float(found) for name, found in asdict(local_optima(task)).items()}
    return data, {
        "n-star": fact(int(length), "pulls for which the best committed plan explores"),
        "best-value": fact(value, "what it earns, reward a life"),
        "bayes-value": fact(bayes_optimal(task).value, "Bayes-optimal return, reward a life"),
    }


def edge_table(lifetimes: Sequence[int], columns: int) -> tuple[xr.Dataset, Facts]:
    """Tabulate the stopping edge (prop-stopping-edge), for interpolation between its points.

    In units of |m| (prop-scale). Along sigma_p points crowd where behaviour stops being predictable
    (prop-predictable). Half way between points the table is compared with what it stands for.

    Parameters
    ----------
    lifetimes
        Rows, increasing; pulls.
    columns
        Values of sigma_p for each.

    Returns
    -------
    Dataset
        ``log_sigma_l`` over (lifetime, log_beyond): the logarithm of the edge where sigma_p is
        1 + e^log_beyond times ``limit``, the predictable side's over (lifetime).
    Facts
        How far off the table is.
    """
    beyond = np.linspace(np.log(0.01), np.log(130), columns)
    table = xr.Dataset(coords={"lifetime": [*lifetimes], "log_beyond": beyond})
    table["log_sigma_l"] = ("lifetime", "log_beyond"), _log_edge(lifetimes, beyond)
    table["limit"] = "lifetime", predictable_sigma_p(lifetimes)
    between = np.rint(np.sqrt(np.multiply(lifetimes[1:], lifetimes[:-1])))
    halfway = (beyond[2:-1:4] + beyond[3::4]) / 2
    limits = predictable_sigma_p(between)[:, None]
    apart = _interpolate(table, limits, halfway) - _log_edge(between, halfway)
    worst = 100 * np.expm1(np.abs(apart).max())
    return table, {"table-error": fact(worst, "largest error of the edges' table, %")}


def _log_edge(lifetimes: ArrayLike, beyond: NDArray[np.float64]) -> NDArray[np.float64]:
    spreads = predictable_sigma_p(lifetimes)[:, None] * (1 + np.exp(beyond))
    tasks = GaussianBandit(spreads, 1.0, np.asarray(lifetimes)[:, None], -1.0)
    return np.asarray(np.log(stopping_critical_sigma_l(tasks)))


def _interpolate(
    table: xr.Dataset, limit: ArrayLike, beyond: NDArray[np.float64]
) -> NDArray[np.float64]:
    grid = -np.log(table.limit.values), table.log_beyond.values
    read = RegularGridInterpolator(
        grid, table.log_sigma_l.values, bounds_error=False, fill_value=None
    )
    found: NDArray[np.float64] = read(np.stack(np.broadcast_arrays(-np.log(limit), beyond), -1))
    return found


def plane(task: GaussianBandit, table: xr.Dataset, widest: float = 10.0) -> xr.Dataset:
    """Draw both edges among the tasks of the same lifetime and prior mean.

    Parameters
    ----------
    task
        A single task, with m < 0.
    table
        Of the stopping edge, see `edge_table`.
    widest
        Largest sigma_p, in units of reward.

    Returns
    -------
    Dataset over sigma_p
        ``commit_edge`` and ``stopping_edge``, in units of reward. Attributes: ``task``, the place
        (sigma_p, sigma_l), and ``predictable``, the largest sigma_p of prop-predictable.
    """
    mean = float(task.mean)
    limit = float(predictable_sigma_p(task.lifetime))
    spreads = -mean * limit + np.geomspace(1e-6, widest + mean * limit, 300)
    world = GaussianBandit(spreads, 1.0, task.lifetime, mean)
    edge = np.exp(_interpolate(table, limit, np.log(-spreads / mean / limit - 1)))
    variables = {"commit_edge": critical_sigma_l(world), "stopping_edge": -mean * edge}
    place = float(task.sigma_p), float(task.sigma_l)
    return xr.Dataset(
        {name: ("sigma_p", values) for name, values in variables.items()},
        {"sigma_p": spreads},
        {"task": place, "predictable": -mean * limit},
    )


def formulas() -> dict[str, sympy.Basic]:
    """Take the formulas of the explorer from the statements and proofs of the book, by name."""
    value, foc, edge = committing.thm_commit_value(), never_learning.prop_foc(), thm_edge()
    prior_pulls = never_learning.prior_pulls, base.sigma_l**2 / base.sigma_p**2
    return {
        "commit_value": value.equations[0].rhs,
        "gain": value["gain"].right,
        "posterior_mean": committing.prop_posterior().equations[0].rhs,
        "spread_squared": committing.prop_posterior_law().equations[0].rhs,
        "step_squared": thm_stopping().equations[2].rhs,
        "benefit": foc.equations[0].lhs.subs(*prior_pulls),
        "cost": foc.equations[0].rhs.subs(*prior_pulls),
        "turning": foc["one change of sign"].left.expr.subs(*prior_pulls),
        "psi": edge["gain"].right,
        "rho": edge["Mills"].left,
        "edge_sigma_l": edge.equations[2].rhs,
        "predictable": never_learning.prop_predictable().equations[0],
    }


def script(printed: str, table: xr.Dataset, start: Mapping[str, Any], shown: int) -> str:
    """Write what the page reads when it opens, as JavaScript.

    Parameters
    ----------
    printed
        The formulas, see `theory.symbolic.javascript`.
    table
        See `edge_table`.
    start
        The task that it starts with.
    shown
        Lives that are drawn.
    """
    edges = {
        "longest": int(table.lifetime.max()),
        "minus_log_limit": (-np.log(table.limit)).values.tolist(),
        "log_beyond": table.log_beyond.values.tolist(),
        "log_sigma_l": table.log_sigma_l.values.round(6).tolist(),
    }
    data = json.dumps({"start": dict(start), "shown": shown, "stopping_edge": edges})
    return f"<script>window.explorer = {{formulas: {printed}, ...{data}}};</script>"
