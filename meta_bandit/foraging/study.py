"""The book's foraging agents: which worlds, trained how, measured exactly, in one dataset."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from meta_bandit.agents.config import CONFIGURATIONS, A2CConfig
from meta_bandit.agents.policy import AgentPolicy
from meta_bandit.agents.trained import TrainedAgents, load_agents, save_agents
from meta_bandit.agents.training import train
from meta_bandit.files import only_one, write_atomically
from meta_bandit.metadata import FORAGING, earlier_seconds, explain, made_now, meaning
from meta_bandit.sweep.results import kept_file, provenance, read_netcdf, to_netcdf
from meta_bandit.theory.foraging import best_habit, critical_far, optimum
from meta_bandit.worlds import simulate
from meta_bandit.worlds.foraging import Foraging

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
class Study:
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

    @classmethod
    def from_json(cls, text: str) -> Study:
        """Read back what a dataset says of itself, in its attribute ``study``.

        A setting that is newer than the dataset has its default.
        """
        values: dict[str, Any] = json.loads(text)
        values |= {k: tuple(v) for k, v in values.items() if isinstance(v, list)}
        values["worlds"] = tuple((t, k, r) for t, k, r in values["worlds"])
        return cls(**{**values, "config": A2CConfig(**values["config"])})

    @property
    def recipes(self) -> dict[str, A2CConfig]:
        """Ways of training by their names."""
        return {"led": self.config, "direct": replace(self.config, continuation_until=0.0)}

    @property
    def cells(self) -> list[World]:
        """All worlds, those of one lifetime together."""
        every = {*self.worlds, *((t, k, self.far) for t in self.lifetime for k in self.places)}
        return sorted(every)


STUDIES = {
    "forage": Study(),
    "smoke": Study(
        worlds=((8, 2, 4.0),),
        lifetime=(5, 8),
        places=(2,),
        kept=2,
        seed=(0,),
        config=replace(CONFIGURATIONS["forage"], updates=3),
    ),
}
"""Named studies: ``forage``, the book's; ``smoke``, which only runs."""


def run_study(study: Study, out: Path, device: str = "auto") -> xr.Dataset:
    """Train and measure all agents of a study, and write one dataset and two files of agents.

    Beside the output a folder (its name and ``.parts``) keeps the checkpoints: after a stop the
    same call goes on. If the output is there and holds this study, it is only read.

    Parameters
    ----------
    study
        What to train.
    out
        NetCDF file to make. The agents that are kept go beside it, to its name with ``-led`` and
        ``-direct`` and the ending ``.safetensors``.
    device
        See `agents.train`.

    Returns
    -------
    Dataset over agent
        Where it lives (``lifetime``, ``places``, ``far``), ``recipe`` and ``seed``; ``return``,
        ``searched`` and ``returned`` of the greedy agent, means over all places, exact;
        ``optimum``, ``habit``, ``stay`` (returns) and ``edge`` (critical large reward) of the
        world; ``diverged_at``; learning curves ``curve_return`` and ``curve_found`` over
        ``update``; ``kept``, whether its weights are.

    Raises
    ------
    ValueError
        If the output is of something else.
    """
    if out.exists():
        return _finished(study, out)
    with only_one(out):
        if out.exists():  # since a moment ago
            return _finished(study, out)
        return _run(study, out, device)


def _finished(study: Study, out: Path) -> xr.Dataset:
    """Read a study that is done, and refuse any other file."""
    dataset = read_netcdf(out)
    try:
        same = Study.from_json(dataset.attrs["study"]) == study
    except (KeyError, TypeError, ValueError):
        same = False
    if not same:
        raise ValueError(f"{out}: exists, and holds something else than this study")
    return dataset


def _run(study: Study, out: Path, device: str) -> xr.Dataset:
    """Train and measure, see `run_study`."""
    started = time.perf_counter()
    folder = out.with_name(f"{out.name}.parts")
    weights = {
        recipe: out.with_name(f"{out.stem}-{recipe}.safetensors") for recipe in study.recipes
    }
    for path in weights.values():
        if path.exists() and not folder.exists():
            raise ValueError(f"{path}: exists, and stays: remove it, or write to another")
    folder.mkdir(parents=True, exist_ok=True)
    before = earlier_seconds(folder / "clock.json", folder.iterdir())
    resumed = any(folder.glob("*.safetensors"))
    teams: dict[str, list[TrainedAgents]] = {}
    parts, seconds = [], 0.0
    for recipe, config in study.recipes.items():
        teams[recipe] = []
        for lifetime in sorted({cell[0] for cell in study.cells}):
            cells = [cell for cell in study.cells if cell[0] == lifetime for _ in study.seed]
            seeds = list(study.seed) * (len(cells) // len(study.seed))
            task = Foraging(*(np.array(values) for values in zip(*cells, strict=True)))
            checkpoint = folder / f"{recipe}-{lifetime}.safetensors"
            team = train(task, seeds, config, device, checkpoint=checkpoint)
            seconds += team.curve.attrs["seconds"]
            parts.append(_measure(study, team).assign(recipe=("agent", [recipe] * len(seeds))))
            keep = np.flatnonzero(parts[-1].kept.values)
            teams[recipe].append(team[keep])
    dataset = xr.concat(parts, "agent", combine_attrs="drop")
    dataset = dataset.set_coords(["recipe", "lifetime", "places", "far", "seed"])
    dataset.attrs = made_now() | {
        "study": json.dumps(asdict(study)),
        "config": json.dumps(asdict(study.config)),
        "torch": torch.__version__,
        "device": team.curve.attrs["device"],
        "training_seconds": seconds,
        "wall_seconds": before + time.perf_counter() - started,
        "resumed": int(resumed),
        "policy": "greedy",
    }
    for recipe, those in teams.items():
        save_agents(_side_by_side(those, provenance(dataset.attrs)), weights[recipe])
    write_atomically(out, to_netcdf(explain(dataset, FORAGING, **_ABOUT)))
    shutil.rmtree(folder)
    return read_netcdf(out)


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
    rows = []
    for number in range(len(team.seeds)):
        world = home[number]
        agent = AgentPolicy(team[number])
        lives = simulate(agent, home[np.array([number])], None, np.random.default_rng(0))
        rows.append(
            {
                "return": lives.returns.mean(),
                "searched": lives.searched.mean(),
                "returned": lives.returned.mean(),
            }
            | _references(tuple(value.item() for value in world.values.values()))
        )
    return xr.Dataset(
        {name: ("agent", [row[name] for row in rows], meaning(name, FORAGING)) for name in rows[0]}
    )


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


def _measure(study: Study, team: TrainedAgents) -> xr.Dataset:
    """Measure agents on their own worlds, and thin their learning curves."""
    dataset = score(team)
    for name in ("lifetime", "places", "far"):
        dataset[name] = "agent", team.task.full[name]
    dataset["seed"] = "agent", team.seeds.astype(np.int64)
    cells = list(
        zip(*(dataset[name].values for name in ("lifetime", "places", "far")), strict=True)
    )
    kept = [cell in study.worlds or (cell[1], cell[2]) == (study.kept, study.far) for cell in cells]
    dataset["kept"] = "agent", np.array(kept, dtype=np.int8)
    dataset["diverged_at"] = team.curve.diverged_at
    updates = team.config.updates
    bounds = np.unique(np.linspace(0, updates, 41).round().astype(int))
    for name, values in (
        ("curve_return", team.curve.mean_return),
        ("curve_found", team.curve.found),
    ):
        total = np.add.reduceat(values.values.astype(np.float64), bounds[:-1], axis=1)
        dataset[name] = ("agent", "update"), total / np.diff(bounds)
    return dataset.assign_coords(update=bounds[1:])


def _side_by_side(teams: list[TrainedAgents], about: dict[str, Any]) -> TrainedAgents:
    """Put teams of one configuration together; their learning curves are in the dataset alone."""
    curve = xr.Dataset(coords={"update": np.arange(teams[0].config.updates)}, attrs=about)
    for name in ("lifetime", "places", "far", "near", "size", "seed", "diverged_at"):
        curve[name] = "agent", np.concatenate([team.curve[name].values for team in teams])
    fields = [
        np.concatenate([team.task.full[name] for team in teams]) for name in teams[0].task.values
    ]
    return TrainedAgents(
        Foraging(*fields),
        np.concatenate([team.seeds for team in teams]),
        teams[0].config,
        np.concatenate([team.weights for team in teams]),
        curve,
    )


def stored_foragers(name: str) -> TrainedAgents:
    """Read foragers that the book keeps.

    Parameters
    ----------
    name
        Name of the file, such as ``forage-led.safetensors``.

    Raises
    ------
    FileNotFoundError
        If it is not there; the message says how to make it.
    """
    return load_agents(kept_file(name))
