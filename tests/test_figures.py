import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from meta_bandit import GaussianBandit, figures
from meta_bandit.figures.style import canvas

BOOK = Path(__file__).parents[1] / "book"


def test_every_figure_is_in_the_book_and_the_book_uses_no_other():
    text = "\n".join(path.read_text(encoding="utf-8") for path in BOOK.glob("*.md"))
    assert set(re.findall(r"figures\.(\w+)\(", text)) == set(figures.__all__)


def test_a_figure_is_closed_so_that_it_is_shown_once():
    before = plt.get_fignums()
    figure = figures.arm_distributions(np.array([0.5, 2.0]), -1.0)
    assert plt.get_fignums() == before
    assert all("(reward)" in ax.get_xlabel() for ax in figure.axes)


def test_the_style_ends_with_the_figure():
    before = plt.rcParams["font.size"]
    with canvas():
        assert plt.rcParams["font.size"] != before
    assert plt.rcParams["font.size"] == before


def test_tasks_are_named_by_their_uncertainties():
    task = GaussianBandit([1.0, 2.5], 3.0)
    assert figures.task_names(task)[1] == r"$\sigma_p=2.5$, $\sigma_l=3$"
    assert figures.task_names(task, ["a", "b"])[0].startswith("a: ")


def test_each_agent_is_a_dot_in_the_row_of_its_recipe():
    shares = xr.DataArray(
        [[[0.9, 0.8], [-3.0, 0.1]], [[0.5, 0.4], [0.3, 0.2]]],
        dims=["recipe", "task", "seed"],
        coords={"recipe": ["one", "two"], "task": ["easy", "hard"]},
    )
    for data in (shares, shares.sel(task="hard", drop=True)):
        (ax,) = figures.shares_by_recipe(data).axes
        dots = np.concatenate([line.get_xydata() for line in ax.lines if line.get_marker() == "o"])
        rows = [sorted(dots[np.round(dots[:, 1]) == row, 0]) for row in (0, 1)]
        assert rows == [sorted(data.clip(min=-1).sel(recipe=name).values.ravel())
                        for name in ("one", "two")]  # fmt: skip
        assert [text.get_text() for text in ax.get_yticklabels()] == ["one", "two"]
