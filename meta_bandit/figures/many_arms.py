"""Figures of any prior and of many arms: edges of a Bernoulli arm, the ladder, who climbs it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from meta_bandit.figures.style import BLUE, GREEN, GREY, NEVER, ORANGE, RED, SIGMA_L, canvas

Arms = NDArray[np.int64]


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
    with canvas(1, 2, width=8.5, height=3.7) as (figure, (left, right)):
        left.plot(plans.pulls, plans, ".-", ms=3, lw=0.8, color=BLUE, label="explore, then commit")
        left.axhline(plans.attrs["best"], color=RED, label="Bayes-optimal")
        left.axhline(0, color="black", lw=0.8, ls=":")
        left.set(xlabel="length of exploration $n$ (pulls)", ylabel="return of a life (reward)")
        left.legend(fontsize=9)
        at = lifetimes.weight
        right.fill_between(at, 1, lifetimes.adaptive, color=NEVER, lw=0)
        right.plot(at, lifetimes.committed, color=BLUE, ls="--", label="explore, then commit")
        right.plot(at, lifetimes.adaptive, color=RED, label="adaptive")
        right.plot(at, lifetimes.informed, color="black", lw=1, label="one pull tells all")
        right.set(xscale="log", yscale="log", ylabel="critical lifetime (pulls)")
        right.set_xlabel(r"worth of the prior $\alpha + \beta$ (pulls)")
        right.legend(fontsize=9)
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
    with canvas(1, rungs.sizes["world"], width=8.5, height=4.2) as (figure, axes):
        for ax, world in zip(np.atleast_1d(axes), rungs.world.values, strict=True):
            here = rungs.sel(world=world)
            low, top = here["index"] - 2 * here.index_se, here.bound + 2 * here.bound_se
            ax.bar(here.tried, top - low, bottom=low, width=0.9, color=RED, ec=RED, lw=2,
                   label="from the index policy to the bound")  # fmt: skip
            ax.plot(here.tried, here.committed, "o", ms=5, color=BLUE, label="best committed plan")
            for policy in others.policy.values:
                level = float(others.sel(world=world, policy=policy))
                ax.axhline(level, color=GREY, lw=0.8, ls="--", zorder=0)
                ax.annotate(policy, (0, level), xytext=(0, 2), textcoords="offset points",
                            fontsize=8, color=GREY)  # fmt: skip
            ax.set(title=world, xlabel="arms that are used $k$")
        np.atleast_1d(axes)[0].set_ylabel("return of a life (reward)")
        np.atleast_1d(axes)[-1].legend(fontsize=9, loc="lower right")
    return figure


def climbers(curves: xr.Dataset, levels: Mapping[str, float], arms: Mapping[str, Arms]) -> Figure:
    """Draw how agents learn on many arms, and one life of each policy.

    Parameters
    ----------
    curves
        ``mean_return`` in units of reward and ``tried`` in arms, over (recipe, agent, update).
    levels
        Returns to compare with, by name, in units of reward.
    arms : length pulls
        Arm of each pull of one life, by the name of who lives it.
    """
    with canvas(1, 3, width=11, height=4.0) as (figure, (left, middle, right)):
        for recipe, color in zip(curves.recipe.values, (BLUE, ORANGE, GREEN), strict=False):
            for agent in curves.agent.values:
                own = curves.sel(recipe=recipe, agent=agent)
                own = own.rolling(update=10, center=True, min_periods=1).mean()
                label = str(recipe) if agent == curves.agent.values[0] else None
                for ax, name in ((left, "mean_return"), (middle, "tried")):
                    ax.plot(curves["update"] + 1, own[name], color=color, lw=1.5, label=label)
        for name, level in levels.items():
            left.axhline(level, color=GREY, lw=0.8, ls="--", zorder=0)
            left.annotate(name, (0, level), xytext=(0, 2), textcoords="offset points",
                          fontsize=8, color=GREY)  # fmt: skip
        left.set(xlabel="updates", ylabel="return of a life (reward)")
        middle.set(xlabel="updates", ylabel="unknown arms tried in a life (arms)", ylim=(0, None))
        middle.legend(fontsize=9)
        most = max(int(np.max(pulled)) for pulled in arms.values()) + 2
        for row, pulled in enumerate(arms.values()):
            right.axhline(row * most - 1, color=NEVER, lw=0.8)
            right.plot(np.arange(len(pulled)), pulled + row * most, "|", ms=4, color="black")
        right.set(xlabel="pull", ylabel="arm, from 0 up", xlim=(-1, None))
        right.set_yticks([row * most for row in range(len(arms))], list(arms), fontsize=9)
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
    with canvas(1, 2, width=9.0, height=3.9) as (figure, axes):
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
            ax.set(yscale="log", xlabel=r"what arm 0 pays $\mu_1$ (reward)", facecolor=NEVER)
            ax.set_ylim(float(data.sigma_l[0]) / 1.3, float(data.sigma_l[-1]) * 1.3)
        axes[0].set_ylabel(SIGMA_L)
    return figure
