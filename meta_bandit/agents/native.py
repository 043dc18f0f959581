"""What training spends its time on, compiled from C: faster on a CPU, the same up to rounding.

The network's step and gradient (`network.Ensemble`), whole lives of a bandit (`rollout.Rollout`)
and random words (`noise.Noise`) are what those say, by ``lstm.c``, where all of a block of lives
stays in the processor's nearest memory. The C compiler of the machine makes it when it is first
asked for.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from meta_bandit.compiled import compiled

if TYPE_CHECKING:
    from meta_bandit.agents.network import Ensemble

SOURCE = Path(__file__).with_name("lstm.c")
BLOCK = 16
"""As in ``lstm.c``: lives that are computed together."""
VECTORS = {
    "AVX512": ("-DLANES=16", "-march=x86-64-v4", "-mprefer-vector-width=512"),
    "AVX2": ("-DLANES=8", "-march=x86-64-v3"),
}
"""Instructions of processors, as PyTorch names them, and the compiler's options for each."""
_SIZES = ("threads", "agents", "rows", "units", "heads", "lives", "pulls")
_PARTS = ("widths", "weights", "forth", "back", "inputs", "gates", "cells", "small", "answers")


class _Net(ctypes.Structure):
    """As in ``lstm.c``."""

    _fields_ = (
        *((size, ctypes.c_long) for size in _SIZES),
        *((part, ctypes.c_void_p) for part in _PARTS),
    )


def library() -> ctypes.CDLL | None:
    """Compile ``lstm.c`` for this processor, once in a process; None where that cannot be.

    It needs a C compiler (``cc``) that knows vectors, as GCC and Clang do, and a processor with
    AVX2; vectors are twice as long where it has AVX-512.
    """
    known = torch.backends.cpu.get_cpu_capability()
    return for_vectors(known) if known in VECTORS else None


@functools.cache
def for_vectors(vectors: str) -> ctypes.CDLL | None:
    """Compile ``lstm.c`` for one of `VECTORS`, once in a process; None where that cannot be."""
    # not every compiler has threads
    found = compiled(SOURCE, [[*VECTORS[vectors], "-fopenmp"], VECTORS[vectors]])
    if found is None:
        return None
    whole, word, pointer = ctypes.c_long, ctypes.c_uint32, ctypes.c_void_p
    net = ctypes.POINTER(_Net)
    found.step.argtypes = [net, whole]
    found.play.argtypes = [net, pointer, pointer]
    found.backward.argtypes = [net, ctypes.c_float, pointer, pointer, pointer]
    found.accumulate.argtypes = [whole, whole, ctypes.c_float, pointer]
    found.uniform.argtypes = [whole, whole, whole, word, word, pointer, pointer]
    for function in (found.step, found.play, found.backward, found.accumulate, found.uniform):
        function.restype = None
    found.room.argtypes, found.room.restype = [net], whole
    return found


def accumulate(sums: Tensor, factor: float) -> None:
    """Add to each row its ``factor`` times the next, from the last but one to the first, in place.

    Parameters
    ----------
    sums : shape (rows, ...)
        In one piece and in single precision, on a CPU for which there is a `library`.
    """
    found = library()
    assert found is not None
    found.accumulate(len(sums), sums[0].numel(), factor, sums.data_ptr())


class Native:
    """The compiled step and gradient of an ensemble, on its own tensors, by PyTorch's threads.

    Parameters
    ----------
    net
        With lives kept for the backward pass, a multiple of `BLOCK` of them, in single precision.
        What it keeps of gates and cells is in the order of ``lstm.c`` from now on.
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
        tile = ctypes.c_int.in_dll(found, "rows_in_a_tile").value
        gates, recurrent = net.weights[..., : 4 * units].transpose(1, 2), net.weights[:, -units:]
        # whole tiles of rows, for every tile its columns one after another
        self._tiles = [
            rows[:, : rows.shape[1] // tile * tile].unflatten(1, (-1, tile)).transpose(2, 3)
            for rows in (gates, recurrent)
        ]
        self._packed = [tiles.contiguous() for tiles in self._tiles]
        self._widths = torch.tensor(net.widths)
        sizes = (torch.get_num_threads(), agents, rows, units, heads, lives, len(net.widths))
        parts = (self._widths, net.weights, *self._packed, net.inputs, *net.kept(), net.heads)
        self._net = _Net(*sizes, *(part.data_ptr() for part in parts))
        self._totals = net.weights.new_empty(found.room(self._net))

    def begin(self) -> None:
        """Take over the weights as they now are."""
        for packed, tiles in zip(self._packed, self._tiles, strict=True):
            packed.copy_(tiles)

    def step(self, pull: int) -> None:
        """See `network.Ensemble.step`."""
        self._library.step(self._net, pull)

    def cell(self, pull: int) -> Tensor:
        """Cells before a pull, (agents, units, lives), out of the order of ``lstm.c``."""
        cell = self.net.kept()[1][pull]
        agents, units, _ = cell.shape
        return cell.view(agents, -1, units, BLOCK).transpose(1, 2).flatten(2)

    def play(self, threshold: Tensor, pays: Tensor) -> None:
        """See `network.Ensemble.play`."""
        threshold, pays = threshold.contiguous(), pays.contiguous()
        self._library.play(self._net, threshold.data_ptr(), pays.data_ptr())

    def backward(self, heads_slope: Tensor, bound: float) -> Tensor:
        """See `network.Ensemble.backward`."""
        parts = heads_slope.contiguous(), self.net.gradient, self._totals
        self._library.backward(self._net, bound, *(part.data_ptr() for part in parts))
        return self.net.gradient
