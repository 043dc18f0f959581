"""The claims of the chapter *Many arms* that stored results bear out."""

from meta_bandit.studies import stored_parts
from meta_bandit.studies.ladder import (
    RECIPES,
    found_over_map,
    raised,
)
from meta_bandit.worlds import ManyArms


def test_one_memory_stays_below_the_first_rung_and_one_for_each_arm_climbs():
    book = [ManyArms(10, 1.0, 0.5, 100, 0.0, safe) for safe in (0.5, 0.0)]
    runs, teams = raised(book, 20_000, 5, 800)
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
