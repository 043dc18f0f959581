"""The network's arithmetic compiled from C: faster on a CPU, and the same up to rounding.

What is computed is what `network.Ensemble` says, by ``lstm.c``, where all of a step stays in the
processor's nearest memory. The C compiler of the machine makes it when it is first asked for.
"""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from meta_bandit.agents.network import Ensemble

SOURCE = Path(__file__).with_name("lstm.c")
BLOCK, ROWS = 16, 6
"""As in ``lstm.c``: lives in a block, and rows of weights that are read together."""
_FLAGS = ("-std=gnu11", "-O3", "-fno-math-errno", "-march=x86-64-v3", "-shared", "-fPIC")


@functools.cache
def library() -> ctypes.CDLL | None:
    """Compile ``lstm.c``, once in a process; None where that cannot be.

    It needs a C compiler (``cc``) that knows vectors, as GCC and Clang do, and a processor with
    AVX2.
    """
    compiler = shutil.which("cc")
    modern = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    if compiler is None or not modern or sys.platform == "win32":
        return None
    # a library stays loaded when its file is gone
    with tempfile.TemporaryDirectory(prefix="meta-bandit-") as folder:
        made = Path(folder) / "lstm.so"
        command = [compiler, *_FLAGS, str(SOURCE), "-o", str(made)]
        # not every compiler has threads
        for threads in (["-fopenmp"], []):
            if not subprocess.run([*command, *threads], capture_output=True).returncode:
                break
        else:
            return None
        found = ctypes.CDLL(str(made))
    whole, real, pointer = ctypes.c_long, ctypes.c_float, ctypes.c_void_p
    small = ctypes.c_int
    sizes = [whole, small, small, small, whole]
    found.step.argtypes = [small, *sizes, whole, *[pointer] * 9]
    found.backward.argtypes = [small, whole, *sizes, pointer, real, *[pointer] * 10]
    found.step.restype = found.backward.restype = None
    return found


class Native:
    """The compiled step and gradient of an ensemble, on its own tensors, by PyTorch's threads.

    Parameters
    ----------
    net
        With lives kept for the backward pass, a multiple of `BLOCK` of them, in single precision.
    found
        What `library` gives.
    """

    def __init__(self, net: Ensemble, found: ctypes.CDLL) -> None:
        agents, rows, lives = net.inputs.shape[1:]
        heads = net.heads.shape[2]
        self.net, self._library, units = net, found, net.units
        # the order in memory is what C goes by
        net.weights = net.weights.contiguous()
        net.gradient = torch.zeros_like(net.weights)
        kept = 4 * units // ROWS * ROWS
        self._rows = net.weights[..., :kept].unflatten(-1, (-1, ROWS)).transpose(1, 2)
        self._packed = self._rows.contiguous()
        self._sizes = (agents, rows, units, heads, lives)
        self._widths = np.array([-(-width // BLOCK) * BLOCK for width in net.widths], np.int64)
        self._slope = net.weights.new_empty((4 * units + heads, lives))
        self._memory = net.weights.new_empty((2 * units, lives))
        self._sums = net.weights.new_empty((rows, 4 * units + heads, 8))
        gates, cells, squashed = net.kept()
        self._kept = [part.data_ptr() for part in (net.inputs, gates, cells, squashed)]
        weights = (net.weights.data_ptr(), self._packed.data_ptr())
        parts = (net.inputs, gates, cells, cells[1:], squashed, net.inputs[1:], net.heads)
        self._threads = count = torch.get_num_threads()
        self._steps = [
            (count, *self._sizes, int(width), *weights, *(part.data_ptr() for part in views))
            for width, *views in zip(self._widths, *parts, strict=False)
        ]

    def begin(self) -> None:
        """Take over the weights as they now are."""
        self._packed.copy_(self._rows)

    def step(self, pull: int) -> None:
        """See `network.Ensemble.step`."""
        self._library.step(*self._steps[pull])

    def backward(self, heads_slope: Tensor, bound: float) -> Tensor:
        """See `network.Ensemble.backward`."""
        net, slope = self.net, heads_slope.contiguous()
        room = self._slope, self._memory, self._sums
        inputs, gates, cells, squashed = self._kept
        self._library.backward(
            self._threads, len(net.heads), *self._sizes, self._widths.ctypes.data, bound,
            net.weights.data_ptr(), inputs, gates, cells, squashed, slope.data_ptr(),
            net.gradient.data_ptr(), *(part.data_ptr() for part in room),
        )  # fmt: skip
        return net.gradient
