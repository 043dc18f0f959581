"""The book's agents of many arms: which worlds, trained how, measured, in one dataset."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit.agents import CONFIGURATIONS, A2CConfig, TrainedAgents
from meta_bandit.files import to_json
from meta_bandit.measure import measure
from meta_bandit.metadata import MANY_ARMS, explain
from meta_bandit.studies.recipes import RecipeStudy, alone
from meta_bandit.worlds import ManyArms
from meta_bandit.worlds.many_arms import ManyPolicy

_ABOUT = {
    "title": "Agents trained on a bandit with one known arm and several unknown ones",
    "summary": "Of `arms` arms the first always pays `safe`; each other one has a mean drawn from "
    "N(`mean`, `sigma_p`^2) once a life, and pays with standard deviation `sigma_l`. A life has "
    "`lifetime` pulls. Each agent, an LSTM trained by A2C (RL^2), was trained in one world from "
    "one seed in one way (recipe), and then measured with its weights frozen.",
    "keywords": "meta-learning, reinforcement learning, bandits, exploration, local optima",
    "comment": "study, config, shared: JSON, settings of the study and of training. lives: in "
    "which each agent is measured, the same for all; config.lives: of an update of training. "
    "training_seconds: sum over trainings; wall_seconds: all sessions, measuring included. The "
    "agents of a file of weights are those of its recipe, in the order of the axis agent.",
}
"""What a study's dataset says of itself."""


@dataclass(frozen=True, kw_only=True)
class Pullers(RecipeStudy):
    """Worlds that differ in what arm 0 pays, and three ways to train in each.

    Attributes
    ----------
    safe
        Worlds: what arm 0 pays in each, units of reward.
    arms, sigma_p, sigma_l, lifetime, mean
        The same in all, see `ManyArms`.
    seed
        Of the agents.
    lives
        In which each greedy agent is measured, the same for all.
    config
        The recipe ``default``: one memory, and arm 0 poor at first.
    shared
        The recipe ``shared``: a memory for each arm. It makes as many updates. ``direct`` is the
        same with one memory, of as many units as that of ``default``.
    """

    differ = ("safe",)
    curves = {"return": "mean_return", "tried": "tried"}  # noqa: RUF012

    safe: tuple[float, ...] = (0.5, 0.0)
    arms: int = 10
    sigma_p: float = 1.0
    sigma_l: float = 0.5
    lifetime: int = 100
    mean: float = 0.0
    seed: tuple[int, ...] = (0, 1, 2, 3, 4)
    lives: int = 20_000
    config: A2CConfig = field(
        default_factory=lambda: replace(CONFIGURATIONS["many-arms"], updates=800)
    )
    shared: A2CConfig = field(
        default_factory=lambda: replace(CONFIGURATIONS["many-arms-shared"], updates=800)
    )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read settings back, both ways of training."""
        study, shared = super().from_json(text), json.loads(text)["shared"]
        return replace(study, shared=A2CConfig(**shared))

    @property
    def recipes(self) -> dict[str, A2CConfig]:
        """Ways of training by their names."""
        one = replace(self.shared, shared_memory=False, units=self.config.units)
        return {"default": self.config, "direct": one, "shared": self.shared}

    def homes(self, recipe: str) -> list[tuple[float]]:
        """The same for all recipes."""
        return [(safe,) for safe in self.safe]

    def task(self, worlds: Sequence[tuple[float]]) -> ManyArms:
        """Worlds by what arm 0 pays."""
        safe = np.array([paid for (paid,) in worlds])
        return ManyArms(self.arms, self.sigma_p, self.sigma_l, self.lifetime, self.mean, safe)

    def score(self, trained: TrainedAgents) -> xr.Dataset:
        """Measure as `count_arms` does."""
        return count_arms(trained, self.lives)

    def lay_out(self, measured: xr.Dataset) -> xr.Dataset:
        """Say of each agent what it is.

        Returns
        -------
        Dataset over agent
            ``recipe``, ``safe`` and ``seed``; what `count_arms` measures; ``diverged_at``; learning
            curves ``curve_return`` and ``curve_tried`` over ``update``.
        """
        dataset = self.label(measured)
        world = {
            name: getattr(self, name) for name in ("arms", "sigma_p", "sigma_l", "lifetime", "mean")
        }
        told = {"policy": "greedy", "lives": self.lives, **world, "mean_units": "reward"}
        dataset.attrs = {**told, "shared": to_json(self.settings["shared"])}
        return explain(dataset, MANY_ARMS, **_ABOUT)


def count_arms(team: TrainedAgents, lives: int, policies: Sequence[ManyPolicy] = ()) -> xr.Dataset:
    """Measure greedy agents of many arms: what they earn, and how many of the arms they try.

    Parameters
    ----------
    team
        The agents; each lives in its world, all in lives drawn from the same seed, 0.
    lives
        Of each agent.
    policies
        Who acts for each agent; if none are given, it does itself, greedily.

    Returns
    -------
    Dataset over agent
        ``expected_return`` (units of reward), ``greedy_tried`` (arms) and ``greedy_safe`` (pulls of
        arm 0), each with its standard error; ``share_tried``, share of lives over ``arms_tried``,
        0 to K - 1.
    """
    most = team.task.unknown
    parts, shares = list[xr.Dataset](), list[NDArray[np.float64]]()
    for lived in alone(team, lives, policies=policies):
        parts.append(measure(lived, ["agent"]))
        shares.append(np.bincount(lived.tried[0], minlength=most + 1) / lives)
    names = {"tried": "greedy_tried", "safe_pulls": "greedy_safe"}
    names |= {f"{name}_se": f"{greedy}_se" for name, greedy in names.items()}
    measured = xr.concat(parts, "agent", combine_attrs="drop").rename(names)
    measured["share_tried"] = ("agent", "arms_tried"), np.array(shares)
    return measured.assign_coords(arms_tried=np.arange(most + 1))
