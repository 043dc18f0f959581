"""Other memories than an LSTM, for `benchmarks.learners`: a GRU and a small causal transformer.

Each is an ensemble with the face of `network.Ensemble`, so that the package's trainer plays and
teaches it; PyTorch's autograd computes the gradient. Within, features are the last axis and lives
the one before it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from meta_bandit import GaussianBandit
from meta_bandit.agents import TrainedAgents
from meta_bandit.agents.a2c import Trainer
from meta_bandit.agents.network import INPUTS, LOGIT, REWARD, RISKY_ROW, SAFE_ROW, TIME
from meta_bandit.agents.noise import WEIGHTS, Noise
from meta_bandit.agents.rollout import BanditRollout
from meta_bandit.worlds.bandit import History

HEADS = 2
"""Of the transformer's attention; and numbers that each network answers with: logit, value."""


class Network(ABC):
    """E independent actor-critics that play B lives each, differentiated by autograd.

    Parameters
    ----------
    weights : shape (agents, 1, numbers)
        All of an agent, in the order of `shapes`.
    units
        Width of the memory.
    lives, pulls
        How many each agent plays at once, and how long.
    learns
        Keep what the gradient needs.

    Attributes
    ----------
    inputs : shape (pulls + 1, agents, inputs, lives)
        What agents are told before each pull; whoever plays writes it.
    heads : shape (pulls, agents, 2, lives)
        Logit of the risky arm and value at every pull.
    """

    def __init__(
        self, weights: Tensor, units: int, lives: int, pulls: int, learns: bool = True
    ) -> None:
        self.weights, self.units, self.learns = weights, units, learns
        agents = len(weights)
        self.inputs = weights.new_zeros((pulls + 1, agents, INPUTS, lives))
        self.heads = weights.new_zeros((pulls, agents, 2, lives))
        self.begin()

    @classmethod
    @abstractmethod
    def shapes(cls, units: int) -> dict[str, tuple[tuple[int, int], float]]:
        """Matrices of an agent by name: shape, and the standard deviation that they begin with."""

    @classmethod
    def initial(cls, seeds: Sequence[int], units: int) -> Tensor:
        """Weights that training begins with, each agent's from its own seed, float64."""
        shapes = cls.shapes(units)
        scale = torch.cat(
            [torch.full((math.prod(shape),), std) for shape, std in shapes.values()]
        ).double()
        normal, _ = Noise(seeds, 1, len(scale), torch.float64).draw(0, WEIGHTS)
        return normal.transpose(0, 1) * scale

    def compile(self) -> bool:
        """Say that nothing here is compiled."""
        return False

    def play(self, *_: Tensor) -> bool:
        """Say that lives are played pull by pull."""
        return False

    def begin(self) -> None:
        """Begin new lives: forget, and take over ``weights`` as they now are."""
        # tensors of inference mode are closed to autograd, copies are not
        with torch.inference_mode(False):
            self.leaf = self.weights.clone().requires_grad_(self.learns)
            shapes = [shape for shape, _ in self.shapes(self.units).values()]
            parts = self.leaf[:, 0].split([math.prod(shape) for shape in shapes], 1)
            self.part = {
                name: part.unflatten(1, shape)
                for name, part, shape in zip(self.shapes(self.units), parts, shapes, strict=True)
            }
            self.forget()

    @abstractmethod
    def forget(self) -> None:
        """Empty the memory."""

    @abstractmethod
    def step(self, pull: int) -> Tensor:
        """Read ``inputs[pull]`` and write ``heads[pull]``, which is returned."""

    @abstractmethod
    def backward(self, heads_slope: Tensor, bound: float = math.inf) -> Tensor:
        """Gradient with respect to ``weights``, see `network.Ensemble.backward`."""

    def through(self, name: str, values: Tensor) -> Tensor:
        """Multiply by a matrix whose last row is a bias."""
        part = self.part[name]
        return torch.baddbmm(part[:, -1:], values, part[:, :-1])


class GRU(Network):
    r"""Gated recurrent unit (Cho et al. 2014).

    .. math:: (r, z) = \sigma(W (x, 1) + U h), \quad n = \tanh(W_n (x, 1) + r \odot U_n h), \quad
        h \leftarrow (1 - z) \odot n + z \odot h
    """

    @classmethod
    def shapes(cls, units: int) -> dict[str, tuple[tuple[int, int], float]]:
        """Gates r, z, n side by side."""
        return {
            "told": ((INPUTS + 1, 3 * units), units**-0.5),
            "kept": ((units, 3 * units), units**-0.5),
            "heads": ((units + 1, 2), 0.1 * units**-0.5),
        }

    @classmethod
    def initial(cls, seeds: Sequence[int], units: int) -> Tensor:
        """Begin without biases but that of z, 1, so that memory lasts."""
        weights = super().initial(seeds, units)
        bias = weights[:, 0, INPUTS * 3 * units : (INPUTS + 1) * 3 * units]
        bias.zero_()[:, units : 2 * units] = 1.0
        return weights

    def forget(self) -> None:
        """Begin with nothing in memory."""
        self.hidden = self.leaf.new_zeros((len(self.leaf), self.inputs.shape[-1], self.units))
        self.answers: list[Tensor] = []
        self.bound = math.inf

    def step(self, pull: int) -> Tensor:
        """Read ``inputs[pull]`` and write ``heads[pull]``; autograd takes note."""
        with torch.inference_mode(False), torch.set_grad_enabled(self.learns):
            told = self.through("told", self.inputs[pull].clone().transpose(1, 2))
            kept = self.hidden @ self.part["kept"]
            units = self.units
            gates = (told[..., : 2 * units] + kept[..., : 2 * units]).sigmoid()
            reset, keep = gates.chunk(2, -1)
            new = (told[..., 2 * units :] + reset * kept[..., 2 * units :]).tanh()
            hidden = torch.lerp(new, self.hidden, keep)
            if self.learns:
                hidden.register_hook(lambda slope: slope.clamp(-self.bound, self.bound))
                self.answers.append(self.through("heads", hidden))
            self.hidden = hidden
            answer = (self.answers[-1] if self.learns else self.through("heads", hidden)).detach()
        self.heads[pull] = answer.transpose(1, 2)
        return self.heads[pull]

    def backward(self, heads_slope: Tensor, bound: float = math.inf) -> Tensor:
        """Gradient of the lives just played, slopes of h bounded on their way back."""
        with torch.inference_mode(False):
            self.bound = bound
            slopes = list(heads_slope.clone().transpose(2, 3).unbind())
            (gradient,) = torch.autograd.grad(self.answers, self.leaf, slopes)
            self.answers.clear()
        return gradient


class Transformer(Network):
    """One block of causal self-attention over the whole life so far (Vaswani et al. 2017).

    Normalised before each part; no position but the time that agents are told. Keys and values of
    earlier pulls are kept while lives are played; for the gradient the life is read at once.
    """

    @classmethod
    def shapes(cls, units: int) -> dict[str, tuple[tuple[int, int], float]]:
        """Queries, keys and values side by side; two layers after them."""
        std = units**-0.5
        return {
            "told": ((INPUTS + 1, units), INPUTS**-0.5),
            "attention": ((units + 1, 3 * units), std),
            "mix": ((units + 1, units), std),
            "wide": ((units + 1, 2 * units), std),
            "narrow": ((2 * units + 1, units), (2 * units) ** -0.5),
            "heads": ((units + 1, 2), 0.1 * std),
        }

    def forget(self) -> None:
        """Make room for keys and values, (agents, lives, heads, pulls, units/heads)."""
        if not hasattr(self, "keys"):
            pulls, agents, _, lives = self.heads.shape
            shape = (agents, lives, HEADS, pulls, self.units // HEADS)
            self.keys, self.values = self.weights.new_zeros((2, *shape)).unbind()

    def block(self, x: Tensor, attend: Any) -> Tensor:
        """Answer to tokens (agents, tokens, inputs); ``attend`` mixes them."""
        norm = torch.nn.functional.layer_norm
        state = self.through("told", x)
        size = state.shape[-1:]
        asked = self.through("attention", norm(state, size))
        state = state + self.through("mix", attend(*asked.chunk(3, -1)))
        inner = self.through("wide", norm(state, size)).relu()
        state = state + self.through("narrow", inner)
        return self.through("heads", norm(state, size))

    def step(self, pull: int) -> Tensor:
        """Read ``inputs[pull]`` and write ``heads[pull]``."""

        def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            apart = (HEADS, self.units // HEADS)
            self.keys[:, :, :, pull] = key.unflatten(-1, apart)
            self.values[:, :, :, pull] = value.unflatten(-1, apart)
            keys, values = (kept[:, :, :, : pull + 1] for kept in (self.keys, self.values))
            score = (keys * query.unflatten(-1, apart)[..., None, :]).sum(-1)
            share = (score * apart[1] ** -0.5).softmax(-1)
            mixed: Tensor = (values * share[..., None]).sum(-2).flatten(-2)
            return mixed

        with torch.no_grad():
            answer = self.block(self.inputs[pull].transpose(1, 2), attend)
        self.heads[pull] = answer.transpose(1, 2)
        return self.heads[pull]

    def read(self, x: Tensor) -> Tensor:
        """Answer at every pull of whole lives, each from what came before it.

        Parameters
        ----------
        x : shape (pulls, agents, inputs, lives)

        Returns
        -------
        shape (pulls, agents, 2, lives)
        """
        pulls, agents, _, lives = x.shape

        def attend(*asked: Tensor) -> Tensor:
            query, key, value = (
                part.unflatten(1, (lives, pulls)).unflatten(-1, (HEADS, -1)).transpose(2, 3)
                for part in asked
            )
            mixed = torch.nn.functional.scaled_dot_product_attention(
                query.flatten(0, 1), key.flatten(0, 1), value.flatten(0, 1), is_causal=True
            )
            flat: Tensor = mixed.transpose(1, 2).flatten(2)
            return flat.view(agents, lives * pulls, self.units)

        answers = self.block(x.permute(1, 3, 0, 2).flatten(1, 2), attend)
        return answers.view(agents, lives, pulls, 2).permute(2, 0, 3, 1)

    def backward(self, heads_slope: Tensor, bound: float = math.inf) -> Tensor:
        """Gradient of the lives just played; nothing recurs, so that no slope needs a bound."""
        with torch.inference_mode(False):
            heads = self.read(self.inputs[:-1].clone())
            (gradient,) = torch.autograd.grad(heads, self.leaf, heads_slope.clone())
        return gradient


def rollout_of(network: type[Network]) -> type[BanditRollout]:
    """Lives that are played with another network than an LSTM."""

    class Rollout(BanditRollout):
        def __init__(self, task: Any, seeds: Sequence[int], config: Any, *rest: Any) -> None:
            super().__init__(task, seeds, config, *rest)
            weights = network.initial(seeds, config.units).to(self.net.weights.dtype)
            self.net = cast("Any", network(weights, config.units, config.lives, len(self.mask)))
            self.answers = self.net.heads[:, :, LOGIT]
            self.deal(0)

    return Rollout


class GRUTrainer(Trainer):
    """A2C with a GRU."""

    rollouts: ClassVar[Mapping[Any, Any]] = {GaussianBandit: rollout_of(GRU)}
    network: ClassVar[type[Network]] = GRU


class TransformerTrainer(Trainer):
    """A2C with a causal transformer."""

    rollouts: ClassVar[Mapping[Any, Any]] = {GaussianBandit: rollout_of(Transformer)}
    network: ClassVar[type[Network]] = Transformer


class GreedyPolicy:
    """Trained agents of another network as a policy: the arm that they find more probable."""

    def __init__(self, trained: TrainedAgents, network: type[Network]) -> None:
        self.trained, self.network = trained, network
        self.unit = np.broadcast_to(trained.task.unit, trained.task.shape)[:, None]

    def risky_probability(self, task: GaussianBandit, history: History) -> NDArray[np.float64]:
        """1 where the risky arm is pulled, shape (agents, lives)."""
        trained, pull, lifetime = self.trained, history.pull, int(self.trained.task.lifetime.max())
        with torch.inference_mode():
            if pull == 0:
                weights, lives = torch.from_numpy(trained.weights), history.last_reward.shape[-1]
                self.net = self.network(weights, trained.config.units, lives, lifetime, False)
            x = self.net.inputs[pull]
            x[:, REWARD] = torch.from_numpy(history.last_reward / self.unit)
            if pull > 0:
                risky = torch.from_numpy(history.last_action).to(x.dtype)
                x[:, RISKY_ROW], x[:, SAFE_ROW] = risky, 1 - risky
            x[:, TIME] = 2 * pull / lifetime - 1
            return np.asarray((self.net.step(pull)[:, LOGIT] > 0).double().numpy())
