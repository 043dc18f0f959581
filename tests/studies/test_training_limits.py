"""What the chapter *What limits training* draws and quotes."""

import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from benchmarks.causes import DEFAULT, DIRECT
from benchmarks.edge import NARROW, NOISY, RECIPES, noisiest
from meta_bandit.agents import CONFIGURATIONS, A2CConfig
from meta_bandit.files import to_json
from meta_bandit.studies import learners, stored_benchmark
from meta_bandit.studies import training_limits as chapter
from tests.chapters.training_limits import (
    CAUSES,
    EDGE,
    ablation,
    causes,
    held_out,
    longer,
    lost,
    noisy,
    strip,
)

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


def test_who_loses_again_had_come_close_and_falls_after_the_bonus_has_ended():
    config = replace(CONFIGURATIONS["plain"], updates=10, continuation_until=0.0)
    axes = ("sigma_p", "sigma_l", "lifetime", "seed")
    labels = {"sigma_p": [2.0], "sigma_l": [0.1, 0.5, 0.9, 1.1], "lifetime": [50], "seed": [0, 1]}
    # who knows the arm earns T E[max(0, mu)]
    arms = np.random.default_rng(0).normal(-1.0, 2.0, 10**6)
    known = 50 * np.maximum(arms, 0).mean()
    # the first seed falls at the end, the second early and no more; entropy ends after 7 updates
    levels = np.array([[0.9, 0.9, 0.9, 0.4], [0.3, 0.9, 0.9, 0.9]])
    curve = np.broadcast_to(known * levels, (1, 4, 1, 2, 4))
    # on the second task the optimum is worth less: it is not looked at
    best = xr.DataArray(known * np.array([[[0.99], [0.8], [0.99], [0.99]]]), dims=axes[:3])
    ended = np.broadcast_to([-1.0, known], (1, 4, 1, 2))
    grid = xr.Dataset(
        {
            "curve_return": ((*axes, "update"), curve),
            "curve_risky_pulls": ((*axes, "update"), 90 - 50 * levels + 0 * curve),
            "expected_return": (axes, ended),
        },
        labels | {"update": [2, 5, 8, 10]},
        {"config": to_json(asdict(config)), "mean": -1.0},
    ).assign(bayes_value=best, commit_value=0.9 * best)
    data, facts = chapter.lost_again(grid)
    assert (facts["lost-rest"].value, facts["lost-rest-low"].value) == (2, 1)
    assert facts["lost-noisy-negative"].value == 1
    # the noisiest task is not quiet
    assert facts["lost-agents"].value == data.sizes["agent"] == 4
    np.testing.assert_allclose(np.sort(data.share, axis=0)[::2], np.sort(levels, axis=0), rtol=0.01)
    assert (facts["lost-pulls"].value, facts["stay-pulls"].value) == (70, 45)
    assert facts["lost-dip"].value == facts["lost-low"].value == facts["lost-negative"].value == 2


def test_every_number_quoted_is_a_fact_that_says_what_it_is():
    learnt = learners.learners(stored_benchmark("learners.json"))
    read = (ablation, noisy, held_out, causes, strip, longer, lost)
    found = learnt[1] | {name: fact for part in read for name, fact in part()[1].items()}
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", TEXT))
    elsewhere = "".join(path.read_text(encoding="utf-8") for path in BOOK.glob("*.md"))
    quoted |= set(re.findall(r"what-limits-training\.ipynb::([\w-]+)", elsewhere))
    live = set(re.findall(r'"([\w-]+)": ', TEXT)) | {"tremble", "failing"}
    assert quoted - live <= found.keys()
    tabled = {name for name in found if re.match("strip-(below|between|beyond)", name)}
    assert found.keys() - quoted - tabled == set()
    assert all(fact.about for fact in found.values())


def test_the_table_of_sides_holds_the_facts():
    facts = strip()[1]
    table = chapter.by_side(facts)
    assert [*table] == [*chapter.SIDES.values()]
    between = table["between the edges"]
    assert between["agents"] == facts["strip-between"].value
    assert between["that pull"] == facts["strip-between-pull"].value
    share, half = (facts[f"strip-between-{end}"].value for end in ("share", "half"))
    assert between["return (%)"] == f"{share:.0f} ± {half:.0f}"
    assert table["where no policy pays"]["return (%)"] == ""


def test_each_recipe_changes_one_part_of_the_default():
    data, _ = ablation()
    assert data.recipe.values.tolist() == [*RECIPES]
    default = asdict(RECIPES["companion"])
    for stored in (EDGE["companion"], CAUSES):
        # what is handed over at the end is asked on drawn tasks alone
        assert RECIPES["companion"] == replace(
            A2CConfig(**stored["config"]), validation=0, snapshots=0
        )
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


def test_the_noisy_task_is_that_drawn_and_its_rows_are_the_recipes():
    table, facts = noisy()
    assert [*table] == [*NOISY]
    task = noisiest()
    assert (facts["noisy-p"].value, facts["noisy-l"].value) == (task.sigma_p, task.sigma_l)
    assert NOISY["plain, posterior mean"] == replace(
        CONFIGURATIONS["plain"], learning_signal="posterior-mean"
    )
    shares = [100 * share for share in EDGE["noisy"]["rows"][0]["share"]]
    half = 2.7764451051977987 * np.std(shares, ddof=1) / np.sqrt(5)
    assert table["companion"]["mean (%)"] == f"{np.mean(shares):.0f} ± {half:.0f}"
    assert table["companion"]["worst agent (%)"] == f"{min(shares):.0f}"
