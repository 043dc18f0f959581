"""The claims of the chapter *In short* that stored results bear out."""

import numpy as np
import pytest

from meta_bandit.studies import stored
from meta_bandit.studies.ladder import (
    RECIPES,
    in_short,
)


def test_in_short_is_the_stored_deceptive_world():
    earned, compared = in_short(2_000, 100, 0)
    runs = stored("many-arms.nc")
    poor = runs.isel(agent=np.flatnonzero(runs.safe == 0.5))
    for name, title in RECIPES.items():
        own = poor.expected_return.values[poor.recipe.values == name]
        assert earned[rf"RL$^2$, {title}"].tolist() == own.tolist()
    assert earned["never exploring"].tolist() == [50]
    assert earned["Thompson sampling"][0] == pytest.approx(129.1, abs=3)
    assert 68 < compared["first rung"] < 69 < 134 < compared["bound"] < 149
