"""Agents that are raised on many tasks at once, and their tables of tasks.

In a grid an agent is trained on each task; here each is dealt a new task for every life, from a
table (`agents.train`). What they are worth is measured by who plays them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import qmc

from meta_bandit.agents import A2CConfig, AgentPolicy, TrainedAgents, load_agents
from meta_bandit.files import to_json
from meta_bandit.measure import measure
from meta_bandit.metadata import BANDIT, explain
from meta_bandit.studies.grid import ABOUT as GRID
from meta_bandit.studies.study import Chunk, Study, Team
from meta_bandit.theory import bayes_optimal
from meta_bandit.worlds import GaussianBandit, simulate

ABOUT = {
    "title": "Agents raised on many two-armed Gaussian bandits, measured on tasks of theirs",
    "summary": "Each agent, an LSTM trained by A2C (RL^2), was dealt another task in every life, "
    "from a table in the file of weights of this name. Here each lives on some of these tasks, "
    "with its weights frozen: arm 0 is safe and pays 0; arm 1 is risky, its mean mu is drawn once "
    "a life from N(mean, sigma_p^2), and each pull of it pays N(mu, sigma_l^2).",
    "keywords": GRID["keywords"],
    "comment": "Attribute lives: lives in which each agent is measured on each task; how many it "
    "plays between two updates of its training, config.lives, is in the file of weights. Agents "
    "that know only a hazard are not told the lifetime that they are measured at. wall_seconds: of "
    "training. The agents are those of the file of weights, in its order.",
}
"""What the dataset of their returns says of itself."""


@dataclass(frozen=True, kw_only=True)
class Generalist(Study):
    """Agents that are raised on many tasks, as data.

    Attributes
    ----------
    task
        The table of tasks that each agent is dealt; shape (agents, tasks).
    seeds : length agents
        Where their random numbers come from.
    stages
        How they are trained: each stage begins with the weights that the one before it ended with.
    hazard : length agents
        Probability to die at a pull, if that is the law of their lives.
    lives
        Lives in which each agent is measured on each task, acting greedily.
    most
        Of more different tasks than these, agents are measured on so many, evenly along their order
        by lifetime.
    """

    task: GaussianBandit
    seeds: tuple[int, ...]
    stages: tuple[A2CConfig, ...]
    hazard: tuple[float, ...] = ()
    lives: int = 1000
    most: int = 100
    keep: bool = field(default=True, compare=False)

    @property
    def cells(self) -> tuple[int, ...]:
        """An agent for each seed."""
        return self.seeds

    @property
    def settings(self) -> dict[str, Any]:
        """All that the numbers follow from; of the table a digest."""
        table = {name: _sha256(values) for name, values in self.task.values.items()}
        return {
            "task": table,
            "seeds": self.seeds,
            "stages": [asdict(config) for config in self.stages],
            "hazard": self.hazard,
            "lives": self.lives,
            "most": self.most,
        }

    def is_in(self, dataset: xr.Dataset, out: Path) -> bool:
        """Tell whether the agents beside a stored dataset are of this study."""
        beside = self.files(out)[""]
        return beside.exists() and self.is_of(load_agents(beside))

    def is_of(self, trained: TrainedAgents) -> bool:
        """Tell whether stored agents were trained as this says."""
        try:
            # a setting that is newer than the file has its default
            stages = [A2CConfig(**stage) for stage in json.loads(trained.curve.attrs["stages"])]
        except (KeyError, TypeError, ValueError):
            return False
        return (
            trained.task == self.task
            and tuple(trained.seeds.tolist()) == self.seeds
            and tuple(stages) == self.stages
        )

    def chunks(self, device: str, trainers: int, free_bytes: int) -> list[list[int]]:
        """All in one, as they are measured in the same lives."""
        return [list(range(len(self.seeds)))]

    def team(self, chunk: Chunk) -> Team:
        """All agents."""
        return Team(self.task, self.seeds, self.stages)

    def measure(self, chunk: Chunk, trained: TrainedAgents, processes: int) -> xr.Dataset:
        """Measure greedy agents on tasks of their tables, one after the other.

        Returns
        -------
        Dataset over (agent, task)
            Of `measure.measure`; ``bayes_value`` and ``bayes_error`` of each task.
        """
        table = {name: values.ravel() for name, values in self.task.full.items()}
        names = ("lifetime", "sigma_p", "sigma_l", "mean")
        every = np.unique(np.stack([table[name] for name in names], axis=1), axis=0)
        chosen = every[np.unique(np.linspace(0, len(every) - 1, self.most).round().astype(int))]
        columns = dict(zip(names, chosen.T, strict=True))
        tasks = GaussianBandit(**columns)
        parts = []
        for number in range(len(chosen)):
            alike = tasks[np.full(len(self.seeds), number)]
            rng = np.random.default_rng(number)
            parts.append(measure(simulate(AgentPolicy(trained), alike, self.lives, rng), ["agent"]))
        measured = xr.concat(parts, "task").transpose("agent", "task")
        best = bayes_optimal(tasks)
        measured["bayes_value"] = "task", best.value
        measured["bayes_error"] = "task", best.error
        return measured.assign_coords({name: ("task", it) for name, it in columns.items()})

    def lay_out(self, measured: xr.Dataset) -> xr.Dataset:
        """Say of each agent what it is."""
        dataset = measured.assign_coords(seed=("agent", np.array(self.seeds, np.int32)))
        if self.hazard:
            dataset = dataset.assign_coords(hazard=("agent", list(self.hazard)))
        dataset.attrs = {"lives": self.lives, "policy": "greedy"}
        return explain(dataset, BANDIT, **ABOUT)

    def agents(self, measured: xr.Dataset, about: Mapping[str, Any]) -> dict[str, TrainedAgents]:
        """Gather the trained agents, with all stages and their hazard."""
        (trained,) = super().agents(measured, about).values()
        trained.curve.attrs["stages"] = to_json(self.settings["stages"])
        if self.hazard:
            trained.curve["hazard"] = "agent", np.array(self.hazard)
        return {"": trained}


def _sha256(values: NDArray[Any]) -> str:
    return hashlib.sha256(values.tobytes()).hexdigest()


def log_uniform(shortest: int, longest: int, share: NDArray[np.float64]) -> NDArray[np.int64]:
    r"""Lengths of life whose logarithm is uniform, at given shares of the law.

    .. math:: T = \lfloor a\,((b + 1)/a)^u \rfloor

    Parameters
    ----------
    shortest, longest
        a and b in pulls, both included.
    share : shape (...)
        u in [0, 1).

    Returns
    -------
    shape (...), whole
        In pulls.
    """
    lengths = shortest * ((longest + 1) / shortest) ** np.asarray(share)
    return np.asarray(np.floor(lengths).clip(shortest, longest).astype(np.int64))


def geometric(survival: float, share: NDArray[np.float64]) -> NDArray[np.int64]:
    r"""Lengths of life under a hazard of death, at given shares of their law (prop-hazard).

    .. math:: T = \lceil \ln(1 - u)/\ln \gamma \rceil, \qquad P(T > t) = \gamma^t

    Parameters
    ----------
    survival
        gamma, in (0, 1): the probability to live on after a pull.
    share : shape (...)
        u in (0, 1).

    Returns
    -------
    shape (...), whole
        In pulls.
    """
    return np.asarray(np.ceil(np.log1p(-share) / np.log(survival)).clip(1).astype(np.int64))


def spread_out(lives: int, updates: int) -> NDArray[np.float64]:
    """Shares of a law for a table of so many updates: each update has the whole law.

    Returns
    -------
    shape (lives * updates,)
        The middles of equal slices; of every slice of 1/lives each update has one.
    """
    count = lives * updates
    return ((np.arange(count) + 0.5) / count).reshape(lives, updates).T.ravel()


def every_lifetime(
    seeds: tuple[int, ...],
    stages: tuple[A2CConfig, ...],
    sigma_p: float = 2.0,
    sigma_l: float = 2.0,
    shortest: int = 5,
    longest: int = 400,
) -> Generalist:
    """One task in lives of every length: log-uniform, the same lengths in each update."""
    lengths = log_uniform(shortest, longest, spread_out(stages[0].lives, 1))
    table = GaussianBandit(sigma_p, sigma_l, np.tile(lengths, (len(seeds), 1)))
    return Generalist(task=table, seeds=seeds, stages=stages)


def every_task(
    seeds: tuple[int, ...],
    stages: tuple[A2CConfig, ...],
    updates: int = 8,
    sigma_p: tuple[float, float] = (0.4, 4.0),
    sigma_l: tuple[float, float] = (0.1, 16.0),
    lifetime: tuple[int, int] = (8, 125),
) -> Generalist:
    """The whole plane in lives of many lengths: a table of Sobol points (Sobol 1967).

    sigma_p is uniform, sigma_l and the lifetime are log-uniform between the given ends.
    """
    share = qmc.Sobol(3, seed=0).random(stages[0].lives * updates)
    # a few digits say enough, and keep the file of the agents small
    across = np.round(sigma_p[0] + share[:, 0] * (sigma_p[1] - sigma_p[0]), 3)
    within = np.round(sigma_l[0] * (sigma_l[1] / sigma_l[0]) ** share[:, 1], 3)
    lengths = log_uniform(*lifetime, share[:, 2])
    # the same table for all: an axis of agents in one field is enough
    table = GaussianBandit(across, within, lengths, np.full((len(seeds), 1), -1.0))
    return Generalist(task=table, seeds=seeds, stages=stages)


def every_death(
    seeds: tuple[int, ...],
    stages: tuple[A2CConfig, ...],
    mean_lifetimes: tuple[int, ...] = (10, 25, 60),
    updates: int = 16,
    sigma_p: float = 2.0,
    sigma_l: float = 2.0,
) -> Generalist:
    """One task in lives that may end at any pull: each agent knows one hazard, all seeds of each.

    Agents are ordered by hazard, then by seed. The longest life of a table is the middle of the
    last slice of the law.
    """
    share = spread_out(stages[0].lives, updates)
    lengths = [geometric(1 - 1 / mean, share) for mean in mean_lifetimes for _ in seeds]
    table = GaussianBandit(sigma_p, sigma_l, np.stack(lengths))
    hazard = tuple(1 / mean for mean in mean_lifetimes for _ in seeds)
    seeds = seeds * len(mean_lifetimes)
    return Generalist(task=table, seeds=seeds, stages=stages, hazard=hazard)
