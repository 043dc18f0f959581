"""Figures of what a network holds in memory, and what it does with it."""

from __future__ import annotations

import xarray as xr
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from meta_bandit.figures.style import BLUE, GREEN, GREY, ORANGE, RED, canvas

_COLORS = (BLUE, ORANGE, GREEN)


def probe_curves(probed: xr.DataArray, raw: xr.DataArray, settled: float) -> Figure:
    """Draw how well targets can be read off memory while agents are trained, a panel for each.

    Parameters
    ----------
    probed
        Held-out R^2 over (target, task, seed, update); update 0 is an untrained network.
    raw
        The same of the inputs alone, over (target, task).
    settled
        Update from which on the prior mean is the task's own.
    """
    with canvas(1, probed.sizes["target"], width=8.5, height=3.8) as (figure, axes):
        for ax, target in zip(axes, probed.target.values, strict=True):
            for color, task in zip(_COLORS, probed.task.values, strict=False):
                lines = probed.sel(target=target, task=task).transpose("update", "seed")
                ax.plot(lines["update"], lines.mean("seed"), color=color, label=task)
                for seed in lines.seed.values:
                    ax.plot(lines["update"], lines.sel(seed=seed), ".", color=color, ms=5)
                level = float(raw.sel(target=target, task=task))
                ax.axhline(level, color=color, ls="--", lw=1.1)
            ax.plot([], [], color=GREY, ls="--", lw=1.1, label="inputs alone")
            ax.axvline(settled, color=GREY, ls=":", lw=1.2)
            ax.set(title=target, xlabel="update", ylim=(-0.05, 1.02))
        axes[0].set_ylabel("held-out $R^2$")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, ncols=2, fontsize=9, loc="outside lower center")
    return figure


def memory_paths(paths: xr.Dataset) -> Figure:
    """Draw lives as paths through a network's memory, a panel for each task.

    Parameters
    ----------
    paths
        ``place`` over (task, life, pull, component), the first two principal components of the
        outputs h; ``posterior_mean`` over (task, life, pull), in units of reward; ``explained``
        over (task, component), each one's share of the variance.
    """
    with canvas(1, paths.sizes["task"], width=9, height=3.7) as (figure, axes):
        bound = float(abs(paths.posterior_mean).quantile(0.95))
        norm = TwoSlopeNorm(0, -bound, bound)
        for ax, task in zip(axes, paths.task.values, strict=True):
            here = paths.sel(task=task)
            first, second = here.place.transpose("component", "life", "pull")
            ax.plot(first.T, second.T, color=GREY, lw=0.4, alpha=0.6)
            mesh = ax.scatter(first, second, c=here.posterior_mean.transpose("life", "pull"),
                              cmap="PuOr_r", norm=norm, s=6, lw=0, rasterized=True,
                              zorder=3)  # fmt: skip
            ax.plot(first[:, 0], second[:, 0], "k*", ms=9, zorder=4)
            shares = 100 * here.explained.values
            ax.set_title(task, fontsize=11)
            ax.set_xlabel(f"component 1 ({shares[0]:.0f}% of variance)")
            ax.set_ylabel(f"component 2 ({shares[1]:.0f}%)")
        figure.colorbar(mesh, ax=axes, extend="both",
                        label=r"posterior mean $\hat\mu_n$ (reward)")  # fmt: skip
    return figure


def answers(given: xr.Dataset) -> Figure:
    """Draw what networks answer to the same evidence: log-odds of the risky arm, by posterior mean.

    Parameters
    ----------
    given
        ``log_odds`` and ``posterior_mean`` (in units of reward) over (task, seed, life), at one
        pull; ``threshold`` over (task), where the Bayes-optimal policy leaves.
    """
    with canvas(1, given.sizes["task"], width=9, height=3.8) as (figure, axes):
        for ax, task in zip(axes, given.task.values, strict=True):
            here = given.sel(task=task)
            for color, seed in zip(_COLORS, here.seed.values, strict=False):
                odds = here.log_odds.sel(seed=seed)
                mean = here.posterior_mean.sel(seed=seed)
                ax.plot(mean, odds, ".", color=color, ms=3, label=f"seed {seed}")
            ax.axhline(0, color="black", lw=0.8)
            ax.axvline(float(here.threshold), color=RED, lw=1.5, label="exact threshold $b_n$")
            ax.set_title(task, fontsize=11)
            ax.set_xlabel(r"posterior mean $\hat\mu_n$ (reward)")
        axes[0].set_ylabel("log-odds of the risky arm")
        handles, labels = axes[-1].get_legend_handles_labels()
        figure.legend(
            handles, labels, ncols=3, fontsize=9, markerscale=3, loc="outside lower center"
        )
    return figure
