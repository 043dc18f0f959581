"""The task: a two-armed Gaussian bandit, as one frozen and validated value."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

SAFE = 0
RISKY = 1


class Task:
    """What every task is: a frozen dataclass of arrays that broadcast, a task for each element.

    Attributes
    ----------
    lifetime : shape (...)
        Steps in one life (T); what other fields there are is up to the task.
    """

    lifetime: NDArray[np.int64]

    @property
    def values(self) -> dict[str, NDArray[Any]]:
        """All fields by their names."""
        return {field.name: getattr(self, field.name) for field in fields(cast("Any", self))}

    def _keep(self, **values: NDArray[np.float64] | NDArray[np.int64]) -> None:
        """Keep the fields, read-only, if their shapes broadcast."""
        try:
            np.broadcast_shapes(*(value.shape for value in values.values()))
        except ValueError:
            shapes = ", ".join(f"{name} {value.shape}" for name, value in values.items())
            raise ValueError(f"the shapes of the fields do not broadcast: {shapes}") from None
        for name, value in values.items():
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape that the fields broadcast to; ``()`` for a single task."""
        return np.broadcast_shapes(*(value.shape for value in self.values.values()))

    @property
    def full(self) -> dict[str, NDArray[Any]]:
        """All fields by their names, each in the shape of the task."""
        shape = self.shape
        return {name: np.broadcast_to(value, shape) for name, value in self.values.items()}

    @property
    def per_life(self) -> Self:
        """The same tasks, each field with an axis of length 1 at its end, for lives."""
        return type(self)(*(value[..., None] for value in self.values.values()))

    def __getitem__(self, index: int | tuple[int, ...] | NDArray[np.int64]) -> Self:
        """Pick one task of an array of tasks, or several by their numbers."""
        return type(self)(*(value[index] for value in self.full.values()))

    def __eq__(self, other: object) -> bool:
        """Tell whether it is the same kind of task with all fields equal, shapes included."""
        if not isinstance(other, type(self)):
            return NotImplemented
        return all(np.array_equal(value, other.values[name]) for name, value in self.values.items())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Write the task as the call that makes it."""
        inside = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{type(self).__name__}({inside})"


@dataclass(frozen=True, init=False, eq=False, repr=False)
class GaussianBandit(Task):
    r"""Two arms, one life: the safe arm pays 0, the risky arm pays what its mean allows.

    .. math:: \mu \sim N(m, \sigma_p^2) \text{ once a life}, \qquad r \sim N(\mu, \sigma_l^2)
        \text{ at each risky pull.}

    Every field may be an array; together they broadcast to `shape`, one task for each element.
    The task is the one of the first author's environment ``GaussianBandit-misc`` in gymnax.

    Parameters
    ----------
    sigma_p : shape (...)
        Ecological uncertainty, in [1e-150, 1e150]: standard deviation of the risky arm's mean
        between lives.
    sigma_l : shape (...)
        Task complexity, in [1e-150, 1e150]: standard deviation of a risky reward within a life.
    lifetime : shape (...), whole
        Pulls in one life (T), >= 1.
    mean : shape (...)
        Prior mean of the risky arm (m), in [-1e150, 1e150].

    Raises
    ------
    ValueError
        If a value lies outside its range, or the shapes do not broadcast. The message names
        the field, the value and the range.
    """

    sigma_p: NDArray[np.float64]
    sigma_l: NDArray[np.float64]
    lifetime: NDArray[np.int64]
    mean: NDArray[np.float64]

    def __init__(
        self,
        sigma_p: ArrayLike,
        sigma_l: ArrayLike,
        lifetime: ArrayLike = 100,
        mean: ArrayLike = -1.0,
    ) -> None:
        values: dict[str, NDArray[np.float64] | NDArray[np.int64]] = {
            "sigma_p": real("sigma_p", sigma_p),
            "sigma_l": real("sigma_l", sigma_l),
            "lifetime": whole("lifetime", lifetime, 1),
            "mean": real("mean", mean),
        }
        for name in ("sigma_p", "sigma_l"):
            require(name, values[name], values[name] > 0, "a finite number > 0")
            # beyond these the variance is no number any more
            valid = (values[name] >= 1e-150) & (values[name] <= 1e150)
            require(name, values[name], valid, "in [1e-150, 1e150]")
        require("mean", values["mean"], np.abs(values["mean"]) <= 1e150, "in [-1e150, 1e150]")
        self._keep(**values)


def real(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Copy ``value`` into a float array, refusing what is not a finite real number."""
    array = np.array(value)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} = {value!r}: must be a real number or an array of them")
    array = array.astype(np.float64)
    require(name, array, np.isfinite(array), "finite")
    return array


def whole(name: str, value: ArrayLike, least: int) -> NDArray[np.int64]:
    """Copy ``value`` into an array of whole numbers, refusing what is none or below ``least``."""
    array = real(name, value)
    require(
        name, array, (array >= least) & (array == np.floor(array)), f"a whole number >= {least}"
    )
    # beyond 2^53 a float no longer tells neighbouring whole numbers apart
    require(name, array, array <= 2.0**53, "at most 2^53")
    return array.astype(np.int64)


def require(
    name: str, values: NDArray[np.float64] | NDArray[np.int64], valid: ArrayLike, allowed: str
) -> None:
    """Raise a ValueError that names the first value of ``values`` which is not ``valid``."""
    wrong = np.atleast_1d(values)[~np.atleast_1d(valid)]
    if wrong.size:
        raise ValueError(f"{name} = {wrong[0]:g}: must be {allowed}")
