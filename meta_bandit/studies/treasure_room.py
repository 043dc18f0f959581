"""The book's agents of dark rooms: which rooms, trained how, measured, in one dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit.agents import CONFIGURATIONS, A2CConfig, TrainedAgents
from meta_bandit.measure import measure
from meta_bandit.metadata import TREASURE_ROOM, explain
from meta_bandit.studies.recipes import RecipeStudy, alone
from meta_bandit.worlds import TreasureRoom

_ABOUT = {
    "title": "Agents trained in dark rooms with hidden treasures",
    "summary": "In a room of `size` x `size` cells `treasures` treasures lie at cells drawn once a "
    "life, worth a number drawn uniformly from [`low`, `high`] each. A life has `lifetime` steps, "
    "in episodes of `steps` that begin in the centre; a treasure is taken once an episode. Each "
    "agent, an LSTM trained by A2C (RL^2), was trained in one room from one seed in one way "
    "(recipe), and then measured with its weights frozen.",
    "keywords": "meta-learning, reinforcement learning, exploration, local optima, gridworld",
    "comment": "study, config: JSON, settings of the study and of training. lives: in which each "
    "agent is measured, the same for all; config.lives: of an update of training. "
    "training_seconds: sum over trainings; wall_seconds: all sessions, measuring included. The "
    "agents of a file of weights are those of its recipe, in the order of the axis agent.",
}
"""What a study's dataset says of itself."""


@dataclass(frozen=True, kw_only=True)
class RoomAgents(RecipeStudy):
    """Rooms that differ in the least that a treasure may be worth, and three ways to train.

    Where treasures are never bad the ways are one and the same, and only ``direct`` is trained.

    Attributes
    ----------
    low
        Rooms: least worth of a treasure in each, units of reward.
    high, treasures, size, steps, lifetime
        The same in all, see `TreasureRoom`.
    seed
        Of the agents.
    lives
        In which each greedy agent is measured, the same for all.
    config
        The recipe ``led``: treasures that are never bad, at first. ``free`` is the same with
        `A2CConfig.free_finds`, ``direct`` without a continuation.
    """

    differ = ("low",)
    curves = {"return": "mean_return", "seen": "seen"}  # noqa: RUF012

    low: tuple[float, ...] = (-4.0, 0.0)
    high: float = 2.0
    treasures: int = 8
    size: int = 9
    steps: int = 9
    lifetime: int = 90
    seed: tuple[int, ...] = (1, 2, 3)
    lives: int = 2_000
    config: A2CConfig = field(default_factory=lambda: CONFIGURATIONS["treasure-room"])

    @property
    def recipes(self) -> dict[str, A2CConfig]:
        """Ways of training by their names."""
        return {
            "direct": replace(self.config, continuation_until=0.0),
            "led": self.config,
            "free": replace(self.config, free_finds=True),
        }

    def homes(self, recipe: str) -> list[tuple[float]]:
        """Where treasures are never bad, only ``direct`` is trained."""
        return [(low,) for low in self.low if low < 0 or recipe == "direct"]

    def room(self, low: float | list[float]) -> TreasureRoom:
        """A room of this study, or an array of them."""
        return TreasureRoom(self.lifetime, low, self.high, self.treasures, self.size, self.steps)

    def task(self, worlds: Sequence[tuple[float]]) -> TreasureRoom:
        """Rooms by the least that a treasure may be worth."""
        return self.room([low for (low,) in worlds])

    def score(self, trained: TrainedAgents) -> xr.Dataset:
        """Measure as `walked` does."""
        return walked(trained, self.lives)

    def lay_out(self, measured: xr.Dataset) -> xr.Dataset:
        """Say of each agent what it is.

        Returns
        -------
        Dataset over agent
            ``recipe``, ``low`` and ``seed``; what `walked` measures; ``diverged_at``; learning
            curves ``curve_return`` and ``curve_seen`` over ``update``.
        """
        dataset = self.label(measured)
        room = {
            name: getattr(self, name) for name in ("high", "treasures", "size", "steps", "lifetime")
        }
        dataset.attrs = {"policy": "greedy", "lives": self.lives, **room}
        return explain(dataset, TREASURE_ROOM, **_ABOUT)


def walked(team: TrainedAgents, lives: int) -> xr.Dataset:
    """Measure greedy agents in their rooms: what they earn, and how much of the room they enter.

    Parameters
    ----------
    team
        The agents; all in lives drawn from the same seed, 0.
    lives
        Of each agent.

    Returns
    -------
    Dataset over agent
        ``return`` (reward) and ``greedy_seen`` (cells), means over lives, each with its standard
        error; ``by_episode`` (reward) over ``episode``, 1 to E.
    """
    parts, episodes = list[xr.Dataset](), list[NDArray[np.float64]]()
    for lived in alone(team, lives):
        parts.append(measure(lived, ["agent"]))
        episodes.append(lived.by_episode.mean(axis=(1, 2)))
    measured = xr.concat(parts, "agent", combine_attrs="drop")
    measured = measured.rename(seen="greedy_seen", seen_se="greedy_seen_se")
    measured["by_episode"] = ("agent", "episode"), np.array(episodes)
    return measured.assign_coords(episode=1 + np.arange(measured.sizes["episode"]))
