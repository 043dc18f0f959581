"""What the chapter *Many arms* draws and quotes of its worlds."""

import numpy as np

from meta_bandit.studies.ladder import map_of_arms
from meta_bandit.theory import optimal_commit
from meta_bandit.worlds import ManyArms


def test_many_arms_pay_where_one_does():
    safes, spreads = np.array([0.4, 0.9]), np.array([0.3, 1.5, 30.0])
    world = ManyArms(4, 1.0, 0.5, 20)
    found, facts = map_of_arms(world, safes, spreads, 4_000, 0)
    # by hand: at 0.3 all arms are tried, at 30 there is nothing to learn in 20 pulls
    assert found.arms[:, 0].values.tolist() == [3, 3]
    assert found.arms[:, 2].values.tolist() == [0, 0]
    inside = found.sigma_l < found.edge
    assert inside.any()
    assert not inside.all()
    assert ((found["index"] > 0) == inside).all()
    assert ((found.plan > 0) == (found.arms > 0)).all()
    assert (found.plan[:, 0] < found["index"][:, 0]).all()
    assert facts["map-none"].value + facts["map-all"].value + facts["map-some"].value == 6


def test_with_one_unknown_arm_it_is_the_plan_of_the_bandit():
    found, _ = map_of_arms(ManyArms(2), np.array([0.5]), np.array([0.5, 2.0]), 10, 0)
    own = [optimal_commit(ManyArms(2, 1.0, noise).one_armed)[1] for noise in (0.5, 2.0)]
    np.testing.assert_allclose(found.plan[0], own, rtol=1e-12)
