"""Policies for many arms that need no training, each a small frozen class; see `worlds.many_arms`.

They compare arms by what they pay beyond arm 0, whose own score is 0. The papers that they come
from stand in ``book/references.bib``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta_bandit.theory.posterior import gain
from meta_bandit.worlds.many_arms import ManyArms, ManyHistory, estimates

Arms = NDArray[np.int64]


def _best(scores: NDArray[np.float64]) -> Arms:
    """Pick the arm with the highest score, arm 0 where none is above 0."""
    return np.where(scores.max(axis=-1) > 0, scores.argmax(axis=-1) + 1, 0)


@dataclass(frozen=True)
class Never:
    """Pulls arm 0 for life: behaviour that is hard-coded."""

    def choose(self, world: ManyArms, history: ManyHistory, rng: np.random.Generator) -> Arms:
        """Arm 0."""
        return np.zeros(history.last_action.shape, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Informed:
    """Knows the arms' means in every life, and pulls the best.

    A policy is not told them, so this one is handed those of lives that another policy played, as
    `policies.Oracle` is.

    Parameters
    ----------
    arm_means : shape (*world.shape, lives, K)
        In units of reward.
    """

    arm_means: ArrayLike

    def choose(self, world: ManyArms, history: ManyHistory, rng: np.random.Generator) -> Arms:
        """Arm with the highest mean, the same at every pull of a life."""
        return np.asarray(np.asarray(self.arm_means).argmax(axis=-1))


@dataclass(frozen=True)
class ExploreCommit:
    """Pull each of the first arms n times, then the arm with the best estimate (prop-many-commit).

    Parameters
    ----------
    tried
        Unknown arms to try (k), 0 to K - 1.
    pulls
        Pulls of each of them (n), >= 0. What does not fit into a life is left out.
    """

    tried: int
    pulls: int

    def choose(self, world: ManyArms, history: ManyHistory, rng: np.random.Generator) -> Arms:
        """Arm whose turn it is, then for good the one that seemed best."""
        if history.pull < self.tried * self.pulls:
            return np.full(history.last_action.shape, history.pull // self.pulls + 1)
        if history.pull > self.tried * self.pulls:
            return history.last_action
        return _best(estimates(world, history)[0])


@dataclass(frozen=True)
class ThompsonSampling:
    """Draws each arm's mean from what is known of it, and pulls the best (Thompson 1933)."""

    def choose(self, world: ManyArms, history: ManyHistory, rng: np.random.Generator) -> Arms:
        """Arm whose drawn mean is highest."""
        excess, variance = estimates(world, history)
        return _best(excess + np.sqrt(variance) * rng.standard_normal(excess.shape))


@dataclass(frozen=True)
class UpperConfidence:
    r"""Pull the arm with the highest :math:`\hat\mu_i + c \sqrt{v_i}`; arm 0 has no spread.

    Parameters
    ----------
    width
        c, in standard deviations of the posterior; 1.75 is about best on the default world.
    """

    width: float = 1.75

    def choose(self, world: ManyArms, history: ManyHistory, rng: np.random.Generator) -> Arms:
        """Arm with the highest bound."""
        excess, variance = estimates(world, history)
        return _best(excess + self.width * np.sqrt(variance))


@dataclass(frozen=True)
class KnowledgeGradient:
    r"""Look one pull ahead, as if nothing were learned after it (Ryzhov et al. 2012).

    .. math:: \hat\mu_i + (T - t - 1)\,g(d_i), \qquad
        g(d_i) = E\big[(-|\hat\mu_i - \max_{j \ne i} \hat\mu_j| + d_i Z)^+\big]

    is the score of arm i at pull t, with d_i the standard deviation of its estimate's next move;
    that of arm 0 is what it pays. With two arms it is `policies.KnowledgeGradient`.
    """

    def choose(self, world: ManyArms, history: ManyHistory, rng: np.random.Generator) -> Arms:
        """Arm with the highest score."""
        excess, variance = estimates(world, history)
        noise = np.square(world.sigma_l)[..., None]
        step = variance / np.sqrt(variance + noise)
        with_safe = np.concatenate([np.zeros((*excess.shape[:-1], 1)), excess], axis=-1)
        second, first = np.moveaxis(np.partition(with_safe, -2, axis=-1)[..., -2:], -1, 0)
        rival = np.where(excess == first[..., None], second[..., None], first[..., None])
        left = world.lifetime[..., None] - history.pull - 1
        with_safe[..., 1:] += left * gain(-np.abs(excess - rival), step)
        return np.asarray(with_safe.argmax(axis=-1))


@dataclass(frozen=True, eq=False)
class Gittins:
    r"""Pull the arm with the highest finite-horizon Gittins index (prop-many-index).

    .. math:: \nu_i = \hat\mu_i - b_{n_i}(n_i + L)

    for an arm after :math:`n_i` pulls with L pulls of life left. Arm 0's index is what it pays.

    Parameters
    ----------
    offsets : shape (T, T)
        :math:`-b_n(n + L)` at row n and column L - 1, from `theory.many_arms.index_offsets`.
    """

    offsets: ArrayLike

    def choose(self, world: ManyArms, history: ManyHistory, rng: np.random.Generator) -> Arms:
        """Arm with the highest index."""
        offsets = np.asarray(self.offsets, dtype=np.float64)
        excess, _ = estimates(world, history)
        left = np.broadcast_to(world.lifetime[..., None] - history.pull, history.pulls.shape)
        # after its own end a world of an array is no longer asked
        return _best(excess + offsets[history.pulls, np.maximum(left, 1) - 1])
