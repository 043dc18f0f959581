"""What chapters quote reaches their text, under the names that it asks for."""

import numpy as np
import pytest
import xarray as xr

from meta_bandit.studies.facts import fact, quote, task_names
from meta_bandit.worlds import GaussianBandit


def test_a_text_finds_facts_numbers_and_words(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}

    def note(name: str, value: object, display: bool) -> None:
        found[name] = value, type(value), display

    monkeypatch.setattr("myst_nb.glue", note)
    quote({"share": fact(np.float32(0.5), "share"), "seed": 1}, {"mean": xr.DataArray(2.0)}, seed=3)
    quote(profile="quick", count=np.int64(4))
    assert found == {
        "share": (0.5, float, False),
        "mean": (2.0, float, False),
        "seed": (3, int, False),
        "profile": ("quick", str, False),
        "count": (4, int, False),
    }


def test_tasks_are_named_by_their_uncertainties():
    task = GaussianBandit([1.0, 2.5], 3.0)
    assert task_names(task)[1] == r"$\sigma_p=2.5$, $\sigma_l=3$"
    assert task_names(task, ["a", "b"])[0].startswith("a: ")
