"""What every world is: a task as one frozen and validated value, and lives on it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

Asked = TypeVar("Asked", contravariant=True)
"""The policies of a world."""
Played = TypeVar("Played", covariant=True)
"""The lives of a world."""


Measured = dict[str, tuple[NDArray[Any], str]]
"""By its name, a measure of each life, shape ``(*task.shape, lives)``, NaN where a life does not
count; and its unit."""


class AnyLives(Protocol):
    """Lives that were played, on whichever world: what `measure.measure` asks of them."""

    @property
    def task(self) -> AnyTask:
        """The task, or the tasks."""
        ...

    @property
    def measured(self) -> Measured:
        """What is measured of each life."""
        ...


class Life(Protocol[Asked, Played]):
    """Lives of one world under way, side by side: what `worlds.simulate` asks of a world."""

    def choose(self, policy: Asked) -> NDArray[Any]:
        """Ask a policy what it would do now, toss its coins, and return the actions."""
        ...

    def step(self, action: NDArray[Any]) -> None:
        """Let the actions have their effects, and keep what happened."""
        ...

    def played(self) -> Played:
        """Give the record of all steps."""
        ...


class Task(ABC, Generic[Asked, Played]):
    """What every task is: a frozen dataclass of arrays that broadcast, a task for each element.

    Attributes
    ----------
    lifetime : shape (...)
        Steps in one life (T); what other fields there are is up to the task.
    coin
        Whether there are two actions, and a coin is tossed for the first: one logit does for both.
    cells
        Places that an agent can be in, and is told; 0 if there are none.
    cells_in_words
        What being told each of them means.
    in_words, action_in_words, unit_in_words, context_in_words
        The rules of the world, what an action is called in it, `unit` and `context` as formulas:
        for who reads a file of agents.
    """

    lifetime: NDArray[np.int64]
    coin: ClassVar[bool] = False
    cells: int = 0
    in_words: ClassVar[str]
    action_in_words: ClassVar[str] = "action"
    unit_in_words: ClassVar[str]
    context_in_words: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def actions(self) -> dict[str, int]:
        """Numbers of the actions by their names, as agents are told them."""

    @property
    def cells_in_words(self) -> tuple[str, ...]:
        """What an agent is told of each place."""
        return tuple(f"in cell {cell}: 1, else 0" for cell in range(self.cells))

    @property
    @abstractmethod
    def unit(self) -> NDArray[np.float64]:
        """Unit in which agents are told rewards: one that scales with the task."""

    @property
    def context(self) -> NDArray[np.float64]:
        """What agents are told of their task, if asked for, shape ``(*shape, numbers)``."""
        return np.empty((*self.shape, 0))

    @abstractmethod
    def birth(self, lives: int | None, rng: np.random.Generator) -> Life[Asked, Played]:
        """Begin lives on each task: what is drawn once a life is drawn here."""

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


AnyTask = Task[Any, Any]
"""A task of whichever world."""


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
