"""Figures of any prior and of many arms: edges of a Bernoulli arm, the ladder, who climbs it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from meta_bandit.figures.style import (
    BLUE,
    GREEN,
    GREY,
    NEVER,
    ORANGE,
    PURPLE,
    RED,
    SIGMA_L,
    SKY,
    canvas,
    name_above,
    short,
)

Floats = NDArray[np.float64]
COLORS = (BLUE, ORANGE, GREEN)


def bernoulli_edges(plans: xr.DataArray, lifetimes: xr.Dataset) -> Figure:
    """Draw what plans earn on a Bernoulli arm, and how long a life has to be for learning to pay.

    Parameters
    ----------
    plans
        V(n) over (pulls), in units of reward; ``best``, V*, as an attribute.
    lifetimes
        ``informed``, ``adaptive`` and ``committed`` over (weight): critical lifetimes, in pulls,
        against the worth of the prior, alpha + beta, in pulls.
    """
    with canvas(2, height=2.8) as (figure, (left, right)):
        left.plot(plans.pulls, plans, ".-", ms=3, lw=0.8, color=BLUE, label="explore, then commit")
        left.axhline(plans.attrs["best"], color=RED, label="Bayes-optimal")
        left.axhline(0, color="black", lw=0.8, ls=":")
        left.set(xlabel="length of exploration $n$ (pulls)", ylabel="return of a life (reward)")
        left.legend()
        at = lifetimes.weight
        right.fill_between(at, 1, lifetimes.adaptive, color=NEVER, lw=0)
        right.plot(at, lifetimes.committed, color=BLUE, ls="--", label="explore, then commit")
        right.plot(at, lifetimes.adaptive, color=RED, label="adaptive")
        right.plot(at, lifetimes.informed, color="black", lw=1, label="one pull tells all")
        right.set(xscale="log", yscale="log", ylabel="critical lifetime (pulls)")
        right.set_xlabel(r"worth of the prior $\alpha + \beta$ (pulls)")
        right.legend()
    return figure


def ladder(rungs: xr.Dataset, others: xr.DataArray) -> Figure:
    """Draw what the best policy earns that uses k of the arms, between its bounds.

    Parameters
    ----------
    rungs
        ``index`` and ``bound``, with ``index_se`` and ``bound_se``, and ``committed`` over (world,
        tried), in units of reward.
    others
        Returns over (world, policy) of policies that may use all arms, in units of reward.
    """
    with canvas(rungs.sizes["world"], height=3) as (figure, axes):
        for ax, world in zip(np.atleast_1d(axes), rungs.world.values, strict=True):
            here = rungs.sel(world=world)
            low, top = here["index"] - 2 * here.index_se, here.bound + 2 * here.bound_se
            ax.bar(here.tried, top - low, bottom=low, width=0.9, color=RED, ec=RED, lw=2,
                   label="from the index policy to the bound")  # fmt: skip
            ax.plot(here.tried, here.committed, "o", ms=5, color=BLUE, label="best committed plan")
            for policy in others.policy.values:
                level = float(others.sel(world=world, policy=policy))
                ax.axhline(level, color=GREY, lw=0.8, ls="--", zorder=0)
                ax.annotate(policy, (1, level), xycoords=("axes fraction", "data"), va="center",
                            xytext=(4, 0), textcoords="offset points", color=GREY)  # fmt: skip
            ax.set(title=world, xlabel="arms that are used $k$")
        np.atleast_1d(axes)[0].set_ylabel("return of a life (reward)")
        name_above(figure, ax)
    return figure


def climbers(data: xr.Dataset, levels: xr.DataArray) -> Figure:
    """Draw how agents of many arms learn, and how many arms those that have learned try.

    Parameters
    ----------
    data
        ``curve_return`` (reward) and ``curve_tried`` (arms) over (world, recipe, seed, update), and
        ``share_tried`` over (world, recipe, seed, arms_tried), without unit.
    levels
        Returns to compare with over (world, level), in units of reward.
    """
    worlds = data.world.values
    with canvas(3, len(worlds), height=2.6) as (figure, axes):
        for column, world in zip(np.reshape(axes, (3, -1)).T, worlds, strict=True):
            top, middle, bottom = column
            here = data.sel(world=world)
            for recipe, color in zip(data.recipe.values, COLORS, strict=False):
                own = here.sel(recipe=recipe)
                for seed in data.seed.values:
                    label = str(recipe) if seed == data.seed.values[0] else None
                    for ax, name in ((top, "curve_return"), (middle, "curve_tried")):
                        ax.plot(
                            data["update"],
                            own[name].sel(seed=seed),
                            color=color,
                            lw=1.2,
                            label=label,
                        )
                shares = own.share_tried.mean("seed")
                bottom.plot(shares.arms_tried, shares, "o-", ms=4, color=color)
            for level in levels.level.values:
                at = float(levels.sel(world=world, level=level))
                top.axhline(at, color=GREY, lw=0.8, ls="--", zorder=0)
                top.annotate(
                    str(level),
                    (1, at),
                    xycoords=("axes fraction", "data"),
                    ha="right",
                    va="top",
                    xytext=(0, -2),
                    textcoords="offset points",
                    color=GREY,
                )
            top.set(title=world, xlabel="updates of the weights")
            middle.set(xlabel="updates of the weights", ylim=(0, None))
            bottom.set(xlabel="unknown arms tried by the greedy agent (arms)", ylim=(0, 1.05))
        first = np.reshape(axes, (3, -1))[:, 0]
        first[0].set_ylabel("return of a life (reward)")
        first[1].set_ylabel("arms tried in training (arms)")
        first[2].set_ylabel("share of lives")
        name_above(figure, first[1])
    return figure


def arms_that_pay(data: xr.Dataset) -> Figure:
    """Draw how many arms the best plan tries, and what adapting adds, over pay and noise.

    Parameters
    ----------
    data
        ``arms``, and ``plan`` and ``index`` in units of reward, over (safe, sigma_l); ``edge`` over
        (safe), in units of reward.
    """
    more = data["index"] - data.plan
    with canvas(1, 2, height=3.6) as (figure, axes):
        for ax, values, label in (
            (axes[0], data.arms, "arms that the best committed plan tries"),
            (axes[1], more, "what the index policy earns more (reward)"),
        ):
            shown = values.where(values > 0.5) if ax is axes[0] else values
            mesh = ax.pcolormesh(
                data.safe, data.sigma_l, shown.T, cmap="viridis", shading="nearest"
            )
            figure.colorbar(mesh, ax=ax, label=label)
            ax.plot(data.safe, data.edge, color=RED, lw=2)
            ax.set(yscale="log", xlabel=r"what arm 0 pays $\mu_0$ (reward)", facecolor=NEVER)
            ax.set_ylim(float(data.sigma_l[0]) / 1.3, float(data.sigma_l[-1]) * 1.3)
        axes[0].set_ylabel(SIGMA_L)
    return figure


def found_on_the_map(data: xr.Dataset) -> Figure:
    """Draw what agents earn over pay and noise: a map for each way of training.

    Parameters
    ----------
    data
        Over (recipe, safe, sigma_l, seed): ``share`` of what the index policy earns beyond never
        exploring, NaN where that is nothing, and ``earned``, in units of reward; ``called``, names
        of the recipes.
    """
    means = data[["share", "earned"]].mean("seed").transpose("recipe", "sigma_l", "safe")
    count = data.sizes["recipe"]
    with canvas(1, count, height=2.2) as (figure, axes):
        for ax, name, recipe in zip(axes, data.called.values, means.recipe.values, strict=True):
            own = means.sel(recipe=recipe)
            mesh = ax.imshow(own.share, cmap="cividis", vmin=0, vmax=1, origin="lower",
                             aspect="auto")  # fmt: skip
            ax.set(facecolor=NEVER, xlabel=r"what arm 0 pays $\mu_0$ (reward)")
            ax.set_title(str(name))
            for (row, column), share in np.ndenumerate(own.share.values):
                worth = np.isfinite(share)
                gain = own.earned.values[row, column]
                text = short(share) if worth else f"{round(gain, 1) + 0.0:g}"
                color = "white" if worth and share < 0.6 else "black"
                ax.text(column, row, text, ha="center", va="center", color=color)
            ax.set_xticks(range(own.sizes["safe"]), own.safe.values)
            ax.set_yticks(range(own.sizes["sigma_l"]), own.sigma_l.values)
        axes[0].set_ylabel(SIGMA_L)
        bar = figure.colorbar(mesh, ax=axes, extend="min", shrink=0.8)
        bar.set_label("share of the index policy's gain")
    return figure


def out_of_the_trap(
    earned: Mapping[str, NDArray[np.float64]], levels: Mapping[str, float]
) -> Figure:
    """Draw what each way to live earns on many arms, against what can be had.

    Parameters
    ----------
    earned : length agents
        Return of a life, in units of reward, of each agent or of one policy, by its name.
    levels
        Returns to compare with, by name, in units of reward.
    """
    with canvas(height=3) as (figure, ax):
        for row, values in enumerate(earned.values()):
            color = RED if row == len(earned) - 1 else BLUE
            ax.barh(row, np.mean(values), color=color, alpha=0.35, height=0.6)
            if np.size(values) > 1:
                ax.plot(values, np.full(np.size(values), row), "o", ms=5, color=color)
        for name, level in levels.items():
            ax.axvline(level, color=GREY, lw=1, ls="--")
            ax.annotate(
                name,
                (level, 1),
                xycoords=("data", "axes fraction"),
                ha="right",
                va="top",
                xytext=(-3, -1),
                textcoords="offset points",
                color=GREY,
            )
        ax.set_yticks(range(len(earned)), list(earned))
        ax.set_xlabel("return of a life (reward)")
    return figure


def ways_out(data: xr.Dataset, levels: xr.DataArray) -> Figure:
    """Draw how other ways up the ladder learn, and what two policies earn by their exploration.

    Parameters
    ----------
    data
        ``curve`` (reward) over (way, world, seed, point) at ``update`` over (way, point), and
        ``by_explores`` (reward) over (world, seed, pulls), with ``explores`` over (world, seed).
    levels
        Returns to compare with over (world, level), in units of reward.
    """
    worlds, ways = data.world.values, data.way.values
    with canvas(2, len(worlds), height=2.8) as (figure, axes):
        for (top, bottom), world in zip(np.reshape(axes, (2, -1)).T, worlds, strict=True):
            here = data.sel(world=world)
            # the two policies' own curve is of the explorer, which is not paid for its pulls
            for way, color in zip(ways[1:], (PURPLE, SKY, ORANGE), strict=False):
                own = here.sel(way=way)
                lines = top.plot(own["update"], own["curve"].T, color=color, lw=1.2)
                lines[0].set_label(str(way))
            bottom.plot(here.pulls, here.by_explores.T, color=BLUE, lw=1)
            at = here.by_explores.sel(pulls=here.explores)
            bottom.plot(here.explores, at, "o", ms=5, color=BLUE, label=str(ways[0]))
            for level in levels.level.values:
                for ax in (top, bottom):
                    at = float(levels.sel(world=world, level=level))
                    ax.axhline(at, color=GREY, lw=0.8, ls="--", zorder=0)
            top.set(title=world, xlabel="updates of the weights")
            bottom.set(xlabel="pulls of the explorer", ylim=(0, None))
        for ax in np.reshape(axes, (2, -1))[:, 0]:
            ax.set_ylabel("return of a life (reward)")
        name_above(figure, *np.reshape(axes, (2, -1))[:, -1])
    return figure
