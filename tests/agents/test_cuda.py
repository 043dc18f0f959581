"""The update as a recorded CUDA graph; what needs a GPU is skipped where there is none."""

import numpy as np
import pytest
import torch

from meta_bandit import GaussianBandit
from meta_bandit.agents import A2CConfig, train
from meta_bandit.agents.a2c import FIRST_DECAY, Trainer, schedules
from meta_bandit.agents.training import _record

TASK = GaussianBandit([1.0, 2.0, 2.0], [0.5, 2.0, 4.0], [20, 30, 25])
SEEDS = [1, 2, 3]
CONFIG = A2CConfig(updates=20, units=16)

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def test_schedules_hold_what_adam_and_the_configuration_say():
    table = schedules(CONFIG).numpy()
    assert table.shape == (CONFIG.updates, 4)
    for update in (0, 7, CONFIG.updates - 1):
        learning_rate, entropy, share = CONFIG.at(update)
        corrections = [1 - beta ** (update + 1) for beta in (FIRST_DECAY, CONFIG.second_decay)]
        expected = [learning_rate / corrections[0], 1 / np.sqrt(corrections[1]), entropy, share]
        np.testing.assert_allclose(table[update], expected, rtol=1e-14)


class PythonNumbers(Trainer):
    """The same update with the schedules as Python's numbers, as one would write it for a CPU."""

    def _update(self) -> None:
        update = int(self.index)
        rate, shorten_second, entropy_weight, share = schedules(self.config)[update].tolist()
        self.lives.play(update, share)
        self.loss_slope(torch.tensor(entropy_weight))
        gradient = self.net.backward(self.heads_slope, self.config.backpropagation_clip)
        gradient.div_(self.lives.samples[:, None, None])
        self.descend(gradient, rate, shorten_second)
        self.alive[update] = self.finite


def test_schedules_in_tensors_give_the_bits_that_numbers_would():
    with torch.inference_mode():
        made = [kind(TASK, SEEDS, CONFIG, torch.device("cpu")) for kind in (Trainer, PythonNumbers)]
        for update in range(CONFIG.updates):
            for trainer in made:
                trainer.update(update)
        tensors, numbers = (trainer.state(0) for trainer in made)
        for name in ("weights", "first_moment", "second_moment"):
            assert torch.equal(tensors[name], numbers[name]), name


def test_without_a_graph_training_goes_on_and_says_so(monkeypatch):
    def refuse(self: Trainer) -> None:
        raise RuntimeError("no such operation while recording")

    monkeypatch.setattr(Trainer, "record", refuse)
    trainer = Trainer(TASK, SEEDS, CONFIG, torch.device("cpu"))
    with pytest.warns(RuntimeWarning, match="not be recorded as a CUDA graph.*no such operation"):
        _record(trainer)
    assert trainer.graph is None
    assert train(TASK, SEEDS, CONFIG, "cpu", False).curve.attrs["cuda_graph"] == 0


@needs_cuda
def test_a_replayed_graph_computes_what_single_operations_do():
    with torch.inference_mode():
        device = torch.device("cuda")
        eager, replayed = (Trainer(TASK, SEEDS, CONFIG, device) for _ in range(2))
        replayed.record()
        for name, values in eager.state(CONFIG.updates).items():
            assert torch.equal(values, replayed.state(CONFIG.updates)[name]), f"{name} was changed"
        for update in range(CONFIG.updates):
            eager.update(update)
            replayed.update(update)
        assert replayed.graph is not None
        for name, values in eager.state(CONFIG.updates).items():
            assert torch.equal(values, replayed.state(CONFIG.updates)[name]), name


@needs_cuda
def test_cuda_and_the_cpu_agree():
    """To 1e-6 over the first update, in float64; later, one action that differs changes all."""
    with torch.inference_mode():
        trainers = [
            Trainer(TASK, SEEDS, CONFIG, torch.device(name), torch.float64)
            for name in ("cpu", "cuda")
        ]
        for trainer in trainers:
            trainer.update(0)
        here, there = (trainer.state(1) for trainer in trainers)
        for name, values in here.items():
            torch.testing.assert_close(there[name].cpu(), values, rtol=1e-6, atol=1e-9)
    trained = train(TASK, SEEDS, CONFIG, "cuda", False)
    assert trained.curve.attrs["cuda_graph"] == 1
    assert np.isfinite(trained.weights).all()
