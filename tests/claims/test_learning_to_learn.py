"""The claims of the chapter *Learning to learn, and not to* that stored results bear out."""

import pytest

from meta_bandit import GaussianBandit
from meta_bandit.studies import learning_to_learn as chapter
from meta_bandit.studies import stored, stored_slices
from meta_bandit.studies.facts import interval
from meta_bandit.theory import critical_sigma_l, gain
from tests.chapters.learning_to_learn import LED, at_scale, elsewhere, moved, plane, shorter


def test_a_threshold_that_was_read_off_the_plane_is_kept_at_its_lifetime_alone():
    threshold = plane()[1]["commit-ratio-continuation"].value
    table, facts = elsewhere()
    never = table["of those never pull"]
    assert never["across, T = 100"] == 0 < table["agents on them"]["across, T = 100"] == 24
    assert never["plane-short, T = 10"] > 0 < never["plane-short, T = 30"]
    assert (facts["elsewhere"].value, facts["elsewhere-never"].value) == (375, 16)
    # one by one
    short = stored("plane-short.nc").sel(lifetime=10)
    count = 0
    for task in short.stack(task=["sigma_p", "sigma_l"]).task.values:
        world = GaussianBandit(task[0], 1.0, 10)
        if task[1] < threshold * float(critical_sigma_l(world)):
            here = short.sel(sigma_p=task[0], sigma_l=task[1])
            count += int((here.risky_pulls == 0).sum())
    assert never["plane-short, T = 10"] == count


def test_agents_moved_from_less_noise_earn_where_those_trained_there_do_not():
    earned, table, facts = moved()
    assert facts["moved-return"].value == pytest.approx(earned[2.947].mean())
    assert facts["moved-return"].value - facts["moved-half"].value > 2
    assert facts["moved-native"].value == 2
    assert facts["moved-agents"].value == 12
    # no proof further out
    assert facts["far-moved-return"].value < 2 * facts["far-moved-half"].value
    assert table["trained here"] == {2.947: "0.0, 0.0, 3.3", 5.18: "0.0, 0.0, 0.0"}


def test_whether_as_if_to_commit_and_how_well_better_than_that():
    data, facts = plane()
    assert facts["whether-commit"].value > facts["whether-bayes"].value
    agree = data.whether.sel(LED)
    assert agree.sel(theory="best committed plan").min() > agree.sel(theory="Bayes-optimal").max()
    assert facts["beats-wide"].value > 80
    assert facts["factor-bayes"].value < facts["factor-commit"].value
    assert facts["noisy-share"].value < 90


def test_the_one_kind_of_error_is_not_to_learn_and_only_near_an_edge():
    data, facts = plane()
    assert not data.needless.any()
    assert facts["commit-ratio-continuation"].value > 0.7
    assert facts["opposite"].value > 0
    assert facts["missed-direct"].value > facts["missed-continuation"].value


def test_at_every_lifetime_agents_agree_with_the_plan_first():
    data, facts = shorter()
    over = chapter.TASKS
    assert (data.by_plan.mean(over) > data.by_bayes.mean(over)).all()
    assert facts["needless-short"].value == 0
    assert facts["earn-least"].value > 95


def test_how_many_agents_do_what():
    said = {"compared": 223, "below": 4, "missed-continuation": 25, "count": 600, "opposite": 3}
    assert {name: plane()[1][name].value for name in said} == said


def test_three_seeds_cannot_tell_which_theory_is_nearer():
    facts = plane()[1]
    assert abs(facts["nearer"].value - 50) < facts["nearer-half"].value


def test_greed_adds_return_and_hardly_decides_whether_an_agent_pulls():
    _, facts = chapter.greedy_and_sampled(stored("plane.nc"))
    mean, half = (facts[f"greed-gain{end}"].value for end in ("", "-half"))
    assert 0 < half < mean
    assert facts["greed-longer"].value > facts["greed-shorter"].value
    assert facts["greed-changed"].value < 0.1 * facts["greed-agents"].value
    assert facts["greed-hidden"].value <= facts["greed-changed"].value


def test_at_the_papers_scale_agents_learn_where_an_adaptive_learner_would():
    facts = at_scale()[1]
    count = {name.removeprefix("scale-default-"): fact.value for name, fact in facts.items()}
    assert count["agents"] == 400 * count["seeds"]
    assert sum(count[region] for region in ("never", "between", "inside")) == count["agents"]
    # nearer to the adaptive optimum than to the plan, by more than chance between the edges
    grid = stored_slices("paper-grid").isel(lifetime=0)
    pulls = grid.risky_pulls > 0
    right = (pulls == (grid.bayes_value > 0)).sum()
    assert right > (pulls == (grid.commit_value > 0)).sum()
    # a seed is one draw: its agents share their noise
    inside = (grid.bayes_value > 0) & (grid.commit_value <= 0)
    share = pulls.where(inside).mean(["sigma_p", "sigma_l"])
    mean, half = interval(share)
    assert share.size == 5
    assert mean - half > 0.8
    assert count["between-pull"] == pulls.where(inside).sum()
    assert 0 < count["never-pull"] < 0.05 * count["never"]
    # to pull is not yet to earn
    share = (grid.expected_return / grid.bayes_value).where(grid.bayes_value > 0)
    assert count["worst"] == -grid.expected_return.where(grid.bayes_value > 0).min() > 50
    for region, where in (("between", inside), ("inside", grid.commit_value > 0)):
        assert count[f"{region}-lose"] == (share.where(where) < 0).sum() > 0
    mean, half = interval(100 * (share >= 0.75).where(share.notnull()).mean(["sigma_p", "sigma_l"]))
    assert count["enough"] == f"{mean:.1f} ± {half:.1f}"
    assert mean + half < 97
    low = (share < 0.75) & (grid.commit_value > 0)
    assert (low & (grid.sigma_l < 0.5 * grid.sigma_p)).sum() > 0.5 * low.sum()


def test_directly_trained_agents_learn_where_a_plan_would_and_nowhere_else():
    grid = stored_slices("paper-direct").isel(lifetime=0)
    pulls, plan, best = grid.risky_pulls > 0, grid.commit_value > 0, grid.bayes_value > 0
    over = ["sigma_p", "sigma_l"]
    assert not (pulls & ~plan).any()
    as_plan, as_best = ((pulls == pays).mean(over) for pays in (plan, best))
    assert (as_plan > 0.93).all()
    assert (as_plan > as_best).all()
    # and yet they do not commit: nearly all learners earn more than the best plan, where that is
    # possible by more than 5%
    wide = plan & (grid.bayes_value > 1.05 * grid.commit_value) & pulls
    better = (grid.expected_return > grid.commit_value).where(wide).mean(over)
    assert (better > 0.95).all()


def test_in_shorter_lives_more_pull_where_no_policy_pays_and_lose_little():
    _, facts = at_scale()
    count = {name.removeprefix("scale-"): fact.value for name, fact in facts.items()}
    short = stored("short.nc").isel(lifetime=0)
    beyond = short.bayes_value <= 0
    pull = (short.risky_pulls > 0).where(beyond)
    assert count["short-lifetime"] == 25 < count["default-lifetime"] == 100
    assert (count["short-never-pull"], count["short-never"]) == (pull.sum(), pull.count())
    share, half = interval(pull.mean(["sigma_p", "sigma_l"]))
    assert share - half > count["default-never-pull"] / count["default-never"]
    assert 0 < count["short-lost"] < 0.5 < count["default-lost"]
    # nearly all at one ecological uncertainty, where behaviour is only just predictable
    assert pull.sel(sigma_p=0.8).sum() == pull.sum() - 1
    assert 0.95 < 24 * gain(-1, 0.8) < 1
    # in the longer lives no ecological uncertainty comes as close
    most = 99 * gain(-1, stored_slices("paper-grid").sigma_p.values)
    assert not ((most > 0.5) & (most < 1)).any()
