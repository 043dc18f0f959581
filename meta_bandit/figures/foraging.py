"""Figures of the foraging world, its regimes, and the agents that live there."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from meta_bandit.figures.style import BLUE, NEVER, ORANGE, RED, SKY, canvas, name_above
from meta_bandit.worlds.foraging import Foraging, ForagingLives

STAYS, TOURS, LEARNS = "stays", "searches, learns nothing", "learns"
_REGIMES = {STAYS: NEVER, TOURS: ORANGE, LEARNS: SKY}


def forage_world(task: Foraging) -> Figure:
    """Draw a foraging world: nest, near place, hiding places with their ways from the nest.

    Parameters
    ----------
    task
        A single task.
    """
    with canvas(width=3.6, height=3.6) as (figure, ax):
        _ground(ax, task)
        world = task.grid
        for number, cell in enumerate(world.hiding[: int(task.places)]):
            y, x = divmod(int(cell), world.size)
            ax.text(x, y, f"?\n{'ABCDE'[number]}", ha="center", va="center")
    return figure


def forage_regimes(table: xr.Dataset) -> Figure:
    """Draw where the best animal stays, searches and learns: a panel for a number of places.

    Parameters
    ----------
    table
        ``optimum``, ``habit`` and ``stay`` over (places, far, lifetime): expected returns of the
        best animal, of the best that does not learn, and of staying near; ``edge`` over (places,
        lifetime): the large reward above which the best animal searches.
    """
    same = 1e-9 * table.optimum
    gain = (1 - table.habit / table.optimum).where(table.optimum - table.habit > same)
    regime = (table.optimum - table.stay > same).astype(float)
    top = float(gain.max())
    # from a blue that is told from white
    blues = LinearSegmentedColormap.from_list("gain", colormaps["GnBu"](np.linspace(0.3, 1, 256)))
    with canvas(1, table.sizes["places"], height=3.4) as (figure, axes):
        for ax, places in zip(np.atleast_1d(axes), table.places.values, strict=True):
            plain = ListedColormap([NEVER, ORANGE])
            at = {"x": table.lifetime, "y": table.far}
            here = regime.sel(places=places).transpose("far", "lifetime")
            ax.pcolormesh(at["x"], at["y"], here, cmap=plain, vmin=0, vmax=1, rasterized=True)
            share = 100 * gain.sel(places=places).transpose("far", "lifetime")
            mesh = ax.pcolormesh(
                at["x"], at["y"], share, cmap=blues, vmin=0, vmax=100 * top, rasterized=True
            )
            edge = table.edge.sel(places=places)
            ax.step(table.lifetime, edge, where="mid", color="black", lw=1.6)
            ax.set(title=f"$K = {places}$ hiding places", xlabel="lifetime $T$ (moves)")
            ax.set_ylim(float(table.far.min()), float(table.far.max()))
        np.atleast_1d(axes)[0].set_ylabel("large reward $R$ (near rewards)")
        bar = figure.colorbar(mesh, ax=axes, shrink=0.9)
        bar.set_label("what learning adds\n(% of the optimal return)")
        patches = [Patch(color=NEVER, label=STAYS), Patch(color=ORANGE, label=TOURS)]
        name_above(figure, handles=patches)
    return figure


def forage_maps(table: xr.Dataset) -> Figure:
    """Draw over lifetime and places what is optimal and what agents do, with their returns.

    Parameters
    ----------
    table
        ``regime`` over (who, places, lifetime), 0 stays, 1 searches without learning, 2 learns,
        as means over seeds; ``share`` over the same: normalised return; ``who`` names the panels.
    """
    with canvas(table.sizes["who"], height=1.9) as (figure, axes):
        colors = ListedColormap(list(_REGIMES.values()))
        for ax, who in zip(np.atleast_1d(axes), table.who.values, strict=True):
            here = table.sel(who=who).transpose("places", "lifetime")
            ax.imshow(here.regime.round(), cmap=colors, vmin=0, vmax=2, origin="lower",
                      aspect="auto")  # fmt: skip
            for (row, column), share in np.ndenumerate(here.share.values):
                mixed = here.regime.values[row, column] % 1 > 0
                ax.text(column, row, f"{100 * share:.0f}{'*' if mixed else ''}", ha="center",
                        va="center")  # fmt: skip
            ax.set_xticks(range(here.sizes["lifetime"]), here.lifetime.values)
            ax.set_yticks(range(here.sizes["places"]), here.places.values)
            ax.set_title(who)
            ax.set_xlabel("lifetime $T$ (moves)")
        np.atleast_1d(axes)[0].set_ylabel("hiding places $K$")
        patches = [Patch(color=color, label=name) for name, color in _REGIMES.items()]
        name_above(figure, handles=patches)
    return figure


def forage_paths(lives: dict[str, ForagingLives]) -> Figure:
    """Draw paths up to the first find and on the trip after it: a row each, a column for a place.

    Parameters
    ----------
    lives
        By the name of the animal: a life for each place of the large reward, of a single task, or
        of an array of one.
    """
    names = list(lives)
    first = next(iter(lives.values()))
    columns = first.hidden.shape[-1]
    with canvas(len(names), columns, height=2.2) as (
        figure,
        axes,
    ):
        grid_of_axes = np.reshape(axes, (len(names), columns))
        for row, (name, played) in zip(grid_of_axes, lives.items(), strict=True):
            row[0].set_ylabel(name)
            for place, ax in enumerate(row):
                _one_life(ax, played, place)
        name_above(figure, grid_of_axes[0, 0])
    return figure


def forage_lifetimes(shares: xr.DataArray, optimum: xr.DataArray) -> Figure:
    """Draw what agents earn in lives of other lengths than they were trained on.

    Parameters
    ----------
    shares
        Normalised return over (trained, tested).
    optimum
        The exact return over tested; shown under the axis.
    """
    with canvas(height=4.6) as (figure, ax):
        shares = shares.transpose("trained", "tested")
        mesh = ax.imshow(shares, cmap="cividis", vmin=0, vmax=1, origin="lower")
        for (row, column), share in np.ndenumerate(shares.values):
            color = "white" if share < 0.55 else "black"
            ax.text(column, row, f"{share:.2f}", ha="center", va="center", color=color)
            if shares.trained[row] == shares.tested[column]:
                box = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, lw=1.8, ec=RED)
                ax.add_patch(box)
        below = [
            f"{tested}\n{value:.1f}"
            for tested, value in zip(shares.tested.values, optimum.values, strict=True)
        ]
        ax.set_xticks(range(shares.sizes["tested"]), below)
        ax.set_yticks(range(shares.sizes["trained"]), shares.trained.values)
        ax.set(xlabel="lifetime lived (moves), and below each its optimal return")
        ax.set_ylabel("lifetime trained on (moves)")
        figure.colorbar(mesh, ax=ax).set_label("normalised return")
    return figure


def _ground(ax: Any, task: Foraging) -> None:
    """Draw the cells, the nest and the places of a world."""
    world = task.grid
    for cell in range(world.size**2):
        y, x = divmod(cell, world.size)
        color = "white"
        if cell == world.near:
            color = "#cfe8dc"
        if cell in world.hiding[: int(np.max(task.places))]:
            color = "#fbe6b8"
        ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fc=color, ec="#bbbbbb", lw=0.8))
    for cell, name in ((world.nest, "nest"), (world.near, "near")):
        y, x = divmod(int(cell), world.size)
        ax.text(x, y - 0.36, name, ha="center", va="center", color="#444444")
    ax.set(xlim=(-0.55, world.size - 0.45), ylim=(-0.55, world.size - 0.45), aspect="equal")
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def _one_life(ax: Any, lives: ForagingLives, place: int) -> None:
    """Draw a life's way to its first find, and the trip after that."""
    _ground(ax, lives.task)
    world, life = lives.task.grid, (..., place)
    size, positions = world.size, lives.positions[life].ravel()
    found, fed = lives.found[life].ravel(), lives.fed[life].ravel()
    # a trip that ends with a reward is seen at home already: its last cell is that of the reward
    rewarded = world.hiding[place]
    y, x = divmod(int(rewarded), size)
    ax.plot(x, y, "*", color=ORANGE, ms=15, mec="black", mew=0.6, label="the large reward")
    ends = np.flatnonzero(found | fed)
    finds = np.flatnonzero(found)
    until = finds[0] if len(finds) else len(found) - 1
    later = ends[ends > until]
    stretches = [(0, until, BLUE, "before the find")]
    if len(finds) and len(later):
        stretches.append((until + 1, later[0], RED, "the trip after it"))
    for number, (start, end, color, label) in enumerate(stretches):
        cells = []
        for step in range(start, end + 1):
            cells.append(positions[step])
            if found[step] or fed[step]:
                cells += [rewarded if found[step] else world.near, -1]
        path = np.array([divmod(int(c), size) if c >= 0 else (np.nan, np.nan) for c in cells])
        # beside each other where they share a way, and each later step a little further
        aside = 0.16 * (number - 0.5) + 0.02 * np.linspace(-1, 1, len(path))
        ax.plot(path[:, 1] + aside, path[:, 0] + aside, "-", color=color, lw=2, label=label)
        moving = ~np.isnan(path[1:] - path[:-1]).any(axis=1)
        moving &= (path[1:] != path[:-1]).any(axis=1)
        for step in np.flatnonzero(moving).tolist():
            (y0, x0), (y1, x1) = path[step], path[step + 1]
            off = aside[step]
            ax.annotate("", (0.35 * x0 + 0.65 * x1 + off, 0.35 * y0 + 0.65 * y1 + off),
                        (0.5 * (x0 + x1) + off, 0.5 * (y0 + y1) + off),
                        arrowprops={"arrowstyle": "-|>", "color": color, "lw": 1})  # fmt: skip
    home = world.nest
    y, x = divmod(int(home), size)
    ax.plot(x, y, "o", color="black", ms=5)
