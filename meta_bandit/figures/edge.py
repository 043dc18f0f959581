"""Figures of not learning: local optima, the two cases, the edge."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from meta_bandit.figures.style import (
    BLUE,
    GREEN,
    GREY,
    NEVER,
    ORANGE,
    RED,
    SIGMA_L,
    SIGMA_P,
    SKY,
    canvas,
    name_above,
)


def first_bit(curves: xr.Dataset) -> Figure:
    """Draw V(n) from the first bit of a pull on, on a logarithmic axis, with its local optima.

    Parameters
    ----------
    curves
        ``value`` over (task, pulls) in units of reward; ``barrier_pulls``, ``barrier_value``,
        ``interior_pulls`` and ``interior_value`` over (task), NaN where there are none.
    """
    with canvas(height=4.4) as (figure, ax):
        for task in curves.task.values:
            curve = curves.sel(task=task)
            (line,) = ax.plot(curve.pulls, curve.value, label=task)
            style = {"color": line.get_color(), "ls": "none", "ms": 8}
            ax.plot(curve.barrier_pulls, curve.barrier_value, marker="v", **style)
            ax.plot(curve.interior_pulls, curve.interior_value, marker="^", **style)
        ax.axhline(0, color="black", lw=0.8, ls=":")
        ax.set_xscale("log")
        ax.set_yscale("symlog", linthresh=0.01)
        ax.set(xlabel="exploration $n$ (pulls, real)", ylabel="expected return $V(n)$ (reward)")
        name_above(figure, ax)
    return figure


def benefit_and_cost(curves: xr.Dataset) -> Figure:
    """Draw what one more pull of exploration adds and what it costs, a panel for each task.

    Parameters
    ----------
    curves
        ``benefit`` and ``cost`` over (task, pulls), in units of reward a pull.
    """
    with canvas(1, curves.sizes["task"], height=3.2) as (figure, axes):
        for ax, task in zip(np.atleast_1d(axes), curves.task.values, strict=True):
            curve = curves.sel(task=task)
            ax.plot(curve.pulls, curve.benefit, color=BLUE, label="benefit $A(n)$")
            ax.plot(curve.pulls, curve.cost, color=ORANGE, label="cost $B(n)$")
            better = (curve.benefit > curve.cost).values
            top = 2 * float(curve.benefit.max())
            ax.fill_between(curve.pulls, 1e-3, top, where=better, color=GREEN, alpha=0.15, lw=0,
                            label="look on")  # fmt: skip
            ax.set(title=task, xlabel="exploration $n$ (pulls)")
            ax.set(xscale="log", yscale="log", ylim=(1e-2, max(top, 10)))
        first = np.atleast_1d(axes)[0]
        first.set_ylabel("worth of one more pull (reward)")
        name_above(figure, first)
    return figure


def regions(plane: xr.Dataset) -> Figure:
    """Draw the two ways of not learning over the plane, a panel for each lifetime.

    Parameters
    ----------
    plane
        ``learns`` over (lifetime, sigma_l, sigma_p), true where some exploration pays;
        ``predictable`` over (lifetime), the largest sigma_p at which behaviour is predictable.
    """
    with canvas(1, plane.sizes["lifetime"], height=2.9) as (figure, axes):
        for ax, lifetime in zip(np.atleast_1d(axes), plane.lifetime.values, strict=True):
            here = plane.sel(lifetime=lifetime)
            too_short = ~here.learns & (here.sigma_p > here.predictable)
            colour = 1 * too_short + 2 * here.learns
            ax.contourf(plane.sigma_p, plane.sigma_l, colour.transpose("sigma_l", "sigma_p"),
                        levels=[-0.5, 0.5, 1.5, 2.5], colors=["#b5b5b5", NEVER, SKY])  # fmt: skip
            ax.axvline(here.predictable, color="black", lw=1, ls="--")
            ax.set(title=f"$T={lifetime}$ pulls", xscale="log", yscale="log")
            ax.set_xticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"])
            ax.minorticks_off()
            box = {"transform": ax.transAxes}
            ax.text(0.03, 0.05, "predictable", rotation=90, **box)
            ax.text(1.07 * float(here.predictable), 18, "life too short")
            ax.text(0.6, 0.08, "learn", **box)
        figure.supxlabel(SIGMA_P)
        figure.supylabel(SIGMA_L)
    return figure


def critical_lifetimes(curves: xr.Dataset) -> Figure:
    """Draw the critical lifetime against task complexity, beside its law over real n.

    Parameters
    ----------
    curves
        ``exact`` and ``law`` over (sigma_p, sigma_l), in pulls.
    """
    with canvas(height=3.8) as (figure, ax):
        for sigma_p in curves.sigma_p.values:
            curve = curves.sel(sigma_p=sigma_p)
            (line,) = ax.plot(curve.sigma_l, curve.exact, label=rf"$\sigma_p={sigma_p:g}$")
            ax.plot(curve.sigma_l, curve.law, color=line.get_color(), ls=":")
        ax.set(xscale="log", yscale="log", ylim=(1.5, None))
        ax.set(xlabel=SIGMA_L, ylabel="critical lifetime $T_c$ (pulls)")
        ax.legend()
    return figure


def edges(curves: xr.Dataset, scaled: bool) -> Figure:
    """Draw the edge for several lifetimes, exact over whole n and parametric over real n.

    Parameters
    ----------
    curves
        ``exact`` over (lifetime, sigma_p): critical sigma_l over whole n; ``sigma_p_real`` and
        ``sigma_l_real`` over (lifetime, z): the parametric curve. In units of reward.
    scaled
        Draw a second panel with sigma_l in units of the square root of the lifetime.
    """
    with canvas(1 + scaled, height=2.9) as (figure, axes):
        for i, ax in enumerate(np.atleast_1d(axes)):
            for lifetime in curves.lifetime.values:
                curve = curves.sel(lifetime=lifetime)
                unit = np.sqrt(lifetime) if i else 1.0
                ax.plot(curve.sigma_p, curve.exact / unit, label=f"$T={lifetime}$")
                ax.plot(curve.sigma_p_real, curve.sigma_l_real / unit, ls=":", color="black", lw=1)
            ax.set(xlabel=SIGMA_P, xlim=(0, float(curves.sigma_p.max())), yscale="log")
            top = float(curves.exact.max()) / (np.sqrt(curves.lifetime.values.max()) if i else 1)
            ax.set_ylim(0.02 if not i else 0.005, 2 * top)
        first = np.atleast_1d(axes)[0]
        first.set_ylabel(SIGMA_L)
        first.legend()
        if scaled:
            axes[1].set_ylabel(r"complexity over root of lifetime $\sigma_l / \sqrt{T}$ (reward)")
    return figure


def two_optima(curves: xr.Dataset, along: str, label: str) -> Figure:
    """Draw both local optima along a line across the edge: places, values, and the barrier.

    Parameters
    ----------
    curves
        ``interior_pulls``, ``interior_value``, ``barrier_pulls``, ``barrier_value``,
        ``optimal_pulls`` over ``along``; pulls and units of reward; NaN where there are none.
        ``critical`` as an attribute: where the line crosses the edge.
    along
        The coordinate that changes.
    label
        Its name and unit, for the axis.
    """
    with canvas(1, 2, height=3.9) as (figure, (places, values)):
        at, edge = curves[along], curves.attrs["critical"]
        places.plot(at, curves.interior_pulls, color=BLUE, label="learn: local optimum")
        places.plot(at, curves.barrier_pulls, color=RED, ls="--", label="barrier")
        places.plot(at, curves.optimal_pulls, color="black", lw=2.5, alpha=0.35,
                    drawstyle="steps-mid", label="$n^*$, whole")  # fmt: skip
        places.axhline(0, color=GREY, lw=2, label="never learn: local optimum")
        places.set(xlabel=label, ylabel="exploration (pulls)")
        values.plot(at, curves.interior_value, color=BLUE)
        values.plot(at, curves.barrier_value, color=RED, ls="--")
        values.axhline(0, color=GREY, lw=2)
        low = 4 * float(curves.barrier_value.min())
        values.set(xlabel=label, ylabel="expected return (reward)", ylim=(low, -1.5 * low))
        for ax in (places, values):
            ax.axvline(edge, color="black", lw=1, ls=":")
        name_above(figure, places)
        values.text(edge, -1.35 * low, " edge")
    return figure


def across_the_edge(curves: xr.Dataset) -> Figure:
    """Draw V(n) for several complexities on both sides of the edge.

    Parameters
    ----------
    curves
        ``value`` over (side, pulls), in units of reward; ``side`` names each curve.
    """
    with canvas(height=3.8) as (figure, ax):
        for side, colour in zip(curves.side.values, (BLUE, "black", RED), strict=False):
            ax.plot(curves.pulls, curves.value.sel(side=side), color=colour, label=side)
        ax.axhline(0, color="black", lw=0.8, ls=":")
        ax.set(xlabel="exploration $n$ (pulls, real)", ylabel="expected return $V(n)$ (reward)")
        ax.legend()
    return figure


def long_lives(curves: xr.Dataset) -> Figure:
    """Draw exact n* beside the square-root law, and how far off the law is.

    Parameters
    ----------
    curves
        ``exact`` and ``law`` over (task, lifetime), in pulls; 0 where never learning is best.
    """
    with canvas(2, height=2.8) as (figure, (counts, errors)):
        for task in curves.task.values:
            curve = curves.sel(task=task)
            learns = curve.exact.where(curve.exact > 0)
            (line,) = counts.plot(curve.lifetime, learns, ".", ms=5, label=task)
            counts.plot(curve.lifetime, curve.law, color=line.get_color(), lw=1)
            errors.plot(curve.lifetime, abs(learns / curve.law - 1), color=line.get_color())
        counts.set(xscale="log", yscale="log", ylabel="optimal exploration $n^*$ (pulls)")
        errors.set(xscale="log", yscale="log", ylabel="distance of $n^*$ from the law, relative")
        for ax in (counts, errors):
            ax.set_xlabel("lifetime $T$ (pulls)")
        name_above(figure, counts)
    return figure
