"""What the chapter *Lives of another length* plays and draws."""

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from meta_bandit import GaussianBandit
from meta_bandit.policies import Constant
from meta_bandit.studies import lifetimes as chapter
from meta_bandit.studies.facts import interval
from tests.chapters.lifetimes import BUDGET, elsewhere, staying, teams, turned

TEXT = (Path(__file__).parents[2] / "book" / "lifetimes.md").read_text(encoding="utf-8")


def test_every_number_quoted_is_a_fact_that_says_what_it_is():
    data, facts = elsewhere()
    facts = facts | turned()[1] | staying()[1]
    facts |= chapter.mixture(data, teams(), BUDGET)[1]
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", TEXT))
    assert quoted - {"profile", "device", "shown"} <= facts.keys()
    assert all(fact.about for fact in facts.values())


def test_the_share_of_the_optimum_of_never_pulling_is_nothing():
    tasks = GaussianBandit([2.0, 2.0], 2.0, 20)
    share, error = chapter.shares(Constant(0.0), tasks, BUDGET)
    assert share.tolist() == error.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        ("right", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("early", [0, 0, 0, 1, 2, 3, 4, 5]),
        ("late", [2, 3, 4, 5, 6, 7, 7, 7]),
        ("first", [0] * 8),
        ("middle", [4] * 8),
        ("last", [7] * 8),
        ("backwards", [7, 6, 5, 4, 3, 2, 1, 0]),
    ],
)
def test_what_a_turned_clock_says(tampering, told):
    clock = chapter.told_pull(tampering)
    assert [np.ravel(clock(pull, np.array([[8]])))[0] for pull in range(8)] == told


def test_a_clock_without_a_name_is_refused():
    with pytest.raises(ValueError, match="tampering = 'fast': must be one of right, early, late"):
        chapter.told_pull("fast")


def test_agents_are_raised_on_lives_of_all_lengths_with_the_clock_of_others():
    new = chapter.raised([5, 20], teams(), [7, 8], "cpu", smoke=True)
    assert list(new) == list(teams())
    for clock, team in new.items():
        assert team.config.time_feature == clock
        assert team.seeds.tolist() == [7, 8]
        # the two lengths in turn, as often
        assert (team.task.lifetime[:, 0::2] == 5).all()
        assert (team.task.lifetime[:, 1::2] == 20).all()
        assert np.unique(team.task.sigma_p) == np.unique(teams()[clock].task.sigma_p)


def test_clocks_are_turned_of_the_lifetimes_asked_for_and_of_the_agents_across():
    own = chapter.turned_teams(teams(), [20, 200])
    across = own.pop(chapter.ACROSS)
    assert [team.config.time_feature for team in own.values()] == list(own) == list(teams())
    for team in own.values():
        assert np.unique(team.task.lifetime).tolist() == [20, 200]
    assert np.unique(across.task.sigma_p).tolist() == [0.9, 1.0, 1.2]
    assert across.config.time_feature == "fraction"


def test_the_worst_cell_of_each_clock_is_named():
    numbers = [[0.9, 0.2, 0.8], [0.1, 1.0, 0.7], [0.4, 0.3, 0.9]]
    data = xr.Dataset(
        {chapter.EXACT: (("clock", "tested", "trained"), [numbers, np.transpose(numbers)])},
        {"clock": ["elapsed", "remaining"], "tested": [5, 10, 20], "trained": [5, 10, 20]},
    )
    # not where learning does not pay, at 5, and not at home
    worth = (data.tested > 5) & (data.trained > 5)
    data["longer"] = worth & (data.tested > data.trained)
    data["shorter"] = worth & (data.tested < data.trained)
    assert chapter.worst(data) == [
        "elapsed: trained at 10, living 20: 30% of the optimum",
        "remaining: trained at 20, living 10: 30% of the optimum",
    ]


def test_an_interval_is_students_over_the_seeds_that_there_are():
    mean, half = interval(xr.DataArray([1.0, 2.0, 3.0, np.nan], dims="seed"))
    assert mean == 2
    assert half == pytest.approx(4.302653 / np.sqrt(3))
