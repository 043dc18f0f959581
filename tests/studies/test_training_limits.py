"""What the chapter *What limits training* draws and quotes."""

import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from benchmarks.causes import DEFAULT, DIRECT
from benchmarks.edge import NARROW, RECIPES
from meta_bandit.studies import learners, stored_benchmark
from meta_bandit.studies import training_limits as chapter
from tests.chapters.training_limits import CAUSES, EDGE, ablation, causes, held_out, longer, strip

BOOK = Path(__file__).parents[2] / "book"


TEXT = (BOOK / "what-limits-training.md").read_text(encoding="utf-8")


def test_the_edges_are_where_the_optima_begin_to_earn():
    data, facts = strip()
    for name in ("best", "plan"):
        edge, earns = data.attrs[f"{name}_edge"], data[name] > 0
        assert (earns == (data.sigma_p > edge)).all()
        assert float(data.sigma_p.min()) < edge < float(data.sigma_p.max())
    parts = [facts[f"strip-{name}"].value for name in ("below", "between", "beyond")]
    assert sum(parts) == facts["strip-tasks"].value * facts["strip-seeds"].value


def row_by_length():
    """Two seeds on five tasks, in the first seed one more learnt with each doubling."""
    noise = 1.3 * 2.0 ** np.arange(-1, 4)
    axes = ("updates", "sigma_p", "sigma_l", "lifetime", "seed")
    pulling = {100: (1, 2), 200: (2, 2), 400: (3, 2)}
    pulls = np.array([[k > np.arange(5) for k in ks] for ks in pulling.values()])
    pulls = pulls.transpose(0, 2, 1)[:, None, :, None, :].astype(float)
    labels = {"updates": [*pulling], "sigma_p": [1.0], "sigma_l": noise, "lifetime": [100]}
    labels["seed"] = [0, 1]
    bayes = xr.DataArray(np.array([4.0, 3.0, 2.0, 0.0, 0.0]), dims="sigma_l")
    grid = xr.Dataset({"risky_pulls": (axes, pulls)}, labels).assign(bayes_value=bayes)
    return grid.assign(expected_return=grid.risky_pulls * bayes / 2).assign_attrs(mean=-1)


def test_the_learned_edge_lies_half_a_step_beyond_the_last_task_learnt():
    data, facts = chapter.learned_edge(row_by_length())
    # tasks at 0.65, 1.3, 2.6, ...; the edges of both optima at 1.55 and 3.82
    first = data.edge.sel(seed=0).values
    np.testing.assert_allclose(first, 0.65 * 2.0 ** np.array([0.5, 1.5, 2.5]), rtol=1e-12)
    assert data.attrs["plan_edge"] == pytest.approx(1.55, abs=0.01)
    assert data.attrs["best_edge"] == pytest.approx(3.82, abs=0.01)
    np.testing.assert_allclose(data.distance, np.log(data.attrs["best_edge"] / data.edge))
    # a doubling halves the ratio for one seed, and does nothing for the other
    assert facts["length-distance-slope"].value == pytest.approx(-np.log(2) / 2)
    assert facts["length-between"].value == 1
    # three tasks are worth a pull, and one seed pulls on just these in the end
    assert (facts["length-exact"].value, facts["length-step"].value) == (1, pytest.approx(2.0))
    # on the one task between the edges, whose optimum is 2, one earns half where it pulls
    assert data.share.sel(seed=0).values.tolist() == [0.0, 0.0, 0.5]
    assert all(fact.about for fact in facts.values())


def test_every_number_quoted_is_a_fact_that_says_what_it_is():
    learnt = learners.learners(stored_benchmark("learners.json"))
    found = ablation()[1] | held_out()[1] | causes()[1] | strip()[1] | longer()[1] | learnt[1]
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", TEXT))
    elsewhere = "".join(path.read_text(encoding="utf-8") for path in BOOK.glob("*.md"))
    quoted |= set(re.findall(r"what-limits-training\.ipynb::([\w-]+)", elsewhere))
    live = set(re.findall(r'"([\w-]+)": ', TEXT)) | {"tremble", "failing"}
    assert quoted - live <= found.keys()
    # of each length of training the same is known, of some not all is said
    assert {name for name in found.keys() - quoted if not name.startswith("length-")} == set()
    assert all(fact.about for fact in found.values())


def test_each_recipe_changes_one_part_of_the_default():
    data, _ = ablation()
    assert data.recipe.values.tolist() == [*RECIPES]
    default = asdict(RECIPES["companion"])
    # what is handed over at the end is asked on drawn tasks alone
    assert default == EDGE["companion"]["config"] | {"validation": 0}
    assert default == CAUSES["config"] | {"validation": 0}
    changed = {
        name: {key for key, value in asdict(config).items() if value != default[key]}
        for name, config in RECIPES.items()
    }
    rising = {"gae_lambda", "gae_lambda_rises"}  # one plan for lambda
    assert changed.pop("companion") == set()
    assert changed.pop("both of these") == {"critic"} | rising
    assert changed["network as critic"] == {"critic"}
    assert changed.pop("lambda 0.97 throughout") == rising
    assert len(changed.pop("plain")) > 5
    assert all(len(settings) == 1 for settings in changed.values())


def test_where_training_begins_is_all_that_the_direct_ways_differ_in():
    assert {key for key in asdict(DIRECT) if getattr(DIRECT, key) != getattr(DEFAULT, key)} == {
        "continuation_until"
    }


def test_the_page_trains_on_the_task_of_the_figure():
    _, facts = ablation()
    shown = re.search(r"GaussianBandit\(np\.full\(agents, (.*?)\), (.*?), (.*?), (.*?)\)", TEXT)
    known = [facts[f"edge-{name}"].value for name in "pltm"]
    assert [float(number) for number in shown.groups()] == known
    assert known == [NARROW.sigma_p, NARROW.sigma_l, NARROW.lifetime, NARROW.mean]
    # one arm in eight is better than the safe one: 1 / Phi(-2 / 1.7)
    assert facts["edge-rare"].value == pytest.approx(8.354, abs=1e-3)
