"""Figures of agents that are raised on many tasks, beside those of one and beside the optima."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from meta_bandit.figures.style import BLUE, GREEN, GREY, NEVER, ORANGE, canvas

_COLOURS = (BLUE, ORANGE, GREEN)


def one_for_all(shares: xr.DataArray, optimum: xr.DataArray) -> Figure:
    """Draw what agents of one lifetime earn in lives of others, and below what one for all earns.

    Parameters
    ----------
    shares
        Return as a share of the optimum over (raised, tested); where that is 0, the return itself
        in units of reward. The coordinate ``raised`` holds lifetimes as text, and last a name.
    optimum
        The exact return over (tested), in units of reward.
    """
    raised, tested = shares.raised.values, shares.tested.values
    with canvas(height=5.2) as (figure, ax):
        worth = np.broadcast_to(optimum.values > 0, shares.shape)
        norm = TwoSlopeNorm(0.5, -1, 1)
        mesh = ax.imshow(np.where(worth, shares, np.nan), cmap="cividis", norm=norm)
        ax.set_facecolor(NEVER)
        for (row, column), share in np.ndenumerate(shares.values):
            dark = worth[row, column] and share < 0.7
            # no minus before a zero
            text = f"{share:.2f}".replace("-0.00", "0.00")
            ax.text(column, row, text, ha="center", va="center",
                    color="white" if dark else "black")  # fmt: skip
            if raised[row] == str(tested[column]):
                ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, lw=1.6))
        last = len(raised) - 1
        ax.axhline(last - 0.5, color="white", lw=4)
        ax.set_xticks(range(len(tested)), tested)
        ax.set_yticks(range(len(raised)), raised)
        ax.set(xlabel="lifetime lived (pulls)", ylabel="raised on (pulls)")
        ax.spines[:].set_visible(False)
        bar = figure.colorbar(mesh, ax=ax, extend="min", shrink=0.8)
        bar.set_label("normalised return (grey column: return in reward)")
        bar.set_ticks([-1, -0.5, 0, 0.5, 0.75, 1])
    return figure


def returns_by_clock(shares: xr.DataArray) -> Figure:
    """Draw normalised return over the length of life: a colour for a clock, a point for a seed.

    Parameters
    ----------
    shares
        Return as a share of the optimum over (clock, seed, tested).
    """
    with canvas(height=3.5) as (figure, ax):
        for color, clock in zip(_COLOURS, shares.clock.values, strict=False):
            here = shares.sel(clock=clock).transpose("tested", "seed")
            ax.plot(here.tested, here.mean("seed"), color=color, label=str(clock))
            ax.plot(here.tested, here, ".", color=color, ms=5, alpha=0.8)
        ax.axhline(1, color="black", lw=0.8)
        ax.set(
            xscale="log", xlabel="lifetime lived (pulls)", ylabel="return (share of the optimum)"
        )
        ax.set_xticks(shares.tested.values, shares.tested.values)
        ax.minorticks_off()
        ax.legend(title="told")
    return figure


def untold_lifetimes(price: xr.Dataset, thresholds: xr.DataArray) -> Figure:
    """Draw what it costs not to know the lifetime, and how thresholds differ where one does not.

    Parameters
    ----------
    price
        Over (lifetime), the mean length of life in pulls: ``untold``, the optimum told a hazard
        alone, as a share of the optimum told its lifetime; ``agents`` over (lifetime, seed), the
        same of agents, NaN where there are none.
    thresholds
        Over (told, pull), in units of reward; NaN after the end of life.
    """
    with canvas(2, height=2.8) as (figure, (left, right)):
        left.plot(price.lifetime, price.untold, color="black", label="optimum, told the hazard")
        here = price.agents.dropna("lifetime", how="all").transpose("lifetime", "seed")
        left.plot(here.lifetime, here, "o", color=BLUE, ms=5, mfc="none")
        left.plot(here.lifetime, here.mean("seed"), "_", color=BLUE, ms=14, mew=2,
                  label="agents, told nothing")  # fmt: skip
        left.axhline(1, color=GREY, lw=0.8)
        left.set(xscale="log", xlabel="mean length of life (pulls)",
                 ylabel="return (share of the optimum told $T$)")  # fmt: skip
        left.set_xticks(here.lifetime.values, here.lifetime.values)
        left.minorticks_off()
        left.legend()
        for color, told in zip((GREY, BLUE), thresholds.told.values, strict=True):
            line = thresholds.sel(told=told)
            right.plot(line.pull, line, color=color, lw=2, label=str(told))
        right.axhline(0, color="black", lw=0.8)
        right.set(xlabel="pulls so far", ylabel="threshold (reward)")
        right.legend()
    return figure
