import re
from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.text import Text

from meta_bandit import figures
from meta_bandit.figures.style import canvas, name_above, short

BOOK = Path(__file__).parents[1] / "book"


def test_every_figure_is_in_the_book_and_the_book_uses_no_other():
    text = "\n".join(path.read_text(encoding="utf-8") for path in BOOK.glob("*.md"))
    assert set(re.findall(r"figures\.(\w+)\(", text)) == set(figures.__all__)


def test_a_figure_is_closed_so_that_it_is_shown_once():
    before = plt.get_fignums()
    figure = figures.arm_distributions(np.array([0.5, 2.0]), -1.0)
    assert plt.get_fignums() == before
    # said once for all panels
    assert "(reward)" in figure.get_supxlabel()
    assert not any(ax.get_xlabel() for ax in figure.axes)


def test_the_style_ends_with_the_figure():
    before = plt.rcParams["font.size"]
    with canvas():
        assert plt.rcParams["font.size"] != before
    assert plt.rcParams["font.size"] == before


@pytest.mark.parametrize("panels", [(1, 1), (2, 1), (1, 2), (1, 5), (2, 3)])
def test_text_is_as_large_as_the_page_s_and_on_a_phone_no_smaller_than_9_pixels(panels):
    words = "share of the lives that still go on after all these pulls (percent)"
    with canvas(*panels) as (figure, axes):
        for number, ax in enumerate(np.ravel(axes)):
            ax.plot([0, 1], [0, 1], label=f"line {number} with a name")
            ax.set(title=f"{number}: {words}", xlabel=words)
            ax.set_ylabel(rf"$\sigma_p$ of {number} (reward)")
        name_above(figure, *np.ravel(axes))
    assert np.size(axes) == np.prod(panels)
    with BytesIO() as file:
        figure.savefig(file, format="svg", bbox_inches="tight")
        points = float(re.search(rb'width="([\d.]+)pt"', file.getvalue())[1])
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
    # a page's text has 16 pixels, which are 12 points; a phone's is 358 pixels wide
    assert max(sizes) == 12
    assert min(sizes) * 358 / points > 9


def test_lines_are_broken_between_words_and_formulas():
    formula = r"$\sigma_l / \sqrt{T} + \hat\mu_n$"
    with canvas(1, 2) as (_, (left, _)):
        left.set_title(f"what of the return is left by {formula} then")
    assert left.get_title().split("\n") == ["what of the return is", f"left by {formula}", "then"]


def test_a_share_has_four_signs_at_most():
    shares = (0.954, -0.33, -0.001, 1.23, 0.999, -11.2, 20.4, 0)
    assert list(map(short, shares)) == [".95", "-.33", "0", "1.2", "1.0", "-11", "20", "0"]


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
