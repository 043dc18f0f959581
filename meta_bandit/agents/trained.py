"""Trained agents: what training made, and from what; saved and loaded without pickle."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, cast

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit.agents.a2c import Trainer
from meta_bandit.agents.checkpoint import check_arrays, read_arrays, write_arrays
from meta_bandit.agents.config import A2CConfig
from meta_bandit.agents.layout import layout
from meta_bandit.agents.learner import Learner
from meta_bandit.metadata import BANDIT, FORAGING, LICENCE, MANY_ARMS, meaning

_TEXTS = ("config", "stages")
"""Attributes of a learning curve that hold JSON."""


@dataclass(frozen=True)
class TrainedAgents:
    """What training made, and from what.

    Attributes
    ----------
    task
        What each agent was trained on, a `GaussianBandit` or the task of another world; shape
        (agents,), or (agents, tasks) for a table each.
    seeds : shape (agents,)
        Where all random numbers of each agent came from.
    config
        How they were trained.
    weights : shape (agents, inputs + 1 + units, 4 units + 2)
        See `network.Ensemble`.
    curve
        Over (agent, update), means over the lives of the update: ``mean_return`` (the arm's mean
        in place of sampled rewards; under the prior mean of that update), ``risky_pulls``,
        ``entropy``, ``prior_mean``, ``gradient_norm`` (before clipping). Over (agent):
        ``seed``; ``sigma_p``, ``sigma_l``, ``lifetime`` and ``mean`` where it had one task; and
        ``diverged_at``, the update at which the agent was stopped because its gradient was no
        longer finite, else -1.
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
    task = trained.task
    known = FORAGING if "far" in task.values else MANY_ARMS if "arms" in task.values else BANDIT
    about = {
        "title": "Trained agents: weights of LSTM actor-critics, and what they were trained on",
        **LICENCE,
        "layout": layout(task, trained.config, trained.weights.shape),
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


def load_agents(path: Path, learner: type[Learner] = Trainer) -> TrainedAgents:
    """Read what `save_agents` wrote.

    Parameters
    ----------
    path
        The file.
    learner
        The world that the agents live in.

    Raises
    ------
    ValueError
        If the file is missing, truncated or changed, holds something else, or its parts do not fit
        together; the message names the file and what is wrong.
    """
    arrays, about = read_arrays(path, "trained agents")
    try:
        if about["task"].keys() != {field.name for field in fields(cast("Any", learner.kind))}:
            raise ValueError(f"a task of {', '.join(about['task'])}: they live in another world")
        config = A2CConfig(**about["config"])
        task = learner.kind(**about["task"])
        dims, units = about["dims"], about["units"]
        attributes = {
            name: json.dumps(value) if name in _TEXTS and not isinstance(value, str) else value
            for name, value in about["curve"].items()
        }
        sizes = {"agent": task.shape[0], "update": config.updates}
        expected = {
            f"curve.{name}": np.empty([sizes[dim] for dim in over], arrays[f"curve.{name}"].dtype)
            for name, over in dims.items()
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: its description is not of trained agents ({error})") from None
    rows = learner.inputs(task, config) + 1 + config.units
    columns = 4 * config.units + learner.answers(task, config) + 1
    expected["weights"] = np.empty((sizes["agent"], rows, columns), np.float32)
    expected["seeds"] = np.empty(sizes["agent"], np.uint64)
    check_arrays(path, arrays, expected)
    curve = xr.Dataset(coords={"update": np.arange(config.updates)}, attrs=attributes)
    for name, over in dims.items():
        curve[name] = (tuple(over), arrays[f"curve.{name}"], units[name])
    return TrainedAgents(task, arrays["seeds"], config, arrays["weights"], curve)


def _parsed(name: str, value: object) -> object:
    return json.loads(value) if name in _TEXTS and isinstance(value, str) else value
