"""Figures of the edge from the optimiser's side: two branches, and what lies between."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from meta_bandit.figures.style import BLUE, GREEN, GREY, ORANGE, RED, SIGMA_P, canvas, name_above

_COMMIT: Any = {"color": "black", "ls": "--", "lw": 1.5}
_BAYES: Any = {"color": RED, "lw": 2}
_RETURN = "return of a life (reward)"
_KINDS = {"learns": (BLUE, "o"), "hesitates": (GREEN, "D"), "never": (ORANGE, "v")}
_BEGIN = "probability of the first pull"


def branches(agents: xr.Dataset, optima: xr.Dataset) -> Figure:
    """Draw the exploration of every agent across the edge, a panel for each way of training.

    Parameters
    ----------
    agents
        ``exploration`` (pulls) and ``kind`` ("learns", "hesitates" or "never") over
        (training, sigma_p, seed).
    optima
        ``optimal_pulls`` and ``bayes_exploration`` over (sigma_p), in pulls.
    """
    with canvas(1, agents.sizes["training"], height=3.5) as (figure, axes):
        axes = np.atleast_1d(axes)
        _share_y(axes)
        for ax, training in zip(axes, agents.training.values, strict=True):
            here = agents.sel(training=training)
            ax.plot(optima.sigma_p, optima.optimal_pulls, **_COMMIT, label="best committed plan")
            ax.plot(optima.sigma_p, optima.bayes_exploration, **_BAYES, label="Bayes-optimal")
            for kind in _KINDS:
                _points(ax, here.exploration.where(here.kind == kind), kind)
            ax.set(title=training, xlabel=SIGMA_P)
        axes[0].set_ylabel("exploration (pulls)")
        name_above(figure, axes[0])
    return figure


def lead(optima: xr.Dataset, shares: xr.Dataset) -> Figure:
    """Draw what the rival optima earn along a row of tasks, and which agents learn there.

    Parameters
    ----------
    optima
        Over (sigma_p), in units of reward: ``commit_value``, the best of the plans that explore,
        ``bayes_value``, the best policy that begins with a pull; as attributes ``commit_edge`` and
        ``bayes_edge``.
    shares
        ``share``, ``low`` and ``high`` over (group, training, sigma_p): of agents in a group.
    """
    groups = shares.sizes["group"]
    with canvas(1, 1 + groups, height=3) as (figure, (values, *found)):
        values.plot(optima.sigma_p, optima.commit_value, **_COMMIT, label="best committed plan")
        values.plot(optima.sigma_p, optima.bayes_value, **_BAYES, label="best policy")
        values.axhline(0, color=ORANGE, lw=2, label="never learn")
        values.set(xlabel=SIGMA_P, ylabel=_RETURN, title="worth")
        for ax, group in zip(found, shares.group.values, strict=True):
            for aside, training, colour in zip(
                (-0.006, 0.006), shares.training.values, (GREY, BLUE), strict=True
            ):
                here = shares.sel(training=training, group=group)
                around = [here.share - here.low, here.high - here.share]
                ax.errorbar(here.sigma_p + aside, here.share, yerr=around, fmt="o-", ms=4,
                            color=colour, capsize=3, label=training)  # fmt: skip
            ax.set(xlabel=SIGMA_P, ylabel="share of agents", title=group, ylim=(-0.05, 1.05))
        for ax in (values, *found):
            ax.axvline(optima.attrs["commit_edge"], color="black", ls=":", lw=1.2)
            ax.axvline(optima.attrs["bayes_edge"], color=RED, ls=":", lw=1.2)
        name_above(figure, values, found[-1])
    return figure


def portrait(agents: xr.Dataset) -> Figure:
    """Draw how readily agents begin against what a life is worth once they have begun.

    Parameters
    ----------
    agents
        ``begins``, the probability of the risky arm at the first pull of a life, and ``pushed``,
        the return of a life whose first pull is forced (reward), over (training, sigma_p, seed).
    """
    with canvas(1, agents.sizes["training"], height=3.5) as (figure, axes):
        axes = np.atleast_1d(axes)
        _share_y(axes)
        for ax, training in zip(axes, agents.training.values, strict=True):
            for number, sigma_p in enumerate(agents.sigma_p.values):
                here = agents.sel(training=training, sigma_p=sigma_p)
                shade = colormaps["viridis"](number / agents.sizes["sigma_p"])
                ax.plot(here.begins, here.pushed, "o", color=shade, ms=5, alpha=0.8,
                        label=f"{sigma_p:g}")  # fmt: skip
            ax.axvline(0.5, color="black", ls=":", lw=1)
            ax.axhline(0, color="black", lw=0.8)
            ax.set(title=training, xlabel=_BEGIN, xscale="log")
        axes[0].set_ylabel("return once begun (reward)")
        axes[0].legend(title=r"$\sigma_p$ (reward)")
    return figure


def drift(moves: dict[str, tuple[xr.Dataset, xr.Dataset]]) -> Figure:
    """Draw where more training takes agents, an arrow for each, in the plane of `portrait`.

    Parameters
    ----------
    moves
        By the title of its panel: agents before and after, each with ``begins`` (probability),
        ``pushed`` and ``pushed_se`` (reward) over (agent).
    """
    with canvas(1, len(moves), height=3.2) as (figure, axes):
        axes = np.atleast_1d(axes)
        _share_y(axes)
        for ax, (title, (before, after)) in zip(axes, moves.items(), strict=True):
            for found, colour, name in ((before, GREY, "before"), (after, BLUE, "after")):
                ax.errorbar(found.begins, found.pushed, yerr=2 * found.pushed_se, fmt="o", ms=5,
                            color=colour, elinewidth=0.8, label=name)  # fmt: skip
            for agent in range(before.sizes["agent"]):
                start, end = (x.isel(agent=agent) for x in (before, after))
                ax.annotate("", (end.begins, end.pushed), (start.begins, start.pushed),
                            arrowprops={"arrowstyle": "->", "color": GREY, "lw": 1})  # fmt: skip
            ax.axvline(0.5, color="black", ls=":", lw=1)
            ax.axhline(0, color="black", lw=0.8)
            ax.set(title=title, xlabel=_BEGIN)
        axes[0].set_ylabel("return once begun (reward)")
        axes[0].legend(loc="upper left")
    return figure


def dip(curves: xr.Dataset) -> Figure:
    """Draw how often agents pull during training, a panel for each task, a line for each seed.

    Parameters
    ----------
    curves
        ``pull_share`` over (sigma_p, seed, update), the share of risky pulls, and ``kind``, as of
        `branches`, over (sigma_p, seed), at the end.
    """
    with canvas(1, curves.sizes["sigma_p"], height=2.8) as (figure, axes):
        axes = np.atleast_1d(axes)
        _share_y(axes)
        for ax, sigma_p in zip(axes, curves.sigma_p.values, strict=True):
            here = curves.sel(sigma_p=sigma_p)
            for seed in here.seed.values:
                line = here.sel(seed=seed)
                colour, _ = _KINDS[str(line.kind.values)]
                ax.plot(line["update"], line.pull_share, color=colour, lw=1)
            ax.set(
                title=rf"$\sigma_p={sigma_p:g}$",
                xlabel="updates of the weights in training",
                yscale="log",
            )
        axes[0].set_ylabel("share of risky pulls")
        for kind, (colour, _) in _KINDS.items():
            axes[0].plot([], [], color=colour, label=kind)
        axes[0].legend(title="in the end")
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
    with canvas(2, height=2.8) as (figure, (left, right)):
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
            ax.legend()
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
    with canvas(1, len(lines), height=3) as (figure, axes):
        for ax, (title, pairs) in zip(np.atleast_1d(axes), lines.items(), strict=True):
            for number in range(pairs.sizes["pair"]):
                pair = pairs.isel(pair=number)
                ax.errorbar(
                    pair.along, pair.value, yerr=2 * pair.value_se, lw=1.2, marker="o", ms=3
                )
            ax.axhline(0, color="black", lw=0.8, ls=":")
            ax.set(title=title, xlabel="way from the first weights (0) to the second (1)")
        np.atleast_1d(axes)[0].set_ylabel(_RETURN)
    return figure


def variations(found: xr.Dataset) -> Figure:
    """Draw how often agents pull after training in several ways, every seed a point.

    Parameters
    ----------
    found
        ``pulls``, risky pulls of a life when actions are sampled, and ``kind``, as of `branches`,
        over (variation, seed).
    """
    with canvas(height=3.6) as (figure, ax):
        rows = np.arange(found.sizes["variation"])[::-1]
        spread = 0.3 * np.linspace(-1, 1, found.sizes["seed"])
        for row, name in zip(rows, found.variation.values, strict=True):
            here = found.sel(variation=name)
            for kind, (colour, mark) in _KINDS.items():
                chosen = (here.kind == kind).values
                ax.scatter(here.pulls.clip(min=1e-3)[chosen], row + spread[chosen], color=colour,
                           marker=mark, s=22, label=kind if row == 0 else None)  # fmt: skip
        ax.set_yticks(rows, found.variation.values)
        ax.set(xscale="log", xlabel="risky pulls of a life, actions sampled")
        ax.grid(axis="y", color="#dddddd", lw=0.6)
        ax.xaxis.set_minor_formatter(NullFormatter())
        name_above(figure, ax)
    return figure


def _share_y(axes: NDArray[np.object_]) -> None:
    """Give panels one vertical scale; before they are drawn into, or only the first counts."""
    for ax in axes[1:]:
        ax.sharey(axes[0])


def _points(ax: Any, values: xr.DataArray, kind: str) -> None:
    """Draw the seeds of a kind on every task as points, side by side."""
    step = float(np.diff(values.sigma_p).min()) if values.sizes["sigma_p"] > 1 else 1.0
    aside = 0.3 * step * np.linspace(-1, 1, values.sizes["seed"])
    places = values.sigma_p.values[:, None] + aside
    colour, mark = _KINDS[kind]
    ax.plot(places.ravel(), values.transpose("sigma_p", "seed").values.ravel(), mark, color=colour,
            ms=4, alpha=0.8, label=kind)  # fmt: skip


def loops(data: xr.Dataset) -> Figure:
    """Draw walks of the prior mean at several rates: pulls on both ways, and where they turn.

    Parameters
    ----------
    data
        ``share_down`` and ``share_up``, risky pulls over the lifetime, over (updates, down or up,
        walker), at ``mean_down`` and ``mean_up``; over (updates, walker), ``fell`` and ``back``,
        the prior means at which walkers stop pulling and pull again, in units of reward, and
        ``returned``, whether they do; attributes ``commit_edge``, ``bayes_edge``.
    """
    with canvas(2, height=2.8) as (figure, (left, right)):
        shades = np.linspace(0.25, 1.0, data.sizes["updates"])
        for shade, updates in zip(shades, data.updates.values, strict=True):
            here = data.sel(updates=updates)
            for way, colour, label in (("down", BLUE, "falls"), ("up", ORANGE, "rises")):
                named = f"prior mean {label}" if updates == data.updates[-1] else None
                left.plot(here[f"mean_{way}"], here[f"share_{way}"].mean("walker"), color=colour,
                          alpha=shade, lw=0.6 + 1.2 * shade, label=named)  # fmt: skip
            places = updates * np.exp(np.linspace(-0.2, 0.2, here.sizes["walker"]))
            right.plot(places, here.fell, "o", ms=4, color=BLUE, alpha=0.7)
            for returned, inside in ((True, ORANGE), (False, "white")):
                own = np.flatnonzero(here.returned == returned)
                right.plot(places[own], here.back[own], "o", ms=4, mec=ORANGE, mfc=inside)
        for mark, colour in (("commit_edge", "black"), ("bayes_edge", RED)):
            left.axvline(data.attrs[mark], color=colour, ls=":", lw=1.2)
            right.axhline(data.attrs[mark], color=colour, ls=":", lw=1.2)
        left.set(xlabel="prior mean $m$ (reward)", ylabel="share of risky pulls in a life")
        left.locator_params(axis="x", nbins=5)
        left.legend()
        right.set(xscale="log", xlabel="updates at each stop", ylabel="prior mean $m$ (reward)")
        right.set_xticks(data.updates.values, [f"{one}" for one in data.updates.values])
        right.minorticks_off()
    return figure
