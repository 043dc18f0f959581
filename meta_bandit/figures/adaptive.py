"""Figures of the adaptive learner: lives, what commitment costs, baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from meta_bandit.figures.style import (
    BLUE,
    GREY,
    NEVER,
    PURPLE,
    RED,
    SIGMA_L,
    SIGMA_P,
    canvas,
    name_above,
)


def leaving(paths: xr.Dataset) -> Figure:
    """Draw the Bayes-optimal threshold and lives that stay above it or leave.

    Parameters
    ----------
    paths
        ``posterior_mean`` over (pulls, life), NaN after a life has left the risky arm, and
        ``threshold`` over (pulls), in units of reward.
    """
    with canvas(height=3.8) as (figure, ax):
        draw_leaving(ax, paths)
        name_above(figure, ax)
    return figure


def draw_leaving(ax: Any, paths: xr.Dataset) -> None:
    """Draw the panel of `leaving`."""
    for life in range(paths.sizes["life"]):
        path = paths.posterior_mean.isel(life=life).dropna("pulls")
        left = path.sizes["pulls"] < paths.sizes["pulls"]
        ax.plot(path.pulls, path, color=GREY if left else BLUE, lw=0.9, alpha=0.8)
        if left:
            ax.plot(path.pulls[-1], path[-1], "x", color=RED, ms=6)
    ax.plot(paths.pulls, paths.threshold, color="black", lw=2.5, label="threshold $b_n$")
    ax.plot([], [], color=BLUE, label="stays for good")
    ax.plot([], [], color=GREY, marker="x", mec=RED, label="leaves for good")
    ax.axhline(0, color="black", lw=0.8, ls=":")
    ax.set(xlabel="risky pulls so far $n$", ylabel=r"posterior mean $\hat\mu_n$ (reward)")


def price_of_commitment(plane: xr.Dataset) -> Figure:
    """Draw how many times more the adaptive learner earns, with the edges of both.

    Parameters
    ----------
    plane
        ``commit_value`` and ``bayes_value`` over (sigma_l, sigma_p), ``commit_edge`` and
        ``stopping_edge`` over (sigma_p), in units of reward; ``lifetime`` as an attribute.
    """
    with canvas(height=5) as (figure, ax):
        ratio = (plane.bayes_value / plane.commit_value).where(plane.commit_value > 0)
        mesh = ax.pcolormesh(plane.sigma_p, plane.sigma_l, ratio, cmap="cividis", rasterized=True,
                             norm=LogNorm(1, 10))  # fmt: skip
        gap = (plane.commit_edge, plane.stopping_edge)
        ax.fill_between(plane.sigma_p, *gap, color=PURPLE, alpha=0.9, lw=0,
                        label="learning pays only for the adaptive learner")  # fmt: skip
        ax.plot(plane.sigma_p, plane.commit_edge, color="black", lw=1.5, ls="--",
                label="edge, explore then commit")  # fmt: skip
        ax.plot(plane.sigma_p, plane.stopping_edge, color=RED, lw=2, label="edge, adaptive")
        ax.set_facecolor(NEVER)
        bar = figure.colorbar(mesh, ax=ax, extend="max", label="return, adaptive / committed")
        bar.set_ticks([1, 1.5, 2, 3, 5, 10], labels=["1", "1.5", "2", "3", "5", "10"])
        ax.set(xlabel=SIGMA_P, ylabel=SIGMA_L, title=f"lifetime $T={plane.attrs['lifetime']}$")
        ax.set_ylim(float(plane.sigma_l.min()), float(plane.sigma_l.max()))
        name_above(figure, ax)
    return figure


def regrets(table: xr.Dataset) -> Figure:
    """Draw the regret of every policy, a panel for each task.

    Parameters
    ----------
    table
        ``regret`` and ``regret_se`` over (policy, task), ``least`` over (task), the exact regret
        of the Bayes-optimal policy; in units of reward.
    """
    with canvas(table.sizes["task"], height=2.1) as (figure, axes):
        rows = np.arange(table.sizes["policy"])[::-1]
        for ax, task in zip(np.atleast_1d(axes), table.task.values, strict=True):
            column = table.sel(task=task)
            ax.errorbar(column.regret, rows, xerr=2 * column.regret_se, fmt="o", color=BLUE, ms=5)
            ax.axvline(column.least, color=RED, lw=1.5, label="least possible")
            ax.set_yticks(rows, table.policy.values)
            ax.grid(axis="y", color="#dddddd", lw=0.6)
            ax.set(title=task, xlabel="regret of a life (reward)", xlim=(0, None))
        name_above(figure, ax)
    return figure
