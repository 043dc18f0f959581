"""The claims of the chapter *What the memory does* that stored results bear out."""

from tests.chapters.memory import at_rest, pushed


def test_the_push_with_the_estimate_counts_and_controls_do_not():
    data, _ = pushed()
    first = data.sel(task=1.2)
    effect = first.effect.isel(later=0)
    assert (effect.sel(direction="with the estimate") > 0.4).all()
    for control in ("random", "random, as memory varies", "probe's weights"):
        assert abs(effect.sel(direction=control).mean()) < 0.2
    risky = first.risky.sel(direction="with the estimate").mean("seed")
    assert (risky.diff("dose") > 0).all()
    assert risky.sel(dose=2.0) > 0.5 > 0.1 > risky.sel(dose=-2.0)
    never = data.risky.sel(task=0.6, direction="with the estimate", dose=2.0).mean()
    assert never < 0.2 < 0.9 < data.exact.sel(task=0.6, dose=2.0)


def test_memory_stays_at_few_states_and_learners_have_two():
    data, facts = at_rest()
    assert (data.attracting + data.repelling).max() <= 5
    assert data.attracting.max() <= 2
    assert (data.attracting.sel(of_told="risky, paid -1") == 1).all()
    two = data.attracting.sel(of_task=1.2, of_told="risky, paid 0") == 2
    assert two.sum() == facts["first-zero-two"].value > two.size / 2
    saddles = data.repelling.sel(of_task=1.2, of_told="risky, paid 0")
    assert (saddles.where(two, 1) >= 1).all()
    assert facts["first-leave"].value < -5 < 0 < facts["first-pull"].value
    assert facts["first-slowest"].value < 100
    assert facts["last-leave"].value < -15
    assert data.read.isel(later=0).min() > 0.9
    learners = data.read.sel(of_task=1.2)
    assert (learners.sel(later=80) < learners.sel(later=0)).all()
