"""The compiled network against the one in PyTorch, and against itself."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, train
from meta_bandit.agents.native import compiled
from meta_bandit.agents.network import Ensemble
from meta_bandit.worlds import ManyArms
from tests.agents.unrolled import random_weights

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
CONFIG = replace(CONFIGURATIONS["companion"], updates=4, lives=64)
TASK = GaussianBandit(sigma_p=[0.8, 2.0, 1.0], sigma_l=[1.0, 2.0, 0.3], lifetime=[12, 30, 7])


def pair(units: int, lives: int, widths: list[int], agents: int = 3) -> list[Ensemble]:
    weights = random_weights(agents, units).float()
    nets = [Ensemble(weights.clone(), lives, len(widths), widths) for _ in range(2)]
    assert nets[1].compile()
    x = torch.randn(len(widths), agents, 4, lives, generator=torch.Generator().manual_seed(1))
    for net in nets:
        net.inputs[:-1, :, :4] = x
        net.begin()
        for pull in range(len(widths)):
            net.step(pull)
    return nets


def slope_of(net: Ensemble) -> torch.Tensor:
    """Gradient with respect to the heads, 0 where a life has ended."""
    slope = torch.randn(net.heads.shape, generator=torch.Generator().manual_seed(2))
    for part, width in zip(slope, net.widths, strict=True):
        part[..., width:] = 0.0
    return slope


@needs_compiler
@pytest.mark.parametrize(
    ("units", "lives", "widths"),
    [(48, 64, [64] * 9), (7, 16, [16] * 5), (3, 32, [32, 32, 20, 17, 16, 3, 1])],
)
@pytest.mark.parametrize("bound", [0.3, np.inf])
def test_step_and_gradient_are_those_of_pytorch(units, lives, widths, bound):
    ours, compiled = pair(units, lives, widths)
    for pull, width in enumerate(widths):
        torch.testing.assert_close(
            compiled.heads[pull, ..., :width], ours.heads[pull, ..., :width], rtol=1e-5, atol=2e-6
        )
    expected, found = (net.backward(slope_of(net), bound) for net in (ours, compiled))
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * expected.abs().max())


@needs_compiler
def test_an_agent_does_not_depend_on_those_beside_it():
    together = train(TASK, [3, 4, 5], CONFIG, "native", progress=False)
    for agent in range(3):
        alone = train(TASK[[agent]], [3 + agent], CONFIG, "native", progress=False)
        np.testing.assert_array_equal(alone.weights[0], together.weights[agent])
    assert together.curve.attrs["device"] == "native"


@needs_compiler
def test_threads_change_no_bit():
    # few steps, as threads that wait for each other on a busy machine wait long
    short = replace(CONFIG, updates=2)
    alone = train(TASK, [3, 4, 5], short, "native", progress=False)
    shared = train(TASK, [3, 4, 5], short, "native", progress=False, threads=2)
    np.testing.assert_array_equal(shared.weights, alone.weights)


@needs_compiler
@pytest.mark.parametrize("shared", [False, True])
def test_training_on_many_arms_follows_pytorch(shared):
    config = CONFIGURATIONS["many-arms-shared" if shared else "many-arms"]
    task = ManyArms(arms=4, lifetime=15, safe=[0.5])
    made = [
        train(task, [1], replace(config, updates=3), device, progress=False).weights
        for device in ("cpu", "native")
    ]
    assert (made[0] != made[1]).any()  # it was another arithmetic
    # Adam takes a whole step by a gradient that is nearly 0, whichever its sign
    apart = np.abs(made[1] - made[0])
    assert np.quantile(apart, 0.99) < 1e-5
    assert apart.max() < 3 * 2 * config.learning_rate


@needs_compiler
def test_a_stopped_run_ends_with_the_same_numbers(tmp_path):
    whole = train(TASK, [3, 4, 5], CONFIG, "native", progress=False)
    saved = tmp_path / "run.safetensors"

    class StopError(Exception):
        pass

    def stop(done: int) -> None:
        if done == 2:
            raise StopError

    with pytest.raises(StopError):
        train(TASK, [3, 4, 5], CONFIG, "native", stop, checkpoint=saved, every=0.0)
    with pytest.raises(ValueError, match="device"):
        train(TASK, [3, 4, 5], CONFIG, "cpu", progress=False, checkpoint=saved)
    again = train(TASK, [3, 4, 5], CONFIG, "native", progress=False, checkpoint=saved)
    np.testing.assert_array_equal(again.weights, whole.weights)


@needs_compiler
def test_what_is_not_finite_shows_and_large_weights_saturate():
    net = Ensemble(random_weights(2, 7).float(), 16, 5)
    net.weights[0] *= 1e4
    net.weights[1, 0, 0] = torch.nan
    assert net.compile()
    net.inputs[:, :, :4] = 1.0
    net.begin()
    for pull in range(5):
        net.step(pull)
    gradient = net.backward(slope_of(net))
    assert net.heads[:, 0].isfinite().all()
    assert gradient[0].isfinite().all()
    assert net.heads[:, 1].isnan().any()
    assert gradient[1].isnan().any()


def test_lives_that_fill_no_blocks_and_double_precision_stay_with_pytorch():
    weights = random_weights(2, 7)
    assert not Ensemble(weights.float(), 15, 5).compile()
    assert not Ensemble(weights, 16, 5).compile()


def test_without_a_compiler_it_is_refused_and_auto_does_without(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    compiled.cache_clear()
    try:
        with pytest.raises(ValueError, match=r"device = 'native': needs a C compiler"):
            train(TASK, [3, 4, 5], CONFIG, "native", progress=False)
        if not torch.cuda.is_available():
            made = train(TASK, [3, 4, 5], CONFIG, "auto", progress=False)
            assert made.curve.attrs["device"] == "cpu"
    finally:
        compiled.cache_clear()
