"""The claims of the page *In short* that stored results bear out."""

from meta_bandit.studies import stored_slices
from meta_bandit.studies.facts import interval


def test_nearly_all_agents_learn_where_it_pays_and_leave_where_it_does_not():
    grid = stored_slices("paper-grid").isel(lifetime=0)
    pays, pulls = grid.bayes_value > 0, grid.risky_pulls > 0
    for right in (pulls.where(pays), (~pulls).where(~pays)):
        mean, half = interval(right.mean(["sigma_p", "sigma_l"]))
        assert mean - half > 0.9


def test_who_does_not_lives_mostly_between_the_edges():
    grid = stored_slices("paper-grid").isel(lifetime=0)
    missed = (grid.risky_pulls == 0) & (grid.bayes_value > 0)
    between = missed & (grid.commit_value <= 0)
    assert missed.sum() / 2 < between.sum() < missed.sum()
    some = missed.any("seed") & ~missed.all("seed")
    assert some.any()
