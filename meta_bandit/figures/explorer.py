"""The explorer's picture of one task, as it is without a browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from meta_bandit.figures.adaptive import draw_leaving
from meta_bandit.figures.style import (
    BLUE,
    GREY,
    NEVER,
    ORANGE,
    RED,
    SIGMA_L,
    SIGMA_P,
    SKY,
    canvas,
)


def one_task(curve: xr.Dataset, plane: xr.Dataset, paths: xr.Dataset) -> Figure:
    """Draw what looking is worth in one task, where the task lies, and lives of its best policy.

    Parameters
    ----------
    curve
        ``value`` over (pulls), in units of reward. Attributes ``optimal_pulls``,
        ``optimal_value``, ``interior_pulls``, ``interior_value``, ``barrier_pulls`` and
        ``barrier_value``: the best whole n, and the local optima over real n, NaN where there
        are none.
    plane
        ``commit_edge`` and ``stopping_edge`` over (sigma_p), in units of reward. Attributes
        ``task``: the place (sigma_p, sigma_l); ``predictable``: the largest sigma_p at which
        behaviour is predictable.
    paths
        As for `leaving`.
    """
    with canvas(3, height=3) as (figure, axes):
        _value(axes[0], curve)
        _map(axes[1], plane)
        draw_leaving(axes[2], paths)
        axes[2].set_title("Lives of the Bayes-optimal policy")
        axes[2].legend()
    return figure


def _value(ax: Any, curve: xr.Dataset) -> None:
    at = curve.attrs
    price = -float(curve.value[-1] / curve.pulls[-1])
    top = max(at["optimal_value"], np.nan_to_num(at["interior_value"]), 2 * price)
    ax.plot(curve.pulls, curve.value, color=BLUE)
    ax.plot(at["interior_pulls"], at["interior_value"], "o", color=BLUE, label="learn")
    ax.plot(0, 0, "o", color=GREY, label="never learn")
    ax.plot(at["barrier_pulls"], at["barrier_value"], "v", color=GREY, label="barrier")
    ax.plot(at["optimal_pulls"], at["optimal_value"], "*", ms=13, color=ORANGE,
            label=rf"$n^*={at['optimal_pulls']}$")  # fmt: skip
    ax.axhline(0, color="black", lw=0.8, ls=":")
    shown = curve.pulls[curve.value > -0.6 * top]
    ax.set(xlabel="exploration $n$ (pulls)", ylabel="expected return $V(n)$ (reward)")
    ax.set(xlim=(-0.02 * shown[-1], shown[-1]), ylim=(-0.6 * top, 1.2 * top))
    ax.set_title("What looking is worth")
    ax.legend()


def _map(ax: Any, plane: xr.Dataset) -> None:
    left, bottom = 0.1, 0.01
    ax.set_facecolor(NEVER)
    ax.fill_between(plane.sigma_p, bottom, plane.commit_edge, color=SKY, lw=0)
    ax.fill_between(plane.sigma_p, plane.commit_edge, plane.stopping_edge, color=SKY, alpha=0.4,
                    lw=0)  # fmt: skip
    ax.plot(plane.sigma_p, plane.commit_edge, color=RED, lw=2, label="edge, committed")
    ax.plot(plane.sigma_p, plane.stopping_edge, color=RED, ls="--", label="edge, Bayes-optimal")
    ax.axvspan(left, plane.attrs["predictable"], color="#b5b5b5")
    ax.plot(*plane.attrs["task"], "*", ms=15, color=ORANGE, mec="black")
    ax.set(xscale="log", yscale="log", xlabel=SIGMA_P, ylabel=SIGMA_L, ylim=(bottom, 100))
    ax.set_xlim(left, float(plane.sigma_p.max()))
    ax.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
    ax.set_title("Where this task lies")
    ax.legend(loc="upper left", frameon=True)
