"""A grid of tasks and seeds: each agent on a task of its own, to one dataset over the grid."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from itertools import pairwise

import numpy as np
import xarray as xr
from joblib import Parallel, delayed

from meta_bandit.agents import CONFIGURATIONS, A2CConfig, AgentPolicy, TrainedAgents
from meta_bandit.measure import lay_out, measure
from meta_bandit.metadata import BANDIT, explain
from meta_bandit.studies.study import Chunk, Study, Team, identify, thin
from meta_bandit.theory import bayes_optimal, optimal_commit
from meta_bandit.worlds import GaussianBandit, simulate

LARGEST = 2**31 - 1
"""NetCDF 3 has no longer whole numbers."""
QUIET = 0.5
"""Noise sigma_l, in units of sigma_p, below which chapters call a world quiet."""


ABOUT = {
    "title": "Agents trained on a grid of two-armed Gaussian bandits, and the optima of each task",
    "summary": "Arm 0 is safe and pays 0. Arm 1 is risky: its mean mu is drawn once a life from "
    "N(mean, sigma_p^2), and each pull of it pays N(mu, sigma_l^2). A life has `lifetime` pulls. "
    "On each task one agent for each seed, an LSTM trained by A2C (RL^2), was trained and then "
    "measured with its weights frozen.",
    "keywords": "meta-learning, reinforcement learning, bandit, optimal stopping",
    "mean_units": "reward",
    "comment": "Attribute lives: lives in which each agent is measured, under each policy; "
    "config.lives: lives that it plays between two updates of its training. mean: prior mean of "
    "the risky arm in all tasks. study, config: JSON, settings of the study and of training. "
    "training_seconds: sum over processes that train; wall_seconds: all sessions, measuring "
    "included. In a file of weights beside it agents follow the axes sigma_p, sigma_l, lifetime, "
    "seed, the last fastest.",
}
"""What a grid's dataset says of itself."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One agent of a grid: everything that its numbers follow from."""

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
class Grid(Study):
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

    def rosters(self) -> dict[str, list[int]]:
        """One file of agents, which follow the axes of the dataset, the last fastest."""
        cells = self.cells

        def place(number: int) -> tuple[float, ...]:
            cell = cells[number]
            return cell.sigma_p, cell.sigma_l, cell.lifetime, cell.seed

        return {"": sorted(range(len(cells)), key=place)}

    def team(self, chunk: Chunk) -> Team:
        """The agents of some cells, each on its task."""
        cells = self.cells
        chosen = [cells[number] for number in chunk]
        names = ("sigma_p", "sigma_l", "lifetime", "mean")
        task = GaussianBandit(*([getattr(cell, name) for cell in chosen] for name in names))
        return Team(task, [cell.seed for cell in chosen], (self.config,))

    def measure(self, chunk: Chunk, trained: TrainedAgents, processes: int) -> xr.Dataset:
        """Measure each agent alone, and thin its learning curves."""
        cells = self.cells
        each = Parallel(n_jobs=processes)(
            delayed(measure_cell)(cells[number], trained[agent])
            for agent, number in enumerate(chunk)
        )
        measured: xr.Dataset = xr.concat(each, "agent")
        for name in ("mean_return", "risky_pulls", "entropy"):
            curve = thin(trained.curve[name], self.curve_points)
            measured[f"curve_{name.removeprefix('mean_')}"] = curve
        return measured

    def lay_out(self, measured: xr.Dataset) -> xr.Dataset:
        """Lay agents out over the grid, with the optima of each task beside them.

        Returns
        -------
        Dataset over (sigma_p, sigma_l, lifetime, seed)
            Of `measure.measure`, for each agent acting greedily: ``expected_return``,
            ``exploration``, ``ends_safe``; beside them ``risky_pulls`` (mean in a life), each with
            its standard error as ``<name>_se``. The same for the agent as it was trained, sampling
            its actions, on the same lives, as ``<name>_sampled`` and ``<name>_sampled_se``;
            ``diverged_at`` (update, -1 if never); learning curves over ``update``
            (``curve_return``, ``curve_risky_pulls``, ``curve_entropy``), under the prior mean and
            with the sampling of training. For each task: ``optimal_pulls`` and ``commit_value``
            (the best committed plan), ``bayes_value`` and ``bayes_error``.
        """
        cells, axes = self.cells, ("sigma_p", "sigma_l", "lifetime", "seed")
        labels = {name: [getattr(cell, name) for cell in cells] for name in axes}
        dataset = lay_out(measured, "agent", **labels).transpose(*axes, "update")
        pulls, value = optimal_commit(self.tasks)
        best = bayes_optimal(self.tasks)
        for name, values in (
            ("optimal_pulls", pulls),
            ("commit_value", value),
            ("bayes_value", best.value),
            ("bayes_error", best.error),
        ):
            dataset[name] = axes[:-1], values
        policy = "greedy; *_sampled: actions sampled as in training"
        dataset.attrs = {"lives": self.lives, "policy": policy, "mean": self.mean}
        return explain(dataset, BANDIT, **ABOUT)


def measure_cell(cell: Cell, agent: TrainedAgents) -> xr.Dataset:
    """Measure one agent alone, greedy and sampling, on lives drawn from its cell's id.

    No other cell can matter. Both policies meet the same arms and rewards.
    """
    both = []
    for greedy in (True, False):
        rng = np.random.default_rng(int(cell.id, 16))
        lives = simulate(AgentPolicy(agent, greedy), agent.task, cell.lives, rng)
        measured = measure(lives, ["agent"])
        pulls = lives.risky_pulls
        spread = pulls.std(axis=-1, ddof=1) if cell.lives > 1 else np.full(1, np.nan)
        units = {"units": "pulls"}
        measured["risky_pulls"] = ("agent", pulls.mean(axis=-1), units)
        measured["risky_pulls_se"] = ("agent", spread / math.sqrt(cell.lives), units)
        both.append(measured)
    greedily, sampled = both
    return greedily.merge(sampled.rename({str(name): sampled_name(str(name)) for name in sampled}))


def sampled_name(name: str) -> str:
    """Name of a measure, or of its standard error, under the sampling policy."""
    return f"{name.removesuffix('_se')}_sampled{'_se' if name.endswith('_se') else ''}"
