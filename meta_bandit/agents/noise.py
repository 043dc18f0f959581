"""Random numbers as a pure function of (seed, update, pull, life), for whole ensembles at once.

Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
2011) enciphers a counter with a key. The key is an agent's seed, so that an agent's numbers depend
on nothing but its seed: not on the other agents, the longest lifetime, the device or the number of
threads. There is no state to store either: to go on after a stop, count on.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from meta_bandit.agents.native import library

_WORD = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10

PULLS, ARMS, WEIGHTS = 0, 1, 2
"""Independent streams of each seed: one for every use."""


def philox(counter: Sequence[Tensor], key: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Encipher counters in place: Philox4x32-10 on 32-bit words held in int64.

    Parameters
    ----------
    counter : 4 tensors, shape (...), int64
        Words in [0, 2^32); overwritten.
    key : 2 tensors, int64
        Words in [0, 2^32); each broadcasts to the shape of the counter.

    Returns
    -------
    4 tensors, shape (...), int64
        Random words in [0, 2^32).
    """
    c0, c1, c2, c3 = counter
    k0, k1 = (word.clone() for word in key)
    p0, p1 = torch.empty_like(c0), torch.empty_like(c0)
    for _ in range(_ROUNDS):
        # the 64-bit products overflow int64, which wraps: their bits are right
        torch.mul(c0, _MULTIPLIERS[0], out=p0)
        torch.mul(c2, _MULTIPLIERS[1], out=p1)
        torch.bitwise_right_shift(p1, 32, out=c0).bitwise_and_(_WORD)
        torch.bitwise_right_shift(p0, 32, out=c2).bitwise_and_(_WORD)
        c0.bitwise_xor_(c1).bitwise_xor_(k0)
        c2.bitwise_xor_(c3).bitwise_xor_(k1)
        torch.bitwise_and(p1, _WORD, out=c1)
        torch.bitwise_and(p0, _WORD, out=c3)
        k0.add_(_KEY_STEPS[0]).bitwise_and_(_WORD)
        k1.add_(_KEY_STEPS[1]).bitwise_and_(_WORD)
    return c0, c1, c2, c3


class Noise:
    """Standard normal and logistic numbers for every pull of every life of an ensemble.

    One block of Philox gives two lives their two numbers at one pull.

    Parameters
    ----------
    seeds : length agents
        Whole numbers in [0, 2^64). Equal seeds give equal numbers.
    pulls, lives
        Size of one draw.
    dtype, device
        Of the numbers.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        pulls: int,
        lives: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self.lives = lives
        words = [[seed & _WORD for seed in seeds], [seed >> 32 for seed in seeds]]
        self._key = torch.tensor(words, device=device)[..., None].unbind()
        shape = (pulls, len(seeds), (lives + 1) // 2)
        self._position = torch.arange(pulls * shape[2], device=device).view(pulls, 1, shape[2])
        self._counter = torch.empty((4, *shape), dtype=torch.int64, device=device)
        self._uniform = torch.empty((4, *shape), dtype=dtype, device=device)
        self._library: ctypes.CDLL | None = None

    def compile(self) -> None:
        """Draw by compiled code from now on, where that can be: the same, to the last bit."""
        self._library = library() if self._uniform.device.type == "cpu" else None

    def draw(self, update: int | Tensor, stream: int) -> tuple[Tensor, Tensor]:
        """Draw once; the same arguments give the same numbers.

        Returns
        -------
        normal, logistic : shape (pulls, agents, lives)
            N(0, 1), and log(u/(1 - u)) with u uniform on (0, 1). A logit above the second means
            the risky arm: it happens with the probability that the logit stands for.
        """
        radius, angle, first, second = self.uniform(update, stream).unbind()
        radius.log_().mul_(-2.0).sqrt_()
        angle.mul_(2 * math.pi)
        logistic = torch.cat((first, second), dim=-1)[..., : self.lives].logit_()
        normal = torch.cat((angle.cos().mul_(radius), angle.sin_().mul_(radius)), dim=-1)
        return normal[..., : self.lives], logistic

    def gumbel(self, update: int | Tensor, stream: int) -> Tensor:
        """Draw once, four standard Gumbel numbers for every two lives, as `uniform` does.

        The action of the largest sum of logit and Gumbel number happens with the probability that
        the logits stand for.
        """
        return self.uniform(update, stream).log_().neg_().log_().neg_()

    def uniform(self, update: int | Tensor, stream: int) -> Tensor:
        """Draw once, four numbers for every two lives.

        Returns
        -------
        shape (4, pulls, agents, lives / 2, rounded up)
            Uniform on (0, 1); overwritten by the next call.
        """
        if self._library is not None:
            # they are exact in single precision
            keys, single = torch.stack(self._key), self._uniform.float()
            _, pulls, agents, half = single.shape
            self._library.uniform(
                pulls, agents, half, int(update), stream, keys.data_ptr(), single.data_ptr()
            )
            return self._uniform.copy_(single)
        self._counter[0] = self._position
        self._counter[1] = update
        self._counter[2] = stream
        self._counter[3] = 0
        philox(self._counter.unbind(), self._key)
        # 23 bits and a half: the open interval (0, 1), exact in float32, so that no log is infinite
        self._uniform.copy_(self._counter.bitwise_right_shift_(9))
        self._uniform.add_(0.5).mul_(2.0**-23)
        return self._uniform
