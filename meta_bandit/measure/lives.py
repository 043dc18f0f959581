"""What lives were worth and how much they explored: one set of measures for every policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import binned_statistic

from meta_bandit.theory.posterior import posterior
from meta_bandit.worlds import simulate
from meta_bandit.worlds.bandit import Lives
from meta_bandit.worlds.task import AnyLives, AnyTask


def measure(lives: AnyLives, dims: Sequence[str] = ()) -> xr.Dataset:
    """Mean over lives of all that their world measures, each with its standard error.

    Parameters
    ----------
    lives
        Lives of one policy on any world, which says what is measured: ``measured`` of
        `worlds.bandit.Lives`, `worlds.foraging.ForagingLives`, `worlds.many_arms.ManyLives` and
        `worlds.treasure_room.RoomLives`.
    dims
        A name for each dimension of ``lives.task.shape``.

    Returns
    -------
    Dataset
        Of bandits ``expected_return`` and ``regret`` (units of reward), ``exploration`` (pulls)
        and ``ends_safe`` (share of lives); each measure has its standard error beside it as
        ``<name>_se``, NaN where fewer than two lives count. Where none counts, as for exploration
        where no life ends on the safe arm, the mean is NaN.

    Raises
    ------
    ValueError
        If ``dims`` does not name every dimension once.
    """
    if len(dims) != len(lives.task.shape):
        raise ValueError(f"dims = {tuple(dims)}: must name the dimensions of {lives.task.shape}")
    dataset = xr.Dataset()
    for name, (values, units) in lives.measured.items():
        mean, standard_error = _mean_and_standard_error(values.astype(np.float64))
        dataset[name] = (tuple(dims), mean, {"units": units})
        dataset[f"{name}_se"] = (tuple(dims), standard_error, {"units": units})
        dataset.attrs["lives"] = values.shape[-1]
    return dataset


def evaluate(
    policies: Mapping[str, Any],
    task: AnyTask,
    lives: int,
    seed: int | Sequence[int],
    dims: Sequence[str] = (),
) -> xr.Dataset:
    """Play and measure several policies, all of them in the same lives: on bandits, one noise.

    Parameters
    ----------
    policies
        Each by its name, as `worlds.simulate` takes them.
    task
        One task, or an array of them.
    lives
        Lives for each policy and task, >= 1.
    seed
        Where all random numbers come from.
    dims
        A name for each dimension of ``task.shape``.

    Returns
    -------
    Dataset of `measure`, over (policy, *dims)
    """
    measured = [
        measure(simulate(policy, task, lives, np.random.default_rng(seed)), dims)
        for policy in policies.values()
    ]
    return xr.concat(measured, xr.Variable("policy", list(policies)))


def lay_out(dataset: xr.Dataset, dim: str, **labels: Sequence[object]) -> xr.Dataset:
    """Lay one dimension out over several, such as agents over task and seed.

    Parameters
    ----------
    dataset
        With the dimension ``dim``.
    dim
        The dimension that goes.
    **labels
        The new dimensions, each with a label for every place along ``dim``; they keep the order
        in which labels first appear.
    """
    named = dataset.drop_vars(labels, errors="ignore").assign_coords(
        {name: (dim, list(values)) for name, values in labels.items()}
    )
    order = {name: list(dict.fromkeys(values)) for name, values in labels.items()}
    return named.set_index({dim: tuple(labels)}).unstack(dim).reindex(order)


def controlled_mean(
    values: NDArray[np.float64], companion: NDArray[np.float64], expected: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Mean over lives, helped by a companion whose expectation is known (a control variate).

    .. math:: \bar x - \beta\,(\bar y - E[y]), \qquad \beta = \mathrm{cov}(x, y)/\mathrm{var}(y)

    With the returns of the Bayes-optimal policy in the same lives as y, what is common to both,
    such as luck with the arms, does not count as noise. Where y says nothing of x, it is the plain
    mean. Estimating beta from the same lives biases it by a share 1/lives of the noise.

    Parameters
    ----------
    values, companion : shape (..., lives)
        x and y.
    expected
        The expectation of y.

    Returns
    -------
    mean, standard_error : shape (...)
    """
    count = values.shape[-1]
    off = companion - companion.mean(axis=-1, keepdims=True)
    variance = np.square(off).mean(axis=-1, keepdims=True)
    share = (off * values).mean(axis=-1, keepdims=True) / np.where(variance > 0, variance, 1.0)
    adjusted = values - share * (companion - expected)
    return adjusted.mean(axis=-1), adjusted.std(axis=-1) / np.sqrt(count)


def estimates(lives: Lives) -> NDArray[np.float64]:
    r"""Posterior mean :math:`\hat\mu_n` before each pull: what an ideal observer would know.

    Returns
    -------
    shape (T, *task.shape, lives), float64
        In units of reward.
    """
    risky_pulls = lives.actions.cumsum(axis=0, dtype=np.int64) - lives.actions
    reward_sum = lives.rewards.cumsum(axis=0) - lives.rewards
    return posterior(lives.task.per_life, risky_pulls, reward_sum)[0]


def behaviour(lives: Lives, edges: NDArray[np.float64]) -> xr.DataArray:
    """Mean probability of the risky arm by posterior mean and pull, over one task's lives.

    Parameters
    ----------
    lives
        Lives of a policy on a single task (``task.shape == ()``).
    edges : shape (bins + 1,)
        Edges of the bins of the posterior mean, in units of reward, increasing.

    Returns
    -------
    DataArray over (posterior_mean, pull)
        NaN where no life was; ``posterior_mean`` holds the middles of the bins, ``pull`` counts
        from 0.

    Raises
    ------
    ValueError
        If the lives are of more than one task.
    """
    if lives.task.shape != ():
        raise ValueError(f"lives.task.shape = {lives.task.shape}: must be a single task, ()")
    mean = estimates(lives)
    pulls = np.arange(len(mean))
    probability = np.full((len(edges) - 1, len(pulls)), np.nan)
    for pull in pulls:
        binned = binned_statistic(mean[pull], lives.risky_probability[pull], "mean", edges)
        probability[:, pull] = binned.statistic
    middles = (edges[:-1] + edges[1:]) / 2
    return xr.DataArray(
        probability, {"posterior_mean": middles, "pull": pulls}, ("posterior_mean", "pull")
    )


def _mean_and_standard_error(
    values: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and its standard error along the last axis, over the values that are not NaN."""
    counted = ~np.isnan(values)
    count = counted.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(counted, values, 0.0).sum(axis=-1) / count
        squares = np.where(counted, np.square(values - mean[..., None]), 0.0).sum(axis=-1)
        standard_error = np.sqrt(squares / (count - 1) / count)
    return mean, np.where(count > 1, standard_error, np.nan)
