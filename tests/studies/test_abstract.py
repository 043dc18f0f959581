import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from meta_bandit import GaussianBandit, figures
from meta_bandit.figures.learned import SHOWN
from meta_bandit.studies import abstract, lifetimes, stored_agents, stored_slices
from meta_bandit.studies.facts import interval
from meta_bandit.theory import stopping_critical_sigma_l

PAGE = Path(__file__).parents[2] / "book" / "abstract.md"
BUDGET = lifetimes.Budget(0, 500, 10)


@cache
def page() -> abstract.Page:
    return abstract.page(BUDGET, SHOWN)


def test_every_fact_is_quoted_and_says_what_it_is():
    facts = page().facts
    quoted = set(re.findall(r"{glue:text}`([\w-]+)[:`](?!:)", PAGE.read_text(encoding="utf-8")))
    assert quoted == facts.keys()
    assert all(fact.about for fact in facts.values())


def test_agents_are_counted_one_by_one():
    grid = stored_slices("paper-grid").isel(lifetime=0)
    pulls = grid.risky_pulls.transpose("seed", "sigma_p", "sigma_l").values > 0
    best, plan = (grid[name].values for name in ("bayes_value", "commit_value"))
    facts = page().facts
    assert facts["never"].value == (best <= 0).sum()
    missed = [(best > 0) & ~seed for seed in pulls]
    assert facts["missed"].value == np.sum(missed)
    assert facts["between-missed"].value == np.sum([seed & (plan <= 0) for seed in missed])
    assert facts["split"].value == (np.any(missed, 0) & ~np.all(missed, 0)).sum()
    mean, half = interval(100 * (1 - np.sum(missed, (1, 2)) / (best > 0).sum()))
    assert facts["pull"].value == f"{mean:.1f} ± {half:.1f}"


def test_the_third_panel_holds_every_agent_for_which_learning_pays():
    agents, grid = page().agents, stored_slices("paper-grid").isel(lifetime=0)
    assert agents.sizes["agent"] == 5 * int((grid.bayes_value > 0).sum())
    one = agents.sel(agent=(2.0, grid.sigma_l.values[5], 3))
    cell = grid.sel(sigma_p=2.0, seed=3).isel(sigma_l=5)
    assert one.normalised_return == cell.expected_return / cell.bayes_value
    share = (grid.expected_return / grid.bayes_value).where(grid.bayes_value > 0)
    facts = page().facts
    assert facts["below"].value == (share < -0.3).sum() > 0
    assert facts["above"].value == (share > 1.1).sum()
    edge = stopping_critical_sigma_l(GaussianBandit(2.0, 1.0, 100))
    assert one.ratio == pytest.approx(float(cell.sigma_l / edge))


def test_the_fourth_is_that_of_the_chapter_on_lifetimes():
    agents = {clock: stored_agents(f"lifetimes-{clock}.safetensors") for clock in lifetimes.CLOCKS}
    table, _ = lifetimes.elsewhere(agents, BUDGET)
    own = table.agents.sel(clock="fraction").mean("seed").transpose("tested", "trained")
    np.testing.assert_allclose(page().elsewhere.agents.transpose("tested", "trained"), own)


def test_the_figure_has_a_panel_for_each_claim():
    drawn = figures.four_claims(page().maps, page().agents, page().elsewhere)
    titles = [ax.get_title() for ax in drawn.axes]
    assert [title[0] for title in titles if title] == ["1", "2", "3", "4"]
    (near,) = (ax for ax in drawn.axes if ax.get_title().startswith("3"))
    (dots,) = (line for line in near.lines if line.get_marker() == "o")
    heights = dots.get_ydata()
    assert near.get_ylim()[0] < heights.min() == SHOWN[0]
    assert heights.max() == SHOWN[1] < near.get_ylim()[1]
    assert len(heights) == page().agents.sizes["agent"]
