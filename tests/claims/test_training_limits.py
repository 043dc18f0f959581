"""The claims of the chapter *What limits training* that stored results bear out."""

import numpy as np
import pytest

from meta_bandit.studies import stored
from meta_bandit.studies import training_limits as chapter
from tests.chapters.training_limits import CAUSES, EDGE, ablation, causes, held_out, longer, strip


def test_the_default_pulls_between_the_edges_and_plain_training_does_not():
    data, facts = strip()
    # plainly trained agents do not pull between the edges, those of the default mostly do
    assert facts["strip-plain-pull"].value == 0
    assert facts["strip-between-pull"].value > 0.8 * facts["strip-between"].value
    assert facts["strip-beyond-pull"].value > 0.9 * facts["strip-beyond"].value
    between = (data.sigma_p > data.best_edge) & (data.sigma_p < data.plan_edge)
    part = data.where(between, drop=True)
    assert float(part.earned.mean() / part.best.mean()) > 0.7
    below = data.earned.where(data.best == 0, drop=True)
    assert facts["strip-lost"].value == -below.min() > 0
    share = 100 * part.earned.mean("seed").sum() / part.best.sum()
    assert facts["strip-between-share"].value == pytest.approx(float(share))


def test_each_part_alone_can_go_but_not_the_path():
    data, facts = ablation()
    assert (data.sel(recipe=["no path", "plain"]) == 0).all()
    one_part = data.drop_sel(recipe=["companion", "no path", "plain", "both of these"])
    assert one_part.sizes["recipe"] == 7
    assert facts["edge-alone-worst"].value == 100 * one_part.min() > 90
    assert (data.sel(recipe="both of these") < 0.75).sum() == facts["edge-both-failed"].value == 1
    assert data.sel(recipe="companion").min() > 0.95
    assert facts["edge-default-worst"].value == 100 * data.sel(recipe="companion").min()


def test_the_default_learns_on_tasks_that_chose_nothing():
    table, facts = held_out()
    assert [*table] == [
        *(f"near, T = {lifetime}" for lifetime in (30, 100, 250)),
        "away, T = 30",
        *(f"{kind}, T = {lifetime}" for kind in ("beyond", "never") for lifetime in (30, 100)),
    ]
    assert sum(row["tasks"] for row in table.values()) == len(EDGE["companion"]["rows"])
    near = [row["share"] for row in EDGE["companion"]["rows"] if row["kind"] == "near"]
    assert facts["held-worst"].value == 100 * np.min(near)
    # one agent of 60 never pulls
    stuck = sum(share < 0.75 for row in near for share in row)
    assert facts["held-stuck"].value == pytest.approx(100 * stuck / np.size(near))
    assert 0 < facts["held-stuck"].value < 5
    assert sorted(map(np.mean, near))[1] > 0.9
    assert facts["held-worst-task"].value == pytest.approx(100 * min(map(np.mean, near)))
    longest = [row["share"] for row in EDGE["companion"]["rows"] if row["lifetime"] == 250]
    assert facts["rising-mean"].value == pytest.approx(100 * np.mean(longest))
    tasks = {
        (row["sigma_p"], row["sigma_l"])
        for row in EDGE["companion"]["rows"]
        if row["lifetime"] == 250
    }
    whole = EDGE["whole-returns"]
    assert tasks == {(row["sigma_p"], row["sigma_l"]) for row in whole["rows"]}
    different = {key for key, value in whole["config"].items()
                 if value != EDGE["companion"]["config"][key]}  # fmt: skip
    assert different == {"gae_lambda"}


def test_who_would_lose_beyond_the_edge_is_handed_over_as_never_pulling():
    facts = held_out()[1]
    rows = EDGE["companion"]["rows"]
    outside = [row for row in rows if row["kind"] in ("beyond", "never")]
    assert all(row["value"] == 0 for row in outside)
    lost = [earned < 0 for row in outside for earned in row["validation"]]
    pulls = [pulled > 0 for row in outside for pulled in row["risky_pulls"]]
    assert facts["never-all"].value == len(lost) == 5 * len(outside)
    assert facts["never-lost"].value == sum(lost) > 0
    assert not any(before and after for before, after in zip(lost, pulls, strict=True))
    assert facts["never-still"].value == 0
    # where learning pays nobody is lost by it
    inside = [row["validation"] for row in rows if row["value"] > 0]
    assert np.min(inside) >= facts["held-lost"].value == 0


def test_the_network_can_and_the_way_there_is_what_fails():
    data, facts = causes()
    for way in chapter.WAYS:
        for row in CAUSES["rows"]:
            task = f"{row['value']:.2f} ($T={row['lifetime']:.0f}$)"
            stored = row["agents"][way]["share"]
            assert data.sel(recipe=way, task=task).values.tolist() == stored
    assert (data.sel(recipe=["direct", "from never"]) == 0).all()
    assert data.sel(recipe="fitted").min() > 0.9
    least, others = data.isel(task=-1), data.isel(task=slice(-1))
    assert (least.sel(recipe="from the best") == 0).all()
    assert others.sel(recipe="from the best").min() > 0.8
    assert least.sel(recipe="default").max() < others.sel(recipe="default").min()
    assert facts["least-worth"].value == min(row["value"] for row in CAUSES["rows"])
    # a single update is mostly noise, by any of the signals
    for name in chapter.SIGNALS:
        ratios = [row["signal_to_noise"][name] for row in CAUSES["rows"]]
        assert facts[f"snr-{name}"].value == pytest.approx(np.mean(ratios))
        assert np.max(ratios) < 1


def test_trained_for_longer_agents_learn_where_an_adaptive_learner_would():
    data, facts = longer()
    # every seed learns wherever it pays; those that are not exact pull one step beyond, too
    row = stored("length-4800.nc").isel(sigma_p=0, lifetime=0)
    pays = row.bayes_value > 0
    assert (row.risky_pulls.where(pays, drop=True) > 0).all()
    assert (row.risky_pulls.where(~pays, drop=True) > 0).sum("sigma_l").max() <= 1
    assert facts["length-longest"].value == 4800
    exact, over = facts["length-exact"].value, facts["length-over"].value
    assert exact + over == facts["length-seeds"].value == 5
    assert over == 0 or facts["length-over-lost"].value > 0
    # within a step of the row of the adaptive edge, and far beyond where a planner would
    step = np.log(facts["length-step"].value)
    assert (abs(data.distance.isel(updates=-1)) < step).all()
    assert data.edge.min() > 1.5 * facts["length-plan-edge"].value
    for name, falls in (("distance", -1), ("share", 1)):
        slope, half = (facts[f"length-{name}-slope{end}"].value for end in ("", "-half"))
        assert falls * slope > half
