"""The compiled network against the one in PyTorch, and against itself."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, train
from meta_bandit.agents.a2c import Trainer, advantages
from meta_bandit.agents.native import VECTORS, Native, for_vectors
from meta_bandit.agents.network import Ensemble
from meta_bandit.agents.noise import Noise
from meta_bandit.agents.rollout import Rollout
from meta_bandit.worlds import ManyArms
from tests.agents.unrolled import random_weights

KNOWN = list(VECTORS)[::-1]
HERE = KNOWN[: KNOWN.index(torch.backends.cpu.get_cpu_capability()) + 1]
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
CONFIG = replace(CONFIGURATIONS["companion"], updates=4, lives=64, validation=0, snapshots=0)
TASK = GaussianBandit(sigma_p=[0.8, 2.0, 1.0], sigma_l=[1.0, 2.0, 0.3], lifetime=[12, 30, 7])


def several(units: int, lives: int, widths: list[int], agents: int = 3) -> list[Ensemble]:
    """The same lives by PyTorch, and by every length of vectors that is here."""
    weights = random_weights(agents, units).float()
    nets = [Ensemble(weights.clone(), lives, len(widths), widths) for _ in ("PyTorch", *HERE)]
    for net, vectors in zip(nets[1:], HERE, strict=True):
        found = for_vectors(vectors)
        assert found is not None
        net._native = Native(net, found)
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
    ours, *natives = several(units, lives, widths)
    expected = ours.backward(slope_of(ours), bound)
    assert expected.abs().max() > 0.1
    for native in natives:
        for pull, width in enumerate(widths):
            torch.testing.assert_close(
                native.heads[pull, ..., :width], ours.heads[pull, ..., :width], rtol=1e-5, atol=2e-6
            )
            for found, known in zip(native.memory(pull), ours.memory(pull), strict=True):
                torch.testing.assert_close(
                    found[..., :width], known[..., :width], rtol=1e-5, atol=1e-5
                )
        found = native.backward(slope_of(native), bound)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * expected.abs().max())


@needs_compiler
@pytest.mark.skipif(len(HERE) < 2, reason="needs a processor with AVX-512")
def test_the_length_of_vectors_changes_no_bit():
    _, short, long = several(13, 48, [48, 48, 33, 16, 2])
    assert torch.equal(short.heads, long.heads)
    gradients = [net.backward(slope_of(net), 0.3) for net in (short, long)]
    assert torch.equal(*gradients)


def trainer(task, config=CONFIG, native=True, seeds=(3, 4, 5)):
    return Trainer(task, seeds, config, torch.device("cpu"), native=native)


TABLE = GaussianBandit(
    sigma_p=np.full((2, 64), 2.0), sigma_l=1.0, lifetime=np.resize([9, 14, 3, 20], (2, 64))
)


@needs_compiler
@pytest.mark.parametrize("task", [TASK, TABLE], ids=["tasks", "table"])
def test_lives_in_one_call_are_those_played_pull_by_pull(task, monkeypatch):
    seeds = range(task.shape[0])
    config = replace(CONFIG, task_context=task is TABLE)
    played = []
    for _ in range(2):
        made = trainer(task, config, seeds=seeds)
        with torch.inference_mode():
            made.lives.play(1, 0.7)
            mask = made.lives.mask[:, :, None]
            played.append([made.net.inputs[1:] * mask, made.net.heads * mask])
        monkeypatch.setattr("meta_bandit.agents.rollout.BanditRollout.at_once", Rollout.at_once)
    for once, by_pull in zip(*played, strict=True):
        assert torch.equal(once, by_pull)
    risky = played[0][0][:, :, 1]
    assert 0.1 < risky.mean() < 0.9


@needs_compiler
@pytest.mark.parametrize("lives", [6, 7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_compiled_noise_is_the_same_to_the_last_bit(lives, dtype):
    ours, native = (Noise([5, 2**64 - 1, 2**32], 9, lives, dtype) for _ in range(2))
    native.compile()
    assert native._library is not None
    for stream, update in ((0, 0), (1, 7), (2, torch.tensor([3]))):
        for expected, found in zip(
            ours.draw(update, stream), native.draw(update, stream), strict=True
        ):
            assert torch.equal(expected, found)


@needs_compiler
def test_compiled_advantages_are_sums_that_are_known_and_those_of_pytorch():
    reward = torch.tensor([1.0, 2.0, 3.0])[:, None, None].expand(3, 2, 16)
    found = advantages(reward, torch.zeros(3, 2, 16), 1.0, 0.5, native=True)
    assert found[:, 1, 7].tolist() == [2.75, 3.5, 3.0]
    reward, value = torch.randn(2, 30, 3, 32, generator=torch.Generator().manual_seed(1))
    for gae_lambda in (0.9, torch.tensor(0.9)):
        expected = advantages(reward, value, 0.8, gae_lambda)
        found = advantages(reward, value, 0.8, gae_lambda, native=True)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


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
    for_vectors.cache_clear()
    try:
        with pytest.raises(ValueError, match=r"device = 'native': needs a C compiler"):
            train(TASK, [3, 4, 5], CONFIG, "native", progress=False)
        if not torch.cuda.is_available():
            made = train(TASK, [3, 4, 5], CONFIG, "auto", progress=False)
            assert made.curve.attrs["device"] == "cpu"
    finally:
        for_vectors.cache_clear()
