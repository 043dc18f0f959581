"""Figures of agents in lives of other lengths than they were trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from meta_bandit.figures.style import (
    BLUE,
    GREEN,
    GREY,
    NEVER,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    canvas,
    name_above,
    short,
)

_LINES = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, "black")
_LOWEST = -1.0


def lifetime_maps(table: xr.Dataset) -> Figure:
    """Draw what agents and exact specialists earn in lives of other lengths: a column for a clock.

    Parameters
    ----------
    table
        ``agents`` and ``specialists`` over (clock, trained, tested): return as a share of
        ``optimum`` over (tested), the exact one in units of reward; where that is 0, the return
        itself in units of reward. A map with gaps is left out.
    """
    kinds = {"agents": "agents", "specialists": "exact specialists"}
    panels = [
        (f"{title}, {clock}", table[name].sel(clock=clock).transpose("trained", "tested"))
        for clock in table.clock.values
        for name, title in kinds.items()
    ]
    panels = [(title, shares) for title, shares in panels if shares.notnull().all()]
    with canvas(1, len(panels), height=2.7) as (figure, axes):
        for ax, (title, shares) in zip(axes, panels, strict=True):
            mesh = draw_shares(ax, shares, table.optimum)
            ax.set(title=title, xlabel="lifetime lived (pulls)")
        axes[0].set_ylabel("lifetime trained on (pulls)")
        bar = figure.colorbar(mesh, ax=axes, extend="min", location="top", aspect=40)
        bar.set_label("normalised return (grey column: return in reward)")
        bar.set_ticks([-1, -0.5, 0, 0.5, 0.75, 1])
    return figure


def draw_shares(ax: Any, shares: xr.DataArray, optimum: xr.DataArray, numbers: bool = True) -> Any:
    """Draw one map, each cell with its number, if wanted, and those at home framed."""
    worth = np.broadcast_to(optimum > 0, shares.shape)
    norm = TwoSlopeNorm(0.5, _LOWEST, 1)
    mesh = ax.imshow(
        np.where(worth, shares, np.nan), cmap="cividis", norm=norm, origin="lower", aspect="auto"
    )
    ax.set_facecolor(NEVER)
    for (row, column), share in np.ndenumerate(shares.values):
        if numbers:
            dark = worth[row, column] and share < 0.7
            ax.text(column, row, short(share), ha="center", va="center",
                    color="white" if dark else "black")  # fmt: skip
        if shares.trained[row] == shares.tested[column]:
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, lw=1.6))
    ax.set_xticks(range(shares.sizes["tested"]), shares.tested.values, rotation=90)
    ax.set_yticks(range(shares.sizes["trained"]), shares.trained.values)
    ax.tick_params(length=0)
    return mesh


def lifetime_curves(table: xr.Dataset) -> Figure:
    """Draw normalised returns over the length of life: a panel for a clock, a point for a seed.

    Parameters
    ----------
    table
        Shares of the exact optimum: ``agents`` over (clock, trained, seed, tested), ``at_home``
        over (clock, tested, seed) of the agents trained there, ``mixed`` over (clock, mixed_seed,
        tested) of agents trained on a mixture of lifetimes up to the attribute ``longest``.
    """
    with canvas(1, table.sizes["clock"], height=3.2) as (figure, axes):
        for ax, clock in zip(np.atleast_1d(axes), table.clock.values, strict=True):
            here = table.sel(clock=clock)
            for color, trained in zip(_LINES, table.trained.values, strict=False):
                _points(
                    ax, here.agents.sel(trained=trained), "seed", color, f"trained at {trained}"
                )
            _points(ax, here.at_home, "seed", GREY, "each at home", ls="--")
            _points(ax, here.mixed, "mixed_seed", "black", "trained on a mixture", lw=2.4)
            ax.axvline(table.attrs["longest"], color=GREY, ls=":", lw=1)
            ax.axhline(1, color="black", lw=0.8)
            ax.set(title=clock, xscale="log", xlabel="lifetime lived (pulls)", ylim=(-0.65, 1.08))
            ax.set_xticks(table.tested.values, table.tested.values)
            ax.minorticks_off()
        np.atleast_1d(axes)[0].set_ylabel("return (share of the optimum)")
        name_above(figure, np.atleast_1d(axes)[0])
    return figure


def _points(ax: Any, shares: xr.DataArray, seeds: str, color: str, label: str, **line: Any) -> None:
    """Draw the mean over seeds as a line and each seed as a point."""
    shares = shares.transpose("tested", seeds)
    ax.plot(shares.tested, shares.mean(seeds), color=color, label=label, **line)
    for seed in shares[seeds].values:
        ax.plot(shares.tested, shares.sel({seeds: seed}), ".", color=color, ms=4, alpha=0.8)


def arms_kept(shares: xr.DataArray, optimum: xr.DataArray) -> Figure:
    """Draw how many lives are on the risky arm, pull by pull: a panel for good and for bad arms.

    Parameters
    ----------
    shares
        Share of lives on the risky arm over (arm, trained, pull), of agents by the lifetime that
        they were trained on; pulls count from 0.
    optimum
        The same of the Bayes-optimal policy, over (arm, pull).
    """
    with canvas(1, shares.sizes["arm"], height=4.2) as (figure, axes):
        for ax, arm in zip(axes, shares.arm.values, strict=True):
            for color, trained in zip(_LINES, shares.trained.values, strict=False):
                line = shares.sel(arm=arm, trained=trained)
                ax.plot(shares.pull + 1, line, color=color, lw=1.4, label=f"trained at {trained}")
            best = optimum.sel(arm=arm)
            ax.plot(best.pull + 1, best, color="black", lw=2.2, ls="--", label="Bayes-optimal")
            ax.set(title=arm, xscale="log", xlabel="pull of the life", ylim=(-0.02, 1.02))
        axes[0].set_ylabel("share of lives on the risky arm")
        name_above(figure, axes[1])
    return figure


def tampered_clock(
    agents: dict[str, xr.DataArray], reader: dict[str, xr.DataArray], words: dict[str, str]
) -> Figure:
    """Draw what turning the clock changes: a row for what agents are told, a column for a measure.

    Parameters
    ----------
    agents, reader
        By what the axis says, change against the right clock in % points: of agents over
        (tampering, world, told, seed), of an exact reader of the clock over (tampering, world).
    words
        What each tampering is called.
    """
    told = next(iter(agents.values())).told.values
    with canvas(len(told), len(agents), height=2.1) as (figure, axes):
        grid = np.reshape(axes, (len(told), len(agents)))
        for column, (label, change) in zip(grid.T, agents.items(), strict=True):
            names = [words[str(key)] for key in change.tampering.values]
            for ax, kind in zip(column, told, strict=True):
                own = change.sel(told=kind).dropna("world", how="all")
                _changes(ax, own.mean("seed"), reader[label].sel(world=own.world))
                ax.set_xlim(float(reader[label].min()) - 4, float(reader[label].max()) + 4)
                ax.set(yticks=range(len(names)), yticklabels=names if ax in grid[:, 0] else [])
                ax.invert_yaxis()
            column[-1].set_xlabel(label)
        for ax, kind in zip(grid[:, 0], told, strict=True):
            ax.set_title(f"agents told {kind}")
        name_above(figure, grid[0, 0])
    return figure


def _changes(ax: Any, own: xr.DataArray, exact: xr.DataArray) -> None:
    """Draw a point for each world and clock, agents beside the reader, and a bar at the mean."""
    place = np.arange(own.sizes["tampering"])
    for values, color, marker, off, label in (
        (exact, ORANGE, "s", -0.16, "exact reader, who believes the clock"),
        (own, BLUE, "o", 0.16, "agents (mean over seeds)"),
    ):
        for number, world in enumerate(values.world.values):
            named = label if number == 0 else None
            ax.plot(values.sel(world=world), place + off, marker, color=color, ms=4, alpha=0.7,
                    label=named)  # fmt: skip
        middle = values.mean("world")
        ax.vlines(middle, place + off - 0.14, place + off + 0.14, color=color, lw=2)
    ax.axvline(0, color="black", lw=0.8)
