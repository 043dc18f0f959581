"""Figures of what a network holds in memory, and what it does with it."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from meta_bandit.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    canvas,
    name_above,
)

_COLORS = (BLUE, ORANGE, GREEN)


def probes(data: xr.Dataset) -> Figure:
    """Draw how well targets can be read off memory, before and after training, a panel for each.

    Parameters
    ----------
    data
        ``r2``, held out, over (task, target, network, seed); the network ``inputs`` is drawn as a
        line, its mean over seeds.
    """
    networks = [name for name in data.network.values if name != "inputs"]
    with canvas(data.sizes["target"], height=2.4) as (figure, axes):
        for ax, target in zip(axes, data.target.values, strict=True):
            here = data.r2.sel(target=target)
            for place, task in enumerate(here.task.values):
                level = float(here.sel(task=task, network="inputs").mean("seed"))
                ax.plot([place - 0.4, place + 0.4], [level, level], color=GREY, ls="--")
                for shift, color, name in zip((-0.18, 0.18), _COLORS, networks, strict=False):
                    values = here.sel(task=task, network=name)
                    spread = shift + np.linspace(-0.1, 0.1, values.size)
                    ax.plot(place + spread, values, "o", ms=4, mew=0, color=color, alpha=0.8,
                            label=None if place else name)  # fmt: skip
            ax.plot([], [], color=GREY, ls="--", label="inputs alone")
            names = [str(name).replace(": ", "\n", 1) for name in data.task.values]
            ax.set_xticks(range(len(names)), names)
            ax.set(title=target, ylim=(-0.05, 1.02))
        axes[0].set_ylabel("what can be read off memory (held-out $R^2$)")
        name_above(figure, axes[0])
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
    with canvas(1, paths.sizes["task"], height=3.4) as (figure, axes):
        bound = float(abs(paths.posterior_mean).quantile(0.95))
        norm = TwoSlopeNorm(0, -bound, bound)
        for ax, task in zip(axes, paths.task.values, strict=True):
            here = paths.sel(task=task)
            first, second = here.place.transpose("component", "life", "pull")
            ax.plot(first.T, second.T, color=GREY, lw=0.4, alpha=0.6, rasterized=True)
            mesh = ax.scatter(first, second, c=here.posterior_mean.transpose("life", "pull"),
                              cmap="PuOr_r", norm=norm, s=6, lw=0, rasterized=True,
                              zorder=3)  # fmt: skip
            ax.plot(first[:, 0], second[:, 0], "k*", ms=9, zorder=4)
            shares = 100 * here.explained.values
            ax.set_title(task)
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
    with canvas(1, given.sizes["task"], height=3.4) as (figure, axes):
        for ax, task in zip(axes, given.task.values, strict=True):
            here = given.sel(task=task)
            ax.plot(here.posterior_mean.values.ravel(), here.log_odds.values.ravel(), ".",
                    color=BLUE, ms=3.5, mew=0, alpha=0.5, rasterized=True)  # fmt: skip
            ax.plot([], [], "o", color=BLUE, label="a life of an agent")
            ax.axhline(0, color="black", lw=0.8)
            ax.axvline(float(here.threshold), color=RED, lw=1.5, label="exact threshold $b_n$")
            ax.set_title(task)
            ax.set_xlabel(r"posterior mean $\hat\mu_n$ (reward)")
        axes[0].set_ylabel("log-odds of the risky arm (nats)")
        name_above(figure, axes[-1])
    return figure


def pushes(data: xr.Dataset) -> Figure:
    """Draw what agents do after a push of their memory, by its dose, a panel for each task.

    Parameters
    ----------
    data
        ``risky`` over (direction, dose, task, seed), mean probability of a risky pull; ``exact``
        over (dose, task), the share in which an ideal observer pulls; ``dose`` in units of reward.
    """
    colours = (GREEN, BLUE, ORANGE, GREY, PURPLE)
    with canvas(1, data.sizes["task"], height=3.8) as (figure, axes):
        panels = np.atleast_1d(axes)
        for ax, task in zip(panels, data.task.values, strict=True):
            here = data.sel(task=task)
            ax.plot(here.dose, here.exact, color=RED, lw=2, label="Bayes-optimal")
            for colour, direction in zip(colours, here.direction.values, strict=True):
                lines = here.risky.sel(direction=direction).transpose("dose", "seed")
                ax.plot(lines.dose, lines, color=colour, lw=0.4, alpha=0.5)
                ax.plot(lines.dose, lines.mean("seed"), "o-", color=colour, ms=4, label=direction)
            ax.set_title(rf"$\sigma_p={task:g}$")
            ax.set(
                xlabel=r"dose: move of the posterior mean $\hat\mu_n$ (reward)", ylim=(-0.02, 1.02)
            )
        panels[0].set_ylabel("probability of a risky pull")
        name_above(figure, panels[0])
    return figure


def at_rest(data: xr.Dataset) -> Figure:
    """Draw the states in which memory stays while agents are told the same, and what fades.

    Parameters
    ----------
    data
        Over (point): ``answer``, log-odds there; ``size``, the largest absolute eigenvalue;
        ``task`` and ``told``. ``read`` over (of_task, of_seed, later), R^2 after so many pulls.
    """
    with canvas(1, data.sizes["of_task"] + 1, height=3.4) as (figure, axes):
        *panels, last = axes
        rng = np.random.default_rng(0)
        names = data.of_told.values.tolist()
        for ax, task in zip(panels, data.of_task.values, strict=True):
            here = data.isel(point=np.flatnonzero(data.task == task))
            row = np.array([names.index(name) for name in here.told.values])
            place = row + rng.uniform(-0.25, 0.25, row.size)
            for chosen, style, label in (
                (here["size"] < 1, {"mfc": BLUE, "mec": BLUE}, "attracts"),
                (here["size"] >= 1, {"mfc": "white", "mec": RED}, "repels"),
            ):
                own = np.flatnonzero(chosen)
                ax.plot(here.answer[own], place[own], "o", ms=4.5, alpha=0.8, label=label, **style)
            ax.axvline(0, color="black", lw=0.8, ls=":")
            ax.set_yticks(range(len(names)), names if ax is panels[0] else [""] * len(names))
            ax.set_title(rf"$\sigma_p={task:g}$")
            ax.set(xlabel="log-odds of the risky arm (nats)")
        name_above(figure, panels[0])
        for colour, task in zip((BLUE, SKY, GREY), data.of_task.values, strict=False):
            lines = data.read.sel(of_task=task).transpose("later", "of_seed")
            last.plot(lines.later, lines, color=colour, lw=0.4)
            last.plot(lines.later, lines.mean("of_seed"), "o-", color=colour, ms=4,
                      label=rf"$\sigma_p={task:g}$")  # fmt: skip
        last.set(xlabel="pulls that tell nothing", ylim=(-0.02, 1.02))
        last.set_ylabel(r"what memory tells of $\hat\mu_n$ (held-out $R^2$)")
        last.legend()
    return figure
