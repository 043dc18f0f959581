"""What the chapter *Lives of another length* says of stored agents."""

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from meta_bandit import GaussianBandit
from meta_bandit.policies import Constant
from meta_bandit.studies import lifetimes as chapter
from meta_bandit.studies import stored_agents
from meta_bandit.studies.facts import interval

TEXT = (Path(__file__).parents[2] / "book" / "lifetimes.md").read_text(encoding="utf-8")
BUDGET = chapter.Budget(0, 6_000, 60)


@pytest.fixture(scope="module")
def teams():
    return {clock: stored_agents(f"lifetimes-{clock}.safetensors") for clock in chapter.CLOCKS}


@pytest.fixture(scope="module")
def elsewhere(teams):
    return chapter.elsewhere(teams, BUDGET)


@pytest.fixture(scope="module")
def turned(teams):
    own = [team[np.flatnonzero(np.isin(team.task.lifetime, [20, 50]))] for team in teams.values()]
    across = stored_agents("across.safetensors")
    across = across[np.flatnonzero(across.task.sigma_p >= 1.0)]
    return chapter.tampered([*own, across], BUDGET)


def test_every_number_quoted_is_a_fact_that_says_what_it_is(teams, elsewhere, turned):
    team = teams["fraction"]
    data, facts = elsewhere
    facts = facts | turned[1]
    facts |= chapter.staying(team, 100, BUDGET)[1]
    facts |= chapter.mixture(data, teams, BUDGET)[1]
    quoted = set(re.findall(r"{glue:text}`([\w-]+)", TEXT))
    assert quoted - {"profile", "device", "shown"} <= facts.keys()
    assert all(fact.about for fact in facts.values())


def test_the_share_of_the_optimum_of_never_pulling_is_nothing():
    tasks = GaussianBandit([2.0, 2.0], 2.0, 20)
    share, error = chapter.shares(Constant(0.0), tasks, BUDGET)
    assert share.tolist() == error.tolist() == [0, 0]


def test_specialists_lose_abroad_and_do_not_obey_their_clock(elsewhere):
    data, facts = elsewhere
    means = chapter.abroad(data)
    fraction = means.sel(clock="fraction")
    assert fraction["specialists, longer"] > 0.93 > fraction["agents, longer"]
    assert fraction["specialists, shorter"] > 0.9 > fraction["agents, shorter"]
    assert means["specialists, shorter"].sel(clock="elapsed") < 0.8
    assert means["specialists, shorter"].sel(clock="remaining") < 0.2
    assert (means["agents, shorter"] > 0.75).all()
    longer = means["agents, longer"]
    assert longer.sel(clock="fraction") > longer.sel(clock="remaining") + 0.1
    assert facts["idle-most"].value < 10
    for where in chapter.OFF_DIAGONAL:
        assert facts[f"lost-{where}"].value > 2 * facts[f"exact-{where}"].value
        assert facts[f"lost-{where}"].value > facts[f"exact-{where}"].value + 5


def test_short_lives_teach_to_leave_good_arms(teams):
    _, facts = chapter.staying(teams["fraction"], 100, BUDGET)
    assert facts["kept-few"].value < 65 < facts["kept-stage"].value


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


def test_the_exact_reader_is_led_by_the_clock_and_agents_are_not(turned):
    data, facts = turned
    np.testing.assert_allclose(data.reader_share.sel(tampering="right"), 1)
    _, reader = chapter.moved(data, "risky")
    assert (reader.sel(tampering=["early", "first"]) > 5).all()
    assert (reader.sel(tampering=["late", "middle", "last", "backwards"]) < -5).all()
    for told in chapter.CLOCKS:
        follows, half = (facts[f"follows{key}-{told}"].value for key in ("", "-half"))
        assert follows + half < 30, told
    assert (facts["seeds-fraction"].value, facts["seeds-elapsed"].value) == (12, 3)


def test_an_interval_is_students_over_the_seeds_that_there_are():
    mean, half = interval(xr.DataArray([1.0, 2.0, 3.0, np.nan], dims="seed"))
    assert mean == 2
    assert half == pytest.approx(4.302653 / np.sqrt(3))
