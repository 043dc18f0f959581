"""Figures of the task and of committed plans."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure
from scipy.stats import norm

from meta_bandit.figures.style import (
    BLUE,
    GREEN,
    GREY,
    NEVER,
    ORANGE,
    PURPLE,
    RED,
    SIGMA_L,
    SIGMA_P,
    SKY,
    canvas,
    name_above,
)


def arm_distributions(sigma_ps: np.ndarray, mean: float) -> Figure:
    """Draw the density of the risky arm's mean for several ecological uncertainties.

    Parameters
    ----------
    sigma_ps : shape (panels,)
        Ecological uncertainties, in units of reward.
    mean
        Prior mean, in units of reward.
    """
    with canvas(len(sigma_ps), height=1.9) as (figure, axes):
        reach = 3.2 * max(sigma_ps)
        grid = np.linspace(mean - reach, mean + reach, 801)
        for ax, sigma_p in zip(np.atleast_1d(axes), sigma_ps, strict=True):
            density = norm.pdf(grid, mean, sigma_p)
            ax.plot(grid, density, color=GREY)
            ax.fill_between(grid, density, where=grid > 0, color=BLUE, alpha=0.6)
            share = norm.sf(0, mean, sigma_p)
            ax.set_title(rf"$\sigma_p={sigma_p:g}$: {share:.1%} of lives have a good risky arm")
            ax.axvline(0, color="black", lw=0.8)
            ax.set(
                xlabel=r"mean $\mu$ of the risky arm in a life (reward)", yticks=[], ylim=(0, None)
            )
            ax.spines["left"].set_visible(False)
    return figure


def lives_panel(samples: xr.Dataset) -> Figure:
    """Draw the rewards of a few lives, a panel for each task.

    Parameters
    ----------
    samples
        ``arm_mean`` over (task, life) and ``reward`` over (pull, task, life), in units of reward;
        the coordinate ``task`` holds a title for each panel.
    """
    with canvas(1, samples.sizes["task"], height=2.8) as (figure, axes):
        colours = [BLUE, ORANGE, GREEN, RED, PURPLE]
        for ax, task in zip(np.atleast_1d(axes), samples.task.values, strict=True):
            panel = samples.sel(task=task)
            for life in range(panel.sizes["life"]):
                colour = colours[life % len(colours)]
                ax.plot(panel.pull, panel.reward.isel(life=life), ".", ms=4, color=colour)
                ax.axhline(panel.arm_mean.isel(life=life), color=colour, lw=1.5)
            ax.axhline(0, color="black", lw=0.8, ls=":")
            ax.set(title=str(task).replace(": ", "\n"), xlabel="risky pull of the life")
        np.atleast_1d(axes)[0].set_ylabel("reward of a pull")
    return figure


def value_of_lifetime(values: xr.Dataset) -> Figure:
    """Draw the mean return a pull of fixed plans against the length of life.

    Parameters
    ----------
    values
        ``expected_return`` and ``expected_return_se`` from simulation, ``theory``, all over
        (plan, lifetime), in units of reward; ``plan`` holds a name for each line.
    """
    with canvas(height=3.6) as (figure, ax):
        for plan, colour in zip(values.plan.values, (GREY, BLUE, ORANGE, GREEN), strict=False):
            line = values.sel(plan=plan) / values.lifetime
            ax.plot(line.lifetime, line.theory, color=colour, label=plan)
            bars = 2 * line.expected_return_se
            ax.errorbar(line.lifetime, line.expected_return, bars, fmt="o", ms=4, color=colour)
        ax.set(xscale="log", xlabel=r"lifetime $T$ (pulls)", ylabel="mean return a pull (reward)")
        ax.set_xticks(values.lifetime, [f"{lifetime}" for lifetime in values.lifetime.values])
        ax.minorticks_off()
        ax.legend()
    return figure


def estimate_fan(fan: xr.Dataset) -> Figure:
    """Draw how the posterior mean settles in single lives, inside the band of its law.

    Parameters
    ----------
    fan
        ``posterior_mean`` over (pulls, life), ``posterior_mean_std`` over (pulls), in units of
        reward; ``mean`` as an attribute.
    """
    with canvas(height=3.6) as (figure, ax):
        mean = fan.attrs["mean"]
        for width, alpha in ((1, 0.35), (2, 0.2)):
            low = mean - width * fan.posterior_mean_std
            high = mean + width * fan.posterior_mean_std
            ax.fill_between(fan.pulls, low, high, color=SKY, alpha=alpha, lw=0,
                            label=rf"$m \pm {width}\,s_n$")  # fmt: skip
        for life in range(fan.sizes["life"]):
            ax.plot(fan.pulls, fan.posterior_mean.isel(life=life), color=BLUE, lw=0.9, alpha=0.8)
        ax.axhline(0, color="black", lw=0.8)
        ax.set(xlabel="risky pulls so far $n$", ylabel=r"posterior mean $\hat\mu_n$ (reward)")
        ax.legend(loc="upper left", frameon=True)
    return figure


def commit_curves(curves: xr.Dataset) -> Figure:
    """Draw V(n) for several tasks, its best n, and simulated lives of the same plans.

    Parameters
    ----------
    curves
        ``value`` over (task, pulls); ``simulated`` and ``simulated_se`` over (task, checked),
        where ``checked`` are lengths of exploration; ``optimal_pulls`` and ``optimal_value``
        over (task). Returns in units of reward, NaN where a life has not that many pulls.
    """
    columns = (curves.sizes["task"] + 1) // 2
    with canvas(2, columns, height=3) as (figure, axes):
        for ax, task in zip(axes.flat, curves.task.values, strict=False):
            curve = curves.sel(task=task)
            top = max(float(curve.optimal_value), 2.0)
            ax.plot(curve.pulls, curve.value, color=BLUE, label="$V(n)$, exact")
            ax.errorbar(curve.checked, curve.simulated, 2 * curve.simulated_se, fmt=".",
                        color=GREY, capsize=2, label="simulated, 2 s.e.")  # fmt: skip
            ax.plot(curve.optimal_pulls, curve.optimal_value, "*", ms=13, color=ORANGE,
                    label="best $n^*$")  # fmt: skip
            ax.axhline(0, color="black", lw=0.8, ls=":")
            ax.set_title(rf"{task}: $n^*={int(curve.optimal_pulls)}$")
            ax.set_ylim(-0.6 * top, 1.2 * top)
        figure.supxlabel("exploration $n$ (pulls)")
        figure.supylabel("expected return (reward)")
        name_above(figure, axes.flat[0])
    return figure


def exploration_map(optimum: xr.Dataset, marked: Mapping[str, tuple[float, float]]) -> Figure:
    """Draw the optimal length of exploration over the plane of the two uncertainties.

    Parameters
    ----------
    optimum
        ``optimal_pulls`` over (sigma_l, sigma_p), in pulls; ``lifetime`` as an attribute.
    marked
        Names and places (sigma_p, sigma_l) of tasks to mark.
    """
    with canvas(height=4.4) as (figure, ax):
        levels = [0.5, 1.5, 2.5, 3.5, 5.5, 7.5, 10.5, 15.5, 20.5]
        levels = [level for level in levels if level < optimum.optimal_pulls.max()]
        levels.append(float(optimum.optimal_pulls.max()) + 0.5)
        learning = optimum.optimal_pulls.where(optimum.optimal_pulls > 0)
        axes_data = (optimum.sigma_p, optimum.sigma_l)
        colours = plt.get_cmap("cividis").with_extremes(bad=NEVER)
        mesh = ax.pcolormesh(*axes_data, learning, cmap=colours, rasterized=True,
                             norm=BoundaryNorm(levels, colours.N))  # fmt: skip
        ax.set_facecolor(NEVER)
        ax.contour(*axes_data, optimum.optimal_pulls, levels=[0.5], colors=[RED], linewidths=2.5)
        bar = figure.colorbar(mesh, ax=ax, label=r"optimal exploration $n^*$ (pulls)")
        bar.set_ticks([(low + high) / 2 for low, high in pairwise(levels)])
        bar.set_ticklabels([_whole_range(low, high) for low, high in pairwise(levels)])
        for name, (sigma_p, sigma_l) in marked.items():
            ax.plot(sigma_p, sigma_l, "o", ms=9, mfc="white", mec="black")
            ax.annotate(name, (sigma_p, sigma_l), xytext=(9, 4), textcoords="offset points",
                        bbox={"fc": "white", "ec": "none", "alpha": 0.8, "pad": 1})  # fmt: skip
        ax.set(xlabel=SIGMA_P, ylabel=SIGMA_L)
        ax.text(0.03, 0.94, "never learn", transform=ax.transAxes, weight="bold")
        ax.set_title(f"lifetime $T={optimum.attrs['lifetime']}$ pulls")
    return figure


def _whole_range(low: float, high: float) -> str:
    """Name the whole numbers between two half-integers."""
    first, last = int(np.ceil(low)), int(np.floor(high))
    return f"{first}" if first == last else f"{first}–{last}"
