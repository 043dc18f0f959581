"""Figures of the edge from the optimiser's side: two branches, and what lies between."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from meta_bandit.figures.style import BLUE, GREY, ORANGE, RED, SIGMA_P, canvas

_COMMIT: Any = {"color": "black", "ls": "--", "lw": 1.5}
_BAYES: Any = {"color": RED, "lw": 2}
_RETURN = "return of a life (reward)"


def branches(agents: xr.Dataset, optima: xr.Dataset) -> Figure:
    """Draw the exploration of every agent across the edge, a panel for each way of training.

    Parameters
    ----------
    agents
        ``exploration`` (pulls) and ``learns`` over (training, sigma_p, seed).
    optima
        ``optimal_pulls`` and ``bayes_exploration`` over (sigma_p), in pulls.
    """
    with canvas(1, agents.sizes["training"], width=8, height=3.5) as (figure, axes):
        for ax, training in zip(np.atleast_1d(axes), agents.training.values, strict=True):
            here = agents.sel(training=training)
            ax.plot(optima.sigma_p, optima.optimal_pulls, **_COMMIT, label="best committed plan")
            ax.plot(optima.sigma_p, optima.bayes_exploration, **_BAYES, label="Bayes-optimal")
            _points(ax, here.exploration.where(here.learns), BLUE, "agent that learns")
            _points(ax, here.exploration.where(~here.learns), ORANGE, "agent that does not")
            ax.set(title=training, xlabel=SIGMA_P)
            ax.sharey(np.atleast_1d(axes)[0])
        first = np.atleast_1d(axes)[0]
        first.set_ylabel("exploration (pulls)")
        first.legend(fontsize=9, loc="upper left")
    return figure


def lead(optima: xr.Dataset, shares: xr.Dataset) -> Figure:
    """Draw what the rival optima earn along a row of tasks, and how many agents learn there.

    Parameters
    ----------
    optima
        Over (sigma_p), in units of reward: ``commit_value``, the best of the plans that explore,
        ``bayes_value``, the best policy; as attributes ``commit_edge`` and ``bayes_edge``.
    shares
        ``share``, ``low`` and ``high`` over (training, sigma_p): of agents that learn.
    """
    with canvas(1, 2, width=8, height=3.5) as (figure, (values, found)):
        values.plot(optima.sigma_p, optima.commit_value, **_COMMIT, label="best plan that explores")
        values.plot(optima.sigma_p, optima.bayes_value, **_BAYES, label="Bayes-optimal")
        values.axhline(0, color=ORANGE, lw=2, label="never learn")
        values.set(xlabel=SIGMA_P, ylabel=_RETURN)
        values.legend(fontsize=9)
        colours = (GREY, BLUE)
        for number, (training, colour) in enumerate(
            zip(shares.training.values, colours, strict=True)
        ):
            here = shares.sel(training=training)
            around = [here.share - here.low, here.high - here.share]
            found.errorbar(here.sigma_p + 0.008 * (number - 0.5), here.share, yerr=around, fmt="o-",
                           color=colour, capsize=3, label=training)  # fmt: skip
        for ax in (values, found):
            ax.axvline(optima.attrs["commit_edge"], color="black", ls=":", lw=1.2)
            ax.axvline(optima.attrs["bayes_edge"], color=RED, ls=":", lw=1.2)
        found.set(xlabel=SIGMA_P, ylabel="share of agents that learn", ylim=(-0.05, 1.05))
        found.legend(fontsize=9)
    return figure


def dip(curves: xr.Dataset) -> Figure:
    """Draw how often agents pull during training, a panel for each task, a line for each seed.

    Parameters
    ----------
    curves
        ``pull_share`` over (sigma_p, seed, update), the share of risky pulls, and ``learns`` over
        (sigma_p, seed), at the end.
    """
    with canvas(1, curves.sizes["sigma_p"], width=8.5, height=3.3) as (figure, axes):
        axes = np.atleast_1d(axes)
        for ax, sigma_p in zip(axes, curves.sigma_p.values, strict=True):
            here = curves.sel(sigma_p=sigma_p)
            for seed in here.seed.values:
                line = here.sel(seed=seed)
                colour = BLUE if line.learns else ORANGE
                ax.plot(line["update"], line.pull_share, color=colour, lw=1)
            ax.set(title=rf"$\sigma_p={sigma_p:g}$", xlabel="update", yscale="log")
            ax.sharey(axes[0])
        axes[0].set_ylabel("share of risky pulls")
        axes[0].plot([], [], color=BLUE, label="learns in the end")
        axes[0].plot([], [], color=ORANGE, label="does not")
        axes[0].legend(fontsize=9)
    return figure


def loop(walk: xr.Dataset) -> Figure:
    """Draw a walk of the prior mean, down and back up: what agents earn and how ready they are.

    Parameters
    ----------
    walk
        ``mean_down`` and ``mean_up``, the prior means of each way, over (down) and (up), in units
        of reward; ``return_down`` (reward) and ``largest_down``, the largest probability of a
        pull in a life, over (down, agent), and so for ``up``; ``commit_value``, ``bayes_value``
        (reward) and ``trap`` (probability) over (mean); attributes ``commit_edge``,
        ``bayes_edge``: the prior means of both edges.
    """
    with canvas(1, 2, width=8.5, height=3.6) as (figure, (left, right)):
        for way, label, colour, mark in (
            ("down", "prior mean falls", BLUE, "v"),
            ("up", "and rises again", ORANGE, "^"),
        ):
            style: Any = {"color": colour, "marker": mark, "ms": 4, "lw": 1}
            lines = left.plot(walk[f"mean_{way}"], walk[f"return_{way}"], **style)
            lines[0].set_label(label)
            right.plot(walk[f"mean_{way}"], walk[f"largest_{way}"], **style)
        left.plot(walk["mean"], walk.commit_value, **_COMMIT, label="best committed plan")
        left.plot(walk["mean"], walk.bayes_value, **_BAYES, label="Bayes-optimal")
        right.fill_between(walk["mean"], 1e-4, walk.trap, color=GREY, alpha=0.25, lw=0,
                           label="trap")  # fmt: skip
        for ax in (left, right):
            ax.axvline(walk.attrs["commit_edge"], color="black", ls=":", lw=1.2)
            ax.axvline(walk.attrs["bayes_edge"], color=RED, ls=":", lw=1.2)
            ax.set_xlabel("prior mean $m$ (reward)")
            ax.legend(fontsize=9)
        left.set_ylabel(_RETURN)
        right.set(ylabel="largest probability of a pull", yscale="log", ylim=(1e-4, 1.2))
    return figure


def between(lines: dict[str, xr.Dataset]) -> Figure:
    """Draw the return along straight lines between the weights of two agents.

    Parameters
    ----------
    lines
        By the title of its panel: ``value`` and ``value_se`` over (pair, along), in units of
        reward; ``along`` is 0 at the first agent and 1 at the second.
    """
    with canvas(1, len(lines), width=8.5, height=3.3) as (figure, axes):
        for ax, (title, pairs) in zip(np.atleast_1d(axes), lines.items(), strict=True):
            for number in range(pairs.sizes["pair"]):
                pair = pairs.isel(pair=number)
                ax.errorbar(
                    pair.along, pair.value, yerr=2 * pair.value_se, lw=1.2, marker="o", ms=3
                )
            ax.axhline(0, color="black", lw=0.8, ls=":")
            ax.set(title=title, xlabel="way from first to second")
        np.atleast_1d(axes)[0].set_ylabel(_RETURN)
    return figure


def variations(found: xr.Dataset) -> Figure:
    """Draw how often agents pull after training in several ways, every seed a point.

    Parameters
    ----------
    found
        ``pulls``, risky pulls of a life when actions are sampled, and ``learns``, over
        (variation, seed).
    """
    with canvas(width=7, height=3.6) as (figure, ax):
        rows = np.arange(found.sizes["variation"])[::-1]
        spread = 0.3 * np.linspace(-1, 1, found.sizes["seed"])
        for row, name in zip(rows, found.variation.values, strict=True):
            here = found.sel(variation=name)
            colours = np.where(here.learns, BLUE, ORANGE)
            ax.scatter(here.pulls.clip(min=1e-3), row + spread, c=colours, s=22)
        ax.set_yticks(rows, found.variation.values)
        ax.set(xscale="log", xlabel="risky pulls of a life, actions sampled")
        ax.grid(axis="y", color="#dddddd", lw=0.6)
    return figure


def _points(ax: Any, values: xr.DataArray, colour: str, label: str) -> None:
    """Draw every seed of every task as a point, side by side."""
    step = float(np.diff(values.sigma_p).min()) if values.sizes["sigma_p"] > 1 else 1.0
    aside = 0.3 * step * np.linspace(-1, 1, values.sizes["seed"])
    places = values.sigma_p.values[:, None] + aside
    ax.plot(places.ravel(), values.transpose("sigma_p", "seed").values.ravel(), "o", color=colour,
            ms=4, alpha=0.8, label=label)  # fmt: skip
