"""The study of dark rooms: one dataset, and the agents of each way of training."""

import numpy as np

from meta_bandit.agents import load_agents
from meta_bandit.studies import STUDIES, RoomAgents, run, walked


def test_a_study_is_one_dataset_with_its_agents(tmp_path):
    out, study = tmp_path / "small.nc", STUDIES["treasure-room-smoke"]
    assert isinstance(study, RoomAgents)
    dataset = run(study, out, "cpu")
    assert {path.name for path in tmp_path.iterdir()} == {
        "small.nc", *(f"small-{recipe}.safetensors" for recipe in ("direct", "led", "free")),
    }  # fmt: skip
    # where treasures are never bad all ways are one
    assert dataset.recipe.values.tolist() == ["direct", "direct", "led", "free"]
    assert dataset.low.values.tolist() == [-4.0, 0.0, -4.0, -4.0]
    for recipe, config in study.recipes.items():
        agents = load_agents(tmp_path / f"small-{recipe}.safetensors")
        own = dataset.isel(agent=dataset.recipe == recipe)
        assert agents.config == config
        np.testing.assert_array_equal(agents.task.full["low"], own.low)
        again = walked(agents, study.lives)
        for name in ("return", "return_se", "greedy_seen", "by_episode"):
            np.testing.assert_array_equal(again[name], own[name])
    np.testing.assert_allclose(dataset.by_episode.sum("episode"), dataset["return"])
    assert run(study, out, "cpu").identical(dataset)
    for variable in dataset.variables.values():
        assert {"units", "long_name"} <= variable.attrs.keys(), variable
    assert [key for key, value in dataset.attrs.items() if value == ""] == []
