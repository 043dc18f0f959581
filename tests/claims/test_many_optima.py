"""The claims of *Many optima* and *Between the optima* that stored results bear out."""

import numpy as np
import pytest

from meta_bandit.studies import many_optima as chapter
from meta_bandit.studies import stored_benchmark, walks
from tests.chapters.many_optima import agents, heirs, optima, row


def test_the_numbers_of_the_pages():
    data, facts = row()
    said = {
        "agents": 144,
        "never-count": 88,
        "direct-never": 41,
        "most-react": 8,
        "all-hesitate": 0.8,
    }
    assert {name: facts[name].value for name in said} == said
    table, more = chapter.failures(data)
    said = {"known": 5, "same-seed": 5, "unknown": 28, "hesitant": 31, "nerve": 11, "tie-p": 0.7}
    assert {name: more[name].value for name in said} == said
    assert optima()[1]["commit-edge"].value == pytest.approx(0.8683, abs=1e-4)
    assert optima()[1]["at-commit-edge"].value == pytest.approx(2.768, abs=1e-3)
    assert table["direct"]["do not learn"] == "38"
    assert table["continuation"]["all learn from this σₚ on"] == "1.00"


def test_there_is_nothing_between_the_branches():
    data, facts = row()
    assert facts["least"].value > 1
    assert (data.risky_pulls.where(~data.learns, 0) == 0).all()
    assert facts["never-highest"].value < 0.1 < facts["react-lowest"].value
    direct = (data.kind == "never").sel(training="direct").sum("seed")
    assert 0 < direct.sel(sigma_p=0.9) < 12
    assert facts["shy-highest"].value < 0.5


def test_the_shares_rise_late_and_all_errors_are_not_to_learn():
    data, _ = row()
    share = data.learns.mean("seed")
    led, direct = share.sel(training="continuation"), share.sel(training="direct")
    half = float(data.sigma_p.where(led > 0.5).min())
    assert float(data.sigma_p.where(led < 0.5).max()) < optima()[0].attrs["commit_edge"] < half
    assert (direct <= led).all()
    assert direct.sel(sigma_p=half) < 0.5
    table, more = chapter.failures(data)
    assert all(column["learn where it does not pay"] == "0" for column in table.values())
    assert more["tie"].value < 0.2 < 2 < optima()[1]["at-commit-edge"].value
    trapped = data.missed & (data.kind == "never")
    unknown = trapped.any(["training", "seed"]) & ~data.learns.any(["training", "seed"])
    assert data.sigma_p[unknown.values].values.tolist() == [0.7, 0.8]
    nerve = data.pushed.where(data.missed & (data.kind == "hesitates") & (data.commit_value > 0))
    assert nerve.mean() > 3 * nerve.std(ddof=1) / np.sqrt(nerve.count())


def test_the_first_lesson_is_to_pull_less():
    data, facts = row()
    curves = chapter.dips(data)
    assert (curves.pull_share.isel(update=-1) < 0.5).all()
    assert (curves.kind.sel(sigma_p=0.8) == "never").all()
    assert data.learns.sel(training="direct", sigma_p=1.2).all()
    assert facts["dip-last"].value < facts["end-last"].value
    assert facts["never-highest"].value < 0.5 * facts["trap-last"].value


def test_better_networks_exist_and_are_lost():
    data, _ = row()
    before, after = heirs()["heirs"]
    facts = chapter.heirs(data, heirs(), 0.8, 2000)
    assert (facts["heir-stored"].value, facts["heir-all"].value) == (0, 24)
    assert facts["heir-commit"].value < 0 < facts["heir-best"].value
    assert (before.kind == "learns").all()
    assert before.earned.mean() > 3 * np.sqrt((before.earned_se**2).mean() / 3)
    assert after.begins.mean() < before.begins.mean()
    assert chapter.became(heirs())["heirs, before"]["learns"] == 3


def test_stored_networks_are_cut_off_from_both_kinds():
    couples, _ = chapter.pairs(row()[0], agents(), 3)
    lines = {name: chapter.on_line(*ends, 5, 500) for name, ends in couples.items()}
    blocked = chapter.barriers(lines)["with a barrier"]
    assert blocked["never to learner"] >= 1
    assert blocked["two learners"] >= 1


def test_slower_walks_stop_between_the_edges_and_hardly_come_back():
    data, facts = walks.loops(stored_benchmark("hysteresis.json"))
    assert data.sizes["walker"] >= 10
    assert data.sizes["updates"] >= 4
    fast, slow = (
        (facts[f"{rate}-fell"].value, facts[f"{rate}-fell-half"].value) for rate in ("fast", "slow")
    )
    assert fast[0] + fast[1] < slow[0] - slow[1]
    assert data.attrs["bayes_edge"] < slow[0] < data.attrs["commit_edge"]
    assert facts["loop-all"].value == data.sizes["walker"] * data.sizes["updates"]
    assert facts["loop-returned"].value < 0.2 * facts["loop-all"].value
    assert facts["slow-returned"].value <= data.sizes["walker"] / 5
    # who comes back does so where the trap is nearly gone, or gone
    assert facts["loop-first-back"].value == data.back.min() > -0.3
    assert facts["slow-narrowest"].value > 0.8
