"""A sweep as data: its grid, its cells, and the named sweeps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from meta_bandit.agents.config import CONFIGURATIONS, A2CConfig
from meta_bandit.task import GaussianBandit

LARGEST = 2**31 - 1
"""NetCDF 3 has no longer whole numbers."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One agent of a sweep: everything that its numbers follow from."""

    sigma_p: float
    sigma_l: float
    lifetime: int
    mean: float
    seed: int
    config: A2CConfig
    lives: int

    @property
    def id(self) -> str:
        """The same settings have the same id: 16 hexadecimal digits."""
        return identify(asdict(self))


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A grid of tasks x seeds, and what is done with each.

    Attributes
    ----------
    sigma_p, sigma_l, lifetime
        The grid's values, increasing; in units of reward, and in pulls.
    seed
        One agent for each on every task; whole numbers in [0, 2^31).
    mean
        Prior mean of every task, in units of reward.
    config
        How agents are trained.
    lives
        Lives in which each trained agent is measured, acting greedily.
    curve_points
        Length that learning curves are thinned to, by means over equal stretches.

    Raises
    ------
    ValueError
        If a field lies outside its range; the message names the field, the value and the range.
    """

    sigma_p: tuple[float, ...]
    sigma_l: tuple[float, ...]
    lifetime: tuple[int, ...] = (100,)
    seed: tuple[int, ...] = (0,)
    mean: float = -1.0
    config: A2CConfig = field(default_factory=lambda: CONFIGURATIONS["companion"])
    lives: int = 20_000
    curve_points: int = 50

    def __post_init__(self) -> None:
        """Check every field."""
        for name in ("sigma_p", "sigma_l", "lifetime", "seed"):
            values = getattr(self, name)
            rising = all(low < high for low, high in pairwise(values))
            if not values or not rising:
                raise ValueError(f"{name} = {values}: must be one or more values, increasing")
            # 2 and 2.0 are one setting, and shall have one id
            kind = float if name.startswith("sigma") else int
            if any(kind(value) != value for value in values):
                raise ValueError(f"{name} = {values}: must be whole numbers")
            object.__setattr__(self, name, tuple(kind(value) for value in values))
        object.__setattr__(self, "mean", float(self.mean))
        for name, least in (("lifetime", 1), ("seed", 0)):
            for value in getattr(self, name):
                if not least <= value <= LARGEST:
                    raise ValueError(f"{name} = {value}: must be a whole number in [{least}, 2^31)")
        for name in ("lives", "curve_points"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} = {value!r}: must be a whole number >= 1")
        _ = self.tasks

    @classmethod
    def from_json(cls, text: str) -> Sweep:
        """Read back what a dataset says of itself, in its attribute ``sweep``.

        A setting that is newer than the dataset has its default.
        """
        values: dict[str, Any] = json.loads(text)
        values |= {k: tuple(v) for k, v in values.items() if isinstance(v, list)}
        return cls(**{**values, "config": A2CConfig(**values["config"])})

    @property
    def tasks(self) -> GaussianBandit:
        """All tasks, over (sigma_p, sigma_l, lifetime)."""
        return GaussianBandit(
            np.array(self.sigma_p)[:, None, None],
            np.array(self.sigma_l)[:, None],
            np.array(self.lifetime),
            self.mean,
        )

    @property
    def cells(self) -> list[Cell]:
        """All cells, those of one lifetime together."""
        return [
            Cell(
                sigma_p=sigma_p,
                sigma_l=sigma_l,
                lifetime=lifetime,
                mean=self.mean,
                seed=seed,
                config=self.config,
                lives=self.lives,
            )
            for lifetime in self.lifetime
            for sigma_p in self.sigma_p
            for sigma_l in self.sigma_l
            for seed in self.seed
        ]

    @property
    def agents(self) -> list[Cell]:
        """All cells in the order of the dataset's axes, in which files of weights have them."""
        return sorted(self.cells, key=lambda it: (it.sigma_p, it.sigma_l, it.lifetime, it.seed))


# what a plane of agents costs on two cores; the book's older sweeps are trained this way
_HALF = replace(CONFIGURATIONS["plain"], updates=600)
_DIRECT = replace(_HALF, continuation_until=0.0)
# half the values of "paper" along each axis
_PLANE = Sweep(
    sigma_p=tuple(np.linspace(0.4, 4.0, 10).round(1).tolist()),
    sigma_l=tuple(np.geomspace(0.1, 16.0, 10).round(3).tolist()),
    seed=(0, 1, 2),
    config=_HALF,
)
# at sigma_l = 1, from below both edges to above both
_ACROSS = Sweep(
    sigma_p=(0.6, 0.7, 0.8, 0.9, 1.0, 1.2), sigma_l=(1.0,), seed=tuple(range(12)), config=_HALF
)
_LIFETIMES = Sweep(
    sigma_p=(2.0,),
    sigma_l=(2.0,),
    lifetime=(5, 10, 20, 50, 100, 200, 400),
    seed=(0, 1, 2),
    config=_HALF,
)

# at the paper's scale. Steps of sigma_p are equal: below one sigma_p (0.58) learning pays at no
# sigma_l, which is the first edge. Steps of sigma_l are ratios: n* is proportional to it
# (prop-sqrt-law), and the second edge runs from 0.15 at sigma_p = 0.6 to 14.6 at 2.4; with equal
# steps it would lie below the first cell up to sigma_p = 0.8, and with these hardly two rows share
# a cell there
_PAPER = Sweep(
    sigma_p=tuple(np.linspace(0.2, 4.0, 20).round(1).tolist()),
    sigma_l=tuple(np.geomspace(0.1, 16.0, 20).round(3).tolist()),
    seed=(0, 1, 2, 3, 4),
)
_PAPER_DIRECT = replace(_PAPER, config=replace(CONFIGURATIONS["plain"], continuation_until=0.0))
# the default training in lives of another length
_LONG = replace(_PLANE, config=CONFIGURATIONS["companion"], lifetime=(200,))
# at sigma_p = 1: from below the committed edge (1.55) to above the Bayes-optimal one (3.82)
_LENGTH = Sweep(
    sigma_p=(1.0,), sigma_l=tuple(np.geomspace(1.3, 4.2, 17).round(3).tolist()), seed=_PAPER.seed
)

PROFILES = {
    "smoke": Sweep(
        sigma_p=(0.5, 2.0),
        sigma_l=(1.0, 4.0),
        lifetime=(20,),
        config=CONFIGURATIONS["smoke"],
        lives=200,
    ),
    # no task of the first row is worth learning, every one of the last is, and the edge runs
    # through the three between them
    "quick": Sweep(sigma_p=(0.5, 1.0, 1.5, 2.0, 3.0), sigma_l=(0.25, 1.0, 3.0, 6.0, 12.0)),
    "paper": _PAPER,
    "plane": _PLANE,
    "plane-direct": replace(_PLANE, config=_DIRECT),
    "plane-short": replace(_PLANE, lifetime=(10, 30)),
    "across": _ACROSS,
    "across-direct": replace(_ACROSS, config=_DIRECT),
    "lifetimes-fraction": _LIFETIMES,
    "lifetimes-elapsed": replace(_LIFETIMES, config=replace(_HALF, time_feature="elapsed")),
    "lifetimes-remaining": replace(_LIFETIMES, config=replace(_HALF, time_feature="remaining")),
    # in slices, each a file of its own
    **{f"paper-grid-{seed}": replace(_PAPER, seed=(seed,)) for seed in _PAPER.seed},
    **{f"paper-direct-{seed}": replace(_PAPER_DIRECT, seed=(seed,)) for seed in _PAPER.seed},
    **{
        f"length-{updates}": replace(_LENGTH, config=replace(_LENGTH.config, updates=updates))
        for updates in (600, 1200, 2400, 4800, 9600)
    },
    "short": replace(_LONG, lifetime=(25,)),
    **{f"long-{seed}": replace(_LONG, seed=(seed,)) for seed in _LONG.seed},
    # at sigma_l = 1: from below the Bayes-optimal edge (0.69) to above the committed one (0.87)
    "strip": Sweep(
        sigma_p=tuple(np.linspace(0.66, 0.92, 27).round(2).tolist()),
        sigma_l=(1.0,),
        seed=tuple(range(10)),
    ),
}
"""Named sweeps: ``smoke`` only runs, ``quick`` is for a laptop, ``paper`` is Figure 1's scale.

The others make the book's stored results on two cores: ``plane``, the same plane on 10 x 10 tasks
with 3 seeds; ``across``, many seeds on a row of tasks across the edge; ``-direct``: without the
continuation of the prior mean; ``-short``: in shorter lives; ``lifetimes-``: one task at many
lifetimes, by time feature; all these are trained plainly. ``paper-grid-`` and ``paper-direct-``:
one seed of the paper's scale, by the default training and directly; ``length-``: a row of tasks
across both edges, by updates of training; ``short`` and ``long-``: ``plane`` by the default
training, in lives of 25 and of 200 pulls; ``strip``: many seeds on a fine row across both edges.
"""


def identify(settings: object) -> str:
    """Hash settings: 16 hexadecimal digits of the SHA-256 of their canonical JSON."""
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def name_cells(cells: Sequence[Cell]) -> str:
    """Name agents by the values of their settings on the grid."""
    labels = {
        name: sorted({getattr(cell, name) for cell in cells})
        for name in ("sigma_p", "sigma_l", "lifetime", "seed")
    }
    said = (f"{name} = {', '.join(f'{at:g}' for at in found)}" for name, found in labels.items())
    return f"{len(cells)} agents ({'; '.join(said)})"
