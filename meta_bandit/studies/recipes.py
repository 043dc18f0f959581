"""Studies of several worlds, several ways of training in each, and several seeds."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
import xarray as xr

from meta_bandit.agents import A2CConfig, AgentPolicy, TrainedAgents
from meta_bandit.studies.study import Chunk, Study, Team, thin
from meta_bandit.worlds import simulate
from meta_bandit.worlds.task import AnyTask


class RecipeCell(NamedTuple):
    """One agent: how it is trained, in which world, and from which seed."""

    recipe: str
    world: tuple[Any, ...]
    seed: int
    lifetime: int
    config: A2CConfig


@dataclass(frozen=True, kw_only=True)
class RecipeStudy(Study):
    """Agents of one kind of world, trained in several ways, each from several seeds.

    Attributes
    ----------
    seed
        Of the agents.
    """

    differ: ClassVar[tuple[str, ...]]
    """What worlds differ in: names of the numbers of a cell's ``world``."""
    curves: ClassVar[dict[str, str]]
    """Learning curves that are stored, ``curve_NAME``, and what training calls them."""

    seed: tuple[int, ...]
    keep: bool = field(default=True, compare=False)

    @property
    @abstractmethod
    def recipes(self) -> dict[str, A2CConfig]:
        """Ways of training by their names."""

    @abstractmethod
    def homes(self, recipe: str) -> list[tuple[Any, ...]]:
        """Worlds in which agents are trained in that way, those of one lifetime together."""

    @abstractmethod
    def task(self, worlds: Sequence[tuple[Any, ...]]) -> AnyTask:
        """Worlds as an array of tasks, one for each."""

    @abstractmethod
    def score(self, trained: TrainedAgents) -> xr.Dataset:
        """Measure greedy agents in their own worlds, over ``agent``."""

    @property
    def cells(self) -> list[RecipeCell]:
        """All agents, those of one recipe and lifetime together."""
        return [
            RecipeCell(recipe, world, seed, int(self.task([world]).lifetime.max()), config)
            for recipe, config in self.recipes.items()
            for world in self.homes(recipe)
            for seed in self.seed
        ]

    def keeps(self, cell: RecipeCell) -> bool:
        """Whether an agent is stored, if agents are: each, unless a study says otherwise."""
        return True

    def rosters(self) -> dict[str, list[int]]:
        """Of each recipe a file."""
        cells = self.cells
        return {
            f"-{recipe}": [
                number
                for number, cell in enumerate(cells)
                if cell.recipe == recipe and self.keeps(cell)
            ]
            for recipe in self.recipes
        }

    def team(self, chunk: Chunk) -> Team:
        """The agents of some cells, each in its world."""
        cells = self.cells
        chosen = [cells[number] for number in chunk]
        task = self.task([cell.world for cell in chosen])
        return Team(task, [cell.seed for cell in chosen], (chosen[0].config,))

    def measure(self, chunk: Chunk, trained: TrainedAgents, processes: int) -> xr.Dataset:
        """Measure agents as `score` does, and thin their learning curves."""
        measured = self.score(trained)
        for name, source in self.curves.items():
            measured[f"curve_{name}"] = thin(trained.curve[source], 40)
        return measured

    def labels(self, cell: Any) -> dict[str, Any]:
        """An agent's recipe, what its world differs in, and its seed."""
        world = dict(zip(self.differ, cell.world, strict=True))
        return {"recipe": cell.recipe, **world, "seed": cell.seed}

    def label(self, measured: xr.Dataset) -> xr.Dataset:
        """Say of each agent its `labels`."""
        rows = [self.labels(cell) for cell in self.cells]
        return measured.assign_coords(
            {name: ("agent", [row[name] for row in rows]) for name in rows[0]}
        )


def alone(
    team: TrainedAgents,
    lives: int | None,
    task: AnyTask | None = None,
    policies: Sequence[Any] = (),
) -> Iterator[Any]:
    """Let agents live one after the other, each in its world, all from the same seed, 0.

    Parameters
    ----------
    team
        The agents.
    lives
        Of each agent, see `worlds.simulate`.
    task : shape (agents,)
        Where they live; by default, where they were trained.
    policies
        Who acts for each agent; if none are given, it does itself, greedily.

    Yields
    ------
    Lives of each agent in turn, such as `worlds.foraging.ForagingLives`; their task has shape (1,)
    """
    home = team.task if task is None else task
    for number in range(len(team.seeds)):
        own = np.array([number])
        acts = policies[number] if policies else AgentPolicy(team[own])
        yield simulate(acts, home[own], lives, np.random.default_rng(0))
