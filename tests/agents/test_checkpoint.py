import dataclasses
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr
from safetensors.numpy import load_file, save_file

from meta_bandit import GaussianBandit
from meta_bandit.agents import A2CConfig, TrainedAgents, load_agents, save_agents, train
from meta_bandit.agents.checkpoint import read_arrays, write_arrays

TASK = GaussianBandit([2.0, 1.0, 0.5], [2.0, 1.0, 1.0], [20, 10, 15])
SEEDS = [0, 2**63, 7]
CONFIG = A2CConfig(updates=40, units=8, validation=2, snapshots=4)

KILLED = """
import sys, time
from pathlib import Path
from meta_bandit import GaussianBandit
from meta_bandit.agents import A2CConfig, train

task = GaussianBandit([2.0, 1.0, 0.5], [2.0, 1.0, 1.0], [20, 10, 15])
# slowly, so that there is a middle to be killed in
config = A2CConfig(updates=40, units=8, validation=2, snapshots=4)
train(task, [0, 2**63, 7], config, "cpu", lambda done: time.sleep(0.05),
      checkpoint=Path(sys.argv[1]), every=0.0)
"""


class StoppedError(Exception):
    pass


def run(checkpoint=None, stop_after=None, **changed) -> TrainedAgents:
    def stop(done):
        if done == stop_after:
            raise StoppedError

    arguments = {"task": TASK, "seeds": SEEDS, "config": CONFIG} | changed
    return train(**arguments, device="cpu", progress=stop, checkpoint=checkpoint, every=0.0)


def stopped(path, after=10):
    with pytest.raises(StoppedError):
        run(path, stop_after=after)
    return path


def same(one: TrainedAgents, other: TrainedAgents) -> bool:
    """Bit for bit, but for the time it took."""
    return (
        np.array_equal(one.weights.view(np.uint32), other.weights.view(np.uint32))
        and one.curve.equals(other.curve)
        and (one.task, one.config) == (other.task, other.config)
        and np.array_equal(one.seeds, other.seeds)
    )


@pytest.fixture(scope="module")
def uninterrupted() -> TrainedAgents:
    return run()


def test_a_run_killed_in_the_middle_ends_with_the_numbers_of_one_that_was_not(
    uninterrupted, tmp_path
):
    path = tmp_path / "run.safetensors"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)]) as process:
        while not path.exists() or read_arrays(path, "a training run")[1]["done"] < 5:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert read_arrays(path, "a training run")[1]["done"] < CONFIG.updates
    assert same(run(path), uninterrupted)


def test_stops_at_any_update_leave_no_trace(uninterrupted, tmp_path):
    path = tmp_path / "run.safetensors"
    for after in (1, 2, 17, 39):
        stopped(path, after)
    assert same(run(path), uninterrupted)
    assert [file.name for file in tmp_path.iterdir()] == ["run.safetensors"]


def test_a_finished_run_is_not_run_again(uninterrupted, tmp_path):
    run(tmp_path / "run.safetensors")
    assert same(run(tmp_path / "run.safetensors", stop_after=CONFIG.updates), uninterrupted)


def test_training_from_other_weights_is_another_run(uninterrupted, tmp_path):
    path, weights = tmp_path / "run.safetensors", uninterrupted.weights
    with pytest.raises(StoppedError):
        run(path, stop_after=10, initial=weights)
    for initial in (None, -weights):
        with pytest.raises(ValueError, match="is of a run with another initial"):
            run(path, initial=initial)
    assert same(run(path, initial=weights), run(initial=weights))


def test_an_agent_that_diverged_stays_stopped(tmp_path):
    wild = A2CConfig(updates=12, units=8, learning_rate=1e38, gradient_clip=float("inf"))
    with pytest.warns(RuntimeWarning, match="diverged"):
        whole = run(config=wild)
    with pytest.raises(StoppedError):
        run(tmp_path / "run", stop_after=8, config=wild)
    with pytest.warns(RuntimeWarning, match="diverged"):
        assert same(run(tmp_path / "run", config=wild), whole)


def test_a_file_cut_anywhere_is_refused(tmp_path):
    path = stopped(tmp_path / "run.safetensors")
    content = path.read_bytes()
    for length in (0, 1, 8, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"run\.safetensors: truncated, or no safetensors"):
            run(path)


def test_a_changed_bit_is_refused(tmp_path):
    path = stopped(tmp_path / "run.safetensors")
    content = bytearray(path.read_bytes())
    content[-3] ^= 16
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"run\.safetensors: .* does not match its digest"):
        run(path)


def test_a_foreign_file_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    for content in (b"PK\x03\x04 and so on", json.dumps({"done": 3}).encode()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"run\.safetensors: truncated, or no safetensors"):
            run(path)
    save_file({"weights": np.zeros(3)}, path)
    with pytest.raises(ValueError, match="not one of meta-bandit's"):
        run(path)
    save_agents(run(), path)
    with pytest.raises(ValueError, match=r"holds trained agents .* must be a training run"):
        run(path)


def test_another_version_is_refused(tmp_path, monkeypatch):
    path = stopped(tmp_path / "run.safetensors")
    monkeypatch.setattr("meta_bandit.agents.checkpoint.VERSION", 2)
    with pytest.raises(ValueError, match=r"format version 1: must be .* version 2"):
        run(path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"config": dataclasses.replace(CONFIG, discount=0.8)},
            "another config: discount = 1.0, not 0.8",
        ),
        ({"task": GaussianBandit(TASK.sigma_p, 1.0, TASK.lifetime)}, "another task: sigma_l = "),
        ({"seeds": [0, 1, 2]}, "another seeds: "),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(changed, message, tmp_path):
    path = stopped(tmp_path / "run.safetensors")
    with pytest.raises(ValueError, match=r"run\.safetensors: is of a run with " + message):
        run(path, **changed)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("weights", lambda array: array[:1], r"weights is float32 of shape \(1,"),
        ("first_moment", lambda array: array.astype(np.float64), "first_moment is float64"),
        ("finite", lambda array: None, "must be "),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name, change, message, tmp_path):
    path = stopped(tmp_path / "run.safetensors")
    arrays, about = read_arrays(path, "a training run")
    changed = change(arrays.pop(name))
    if changed is not None:
        arrays[name] = changed
    write_arrays(path, "a training run", arrays, about)
    with pytest.raises(ValueError, match=message):
        run(path)


def test_a_bad_interval_is_refused():
    with pytest.raises(ValueError, match="every = nan: must be a number of seconds >= 0"):
        train(TASK, SEEDS, CONFIG, every=float("nan"))


def test_trained_agents_come_back_as_they_went(uninterrupted, tmp_path):
    path = tmp_path / "agents.safetensors"
    save_agents(uninterrupted, path)
    loaded = load_agents(path)
    assert same(loaded, uninterrupted)
    xr.testing.assert_identical(loaded.curve, uninterrupted.curve)


def test_agents_that_are_not_there_or_not_whole_are_refused(uninterrupted, tmp_path):
    path = tmp_path / "agents.safetensors"
    with pytest.raises(ValueError, match=r"agents\.safetensors: there is no such file"):
        load_agents(path)
    with pytest.raises(ValueError, match="cannot be read"):
        load_agents(tmp_path)
    save_agents(uninterrupted, path)
    about = read_arrays(path, "trained agents")[1]
    for missing in ("weights", "curve.entropy"):
        arrays = {name: array for name, array in load_file(path).items() if name != missing}
        write_arrays(path, "trained agents", arrays, about)
        with pytest.raises(ValueError, match=missing):
            load_agents(path)
        save_agents(uninterrupted, path)
