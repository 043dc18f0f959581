"""Figures of trained agents."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from meta_bandit.figures.style import GREY, NEVER, RED, canvas


def learning_curves(curves: xr.Dataset, settled: float, window: int = 1) -> Figure:
    """Draw the return of agents during training: a panel for each task, a line for each seed.

    Parameters
    ----------
    curves
        ``mean_return`` over (task, seed, update) and ``commit_value`` over (task), the return of
        the best committed plan; in units of reward.
    settled
        Update from which on the prior mean is the task's own.
    window
        Updates over which each point is the mean.
    """
    with canvas(1, curves.sizes["task"], width=8, height=3.3) as (figure, axes):
        smooth = curves.mean_return.rolling(update=window, center=True).mean()
        for ax, task in zip(np.atleast_1d(axes), curves.task.values, strict=True):
            for seed in curves.seed.values:
                line = smooth.sel(task=task, seed=seed)
                ax.plot(curves["update"], line, lw=1.2, label=f"seed {seed}")
            best = float(curves.commit_value.sel(task=task))
            ax.axhline(best, color="black", ls="--", lw=1.2, label="best committed plan")
            ax.axvline(settled, color=GREY, ls=":", lw=1.2)
            ax.set(title=task, xlabel="update")
        first = np.atleast_1d(axes)[0]
        first.set_ylabel("return of a life (reward)")
        first.legend(fontsize=9)
    return figure


def behaviour_maps(maps: xr.Dataset) -> Figure:
    """Draw how likely the risky arm is, given posterior mean and pull, a panel for each task.

    Parameters
    ----------
    maps
        ``risky_probability`` over (task, posterior_mean, pull), NaN where no life has been, and
        ``threshold`` over (task, pull), where the Bayes-optimal policy leaves.
    """
    with canvas(1, maps.sizes["task"], width=8, height=3.5) as (figure, axes):
        for ax, task in zip(np.atleast_1d(axes), maps.task.values, strict=True):
            probability = maps.risky_probability.sel(task=task)
            mesh = ax.pcolormesh(maps.pull + 1, maps.posterior_mean, probability,
                                 cmap="cividis", vmin=0, vmax=1, rasterized=True)  # fmt: skip
            ax.plot(maps.pull + 1, maps.threshold.sel(task=task), color=RED, lw=2)
            ax.axhline(0, color="black", lw=0.8, ls=":")
            ax.set_facecolor(NEVER)
            ax.set(title=task, xscale="log", xlabel="pull of the life")
            ax.set_ylim(float(maps.posterior_mean.min()), float(maps.posterior_mean.max()))
        np.atleast_1d(axes)[0].set_ylabel(r"posterior mean $\hat\mu_n$ (reward)")
        figure.colorbar(mesh, ax=axes, label="probability of the risky arm")
    return figure
