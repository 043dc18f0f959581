"""The study of many arms: one dataset, and the agents of each way of training."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from safetensors import safe_open

from meta_bandit.agents import load_agents
from meta_bandit.studies import STUDIES, Pullers, count_arms, run
from meta_bandit.studies.results import RESULTS


def strict(text):
    def refuse(word):
        raise ValueError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_a_study_is_one_dataset_with_its_agents(tmp_path):
    out, study = tmp_path / "small.nc", STUDIES["many-arms-smoke"]
    assert isinstance(study, Pullers)
    dataset = run(study, out, "cpu")
    assert {path.name for path in tmp_path.iterdir()} == {
        "small.nc", *(f"small-{recipe}.safetensors" for recipe in ("default", "direct", "shared")),
    }  # fmt: skip
    for recipe, config in study.recipes.items():
        agents = load_agents(tmp_path / f"small-{recipe}.safetensors")
        own = dataset.isel(agent=dataset.recipe == recipe)
        assert agents.config == config
        np.testing.assert_array_equal(agents.task.safe, own.safe)
        again = count_arms(agents, study.lives)
        for name in ("expected_return", "greedy_tried", "greedy_safe_se", "share_tried"):
            np.testing.assert_array_equal(again[name], own[name])
    assert run(study, out, "cpu").identical(dataset)
    other = replace(study, shared=replace(study.shared, units=8))
    with pytest.raises(ValueError, match="holds something else than this study"):
        run(other, out, "cpu")


def test_infinite_settings_are_strict_json_and_read_back_equal(tmp_path):
    study, out = STUDIES["many-arms-smoke"], tmp_path / "small.nc"
    attributes = run(study, out, "cpu").attrs
    kept = [strict(attributes[name]) for name in ("study", "config", "shared")]
    assert math.inf in kept[2].values()
    assert kept[0]["shared"] == kept[2] == asdict(study.shared)
    with safe_open(tmp_path / "small-shared.safetensors", "numpy") as stream:
        about = strict(stream.metadata()["about"])
    assert math.inf in about["config"].values()
    assert about["config"] == asdict(study.recipes["shared"])


def test_files_that_were_written_with_another_word_for_infinity_are_read():
    path = RESULTS / "many-arms-shared.safetensors"
    assert b"Infinity" in path.read_bytes()
    assert math.inf in asdict(load_agents(path).config).values()


def test_the_shares_of_lives_say_what_the_means_do(tmp_path):
    dataset = run(STUDIES["many-arms-smoke"], tmp_path / "small.nc", "cpu")
    shares = dataset.share_tried
    np.testing.assert_allclose(shares.sum("arms_tried"), 1)
    np.testing.assert_allclose((shares * shares.arms_tried).sum("arms_tried"), dataset.greedy_tried)
    assert (dataset.greedy_safe <= 10).all()
    for variable in dataset.variables.values():
        assert {"units", "long_name"} <= variable.attrs.keys(), variable
    assert [key for key, value in dataset.attrs.items() if value == ""] == []
    assert "session" in dataset.attrs["wall_seconds_comment"]
