"""The study of foragers: one dataset, and the agents that are kept."""

from dataclasses import replace

import numpy as np
import pytest

from meta_bandit.agents import load_agents
from meta_bandit.studies import STUDIES, run, score


def test_a_study_is_one_dataset_with_its_agents(tmp_path):
    out = tmp_path / "small.nc"
    study = STUDIES["forage-smoke"]
    dataset = run(study, out, "cpu")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "small-direct.safetensors", "small-led.safetensors", "small.nc",
    ]  # fmt: skip
    assert dataset.sizes["agent"] == 2 * len(study.all_worlds) * len(study.seed)
    for recipe, config in study.recipes.items():
        agents = load_agents(tmp_path / f"small-{recipe}.safetensors")
        assert agents.config == config
        kept = dataset.isel(agent=(dataset.recipe == recipe) & (dataset.kept == 1))
        np.testing.assert_array_equal(agents.task.lifetime, kept.lifetime)
        again = score(agents)
        for name in ("return", "searched", "returned", "optimum", "habit", "stay", "edge"):
            np.testing.assert_allclose(again[name], kept[name], rtol=1e-6)
    assert run(study, out, "cpu").identical(dataset)
    with pytest.raises(ValueError, match="holds something else than this study"):
        run(replace(study, seed=(1,)), out, "cpu")
