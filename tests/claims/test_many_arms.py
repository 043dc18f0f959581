"""The claims of the chapter *Many arms* that stored results bear out."""

from pathlib import Path

import pytest

from book.run.chapter import default_parameters, read_chapter
from meta_bandit.studies import ladder, stored_parts
from meta_bandit.studies.ladder import RECIPES, found_over_map, raised
from meta_bandit.worlds import ManyArms

CHAPTER = Path(__file__).parents[2] / "book" / "many-arms.md"


def test_one_memory_stays_below_the_first_rung_and_one_for_each_arm_climbs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # the chapter as it stands shows the stored agents, and trains none
    monkeypatch.setattr(ladder, "run", None)
    given = default_parameters(read_chapter(CHAPTER))
    names = ("arms", "sigma_p", "sigma_l", "lifetime")
    book = [ManyArms(*(given[name] for name in names), 0.0, safe) for safe in given["safes"]]
    runs, teams = raised(book, given["lives"], given["agents"], given["updates"])
    assert set(teams) == set(RECIPES)
    earned, recipe, poor = runs.expected_return, runs.recipe, runs.safe == 0.5
    # none with one memory earns more than the best with a single arm does
    assert (earned[poor & (recipe != "shared")] < 68.5).all()
    assert (earned[recipe == "shared"] > 130).all()
    # never exploring earns 50
    assert (earned[poor & (recipe == "default")] < 49).sum() == 3


def test_who_keeps_a_memory_for_each_arm_climbs_where_the_known_arm_pays_little():
    rows = [*stored_parts("many-arms-map").values()]
    data, facts = found_over_map(rows, 500, 0)
    assert facts["found-worlds"].value == 4 * len(rows)
    by_pay = data.share.mean(["sigma_l", "seed"])
    shared = by_pay.sel(recipe="shared")
    assert shared.sel(safe=[0.0, 0.5]).min() > 0.5 > shared.sel(safe=1.5)
    assert (by_pay.sel(recipe=["default", "direct"]) < 0.5).all()
    # towards the edge it never explores, though that would pay
    never = data.earned.sel(recipe="shared") == 0
    assert (never & (data["index"] >= 1)).any()
