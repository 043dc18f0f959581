r"""An ensemble of LSTM actor-critics and their exact gradient, without autograd.

All weights of an agent are one matrix W, and one pull is

.. math:: z_t = (x_t, 1, h_{t-1}), \quad a_t = W_g^\top z_t, \quad
    (o, i, f)_t = \sigma(a_t), \quad g_t = \tanh(a_t), \\
    c_t = f_t c_{t-1} + i_t g_t, \quad h_t = o_t \tanh(c_t), \quad
    y_t = (\ell_t, v_t) = W_y^\top (1, h_t)

with the inputs x (last reward, last action as one-hot, time), the logit of the risky arm and the
value. LSTM: Hochreiter and Schmidhuber, Neural Computation 1997; as the memory of a meta-learner
(RL^2): Duan et al. 2016 and Wang et al. 2016.

Speed comes from what is left out. The outputs :math:`a_t` and :math:`y_{t-1}` depend on the same
:math:`z_t`, so that the backward pass needs two products a pull for all weights of all agents.
Lives are the last axis and features the one before it, so that a gate is one contiguous run of
memory. No tensor is allocated while lives are played or gradients computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from meta_bandit.agents.native import BLOCK, Native, library
from meta_bandit.agents.noise import WEIGHTS, Noise

INPUTS = 4
"""Rows of x that every agent has: last reward, last action risky, last action safe, time."""
REWARD, RISKY_ROW, SAFE_ROW, TIME = range(INPUTS)
ACTION = RISKY_ROW
"""First of the rows of the last action, in any world."""
LOGIT, VALUE = 0, 1
CONTEXT = 3
"""Rows that follow in x where agents are told their task."""
PER_ARM = 6
"""Rows of x of a memory that keeps one arm, see `many_arms`."""


class Ensemble:
    """E independent LSTM actor-critics that play B lives each, side by side.

    Parameters
    ----------
    weights : shape (agents, inputs + 1 + units, 4 units + logits + 1)
        Rows: inputs x, the constant 1, the last output h. On bandits there are 4 inputs, 7 if
        agents are told their task. Columns: the gates o, i, f, g, then the logits and the value.
        The heads do not read x: those entries are kept at 0.
    lives
        Lives that each agent plays at once (B).
    pulls
        Pulls that are kept for the backward pass (T). With 0 nothing is kept: for acting only.
    widths : length pulls
        Lives that are computed at each pull, the first so many; not increasing. All, if not given.
    logits
        1 for the logit of the risky arm, else one for each action.

    Attributes
    ----------
    inputs : shape (pulls + 1, agents, inputs + 1 + units, lives)
        z of every pull. Whoever plays writes x, the first rows; the rest is written here.
    heads : shape (pulls, agents, logits + 1, lives)
        Logit of the risky arm, or those of all actions, and value at every pull.
    gradient : shape of ``weights``
        What `backward` computes.
    widths
        Lives that are computed at each pull.
    """

    def __init__(
        self,
        weights: Tensor,
        lives: int,
        pulls: int,
        widths: Sequence[int] = (),
        logits: int = 1,
    ) -> None:
        agents, rows, columns = weights.shape
        heads = logits + 1
        self.units = units = (columns - heads) // 4
        self.read = read = rows - 1 - units
        known = read in (INPUTS, PER_ARM, INPUTS + CONTEXT) if logits == 1 else read >= 1
        if not known or columns != 4 * units + heads or units < 1:
            raise ValueError(f"weights: shape {tuple(weights.shape)} is no LSTM actor-critic's")
        self.weights = weights
        self.gradient = torch.zeros_like(weights)
        # torch's tanh costs six times its sigmoid on a CPU, and tanh(a) = 2 sigmoid(2a) - 1: with
        # the columns of g doubled, one sigmoid does for all gates
        self._scale = weights.new_ones(4 * units)
        self._scale[3 * units :] = 2.0
        self._gate_weights = torch.empty_like(weights[..., : 4 * units])
        self._minus_one = weights.new_tensor(-1.0)
        self._one = weights.new_tensor(1.0)

        kept = max(pulls, 1)
        after = kept + 1 if pulls else 1
        self.inputs = weights.new_zeros((after, agents, rows, lives))
        self.inputs[:, :, read] = 1.0
        self.heads = weights.new_zeros((kept, agents, heads, lives))
        self._gates = weights.new_zeros((kept, agents, 4 * units, lives))
        self._cell = weights.new_zeros((after, agents, units, lives))
        self._squashed = weights.new_zeros((kept, agents, units, lives))
        if pulls:
            self._slope = weights.new_zeros((agents, 4 * units + heads, lives))
            self._output_slope = weights.new_zeros((agents, units, lives))
            self._cell_slope = weights.new_zeros((agents, units, lives))
            self._scratch = weights.new_zeros((agents, units, lives))
        # making a view costs as much as a small operation: all of them are made here, once
        self._shift = shift = 1 if pulls else 0
        gate = self._gates.view(kept, agents, 4, units, lives)
        hidden = self.inputs[:, :, read + 1 :]
        self.widths = list(widths) or [lives] * kept
        self._native: Native | None = None
        self._forward = self._narrow(
            zip(
                self.inputs,
                self._gates,
                *gate.unbind(2),
                self._cell,
                self._cell[shift:],
                self._squashed,
                hidden[shift:],
                self.inputs[shift:, :, read:],
                self.heads,
                strict=False,
            )
        )
        self._backward = self._narrow(
            zip(
                self.inputs[shift:],
                self._gates[:, :, : 3 * units],
                *gate.unbind(2),
                self._cell,
                self._squashed,
                hidden[shift:],
                strict=False,
            )
        )
        self.begin()

    def _narrow(self, views: Iterable[tuple[Tensor, ...]]) -> list[tuple[Tensor, ...]]:
        """Keep of the views of each pull the lives that are computed there."""
        lives = self.inputs.shape[-1]
        return [
            parts if width == lives else tuple(part[..., :width] for part in parts)
            for parts, width in zip(views, self.widths, strict=True)
        ]

    def compile(self) -> bool:
        """Compute by compiled code from now on, where that can be (`native`); returns whether."""
        whole = self.inputs.shape[-1] % BLOCK == 0 and self.inputs.dtype == torch.float32
        found = library() if whole and self._shift and self.inputs.device.type == "cpu" else None
        if found is not None:
            self._native = Native(self, found)
        return self._native is not None

    def kept(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return what is kept of every pull: gates, cells (also of birth), tanh of cells."""
        return self._gates, self._cell, self._squashed

    def begin(self) -> None:
        """Begin new lives: forget, and take over ``weights`` as they now are."""
        self.inputs[0, :, self.read + 1 :] = 0.0
        self._cell[0] = 0.0
        if self._native is not None:
            self._native.begin()
            return
        torch.mul(self.weights[..., : 4 * self.units], self._scale, out=self._gate_weights)
        self._gate_matrix = self._gate_weights.transpose(1, 2)
        self._head_matrix = self.weights[:, self.read :, 4 * self.units :].transpose(1, 2)

    def step(self, pull: int) -> Tensor:
        """Read ``inputs[pull]`` and write ``heads[pull]``, which is returned.

        Returns
        -------
        shape (agents, logits + 1, lives)
            Logits, value.
        """
        if self._native is not None:
            self._native.step(pull)
            return self.heads[pull]
        z, gates, o, i, f, g, cell, next_cell, squashed, hidden, head_input, heads = self._forward[
            pull
        ]
        torch.bmm(self._gate_matrix, z, out=gates)
        gates.sigmoid_()
        torch.add(self._minus_one, g, alpha=2.0, out=g)
        torch.mul(f, cell, out=next_cell)
        next_cell.addcmul_(i, g)
        torch.mul(next_cell, 2.0, out=squashed)
        squashed.sigmoid_()
        torch.add(self._minus_one, squashed, alpha=2.0, out=squashed)
        torch.mul(o, squashed, out=hidden)
        return torch.bmm(self._head_matrix, head_input, out=heads)

    def play(self, threshold: Tensor, pays: Tensor) -> bool:
        """Play whole lives of a bandit in one call, if compiled; returns whether.

        Parameters
        ----------
        threshold, pays : shape (pulls, agents, lives)
            What a logit must exceed for the risky arm, and what that arm then pays, as told.
        """
        if self._native is None:
            return False
        self._native.play(threshold, pays)
        return True

    def memory(self, pull: int) -> tuple[Tensor, Tensor]:
        """Return what the last `step` of this pull left in memory, as views.

        Returns
        -------
        h, c : shape (agents, units, lives)
            Output and cell: all that the network knows of a life's past when it answers. If
            compiled, the cell is a copy.
        """
        after = pull + self._shift
        cell = self._cell[after] if self._native is None else self._native.cell(after)
        return self.inputs[after, :, self.read + 1 :], cell

    def backward(self, heads_slope: Tensor, bound: float = math.inf) -> Tensor:
        r"""Gradient of a loss with respect to ``weights``, by backpropagation through time.

        .. math:: \delta h_t = W_h (\delta a_{t+1}, \delta y_t), \quad
            \delta c_t = f_{t+1} \delta c_{t+1} + \delta h_t (o_t - h_t \tanh c_t), \\
            \delta o = \delta h \tanh(c)\,(o - o^2), \quad \delta i = \delta c\, g\,(i - i^2), \quad
            \delta f = \delta c\, c_{t-1} (f - f^2), \quad \delta g = \delta c\, i\,(1 - g^2), \\
            \delta W = \sum_t z_{t+1} (\delta a_{t+1}, \delta y_t)^\top

        Parameters
        ----------
        heads_slope : shape (pulls, agents, logits + 1, lives)
            Gradient of the loss with respect to ``heads``. Zero it where a life has ended.
        bound
            Each element of :math:`\delta h_t` and :math:`\delta c_t` is brought into
            [-bound, bound] before it is handed on to the pull before (Graves 2013). With inf, the
            gradient is exact.

        Returns
        -------
        shape of ``weights``
            Sum over lives and pulls; the attribute ``gradient``, overwritten by the next call.
        """
        if self._native is not None:
            return self._native.backward(heads_slope, bound)
        self._slope[:, : 4 * self.units] = 0.0
        self._cell_slope.zero_()
        recurrent = self.weights[:, self.read + 1 :]
        gradient = self.gradient.zero_()
        views = {width: self._slope_views(width) for width in set(self.widths)}
        bounded = bound < math.inf
        steps = zip(
            self._backward[::-1], heads_slope.unbind(0)[::-1], self.widths[::-1], strict=True
        )
        for (z_next, sigmoids, o, i, f, g, cell, squashed, hidden), dy_t, width in steps:
            slope, slope_t, dy, do, di, df, dg, d_sigmoids, through_cell, *rest = views[width]
            dh, dc, dc_gates, scratch = rest
            dy.copy_(dy_t[..., :width])
            torch.bmm(recurrent, slope, out=dh)
            if bounded:
                dh.clamp_(-bound, bound)
            gradient.baddbmm_(z_next, slope_t)
            torch.addcmul(o, hidden, squashed, value=-1.0, out=scratch)
            dc.addcmul_(dh, scratch)
            if bounded:
                dc.clamp_(-bound, bound)
            torch.addcmul(sigmoids, sigmoids, sigmoids, value=-1.0, out=d_sigmoids)
            torch.addcmul(self._one, g, g, value=-1.0, out=dg)
            do.mul_(squashed).mul_(dh)
            di.mul_(g)
            df.mul_(cell)
            dg.mul_(i)
            through_cell.mul_(dc_gates)
            dc.mul_(f)
        self._slope[:, 4 * self.units :] = 0.0
        gradient.baddbmm_(self.inputs[0], self._slope.transpose(1, 2))
        gradient[:, : self.read, 4 * self.units :] = 0.0
        return gradient

    def _slope_views(self, width: int) -> tuple[Tensor, ...]:
        """Views of the slopes of the first lives, as `backward` names them."""
        units = self.units
        slope = self._slope[..., :width]
        gates, dy = slope[:, : 4 * units], slope[:, 4 * units :]
        d_sigmoids = gates[:, : 3 * units]
        through_cell = gates[:, units:].unflatten(1, (3, units))
        dh, dc, scratch = (
            part[..., :width] for part in (self._output_slope, self._cell_slope, self._scratch)
        )
        parts = (slope, slope.transpose(1, 2), dy, *gates.chunk(4, dim=1))
        return (*parts, d_sigmoids, through_cell, dh, dc, dc.unsqueeze(1), scratch)


def initial_weights(
    seeds: Sequence[int], units: int, inputs: int = INPUTS, logits: int = 1
) -> Tensor:
    """Weights that training begins with, float64, each agent's from its own seed.

    Each gate reads the last output through an orthogonal matrix (Saxe, McClelland and Ganguli
    2014); forget gates begin at a bias of 1, open (Jozefowicz, Zaremba and
    Sutskever 2015). The heads begin small: at first every action is about as likely.
    """
    rows, columns = inputs + 1 + units, 4 * units + logits + 1
    normal, _ = Noise(seeds, rows, columns, torch.float64).draw(0, WEIGHTS)
    weights = normal.transpose(0, 1).clone()
    for recurrent in weights[:, inputs + 1 :, : 4 * units].chunk(4, dim=2):
        recurrent.copy_(torch.linalg.qr(recurrent)[0])
    weights[:, :inputs, : 4 * units] *= units**-0.5
    weights[:, :inputs, 4 * units :] = 0.0
    weights[:, inputs] = 0.0
    weights[:, inputs, 2 * units : 3 * units] = 1.0
    weights[:, inputs + 1 :, 4 * units :] *= 0.1 * units**-0.5
    return weights
