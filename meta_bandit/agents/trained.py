"""Trained agents: what training made, and from what; saved and loaded without pickle."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, cast

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit.agents.checkpoint import check_arrays, read_arrays, write_arrays
from meta_bandit.agents.config import A2CConfig
from meta_bandit.agents.layout import layout
from meta_bandit.agents.told import Told
from meta_bandit.files import to_json
from meta_bandit.metadata import BANDIT, FORAGING, LICENCE, MANY_ARMS, TREASURE_ROOM, meaning
from meta_bandit.worlds import Foraging, GaussianBandit, ManyArms, TreasureRoom
from meta_bandit.worlds.task import AnyTask

_TEXTS = ("config", "stages")
"""Attributes of a learning curve that hold JSON."""
WORLDS: dict[str, tuple[type[AnyTask], dict[str, Any]]] = {
    "GaussianBandit": (GaussianBandit, BANDIT),
    "Foraging": (Foraging, FORAGING),
    "ManyArms": (ManyArms, MANY_ARMS),
    "TreasureRoom": (TreasureRoom, TREASURE_ROOM),
}
"""Worlds that agents live in, by the names in their files, and what their variables mean."""


@dataclass(frozen=True)
class TrainedAgents:
    """What training made, and from what.

    Attributes
    ----------
    task
        What each agent was trained on, the tasks of any world in `a2c.ROLLOUTS`; shape
        (agents,), or (agents, tasks) for a table each.
    seeds : shape (agents,)
        Where all random numbers of each agent came from.
    config
        How they were trained.
    weights : shape (agents, inputs + 1 + units, 4 units + logits + 1)
        One logit on bandits, one for each action in other worlds. See `network.Ensemble`.
    curve
        What training measured, explained by its attributes; of bandits, over (agent, update),
        means over the lives of the update: ``mean_return`` (the arm's mean
        in place of sampled rewards; under the prior mean of that update), ``risky_pulls``,
        ``entropy``, ``prior_mean``, ``gradient_norm`` (before clipping). Over (agent):
        ``seed``; ``sigma_p``, ``sigma_l``, ``lifetime`` and ``mean`` where it had one task;
        ``diverged_at``, the update at which the agent was stopped because its gradient was no
        longer finite, else -1; and, if that was asked for (`A2CConfig.validation`),
        ``validation_return``, what a life earned at the end: agents with less than 0 never pull
        since; ``last_return``, the same of the last state of training; and ``kept_update``, after
        how many updates the agent was as it is.
    """

    task: Any
    seeds: NDArray[np.uint64]
    config: A2CConfig
    weights: NDArray[np.float32]
    curve: xr.Dataset

    def __getitem__(self, agents: int | NDArray[np.int64]) -> TrainedAgents:
        """Pick agents by their numbers; one number gives an ensemble of one."""
        chosen = np.atleast_1d(agents)
        return TrainedAgents(
            self.task[chosen],
            self.seeds[chosen],
            self.config,
            self.weights[chosen],
            self.curve.isel(agent=chosen),
        )


def save_agents(trained: TrainedAgents, path: Path) -> None:
    """Write trained agents with all that they were made from to one file, atomically.

    Parameters
    ----------
    trained
        The agents.
    path
        The file to make or to replace, in a folder that exists.
    """
    curve = trained.curve
    names = [str(name) for name in curve.data_vars]
    arrays = {f"curve.{name}": curve[name].values for name in names}
    task, world = trained.task, type(trained.task).__name__
    known = WORLDS[world][1]
    about = {
        "title": "Trained agents: weights of LSTM actor-critics, and what they were trained on",
        **LICENCE,
        "layout": layout(task, trained.config),
        "world": world,
        "task": {name: value.tolist() for name, value in task.values.items()},
        "config": asdict(trained.config),
        # as data, not as text within text
        "curve": {name: _parsed(name, value) for name, value in curve.attrs.items()},
        "dims": {name: curve[name].dims for name in names},
        "units": {name: curve[name].attrs for name in names},
        "meanings": {name: meaning(name, known) for name in (*names, *task.values)},
    }
    arrays |= {"weights": trained.weights, "seeds": trained.seeds}
    write_arrays(path, "trained agents", arrays, about)


def load_agents(path: Path) -> TrainedAgents:
    """Read what `save_agents` wrote, of agents of any world.

    Parameters
    ----------
    path
        The file. Where it does not name the world, as older ones, its task's fields tell.

    Raises
    ------
    ValueError
        If the file is missing, truncated or changed, holds something else, or its parts do not fit
        together; the message names the file and what is wrong.
    """
    arrays, about = read_arrays(path, "trained agents")
    try:
        config = A2CConfig(**about["config"])
        task = _world(about)(**about["task"])
        dims, units = about["dims"], about["units"]
        attributes = {
            name: to_json(value) if name in _TEXTS and not isinstance(value, str) else value
            for name, value in about["curve"].items()
        }
        sizes = {"agent": task.shape[0], "update": config.updates}
        expected = {
            f"curve.{name}": np.empty([sizes[dim] for dim in over], arrays[f"curve.{name}"].dtype)
            for name, over in dims.items()
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: its description is not of trained agents ({error})") from None
    told = Told(task, config, "cpu")
    rows, columns = told.inputs + 1 + config.units, 4 * config.units + told.logits + 1
    expected["weights"] = np.empty((sizes["agent"], rows, columns), np.float32)
    expected["seeds"] = np.empty(sizes["agent"], np.uint64)
    check_arrays(path, arrays, expected)
    curve = xr.Dataset(coords={"update": np.arange(config.updates)}, attrs=attributes)
    for name, over in dims.items():
        curve[name] = (tuple(over), arrays[f"curve.{name}"], units[name])
    return TrainedAgents(task, arrays["seeds"], config, arrays["weights"], curve)


def _world(about: dict[str, Any]) -> type[Any]:
    """Find the world that a file's task belongs to, by its name or its fields."""
    for name, (world, _) in WORLDS.items():
        named = {field.name for field in fields(cast("Any", world))} == about["task"].keys()
        if named and about.get("world", name) == name:
            return world
    raise ValueError(f"a task of {', '.join(about['task'])}: of no world that is known")


def _parsed(name: str, value: object) -> object:
    return json.loads(value) if name in _TEXTS and isinstance(value, str) else value
