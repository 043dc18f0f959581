"""Figures of planes of trained agents, beside the optima of their tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from meta_bandit.figures.style import (
    BLUE,
    GREY,
    NEVER,
    ORANGE,
    RED,
    SIGMA_L,
    SIGMA_P,
    canvas,
    name_above,
)

_COLOURS = (BLUE, ORANGE)
SHOWN = (-0.3, 1.1)
"""Returns that a map of distances shows, as shares of the optimum."""
_PULLS = (0.1, 1.25, 1.75, 2.5, 3.5, 5, 7, 10, 14, 20, 28)


def exploration_maps(
    maps: xr.DataArray, edges: xr.Dataset, marked: Mapping[str, tuple[float, float]]
) -> Figure:
    """Draw exploration over the plane of the two uncertainties, several maps on one scale.

    Parameters
    ----------
    maps
        Exploration over (map, sigma_l, sigma_p), in pulls; grey where it is 0. The coordinate
        ``map`` holds a title for each panel.
    edges
        ``commit_edge`` and ``stopping_edge`` over (sigma_p), in units of reward.
    marked
        Texts for the last map, and their places (sigma_p, sigma_l).
    """
    with canvas(1, maps.sizes["map"], height=3.4) as (figure, axes):
        for ax, title in zip(np.atleast_1d(axes), maps["map"].values, strict=True):
            mesh = draw_map(ax, maps.sel(map=title), edges, **exploration_colours())
            ax.set_title(title)
        for text, place in marked.items():
            ax.annotate(text, place, ha="center", va="center",
                        bbox={"fc": "white", "ec": "none", "alpha": 0.85, "pad": 1.5})  # fmt: skip
        name_exploration(figure, axes, mesh)
        np.atleast_1d(axes)[0].set_ylabel(SIGMA_L)
        figure.supxlabel(SIGMA_P)
        _name_edges(figure, axes)
    return figure


def maps_by_lifetime(maps: xr.DataArray, edges: xr.Dataset) -> Figure:
    """Draw exploration over the plane, a column for each lifetime, all on one scale.

    Parameters
    ----------
    maps
        Exploration over (map, lifetime, sigma_l, sigma_p), in pulls; grey where it is 0. The
        coordinate ``map`` holds a title for each row.
    edges
        As in `exploration_maps`, over (lifetime, sigma_p).
    """
    rows, columns = maps.sizes["map"], maps.sizes["lifetime"]
    with canvas(rows, columns, height=2.8) as (figure, axes):
        grid = np.reshape(axes, (rows, columns))
        for row, title in zip(grid, maps["map"].values, strict=True):
            for ax, lifetime in zip(row, maps.lifetime.values, strict=True):
                values = maps.sel(map=title, lifetime=lifetime)
                lines = edges.sel(lifetime=lifetime)
                mesh = draw_map(ax, values, lines, **exploration_colours())
                ax.set_title(f"{title}\n$T={lifetime}$")
        name_exploration(figure, grid, mesh)
        figure.supxlabel(SIGMA_P)
        figure.supylabel(SIGMA_L)
        _name_edges(figure, grid)
    return figure


def learned_against_optimal(agents: xr.Dataset) -> Figure:
    """Draw the exploration of every agent against that of each optimum of its task.

    Parameters
    ----------
    agents
        ``exploration`` over (training, agent) and ``optimal`` over (theory, agent), in pulls.
    """
    top = 1.5 * float(max(agents.exploration.max(), agents.optimal.max()))
    with canvas(1, agents.sizes["theory"], height=3.4) as (figure, axes):
        rng = np.random.default_rng(0)
        for ax, theory in zip(np.atleast_1d(axes), agents.theory.values, strict=True):
            ax.plot([0, top], [0, top], color="black", lw=1)
            optimal = agents.optimal.sel(theory=theory).values
            for training, colour in zip(agents.training.values, _COLOURS, strict=False):
                learned = agents.exploration.sel(training=training).values
                # whole numbers of pulls would hide one another
                shift = np.where(optimal > 0, np.exp(rng.normal(0, 0.025, optimal.size)), 1)
                ax.plot(optimal * shift, learned, "o", ms=3.5, mew=0, alpha=0.5, color=colour,
                        label=training, rasterized=True)  # fmt: skip
            scale: dict[str, Any] = {"linthresh": 1, "linscale": 0.5}
            ax.set_xscale("symlog", **scale)
            ax.set_yscale("symlog", **scale)
            ticks = [0, 1, 2, 5, 10, 20, 50, 100]
            ticks = [tick for tick in ticks if tick <= top]
            ax.set_xticks(ticks, [f"{tick}" for tick in ticks])
            ax.set_yticks(ticks, [f"{tick}" for tick in ticks])
            ax.minorticks_off()
            ax.set(xlim=(-0.15, top), ylim=(-0.15, top), xlabel=f"exploration, {theory} (pulls)")
        np.atleast_1d(axes)[0].set_ylabel("exploration of the agent (pulls)")
        np.atleast_1d(axes)[0].legend(loc="upper left")
    return figure


def distance_from_edge(agents: xr.Dataset) -> Figure:
    """Draw the normalised return of every agent against how far its task is from the edge.

    Parameters
    ----------
    agents
        ``normalised_return`` over (training, agent); ``committed``, the best committed plan's,
        over (agent); ``ratio`` over (agent), sigma_l in units of that of the adaptive edge.
    """
    with canvas(1, agents.sizes["training"], height=3.6) as (figure, axes):
        for ax, training, colour in zip(
            np.atleast_1d(axes), agents.training.values, _COLOURS, strict=False
        ):
            draw_distance(ax, agents.sel(training=training), colour, f"agents, {training}")
            ax.set_title(training)
        figure.supxlabel(r"task complexity $\sigma_l$ (of its value at the adaptive edge)")
        np.atleast_1d(axes)[0].set_ylabel("return (share of the Bayes-optimal one)")
        for ax in np.atleast_1d(axes)[1:]:
            ax.set_yticklabels([])
        name_above(figure, *np.atleast_1d(axes))
    return figure


def draw_distance(ax: Any, agents: xr.Dataset, colour: str, label: str) -> None:
    """Draw a point for each agent of one training; returns beyond `SHOWN` are drawn at its ends."""
    ax.plot(agents.ratio, agents.committed, "_", ms=8, color=GREY, mew=1.4,
            label="best committed plan", rasterized=True)  # fmt: skip
    ax.plot(agents.ratio, agents.normalised_return.clip(*SHOWN), "o", ms=3.5, mew=0, alpha=0.6,
            color=colour, label=label, rasterized=True)  # fmt: skip
    ax.axhline(1, color="black", lw=0.8, ls=":")
    ax.axvline(1, color=RED, lw=2)
    ax.set(xscale="log", ylim=(-0.35, 1.15))


def draw_map(ax: Any, values: xr.DataArray, edges: xr.Dataset, **colours: Any) -> Any:
    """Draw one cell for each task, sigma_l on a logarithmic axis, and both edges."""
    sigma_p, sigma_l = values.sigma_p.values, values.sigma_l.values
    borders_p, borders_l = _borders(sigma_p), np.exp(_borders(np.log(sigma_l)))
    cells = values.transpose("sigma_l", "sigma_p").values
    mesh = ax.pcolormesh(borders_p, borders_l, cells, rasterized=True, **colours)
    for name, style in (("commit_edge", {"color": "black", "ls": "--", "lw": 1.6}),
                        ("stopping_edge", {"color": RED, "lw": 2.2})):  # fmt: skip
        there = edges[name].where(edges[name] > 0)
        ax.plot(edges.sigma_p, there, **style)
    ax.set_yscale("log")
    ax.set(xlim=borders_p[[0, -1]], ylim=borders_l[[0, -1]])
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())
    return mesh


def exploration_colours() -> dict[str, Any]:
    """Colours of lengths of exploration: steps of about a third, grey where there is none."""
    colours = plt.get_cmap("cividis").with_extremes(under=NEVER, bad="white")
    return {"cmap": colours, "norm": BoundaryNorm(_PULLS, colours.N, extend="max")}


def name_exploration(figure: Figure, axes: Any, mesh: Any) -> None:
    """Draw the scale of `exploration_colours` beside the axes."""
    bar = figure.colorbar(mesh, ax=axes, label="exploration (pulls)", pad=0.01)
    bar.set_ticks(_PULLS[1:], labels=[f"{pulls:g}" for pulls in _PULLS[1:]])


def _borders(centres: np.ndarray) -> np.ndarray:
    """Borders of cells half-way between their centres."""
    between = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - between[0], 2 * centres[-1] - between[-1]
    return np.concatenate([[first], between, [last]])


def _name_edges(figure: Figure, axes: Any) -> None:
    """Say below all panels which line is which edge."""
    ax = np.atleast_1d(axes).flat[0]
    (committed, adaptive) = ax.get_lines()[:2]
    figure.legend([committed, adaptive], ["edge, explore then commit", "edge, adaptive"],
                  loc="outside upper center", ncols=2)  # fmt: skip


def stored_and_again(data: xr.Dataset) -> Figure:
    """Draw what agents earn that are trained again, against what is stored of them.

    Parameters
    ----------
    data
        ``stored`` and ``now`` over (agent), shares of the optimum; ``study`` as a coordinate.
    """
    with canvas(height=4.2) as (figure, ax):
        ax.axline((0, 0), slope=1, color=GREY, lw=1)
        for number, study in enumerate(dict.fromkeys(data.study.values.tolist())):
            own = data.isel(agent=np.flatnonzero(data.study.values == study))
            ax.plot(own.stored, own.now, "osD^vP"[number % 6], ms=7, alpha=0.8, label=study)
        ax.set(
            xlabel="stored (share of the optimum)", ylabel="trained again (share of the optimum)"
        )
        ax.legend(loc="upper left")
    return figure
