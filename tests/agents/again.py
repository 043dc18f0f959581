"""What holds of training in every world: alone, resumed or read from a file, it is the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from meta_bandit.agents import A2CConfig, load_agents, save_agents, train
from meta_bandit.agents.training import AnyTask


class StopHereError(Exception):
    """Ends a training in its middle."""


def stop(done: int) -> None:
    if done == 2:
        raise StopHereError


def trained_again(task: AnyTask, config: A2CConfig, folder: Path, one: int) -> None:
    """Train two agents, ``one`` of them also alone; stop, go on, save and load."""
    seeds = [5, 6]
    both = train(task, seeds, config, "cpu", progress=False)
    alone = train(task[np.array([one])], [seeds[one]], config, "cpu", progress=False)
    np.testing.assert_array_equal(both.weights[one], alone.weights[0])
    checkpoint = folder / "run.safetensors"
    with pytest.raises(StopHereError):
        train(task, seeds, config, "cpu", stop, checkpoint=checkpoint, every=0)
    resumed = train(task, seeds, config, "cpu", False, checkpoint=checkpoint)
    np.testing.assert_array_equal(resumed.weights, both.weights)
    save_agents(both, folder / "agents.safetensors")
    back = load_agents(folder / "agents.safetensors")
    assert back.task == both.task
    np.testing.assert_array_equal(back.weights, both.weights)
    assert back.curve.identical(both.curve)
