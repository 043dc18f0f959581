"""Linear probes: what can be read off a network's memory, and what off its inputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta_bandit.worlds import RISKY, SAFE
from meta_bandit.worlds.bandit import Lives

_RIDGE = 1e-4


def held_out_r2(features: ArrayLike, target: ArrayLike, counted: ArrayLike = True) -> float:
    r"""How well a target can be read off linearly: held-out share of its variance.

    .. math:: R^2 = 1 - \frac{\sum (y - \hat y)^2}{\sum (y - \bar y)^2}

    with :math:`\hat y` by ridge regression: least squares, plus the squares of the weights times
    1e-4 of the number of pulls, so that directions in which the features hardly vary are not blown
    up. Fitted on every other life and tested on the rest, then the other way round, so that no life
    is tested by a fit that has seen any of its pulls; :math:`\bar y` is the mean of the tested
    pulls. 1: read off exactly; 0 or less: the mean would do as well.

    Parameters
    ----------
    features : shape (pulls, features, lives)
        Such as one agent's `agents.AgentPolicy.memory`. A constant is added.
    target : shape (pulls, lives)
        Such as `measure.estimates`.
    counted : shape (pulls, lives)
        Which pulls count; all, if nothing is said.

    Returns
    -------
    float
        Mean of both directions; NaN where the target does not vary, or nothing counts.
    """
    x = np.moveaxis(np.asarray(features, dtype=np.float64), 1, -1)
    y = np.asarray(target, dtype=np.float64)
    keep = np.broadcast_to(np.asarray(counted, dtype=bool), y.shape)
    halves = []
    for half in (slice(0, None, 2), slice(1, None, 2)):
        chosen = keep[:, half]
        halves.append((x[:, half][chosen], y[:, half][chosen]))
    found = []
    for (x_fit, y_fit), (x_test, y_test) in (halves, halves[::-1]):
        if not len(y_fit) or not len(y_test) or np.ptp(y_test) == 0:
            return float("nan")
        centre, middle = x_fit.mean(axis=0), y_fit.mean()
        weights = _ridge(x_fit - centre, y_fit - middle)
        residual = np.square(y_test - middle - (x_test - centre) @ weights).sum()
        found.append(1 - residual / np.square(y_test - y_test.mean()).sum())
    return float(np.mean(found))


def _ridge(off: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    square = off.T @ off + _RIDGE * len(off) * np.eye(off.shape[1])
    return np.asarray(np.linalg.solve(square, off.T @ target))


def decoded_direction(
    features: ArrayLike, target: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Tell by which weights a target is read off features, and how these move with it.

    The two differ where features move together: weights also take off what is in the way. To
    change features as the target would, move them along the second (Haufe et al. 2014, whose
    *pattern* it is).

    .. math:: w = (\mathrm{Cov}(x) + 10^{-4})^{-1} \mathrm{Cov}(x, y), \qquad
        a = \mathrm{Cov}(x, y) / \mathrm{Var}(y)

    Parameters
    ----------
    features : shape (features, lives)
    target : shape (lives,)

    Returns
    -------
    weights, pattern : shape (features,)
        Of the linear probe, see `held_out_r2`; and what one unit of the target adds to features.

    Raises
    ------
    ValueError
        If the target does not vary.
    """
    x, y = np.asarray(features, dtype=np.float64).T, np.asarray(target, dtype=np.float64)
    if np.ptp(y) == 0:
        raise ValueError("target: must vary over lives")
    off, away = x - x.mean(axis=0), y - y.mean()
    return _ridge(off, away), off.T @ away / (away @ away)


def share_moved_by(target: ArrayLike, features: ArrayLike, counted: ArrayLike = True) -> float:
    r"""Tell how much of what moves in the features goes with a target, linearly: held out.

    .. math:: \frac{\sum_k R^2_k\,\mathrm{var}(x_k)}{\sum_k \mathrm{var}(x_k)}

    with R^2 of `held_out_r2` for reading feature k off the target: its question the other way
    round. It does not change when the features are rotated.

    Parameters
    ----------
    target : shape (pulls, lives)
    features : shape (pulls, features, lives)
    counted : shape (pulls, lives)
        As for `held_out_r2`.

    Returns
    -------
    float
        NaN where the features do not vary.
    """
    y, x = np.asarray(target)[:, None], np.asarray(features, dtype=np.float64)
    keep = np.broadcast_to(np.asarray(counted, dtype=bool), y[:, 0].shape)
    size = np.array([own[keep].var() for own in x.swapaxes(0, 1)])
    if not size.any():
        return float("nan")
    moves = [k for k in range(len(size)) if size[k] > 0]
    explained = sum(size[k] * held_out_r2(y, x[:, k], keep) for k in moves)
    return float(explained / size.sum())


def raw_inputs(lives: Lives) -> NDArray[np.float64]:
    """What an agent is told right before each pull: last reward, last action, time.

    Returns
    -------
    shape (pulls, 4, *task.shape, lives)
        Reward in units of reward, the action as one-hot (both 0 at first), and t; any other clock
        and any unit differ from these by a linear map only, which no probe feels.
    """
    before = np.zeros((len(lives.actions), 4, *lives.arm_mean.shape))
    before[1:, 0] = lives.rewards[:-1]
    before[1:, 1] = lives.actions[:-1] == RISKY
    before[1:, 2] = lives.actions[:-1] == SAFE
    before[:, 3] = np.arange(len(lives.actions)).reshape(-1, *[1] * lives.arm_mean.ndim)
    return before
