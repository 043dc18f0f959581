r"""The memory of trained agents as a map: where one pull takes it, in NumPy and at any state.

Memory is one vector s = (h, c), outputs and cells of `network.Ensemble`. A pull takes it to
F(s, x), where x is what the agent is told. Here F can be asked at states that no life leads to:
for interventions, and for what becomes of memory when x is held.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

Array = NDArray[np.float64]


def _parts(weights: ArrayLike) -> tuple[Array, Array, int, int]:
    """Gates' and heads' weights, units, and the row of the constant."""
    whole = np.asarray(weights, dtype=np.float64)
    units = whole.shape[-1] // 4
    row = whole.shape[-2] - 1 - units
    return whole[..., : 4 * units], whole[..., row:, 4 * units], units, row


def _gates(weights: ArrayLike, told: ArrayLike, state: ArrayLike) -> tuple[Array, ...]:
    gates, _, _, row = _parts(weights)
    h, c = np.split(np.asarray(state, dtype=np.float64), 2, axis=-2)
    driven = np.swapaxes(gates[..., :row, :], -1, -2) @ np.asarray(told, dtype=np.float64)
    inner = np.swapaxes(gates[..., row + 1 :, :], -1, -2) @ h
    o, i, f, g = np.split(driven + gates[..., row, :, None] + inner, 4, axis=-2)
    o, i, f, g = expit(o), expit(i), expit(f), np.tanh(g)
    return o, i, f, g, c, f * c + i * g


def step(weights: ArrayLike, told: ArrayLike, state: ArrayLike) -> Array:
    r"""Let memory take in one pull: F(s, x) = (o tanh(c'), c') with c' = f c + i g.

    Parameters
    ----------
    weights : shape (..., inputs + 1 + units, 4 units + 2)
        Of agents, see `network.Ensemble`.
    told : shape (..., inputs, lives)
        What they are told, x.
    state : shape (..., 2 units, lives)
        Outputs h, then cells c, as in `AgentPolicy.memory`.

    Returns
    -------
    shape of ``state``
    """
    o, *_, after = _gates(weights, told, state)
    return np.concatenate([o * np.tanh(after), after], axis=-2)


def log_odds(weights: ArrayLike, state: ArrayLike) -> Array:
    """Log-odds of the risky arm that agents answer with, shape (..., lives): linear in h."""
    _, head, units, _ = _parts(weights)
    h = np.asarray(state, dtype=np.float64)[..., :units, :]
    return np.asarray(np.einsum("...u,...ul->...l", head[..., 1:], h) + head[..., :1])


def jacobian(weights: ArrayLike, told: ArrayLike, state: ArrayLike) -> Array:
    r"""Slopes of `step` with respect to memory.

    .. math:: \partial c' = \mathrm{diag}(f)\,\partial c + [c f(1-f) W_f^\top + g i(1-i) W_i^\top
        + i (1-g^2) W_g^\top]\,\partial h, \\
        \partial h' = \tanh(c')\,o(1-o) W_o^\top \partial h + o\,(1-\tanh^2 c')\,\partial c'

    Parameters
    ----------
    weights, told, state
        As for `step`.

    Returns
    -------
    shape (..., lives, 2 units, 2 units)
        Entry (j, k): how unit j after the pull moves with unit k before it.
    """
    gates, _, units, row = _parts(weights)
    turned = [np.moveaxis(part, -1, -2)[..., None, :, :]
              for part in np.split(gates[..., row + 1 :, :], 4, axis=-1)]  # fmt: skip
    # lives before units, so that a row of slopes is scaled by its unit
    parts = _gates(weights, told, state)
    o, i, f, g, c, after = (np.swapaxes(part, -1, -2)[..., None] for part in parts)
    by_h = c * f * (1 - f) * turned[2] + g * i * (1 - i) * turned[1] + i * (1 - g**2) * turned[3]
    by_c = f * np.eye(units)
    squashed = np.tanh(after)
    through = o * (1 - squashed**2)
    upper = np.concatenate(
        [squashed * o * (1 - o) * turned[0] + through * by_h, through * by_c], axis=-1
    )
    return np.concatenate([upper, np.concatenate([by_h, by_c], axis=-1)], axis=-2)


def fixed_points(
    weights: ArrayLike,
    told: ArrayLike,
    starts: ArrayLike,
    held: int = 1000,
    newton: int = 60,
    apart: float = 1e-2,
) -> tuple[Array, NDArray[np.complex128], NDArray[np.int64]]:
    r"""Find states that stay where they are while an agent is told the same: F(s, x) = s.

    Memory is iterated from every start, and Newton's method goes on from where it is then: states
    that attract. Newton's method from the starts themselves also finds states that repel (Sussillo
    and Barak 2013 minimise the speed instead). Memory is then pushed off each of these, along its
    fastest direction and against it, to what it repels to. Where two states attract and no known
    state repels to both, the way from one to the other is bisected for the border of their basins.
    Of the states found, those within ``apart`` of one another are taken for one.

    Parameters
    ----------
    weights : shape (inputs + 1 + units, 4 units + 2)
        Of one agent.
    told : shape (inputs,)
        What it is told at every pull, x.
    starts : shape (2 units, starts)
        States to begin from.
    held
        Pulls for which memory is iterated before Newton's method takes over from there.
    newton
        Steps of Newton's method; each is halved as long as it would not bring F(s) closer to s.
    apart
        Euclidean distance from which on two states are two.

    Returns
    -------
    points : shape (points, 2 units)
    eigenvalues : shape (points, 2 units)
        Of the slopes of F there; a point attracts if all are within the unit circle. The largest
        comes first.
    ends : shape (starts,)
        The point that memory is at after it was iterated from each start; -1: at none.
    """
    x = np.asarray(told, dtype=np.float64)[:, None]
    begun = np.asarray(starts, dtype=np.float64)
    found = _Found(np.asarray(weights, dtype=np.float64), x, held, newton, apart)
    ends = found.settle(begun)
    found.solve(begun)
    joined = found.leave()
    attract = [number for number, size in enumerate(found.sizes) if size < 1]
    for pair in itertools.combinations(attract, 2):
        if pair not in joined:
            found.solve(found.border(*(found.points[number] for number in pair)))
    points = np.array(found.points).reshape(-1, len(begun))
    values = np.array(found.values).reshape(points.shape)
    return points, values, ends


@dataclass
class _Found:
    """States that stay where they are, as they are found, with their slopes' eigenvalues."""

    weights: Array
    told: Array
    held: int
    newton: int
    apart: float
    points: list[Array] = field(default_factory=list)
    values: list[NDArray[np.complex128]] = field(default_factory=list)

    @property
    def sizes(self) -> list[float]:
        """Largest absolute eigenvalue at each."""
        return [float(np.abs(values[0])) for values in self.values]

    def solve(self, state: Array) -> NDArray[np.int64]:
        """Find a state from every state by Newton's method; returns its number, or -1."""
        tried = _newton(self.weights, self.told, state.copy(), self.newton)
        speed = np.linalg.norm(step(self.weights, self.told, tried) - tried, axis=0)
        numbers = np.full(tried.shape[1], -1)
        for at in np.flatnonzero(speed < 1e-9):
            apart = [float(np.linalg.norm(tried[:, at] - other)) for other in self.points]
            if min(apart, default=np.inf) > self.apart:
                slopes = jacobian(self.weights, self.told, tried[:, [at]])[0]
                values = np.linalg.eigvals(slopes).astype(np.complex128)
                self.points.append(tried[:, at])
                self.values.append(values[np.argsort(-np.abs(values))])
                apart.append(0.0)
            numbers[at] = int(np.argmin(apart))
        return numbers

    def settle(self, state: Array) -> NDArray[np.int64]:
        """Iterate memory, and find the states where it is then."""
        return self.solve(self.iterate(state, self.held))

    def iterate(self, state: Array, pulls: int) -> Array:
        """Memory after so many pulls."""
        for _ in range(pulls):
            state = step(self.weights, self.told, state)
        return state

    def leave(self) -> set[tuple[int, int]]:
        """Leave every state that repels, either way; returns the pairs that are left to."""
        pairs = set()
        for point in [own for own, size in zip(self.points, self.sizes, strict=True) if size > 1]:
            slopes = jacobian(self.weights, self.told, point[:, None])[0]
            values, vectors = np.linalg.eig(slopes)
            way = vectors[:, np.abs(values).argmax()].real
            sides = point[:, None] + 0.1 * way[:, None] * np.array([1.0, -1.0])
            first, second = sorted(self.settle(sides).tolist())
            pairs.add((first, second))
        return pairs

    def border(self, first: Array, second: Array) -> Array:
        """Where memory dwells that begins on the border between two basins."""
        low, high, parts = 0.0, 1.0, 16
        for _ in range(5):
            way = np.linspace(low, high, parts + 1)
            begun = first[:, None] + way * (second - first)[:, None]
            ended = self.iterate(begun, self.held)
            to_first, to_second = (
                np.linalg.norm(ended - end[:, None], axis=0) for end in (first, second)
            )
            gone = np.flatnonzero(to_second < to_first)
            at = max(int(gone[0]) if gone.size else parts, 1)
            low, high = float(way[at - 1]), float(way[at])
        # the first pulls lead to the border's own state, the last ones away from it
        halves = [self.iterate(begun[:, [at - 1, at]], pulls) for pulls in (10, 20, 40)]
        return np.concatenate(halves, axis=1)


def _newton(weights: ArrayLike, told: Array, state: Array, steps: int) -> Array:
    """Solve F(s) = s from every state, damped."""
    off = step(weights, told, state) - state
    for _ in range(steps):
        left = np.linalg.norm(off, axis=0)
        open_ = np.flatnonzero((left > 1e-11) & (left < np.inf))
        if not open_.size:
            break
        slopes = jacobian(weights, told, state[:, open_]) - np.eye(len(state))
        move = np.linalg.solve(slopes, -off[:, open_].T[..., None])[..., 0].T
        size = np.ones(open_.size)
        better = np.zeros(open_.size, dtype=bool)
        for _ in range(12):
            ahead = state[:, open_] + np.where(better, 0.0, size) * move
            apart = step(weights, told, ahead) - ahead
            won = ~better & (np.linalg.norm(apart, axis=0) < left[open_])
            state[:, open_[won]], off[:, open_[won]] = ahead[:, won], apart[:, won]
            better |= won
            if better.all():
                break
            size = np.where(better, size, size / 2)
        if not better.any():
            break
    return state
