"""The agent written the plain way, for tests: an unrolled loop that autograd can differentiate."""

import math

import torch
from torch import Tensor


def unrolled_heads(weights: Tensor, x: Tensor, bound: float = math.inf, logits: int = 1) -> Tensor:
    """Logits and value at every pull, (pulls, agents, logits + 1, lives).

    The inputs x are (pulls, agents, inputs, lives).

    Autograd's slopes of each pull's output and cell are brought into [-bound, bound].
    """
    inputs, heads_begin = x.shape[2], weights.shape[2] - logits - 1
    units = weights.shape[1] - inputs - 1
    agents, lives = x.shape[1], x.shape[3]
    w_input, w_bias, w_hidden = weights.split([inputs, 1, units], dim=1)
    hidden = cell = torch.zeros(agents, units, lives, dtype=weights.dtype)
    heads = []
    for x_t in x:
        gates = (
            torch.einsum("eik,eib->ekb", w_input[..., :heads_begin], x_t)
            + w_bias[..., :heads_begin].transpose(1, 2)
            + torch.einsum("ejk,ejb->ekb", w_hidden[..., :heads_begin], hidden)
        )
        o, i, f, g = gates.split(units, dim=1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        if cell.requires_grad and bound < math.inf:
            cell.register_hook(lambda slope: slope.clamp(-bound, bound))
        hidden = torch.sigmoid(o) * torch.tanh(cell)
        if hidden.requires_grad and bound < math.inf:
            hidden.register_hook(lambda slope: slope.clamp(-bound, bound))
        heads.append(
            torch.einsum("ejk,ejb->ekb", w_hidden[..., heads_begin:], hidden)
            + w_bias[..., heads_begin:].transpose(1, 2)
        )
    return torch.stack(heads)


def random_weights(agents: int, units: int, seed: int = 0) -> Tensor:
    """Weights of a size at which every gate bends; the heads' unused entries are 0."""
    generator = torch.Generator().manual_seed(seed)
    shape = (agents, 5 + units, 4 * units + 2)
    weights = 0.7 * torch.randn(shape, dtype=torch.float64, generator=generator)
    weights[:, :4, 4 * units :] = 0.0
    return weights
