"""One look for all figures; colours survive colour blindness (Okabe and Ito's palette)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure

from meta_bandit.worlds import GaussianBandit

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#666666",
)  # fmt: skip
NEVER = "#d9d9d9"
"""Colour of not learning, on every map."""

SIGMA_P = r"ecological uncertainty $\sigma_p$ (reward)"
SIGMA_L = r"task complexity $\sigma_l$ (reward)"

_STYLE: Any = {
    "figure.dpi": 120,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "figure.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, RED, PURPLE, SKY]),
    "legend.frameon": False,
    "savefig.facecolor": "white",
}


def task_names(task: GaussianBandit, worlds: Iterable[str] = ()) -> list[str]:
    """Name the tasks of a one-dimensional array for legends and titles, by their uncertainties.

    Parameters
    ----------
    task
        Tasks; shape (tasks,).
    worlds
        A word for each, to stand before its numbers.
    """
    both = np.broadcast_arrays(task.sigma_p, task.sigma_l)
    names = [rf"$\sigma_p={p:g}$, $\sigma_l={q:g}$" for p, q in zip(*both, strict=True)]
    worlds = list(worlds)
    return (
        [f"{world}: {name}" for world, name in zip(worlds, names, strict=True)] if worlds else names
    )


@contextmanager
def canvas(*shape: int, width: float = 7.5, height: float = 3.4) -> Iterator[tuple[Figure, Any]]:
    """Open a figure in the book's style, closed at the end so that it is shown only once.

    Parameters
    ----------
    *shape
        Rows and columns of panels; a single panel where nothing is given.
    width, height
        In inches.
    """
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(*shape, figsize=(width, height))
        yield figure, axes
        plt.close(figure)
