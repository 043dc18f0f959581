"""One look for all figures; colours survive colour blindness (Okabe and Ito's palette)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure
from numpy.typing import NDArray

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#666666",
)  # fmt: skip
NEVER = "#d9d9d9"
"""Colour of not learning, on every map."""

WIDTH = 5.8
"""Of a figure, in inches: its text is as large as a page's, and of 9 pixels or more on a phone."""

SIGMA_P = r"ecological uncertainty $\sigma_p$ (reward)"
SIGMA_L = r"task complexity $\sigma_l$ (reward)"

_STYLE: Any = {
    # of a PNG, and of what inside an SVG is a picture: two pixels for each of the page's
    "figure.dpi": 192,
    "figure.constrained_layout.use": True,
    "font.size": 12,
    "figure.labelsize": 12,
    "figure.titlesize": 12,
    "axes.titlesize": 12,
    "legend.fontsize": 11,
    "legend.title_fontsize": 11,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, RED, PURPLE, SKY]),
    "legend.frameon": False,
    "savefig.facecolor": "white",
}


@contextmanager
def canvas(
    rows: int = 1, columns: int = 1, height: float = 3.2, width: float = WIDTH
) -> Iterator[tuple[Figure, Any]]:
    """Open a figure in the book's style, closed at the end so that it is shown only once.

    More than two panels in a row go on in the next one. At the end a label that all panels share
    is said once, and what is wider than its panel is broken into lines.

    Parameters
    ----------
    rows, columns
        Of panels, which come in an array of that shape, without sides of length 1.
    height
        Of a row, in inches.
    width
        Of the figure, in inches.
    """
    count = columns
    if rows == 1 and columns > 2:
        rows, columns = -(-count // 2), 2
    with plt.rc_context(_STYLE):
        figure, grid = plt.subplots(rows, columns, figsize=(width, rows * height), squeeze=False)
        panels = grid.ravel()
        if count != columns:
            grid = panels[:count]
            for left_over in panels[count:]:
                left_over.set_axis_off()
        axes = grid.squeeze() if grid.size > 1 else panels[0]
        yield figure, axes
        _say_once(figure, np.ravel(axes))
        _break_lines(figure, np.ravel(axes), width / columns, height)
        plt.close(figure)


def name_above(
    figure: Figure, *axes: Any, handles: Iterable[Any] = (), title: str | None = None
) -> None:
    """Name above all panels what these draw, each name once, in as many columns as fit."""
    drawn = (handle for ax in axes for handle in ax.get_legend_handles_labels()[0])
    named = {handle.get_label(): handle for handle in (*drawn, *handles)}
    lengths = [_length(label) for label in named]
    columns = len(named)
    # a line's sign and the space around it take 0.75 inches, a letter 0.085
    while columns > 1 and figure.get_figwidth() < sum(
        0.75 + 0.085 * max(column) for column in np.array_split(lengths, columns)
    ):
        columns -= 1
    figure.legend(named.values(), named, loc="outside upper center", ncols=columns, title=title)


def short(number: float) -> str:
    """Write a number below 1000 in four signs at most, for the cells of a map: ``.95``, ``1.2``."""
    size = abs(number)
    digits = 2 if size < 0.995 else 1 if size < 9.95 else 0
    text = re.sub(r"^(-?)0\.", r"\1.", f"{number:.{digits}f}")
    return "0" if text in (".00", "-.00") else text


_COMMAND, _SIGNS = re.compile(r"\\[A-Za-z]+"), re.compile(r"[$_^{}]")
_WORD = re.compile(r"(?:\$[^$]*\$|\S)+")


def _say_once(figure: Figure, panels: NDArray[np.object_]) -> None:
    """Lift a label that all panels share, or only the first has, to the whole figure."""
    for axis, side in zip("xy", figure.get_size_inches(), strict=True):
        said = [getattr(ax, f"get_{axis}label")() for ax in panels]
        one = said[0 if axis == "y" else -1]
        if len(panels) > 1 and one and {*said} <= {one, ""}:
            getattr(figure, f"sup{axis}label")(_broken(one, 10 * side))
            for ax in panels:
                getattr(ax, f"set_{axis}label")("")


def _break_lines(figure: Figure, panels: NDArray[np.object_], width: float, height: float) -> None:
    """Break what is written at the sides of panels of this size, in inches."""
    across, up = (10 * (side - 0.5) for side in (width, height))
    for ax in panels:
        ax.set_title(_broken(ax.get_title(), across))
        ax.set_xlabel(_broken(ax.get_xlabel(), across))
    # scales of colours are axes, too
    for ax in figure.axes:
        ax.set_ylabel(_broken(ax.get_ylabel(), up))


def _length(text: str) -> int:
    return len(_SIGNS.sub("", _COMMAND.sub("x", text)))


def _broken(text: str, longest: float) -> str:
    """Break lines between words; a formula is one word, and about as long as its letters."""
    lines = []
    for line in text.split("\n"):
        words = _WORD.findall(line) or [""]
        lines.append(words[0])
        for word in words[1:]:
            longer = f"{lines[-1]} {word}"
            if _length(longer) > longest:
                lines.append(word)
            else:
                lines[-1] = longer
    return "\n".join(lines)
