"""The claims of the chapter *What limits training* that stored results bear out."""

import numpy as np
import pytest

from meta_bandit.studies import stored
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


def test_the_default_pulls_between_the_edges_and_plain_training_does_not():
    data, facts = strip()
    # plainly trained agents do not pull between the edges, those of the default mostly do
    assert facts["strip-plain-pull"].value == 0
    assert (facts["strip-plain-updates"].value, facts["strip-updates"].value) == (600, 1200)
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
    # which has to end late: halfway is too early for one
    assert facts["edge-halfway-failed"].value == 1 == (data.sel(recipe=chapter.HALFWAY) == 0).sum()
    needed = ["companion", "both of these", chapter.HALFWAY, *chapter.NEEDED]
    one_part = data.drop_sel(recipe=needed)
    assert one_part.size == facts["edge-alone"].value == 9 * 5
    assert facts["edge-alone-worst"].value == 100 * one_part.min()
    assert facts["edge-alone-failed"].value == (one_part < 0.75).sum() <= 1
    # each of the two is harmless alone
    for recipe in ("network as critic", "lambda 0.97 throughout"):
        assert data.sel(recipe=recipe).min() > 0.75
    assert (data.sel(recipe="both of these") < 0.75).sum() == facts["edge-both-failed"].value == 2
    assert data.sel(recipe="companion").min() > 0.95
    assert facts["edge-default-worst"].value == 100 * data.sel(recipe="companion").min()


def test_in_noise_the_signal_matters_and_a_small_step_stands_in_for_it():
    table, facts = noisy()
    rows = {row["recipe"]: np.array(row["share"]) for row in EDGE["noisy"]["rows"]}
    assert table.keys() == rows.keys()
    assert rows["plain"].mean() < 0.2 < 0.9 < rows["plain, posterior mean"].mean()
    assert facts["noisy-plain"].value == pytest.approx(100 * rows["plain"].mean())
    for name in ("sampled rewards", "steps of 0.005"):
        assert rows[name].min() > 0.8
        assert table[name]["below 75%"] == "0 of 5"
    assert (rows["both of these"] < 0.75).sum() == facts["noisy-both-failed"].value == 2
    # it is the default on another task, and each row is what it is called
    assert EDGE["noisy"]["rows"][0]["recipe"] == "companion"
    assert (facts["noisy-t"].value, EDGE["noisy"]["seeds"]) == (100, [0, 1, 2, 3, 4])


def test_the_default_learns_on_tasks_that_chose_nothing():
    table, facts = held_out()
    assert [*table] == [
        *(f"near, T = {lifetime}" for lifetime in (30, 100, 250)),
        *(f"away, T = {lifetime}" for lifetime in (30, 100)),
        "quiet, T = 100",
        *(f"beyond, T = {lifetime}" for lifetime in (30, 100)),
        *(f"never, T = {lifetime}" for lifetime in (30, 100, 250)),
    ]
    assert sum(row["tasks"] for row in table.values()) == len(EDGE["companion"]["rows"])
    near = [row["share"] for row in EDGE["companion"]["rows"] if row["kind"] == "near"]
    assert facts["held-worst"].value == 100 * np.min(near)
    # in lives of 30 and 100 pulls nobody fails, in the longest some do
    shorter = [row for row in EDGE["companion"]["rows"] if row["kind"] == "near"
               and row["lifetime"] <= 100]  # fmt: skip
    assert min(np.mean(row["share"]) for row in shorter) > 0.95
    assert facts["short-worst"].value == 100 * np.min([row["share"] for row in shorter]) > 90
    # aims are counted on this draw, on the one before and on the tasks of the causes
    before = EDGE[chapter.BEFORE]["rows"]
    for kind, mean, least, missed in (("near", 0.9, 0.75, 5), ("away", 0.985, 0.95, 4)):
        drawn = [row["share"] for row in [*EDGE["companion"]["rows"], *before]
                 if row["kind"] == kind]  # fmt: skip
        if kind == "near":
            drawn += [row["agents"]["default"]["share"] for row in CAUSES["rows"]]
        met = sum(np.mean(each) >= mean and min(each) >= least for each in drawn)
        assert (facts[f"aim-{kind}-met"].value, facts[f"aim-{kind}-tasks"].value) == (
            met,
            len(drawn),
        )
        assert len(drawn) - met == missed
    assert facts["aim-near-long"].value == 4
    weak = [row for row in CAUSES["rows"] if np.mean(row["agents"]["default"]["share"]) < 0.9]
    assert [row["value"] < 0.1 for row in weak] == [True]
    stuck = sum(share < 0.75 for row in near for share in row)
    assert facts["long-stuck"].value == stuck > 0
    # in quiet worlds nobody does, and some had
    quiet = [row for row in EDGE["companion"]["rows"] if row["kind"] == "quiet"]
    assert facts["quiet-worst"].value == 100 * np.min([row["share"] for row in quiet]) > 90
    assert np.min([row["last"] for row in quiet]) < 0 < facts["quiet-ended"].value
    assert facts["held-worst-task"].value == pytest.approx(100 * min(map(np.mean, near)))
    longest = [row for row in EDGE["companion"]["rows"] if row["lifetime"] == 250
               and row["kind"] == "near"]  # fmt: skip
    shares = [row["share"] for row in longest]
    assert facts["rising-mean"].value == pytest.approx(100 * np.mean(shares))
    assert facts["rising-mean"].value > facts["before-long"].value
    tasks = {(row["sigma_p"], row["sigma_l"]) for row in longest}
    seen = {(row["sigma_p"], row["sigma_l"]) for row in EDGE[chapter.BEFORE]["rows"]}
    assert not tasks & seen
    whole = EDGE["whole-returns"]
    assert tasks == {(row["sigma_p"], row["sigma_l"]) for row in whole["rows"]}
    different = {key for key, value in whole["config"].items()
                 if value != EDGE["companion"]["config"][key]}  # fmt: skip
    assert different == {"gae_lambda"}


def test_in_quiet_worlds_some_lose_again_what_they_had_learned():
    data, facts = lost()
    # all had come close, and more than one in ten falls below half
    assert (data.share.max("update") > 0.85).all()
    assert facts["lost-dip"].value > 0.1 * facts["lost-agents"].value
    assert facts["lost-dip"].value > facts["lost-low"].value > facts["lost-negative"].value > 0
    assert facts["lost-pulls"].value > 1.5 * facts["stay-pulls"].value
    assert facts["lost-rest-low"].value + facts["lost-noisy-negative"].value > 0
    # and for long: from close to the optimum to the lowest point it takes some hundred updates
    after = data.where(data.lost, drop=True).share
    lowest = after["update"][after.where(after["update"] > 600).argmin("update")]
    close = after["update"].where((after > 0.85) & (after["update"] < lowest)).max("update")
    assert 50 < float((lowest - close).median()) < 300


def test_who_would_lose_beyond_the_edge_is_handed_over_as_never_pulling():
    facts = held_out()[1]
    rows = EDGE["companion"]["rows"]
    outside = [row for row in rows if row["kind"] in ("beyond", "never")]
    assert all(row["value"] == 0 for row in outside)
    lost = [earned < 0 for row in outside for earned in row["last"]]
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


def test_trained_for_longer_agents_pull_where_an_adaptive_learner_would():
    data, facts = longer()
    # every seed pulls wherever it pays; those that are not exact pull one step beyond, too
    row = stored("length-4800.nc").isel(sigma_p=0, lifetime=0)
    pays = row.bayes_value > 0
    assert (row.risky_pulls.where(pays, drop=True) > 0).all()
    assert (row.risky_pulls.where(~pays, drop=True) > 0).sum("sigma_l").max() <= 1
    assert facts["length-longest"].value == 4800
    exact, over = facts["length-exact"].value, facts["length-over"].value
    assert exact + over == facts["length-seeds"].value == 5
    assert over > 0
    assert facts["length-over-lost"].value > 0
    # but on the last task that pays all of them lose
    last = row.isel(sigma_l=int(pays.sum()) - 1)
    assert 0 < last.bayes_value < 0.25
    assert (last.expected_return < 0).all()
    assert facts["length-last-lose"].value == 5
    assert facts["length-last-most"].value > facts["length-last-least"].value > 0
    # within a step of the row of the adaptive edge, and far beyond that of the best plan
    step = np.log(facts["length-step"].value)
    assert (abs(data.distance.isel(updates=-1)) < step).all()
    assert data.distance.isel(updates=-1).mean() < 0 < data.distance.isel(updates=0).mean()
    assert data.edge.min() > 1.5 * facts["length-plan-edge"].value
    slope, half = (facts[f"length-distance-slope{end}"].value for end in ("", "-half"))
    assert -slope > half
    # up to where they earn nothing is added after the second training, and it is within the edge
    late, half = (facts[f"length-gain-late{end}"].value for end in ("", "-half"))
    assert abs(late) < half
    last_gain = data.gain_distance.isel(updates=-1)
    assert ((last_gain > 0) & (last_gain < 2 * step)).all()
    assert (data.gain_edge <= data.edge).all()
    first = stored("length-600.nc").isel(sigma_p=0, lifetime=0)
    between = (first.bayes_value > 0) & (first.commit_value <= 0)
    pull = (first.risky_pulls > 0).where(between)
    assert facts["length-short-pull"].value == pull.sum() > 0.75 * pull.count()
    assert facts["length-short-agents"].value == pull.count()
    share = data.share.mean("seed").values
    assert (np.diff(share[:3]) > 0).all()
    # nothing more is gained: what the interval allows is at most a point
    turn, half = (facts[f"length-share-turn{end}"].value for end in ("", "-half"))
    assert turn + half < 1
