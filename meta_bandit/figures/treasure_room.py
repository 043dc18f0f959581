"""Figures of the dark treasure room: what is earned there, and walks of single lives."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from meta_bandit.figures.style import BLUE, GREY, ORANGE, RED, SKY, canvas, name_above
from meta_bandit.worlds.treasure_room import RoomLives

_BAD = "#f6d5c4"


def dark_rooms(data: xr.Dataset) -> Figure:
    """Draw what each way to live earns in each room, against what no policy can exceed.

    Parameters
    ----------
    data
        ``earned`` over (room, way, seed), NaN where there is none, and ``bound`` over (room), in
        units of reward.
    """
    ways = data.way.values.tolist()[::-1]
    with canvas(data.sizes["room"], 1, height=2.6) as (figure, axes):
        for ax, room in zip(np.ravel(axes), data.room.values, strict=True):
            here = data.sel(room=room)
            shown = [way for way in ways if here.earned.sel(way=way).notnull().any()]
            for row, way in enumerate(shown):
                own = here.earned.sel(way=way).dropna("seed")
                color = RED if "agents" in way else BLUE
                ax.barh(row, own.mean(), color=color, alpha=0.35, height=0.6)
                ax.plot(own, np.full(own.size, row), "o", ms=5, color=color)
            ax.axvline(0, color="black", lw=0.8)
            ax.axvline(float(here.bound), color=GREY, lw=1, ls="--")
            ax.annotate("bound", (float(here.bound), 1), xycoords=("data", "axes fraction"),
                        ha="right", va="top", xytext=(-3, -1), textcoords="offset points",
                        color=GREY)  # fmt: skip
            ax.set_yticks(range(len(shown)), shown)
            ax.set(title=f"the {room} room", xlabel="return of a life (reward)")
    return figure


def room_walks(lives: dict[str, RoomLives], episodes: tuple[int, int]) -> Figure:
    """Draw the walks of two episodes of one life, a panel for each who walks.

    Parameters
    ----------
    lives
        By name: a life of a single task, or of an array of one.
    episodes
        Which, counted from 0; negative from the end.
    """
    with canvas(1, len(lives), height=2.9) as (figure, axes):
        for ax, (name, lived) in zip(np.ravel(axes), lives.items(), strict=True):
            size, steps = int(lived.task.size), int(lived.task.steps)
            _room(ax, lived.worth.reshape(size, size))
            walk = lived.positions.reshape(-1, steps)
            paid = lived.by_episode.ravel()
            for number, (episode, color) in enumerate(zip(episodes, (BLUE, ORANGE), strict=True)):
                y, x = np.divmod(np.concatenate([[lived.task.centre], walk[episode]]), size)
                aside = 0.14 * (2 * number - 1)
                of = episode % len(walk) + 1
                path = {"color": color, "zorder": 6}
                ax.plot(x + aside, y + aside, "-", lw=2, label=f"episode {of}", **path)
                ax.plot(x[-1] + aside, y[-1] + aside, "o", ms=5, **path)
            ax.set_title(f"{name}: {paid.sum():.1f}".replace("-", "\u2212"))
        name_above(figure, np.ravel(axes)[0])
    return figure


def _room(ax: Any, worth: np.ndarray[Any, Any]) -> None:
    """Draw the cells, and what the treasures in them are worth."""
    size = len(worth)
    ax.set(xlim=(-0.5, size - 0.5), ylim=(-0.5, size - 0.5), aspect="equal")
    for place in range(size + 1):
        ax.axhline(place - 0.5, color="#dddddd", lw=0.6)
        ax.axvline(place - 0.5, color="#dddddd", lw=0.6)
    for (y, x), value in np.ndenumerate(worth):
        if value:
            said = f"{round(value):+d}" if round(value) else "0"
            box = {"boxstyle": "square,pad=0.1", "fc": SKY if value > 0 else _BAD, "ec": "none"}
            ax.text(x, y, said.replace("-", "\u2212"), ha="center", va="center", fontsize=11,
                    zorder=5, bbox=box)  # fmt: skip
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(True)
