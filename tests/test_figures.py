import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

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
