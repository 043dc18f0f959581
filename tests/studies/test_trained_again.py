"""What the page *Trained again* compares."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from meta_bandit.studies import STUDIES, stored
from meta_bandit.studies import trained_again as page

TEXT = (Path(__file__).parents[2] / "book" / "trained-again.md").read_text(encoding="utf-8")


def pair(earned, again, optimum, curves=((1.0, 2.0), (1.0, 2.0))):
    before, now = (
        xr.Dataset({"earned": ("agent", [value]), "curve": (("agent", "update"), [curve])})
        for value, curve in zip((earned, again), curves, strict=True)
    )
    return before.assign(optimum=("agent", [optimum])), now


def test_cells_are_those_of_the_labels():
    plane = STUDIES["plane"]
    (number,) = page.cells(plane, sigma_p=2.0, sigma_l=5.18, seed=1)
    cell = plane.cells[number]
    assert (cell.sigma_p, cell.sigma_l, cell.seed) == (2.0, 5.18, 1)
    assert len(page.cells(plane, sigma_p=2.0)) == 30
    with pytest.raises(ValueError, match="no cell"):
        page.cells(plane, sigma_p=2.05)


def test_what_is_kept_is_of_the_same_cells():
    lives, short = stored("lifetimes-fraction.nc"), STUDIES["lifetimes-fraction"]
    found = page.kept(short, page.cells(short, lifetime=20), lives)
    assert (found.earned.values == lives.expected_return.sel(lifetime=20).values.ravel()).all()
    assert np.unique(found.optimum) == lives.bayes_value.sel(lifetime=20).values.ravel()
    world = {"lifetime": 8, "places": 3, "far": 8.0, "recipe": "direct"}
    forage, foragers = stored("forage.nc"), STUDIES["forage"]
    found = page.kept(foragers, page.cells(foragers, **world, seed=2), forage)
    where = forage.isel(agent=(forage.seed == 2).values)
    for name, value in world.items():
        where = where.isel(agent=(where[name] == value).values)
    assert found.earned.values == where["return"].values
    assert (found.curve.values == where.curve_return.values).all()


@pytest.mark.parametrize("name", ["smoke", "forage-smoke"])
def test_alone_or_beside_others_it_is_the_same_agent(name):
    study = page.shortened(STUDIES[name], 2)
    both = page.train_again(study, [0, 1])
    alone = page.train_again(study, [1])
    assert both.sizes == {"agent": 2, "update": 2}
    xr.testing.assert_identical(both.isel(agent=[1]), alone)
    other = page.train_again(replace(study, seed=(7,)), [1])
    assert (other.curve.values != alone.curve.values).any()


def test_agreement_is_by_the_optimum_and_by_whether_it_explores():
    near = pair(8.0, 9.0, 10.0)
    far = pair(8.0, 5.0, 10.0, ((1.0, 2.0), (1.0, 2.5)))
    poor = pair(0.1, 0.2, 0.25)  # within a fifth of a reward
    gives_up = pair(0.1, 0.0, 0.25)
    pairs = {"near": near, "far": far, "poor": poor, "gives up": gives_up}
    data, facts = page.compare(pairs, 0.2)
    assert data.agrees.values.tolist() == [True, False, True, False]
    assert data.same.values.tolist() == [True, False, True, True]
    assert data.now.values == pytest.approx([0.9, 0.5, 0.8, 0.0])
    assert facts["largest"].value == pytest.approx(30)
    assert (facts["agents"].value, facts["studies"].value, facts["same"].value) == (4, 4, 3)
    table = page.by_study(data)
    assert table["trained again, %"]["near"] == 90.0
    assert table["largest difference, %"]["far"] == 30.0
    assert all(said.about for said in facts.values())


def test_every_fact_is_quoted():
    _, facts = page.compare({"one": pair(8.0, 9.0, 10.0)}, 0.2)
    assert facts.keys() <= set(re.findall(r"{glue:text}`([\w-]+)", TEXT))
