"""The book's foraging agents: which worlds, trained how, measured exactly, in one dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product

import numpy as np
import xarray as xr

from meta_bandit.agents import CONFIGURATIONS, A2CConfig, TrainedAgents
from meta_bandit.measure import measure
from meta_bandit.metadata import FORAGING, explain
from meta_bandit.studies.recipes import RecipeCell, RecipeStudy, alone
from meta_bandit.theory.foraging import best_habit, critical_far, optimum
from meta_bandit.worlds import Foraging

World = tuple[int, int, float]
"""Lifetime, places and large reward."""
_ABOUT = {
    "title": "Agents trained on grids to forage on, and the optima of each world",
    "summary": "On a grid of 5 x 5 cells with a nest a near place always pays `near` = 1, and one "
    "of `places` hiding places, another in each life, pays `far`; who is paid is back in the nest. "
    "A life has `lifetime` moves. Each agent, an LSTM trained by A2C (RL^2), was trained in one "
    "world from one seed in one way (recipe), and then measured with its weights frozen.",
    "keywords": "meta-learning, reinforcement learning, foraging, dynamic programming",
    "comment": "study, config: JSON, settings of the study and of training. training_seconds: sum "
    "over trainings; wall_seconds: all sessions, measuring included. The agents of a file of "
    "weights are those of its recipe that are kept, in the order of the axis agent.",
}
"""What a study's dataset says of itself."""


@dataclass(frozen=True, kw_only=True)
class Foragers(RecipeStudy):
    """Worlds to train on, all from several seeds and in two ways.

    Attributes
    ----------
    worlds
        Single worlds.
    lifetime, places, far
        A map: all these lifetimes (moves) with all these numbers of places, at one large reward.
    kept
        Of the map, agents of this number of places are kept, beside those of the single worlds.
    seed
        Of the agents.
    config
        How they are trained; with ``led`` as it says, and with ``direct`` without its continuation.
    """

    differ = ("lifetime", "places", "far")
    curves = {"return": "mean_return", "found": "found"}  # noqa: RUF012

    worlds: tuple[World, ...] = (
        (20, 3, 8.0),
        (30, 5, 6.0),
        (40, 4, 12.0),
        (8, 3, 8.0),
        (8, 5, 3.0),
    )
    lifetime: tuple[int, ...] = (6, 8, 10, 12, 16, 20, 30, 40)
    places: tuple[int, ...] = (1, 2, 3, 4, 5)
    far: float = 4.5
    kept: int = 4
    seed: tuple[int, ...] = (0, 1, 2)
    config: A2CConfig = field(default_factory=lambda: CONFIGURATIONS["forage"])

    @property
    def recipes(self) -> dict[str, A2CConfig]:
        """Ways of training by their names."""
        return {"led": self.config, "direct": replace(self.config, continuation_until=0.0)}

    @property
    def all_worlds(self) -> list[World]:
        """All worlds, those of one lifetime together."""
        every = {*self.worlds, *product(self.lifetime, self.places, (self.far,))}
        return sorted(every)

    def homes(self, recipe: str) -> list[World]:
        """The same for all recipes."""
        return self.all_worlds

    def keeps(self, cell: RecipeCell) -> bool:
        """Of the map, those of one number of places."""
        return cell.world in self.worlds or cell.world[1:] == (self.kept, self.far)

    def task(self, worlds: Sequence[World]) -> Foraging:
        """Worlds as tasks."""
        return Foraging(*map(np.array, zip(*worlds, strict=True)))

    def score(self, trained: TrainedAgents) -> xr.Dataset:
        """Measure as `score` does."""
        return score(trained)

    def lay_out(self, measured: xr.Dataset) -> xr.Dataset:
        """Say of each agent what it is.

        Returns
        -------
        Dataset over agent
            Where it lives (``lifetime``, ``places``, ``far``), ``recipe`` and ``seed``; ``return``,
            ``searched`` and ``returned`` of the greedy agent, means over all places, exact;
            ``optimum``, ``habit``, ``stay`` (returns) and ``edge`` (critical large reward) of the
            world; ``diverged_at``; learning curves ``curve_return`` and ``curve_found`` over
            ``update``; ``kept``, whether its weights are.
        """
        kept = np.array([self.keeps(cell) for cell in self.cells], dtype=np.int8)
        dataset = self.label(measured).assign(kept=("agent", kept))
        dataset.attrs = {"policy": "greedy"}
        return explain(dataset, FORAGING, **_ABOUT)


def score(team: TrainedAgents, task: Foraging | None = None) -> xr.Dataset:
    """Measure greedy agents exactly: each lives once with the large reward at each place.

    Parameters
    ----------
    team
        The agents.
    task : shape (agents,)
        Where they live; by default, where they were trained.

    Returns
    -------
    Dataset over agent
        ``return`` (units of reward), ``searched`` (share of lives that enter a hiding place),
        ``returned`` (share of lives whose first find is followed by another on the shortest way),
        and the world's ``optimum``, ``habit``, ``stay`` and ``edge``, all in units of reward.
    """
    home = team.task if task is None else task
    exact = ["return", "searched", "returned"]
    played = [measure(lived, ["agent"])[exact] for lived in alone(team, None, home)]
    worlds = [
        _references(tuple(value.item() for value in home[number].values.values()))
        for number in range(len(team.seeds))
    ]
    known = {name: ("agent", [world[name] for world in worlds]) for name in worlds[0]}
    return explain(xr.concat(played, "agent", combine_attrs="drop").assign(known), FORAGING)


@cache
def _references(world: tuple[float, ...]) -> dict[str, float]:
    """Returns to compare with, on the world with these fields."""
    task = Foraging(*world)
    return {
        "optimum": optimum(task).value,
        "habit": best_habit(task).value,
        "stay": float(task.stay),
        "edge": critical_far(task),
    }
