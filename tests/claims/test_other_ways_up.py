"""The claims of the chapter *Other ways up* that stored results bear out."""

import json
from pathlib import Path

import numpy as np
import pytest

from meta_bandit.studies import stored
from meta_bandit.theory.many_arms import price_bound
from meta_bandit.worlds import ManyArms

STORED = Path(__file__).parents[2] / "benchmarks/results/many_arms.json"


def test_two_policies_and_a_fit_get_past_the_trap_and_fewer_arms_first_does_not():
    """Of the agents one by one, from the file alone."""
    found = json.loads(STORED.read_text())["ways"]
    first, fitted, after = (found[name] for name in ("first explore", "fitted", "from the fit"))
    direct = stored("many-arms.nc")
    one = direct.expected_return.where(direct.recipe != "shared")
    for at, safe in enumerate(json.loads(STORED.read_text())["safe"]):
        # all earn more than the best of the agents with one memory that are trained as usual
        best = float(one.where(direct.safe == safe).max())
        for way in (first, fitted, after):
            assert way["expected_return"][at] > best + 5 * way["expected_return_se"][at]
        # a memory for each arm is beyond them
        shared = direct.expected_return.where((direct.recipe == "shared") & (direct.safe == safe))
        assert max(w["expected_return"][at] for w in (first, fitted, after)) < float(shared.min())
        # reinforcement leads down from what was fitted
        assert after["greedy_tried"][at] < fitted["greedy_tried"][at] - 3
        assert after["curve_tried"][at][-1] < fitted["curve_tried"][at][-1] - 2
        assert after["curve_mean_return"][at][-1] > fitted["curve_mean_return"][at][-1] + 5
    # the fit is not at its end: means of the last eighth of the updates and of that before
    rising = np.reshape(fitted["curve_mean_return"], (-1, 8, 5)).mean(-1)
    assert (rising[:, -1] > rising[:, -2]).all()
    # with fewer arms first nobody leaves the first rung: with one arm no more can be earned
    fewer, first_rung = found["fewer first"], {0.5: 68.2, 0.0: 39.3}
    for at, safe in enumerate(json.loads(STORED.read_text())["safe"]):
        sure = fewer["expected_return"][at] - 2 * fewer["expected_return_se"][at]
        world = ManyArms(2, safe=safe)
        assert price_bound(world)[0] == pytest.approx(first_rung[safe], abs=0.5)
        assert sure < price_bound(world)[0]
    # the explorers have learned no order of trying: chance tries as many
    chance = 9 * (1 - 0.9 ** np.array(first["explores"]))
    np.testing.assert_allclose(first["greedy_tried"], chance, atol=0.4)
    assert not any(first["greedy"])
