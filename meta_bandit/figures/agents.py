"""Figures of trained agents."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from meta_bandit.figures.style import (
    BLUE,
    GREEN,
    GREY,
    NEVER,
    RED,
    SIGMA_L,
    SIGMA_P,
    canvas,
    name_above,
)

OPTIMA = (
    ("best", RED, "-", "Bayes-optimal"),
    ("plan", "black", "--", "best committed plan"),
)
"""How the two optima are drawn: name, colour, style, label."""


def learning_curves(curves: xr.Dataset, settled: float, window: int = 1) -> Figure:
    """Draw the return of agents during training: a panel for each task, a line for each seed.

    Parameters
    ----------
    curves
        ``mean_return`` over (task, seed, update) and ``commit_value`` over (task), the return of
        the best committed plan; in units of reward.
    settled
        Update from which on the prior mean is the task's own.
    window
        Updates over which each point is the mean.
    """
    with canvas(1, curves.sizes["task"], height=3) as (figure, axes):
        smooth = curves.mean_return.rolling(update=window, center=True).mean()
        for ax, task in zip(np.atleast_1d(axes), curves.task.values, strict=True):
            for seed in curves.seed.values:
                line = smooth.sel(task=task, seed=seed)
                ax.plot(curves["update"], line, lw=1.2, label=f"seed {seed}")
            best = float(curves.commit_value.sel(task=task))
            ax.axhline(best, color="black", ls="--", lw=1.2, label="best committed plan")
            ax.axvline(settled, color=GREY, ls=":", lw=1.2)
            ax.set(title=task, xlabel="updates of the weights in training")
        first = np.atleast_1d(axes)[0]
        first.set_ylabel("return of a life (reward)")
        name_above(figure, first)
    return figure


def behaviour_maps(maps: xr.Dataset) -> Figure:
    """Draw how likely the risky arm is, given posterior mean and pull, a panel for each task.

    Parameters
    ----------
    maps
        ``risky_probability`` over (task, posterior_mean, pull), NaN where no life has been, and
        ``threshold`` over (task, pull), where the Bayes-optimal policy leaves.
    """
    with canvas(1, maps.sizes["task"], height=3.4) as (figure, axes):
        for ax, task in zip(np.atleast_1d(axes), maps.task.values, strict=True):
            probability = maps.risky_probability.sel(task=task)
            mesh = ax.pcolormesh(maps.pull + 1, maps.posterior_mean, probability,
                                 cmap="cividis", vmin=0, vmax=1, rasterized=True)  # fmt: skip
            ax.plot(maps.pull + 1, maps.threshold.sel(task=task), color=RED, lw=2)
            ax.axhline(0, color="black", lw=0.8, ls=":")
            ax.set_facecolor(NEVER)
            ax.set(title=task, xscale="log", xlabel="pull of the life")
            ax.set_ylim(float(maps.posterior_mean.min()), float(maps.posterior_mean.max()))
        np.atleast_1d(axes)[0].set_ylabel(r"posterior mean $\hat\mu_n$ (reward)")
        figure.colorbar(mesh, ax=axes, label="probability of the risky arm")
    return figure


def recipes(data: xr.Dataset) -> Figure:
    """Draw return and length of the gradient during training, a column for each recipe.

    Parameters
    ----------
    data
        See `studies.training.recipes`.
    """
    with canvas(2, data.sizes["recipe"], height=2.4) as (figure, axes):
        for (above, below), name in zip(axes.T, data.recipe.values, strict=True):
            own = data.sel(recipe=name)
            pulls = own.pulls / 1e6
            for seed in own.seed:
                agent = own.sel(seed=seed)
                above.plot(pulls, agent.earned, lw=1.2)
                (line,) = below.plot(pulls, agent.gradient, lw=1.2)
                below.plot(pulls, agent.longest, ".", ms=2, color=line.get_color())
            above.axhline(1, color="black", ls="--", lw=1.2)
            above.set(title=name, ylim=(-2, 1.6))
            below.set(xlabel="pulls of an agent (million)", yscale="log")
        for row in axes:
            bottoms, tops = zip(*(ax.get_ylim() for ax in row), strict=True)
            for ax in row:
                ax.set_ylim(min(bottoms), max(tops))
                if ax is not row[0]:
                    ax.tick_params(labelleft=False)
        axes[0, 0].set_ylabel("return (share of the optimum)")
        axes[1, 0].set_ylabel("length of the gradient")
    return figure


def shares_by_recipe(shares: xr.DataArray) -> Figure:
    """Draw what agents earn by how they were trained, a row for each recipe, a dot for each seed.

    Parameters
    ----------
    shares
        Return as a share of the Bayes-optimal one, over (recipe, seed) or (recipe, task, seed):
        then tasks are dots of a colour each, below each other, named in a legend.
    """
    by_task = shares if "task" in shares.dims else shares.expand_dims("task")
    places = by_task.sizes["task"]
    height = 0.8 + (0.32 if places == 1 else 0.14 * places) * by_task.sizes["recipe"]
    with canvas(height=height) as (figure, ax):
        colours = [BLUE] if places == 1 else colormaps["viridis"](np.linspace(0, 0.92, places))
        for number, colour in enumerate(colours):
            own = by_task.isel(task=number).clip(min=-1)
            # a row for each recipe, and in it one below the other
            rows = np.arange(own.sizes["recipe"]) + 0.7 * ((number + 0.5) / places - 0.5)
            at = np.repeat(rows, own.sizes["seed"])
            label = str(own.task.item()) if places > 1 else None
            dots = own.transpose("recipe", "seed").values.ravel()
            ax.plot(dots, at, "o", ms=5, color=colour, alpha=0.6, label=label)
        ax.axvline(1, color="black", ls="--", lw=1.2)
        ax.axvline(0, color=GREY, ls=":", lw=1.2)
        ax.set(
            xlabel="return (share of the Bayes-optimal one)",
            xlim=(-1.1 if (shares < -0.05).any() else -0.1, 1.1),
        )
        ax.xaxis.set_major_locator(MultipleLocator(0.5 if (shares < -0.05).any() else 0.2))
        ax.set_yticks(range(by_task.sizes["recipe"]), by_task.recipe.values)
        ax.invert_yaxis()
        if places > 1:
            name_above(figure, ax, title="a life is worth (reward)")
    return figure


def shares_by_learner(shares: xr.DataArray) -> Figure:
    """Draw what agents earn, a row for each learner, in it one for each way, a dot for each agent.

    Parameters
    ----------
    shares
        Return as a share of the Bayes-optimal one, over (learner, way, task, seed); NaN where
        there is no agent.
    """
    learners, ways = shares.learner.values, shares.way.values
    with canvas(height=1.2 + 0.11 * learners.size * (ways.size + 1)) as (figure, ax):
        for number, (way, colour) in enumerate(zip(ways, (GREY, BLUE, RED, GREEN), strict=False)):
            own = shares.sel(way=way).clip(min=-1).transpose("learner", "task", "seed").values
            rows = np.arange(learners.size) + 0.75 * ((number + 0.5) / ways.size - 0.5)
            at = np.broadcast_to(rows[:, None, None], own.shape)
            ax.plot(own.ravel(), at.ravel(), "o", ms=4.5, color=colour, alpha=0.5, label=way)
        ax.axvline(1, color="black", ls="--", lw=1.2)
        ax.axvline(0, color=GREY, ls=":", lw=1.2)
        ax.set(
            xlabel="return (share of the Bayes-optimal one)",
            xlim=(-1.1 if (shares < -0.05).any() else -0.1, 1.1),
        )
        ax.xaxis.set_major_locator(MultipleLocator(0.5 if (shares < -0.05).any() else 0.2))
        ax.set_yticks(range(learners.size), learners)
        ax.invert_yaxis()
        name_above(figure, ax)
    return figure


def across_edges(row: xr.Dataset) -> Figure:
    """Draw what agents earn on a row of tasks, with the two optima and their edges.

    Parameters
    ----------
    row
        ``earned`` over (sigma_p, seed), ``best`` and ``plan`` over (sigma_p), in units of reward;
        attributes ``best_edge`` and ``plan_edge``, in sigma_p.
    """
    with canvas(height=3.8) as (figure, ax):
        for name, colour, style, label in OPTIMA:
            ax.plot(row.sigma_p, row[name], color=colour, ls=style, lw=1.6, label=label)
            ax.axvline(row.attrs[f"{name}_edge"], color=colour, ls=":", lw=1.2)
        at = np.repeat(row.sigma_p.values, row.sizes["seed"])
        dots = row.earned.transpose("sigma_p", "seed").values.ravel()
        ax.plot(at, dots, "o", ms=4.5, color=BLUE, alpha=0.6, label="agents, each seed")
        ax.set(xlabel=SIGMA_P, ylabel="return of a life (reward)")
        ax.legend()
    return figure


def learned_edge(data: xr.Dataset) -> Figure:
    """Draw up to which noise agents learn, and what they earn, by how long they were trained.

    Parameters
    ----------
    data
        See `studies.training_limits.learned_edge`.
    """
    with canvas(2, height=2.8) as (figure, (above, below)):
        # dots of both kinds side by side, so that none hides another
        for ax, values, colour, label, aside in (
            (above, data.edge, BLUE, "agents pull", 0.97),
            (above, data.gain_edge, GREEN, "agents earn", 1.03),
            (below, 100 * data.share, BLUE, "agents", 1.0),
        ):
            for seed in data.seed:
                ax.plot(
                    aside * data.updates,
                    values.sel(seed=seed),
                    "o",
                    ms=4.5,
                    color=colour,
                    alpha=0.6,
                )
            ax.plot(data.updates, values.mean("seed"), color=colour, lw=1.6, label=label)
            ax.set(xlabel="updates of training", xscale="log")
            ax.set_xticks(data.updates.values, [f"{count:,}" for count in data.updates.values])
            ax.minorticks_off()
        for name, colour, style, label in OPTIMA:
            above.axhline(data.attrs[f"{name}_edge"], color=colour, ls=style, lw=1.6, label=label)
        above.set(ylabel=f"learned edge: {SIGMA_L}", yscale="log", ylim=(1.4, 4.5))
        above.minorticks_off()
        above.set_yticks([1.5, 2, 3, 4], ["1.5", "2", "3", "4"])
        below.axhline(100, color=RED, lw=1.6)
        below.set(ylabel="return between the edges (% of the Bayes-optimal one)", ylim=(0, 105))
        above.legend()
    return figure


def lost_again(data: xr.Dataset) -> Figure:
    """Draw what agents earn while they are trained, and who loses it again.

    Parameters
    ----------
    data
        See `studies.training_limits.lost_again`.
    """
    with canvas(height=3.4) as (figure, ax):
        for lost, label, colour, width in (
            (False, "stay above half", GREY, 0.5),
            (True, "fall below half", BLUE, 1.2),
        ):
            # hundreds of lines are a picture
            some = data.share.values[data.lost == lost].T
            lines = ax.plot(data["update"], some, color=colour, lw=width, rasterized=not lost)
            if lines:
                lines[0].set_label(label)
        ax.set(
            xlabel="updates of the weights in training",
            ylabel="return, as a share of what one who knows the arm earns",
            ylim=(-1.2, 1.1),
        )
        name_above(figure, ax)
    return figure


def slopes_through_time(slopes: xr.DataArray, bound: float) -> Figure:
    """Draw how slopes grow on their way back through lives.

    Parameters
    ----------
    slopes
        Largest slope of each life at each pull, over (pull, agent, life).
    bound
        What training would have cut them to.
    """
    levels = [0.0, 0.005, 0.05, 0.5, 0.95, 0.995, 1.0]
    bands = slopes.quantile(levels, dim=["agent", "life"]).clip(min=1e-4)
    with canvas(height=3.4) as (figure, ax):
        for depth, (low, high) in enumerate(((0, 6), (1, 5), (2, 4))):
            label, alpha = ("all lives", "99%", "90%")[depth], 0.15 + 0.1 * depth
            ax.fill_between(
                slopes.pull, bands[low], bands[high], color=BLUE, alpha=alpha, lw=0, label=label
            )
        ax.plot(slopes.pull, bands[3], color=BLUE, label="median life")
        ax.axhline(bound, color="black", ls="--", lw=1.2, label="bound in training")
        ax.set(yscale="log", xlabel="pull of the life")
        ax.set_ylabel(r"largest slope $|\delta c_t|$ (loss)")
        ax.legend(ncols=2)
    return figure
