"""What a study is: which agents are trained, in which teams, how they are measured and laid out."""

from __future__ import annotations

import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from meta_bandit.agents import A2CConfig, TrainedAgents, train
from meta_bandit.studies.results import to_netcdf
from meta_bandit.worlds.task import AnyTask

Chunk = Sequence[int]
"""Cells whose agents one process trains side by side, by their numbers."""
SIDE_BY_SIDE = 25
"""Agents that one CPU process trains at once; more are hardly faster, and finish later."""
CPU_BYTES = 2**29
"""Memory that the agents of one CPU process may take: two processes stay under 2 GB in all."""
CUDA_SHARE = 0.7
"""Share of a GPU's free memory that agents may take."""


@dataclass(frozen=True)
class Team:
    """Agents that are trained side by side.

    Attributes
    ----------
    task : shape (agents,) or (agents, tasks)
        What they live in, see `agents.train`.
    seeds : length agents
        Where their random numbers come from.
    stages
        How they are trained: each stage begins with the weights that the one before it ended with.
    """

    task: AnyTask
    seeds: Sequence[int]
    stages: tuple[A2CConfig, ...]

    def __str__(self) -> str:
        """Name the agents by what they live in."""
        labels = {**self.task.full, "seed": np.array(self.seeds)}
        said = "; ".join(f"{name} = {_range(values)}" for name, values in labels.items())
        return f"{len(self.seeds)} agents ({said})"

    @property
    def pulls(self) -> int:
        """Pulls of all agents in an update."""
        lifetimes = np.broadcast_to(self.task.lifetime, self.task.shape)
        each = lifetimes.reshape(len(self.seeds), -1).mean(axis=1)
        return round(float(each.sum())) * self.stages[0].lives

    @property
    def updates(self) -> int:
        """Updates of all stages."""
        return sum(config.updates for config in self.stages)

    def train(
        self,
        device: str = "auto",
        progress: bool | Callable[[int], None] = True,
        checkpoint: Path | None = None,
        every: float = 30.0,
    ) -> TrainedAgents:
        """Train the agents through all stages.

        Parameters
        ----------
        device, every
            See `agents.train`.
        progress
            Show a bar; or a function, called with the number of updates made in all stages.
        checkpoint
            File that holds the state, beside it one of every later stage (``.1``, ``.2``, ...):
            after a stop of any kind the same call goes on from there.

        Returns
        -------
        TrainedAgents
            Its config is that of the last stage; its curve's ``seconds`` are those of all.
        """
        initial: NDArray[np.float32] | None = None
        seconds, before = 0.0, 0
        for number, config in enumerate(self.stages):
            name = checkpoint and f"{checkpoint.name}{f'.{number}' if number else ''}"
            trained = train(
                self.task,
                self.seeds,
                config,
                device,
                _counted(progress, before) if callable(progress) else progress,
                checkpoint=checkpoint and checkpoint.with_name(str(name)),
                every=every,
                initial=initial,
            )
            initial = trained.weights
            seconds, before = seconds + trained.curve.attrs["seconds"], before + config.updates
        trained.curve.attrs["seconds"] = seconds
        return trained


def _counted(note: Callable[[int], None], before: int) -> Callable[[int], None]:
    return lambda update: note(before + update)


def _range(values: NDArray[Any]) -> str:
    found = np.unique(values)
    if len(found) > 10:
        return f"{found[0]:g} to {found[-1]:g}"
    return ", ".join(f"{value:g}" for value in found)


@dataclass(frozen=True, kw_only=True)
class Study(ABC):
    """What is trained, and what becomes of it; each kind says how.

    Two studies are equal if they have the same numbers.

    Attributes
    ----------
    keep
        The trained agents are stored, too, beside the dataset; this changes no number.
    """

    keep: bool = field(default=False, compare=False)

    @property
    @abstractmethod
    def cells(self) -> Sequence[Any]:
        """What makes each agent; those that can be trained side by side follow one another."""

    @abstractmethod
    def team(self, chunk: Chunk) -> Team:
        """The agents of some cells, by their numbers."""

    @abstractmethod
    def measure(self, chunk: Chunk, trained: TrainedAgents, processes: int) -> xr.Dataset:
        """Measure trained agents, those of these cells: over ``agent`` and whatever else."""

    @abstractmethod
    def lay_out(self, measured: xr.Dataset) -> xr.Dataset:
        """Make the study's dataset of what was measured of all cells, in their order."""

    def labels(self, cell: Any) -> Mapping[str, Any]:
        """What an agent's numbers follow from, by names."""
        return dict(vars(cell))

    def rosters(self) -> dict[str, list[int]]:
        """Files of agents: what their names end in, and whose agents, in which order."""
        return {"": list(range(len(self.cells)))}

    @property
    def settings(self) -> dict[str, Any]:
        """All that the numbers follow from, as JSON can say it."""
        return {name: value for name, value in asdict(self).items() if name != "keep"}

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read settings back; one that is newer than the text has its default."""
        values = {name: _tuples(value) for name, value in json.loads(text).items()}
        return cls(**{**values, "config": A2CConfig(**values["config"])})

    def is_in(self, dataset: xr.Dataset, out: Path) -> bool:
        """Tell whether a stored dataset, read from that file, is of this study."""
        try:
            # older files of a grid call it a sweep
            text = dataset.attrs.get("study") or dataset.attrs["sweep"]
            return self.from_json(text) == self
        except (KeyError, TypeError, ValueError):
            return False

    def files(self, out: Path) -> dict[str, Path]:
        """Where the trained agents go: beside the dataset, by what the names end in."""
        return {name: out.with_name(f"{out.stem}{name}.safetensors") for name in self.rosters()}

    def train(
        self,
        chunk: Chunk,
        device: str,
        processes: int = 1,
        checkpoint: Path | None = None,
        every: float = 30.0,
        note: Callable[[int], None] | None = None,
    ) -> bytes:
        """Train and measure the agents of some cells, side by side.

        Parameters
        ----------
        chunk
            Which cells.
        device
            ``"cpu"`` or ``"cuda"``.
        processes
            For measuring.
        checkpoint, every
            See `Team.train`.
        note
            Called with the number of updates made after each.

        Returns
        -------
        bytes
            What was measured of them, and their weights, as a NetCDF file.
        """
        trained = self.team(chunk).train(device, note or False, checkpoint, every)
        part = self.measure(chunk, trained, processes)
        part = part.assign(diverged_at=trained.curve.diverged_at.variable)
        # numbered, so that agents of other sizes may stand beside these
        rows, columns = map(np.arange, trained.weights.shape[1:])
        place = {"row": rows, "column": columns}
        part["weights"] = xr.DataArray(trained.weights, place, ("agent", "row", "column"))
        part.attrs = {"seconds": trained.curve.attrs["seconds"]}
        return to_netcdf(part)

    def chunks(self, device: str, trainers: int, free_bytes: int) -> list[list[int]]:
        """Split cells into chunks: as many side by side as memory holds, evenly over processes.

        Parameters
        ----------
        device
            ``"cpu"`` or ``"cuda"``.
        trainers
            Processes that train at the same time.
        free_bytes
            Free memory of each one's GPU; not used on a CPU.

        Returns
        -------
        list of chunks, each the numbers of its cells
            Of one lifetime and configuration.
        """
        cells, chunks = self.cells, []
        for (lifetime, config), alike in groupby(
            range(len(cells)), lambda number: (cells[number].lifetime, cells[number].config)
        ):
            numbers, most = [*alike], agents_that_fit(lifetime, config, device, free_bytes)
            rounds = math.ceil(len(numbers) / (most * trainers))
            count = min(len(numbers), rounds * trainers)
            chunks += [chunk.tolist() for chunk in np.array_split(numbers, count)]
        return chunks

    def agents(self, measured: xr.Dataset, about: Mapping[str, Any]) -> dict[str, TrainedAgents]:
        """Gather the trained agents for each of the files.

        Parameters
        ----------
        measured
            Of all cells, in their order, with their ``weights`` and ``diverged_at``.
        about
            What is said of the dataset; where the agents come from is said of them, too.
        """
        found = {}
        for name, numbers in self.rosters().items():
            team, own = self.team(numbers), measured.isel(agent=numbers)
            seeds, config = np.array(team.seeds, dtype=np.uint64), team.stages[-1]
            curve = xr.Dataset(coords={"update": np.arange(config.updates)})
            if len(team.task.shape) == 1:
                curve = curve.assign({key: ("agent", at) for key, at in team.task.full.items()})
            curve["seed"] = "agent", seeds
            curve["diverged_at"] = "agent", own.diverged_at.values.astype(np.int64)
            curve.attrs = provenance(about)
            # NetCDF 3 keeps its numbers with the most significant byte first
            weights = own.weights.dropna("row", how="all").dropna("column", how="all")
            weights = weights.values.astype(np.float32)
            found[name] = TrainedAgents(team.task, seeds, config, weights, curve)
        return found


def provenance(about: Mapping[str, Any]) -> dict[str, Any]:
    """Of what is said of a dataset, where the agents come from as well."""
    names = ("meta_bandit", "commit", "date", "torch", "device", "device_name", "workers", "dask")
    times = ("training_seconds", "wall_seconds", "resumed")
    return {name: about[name] for name in (*names, *times) if name in about}


def thin(curve: xr.DataArray, points: int) -> xr.DataArray:
    """Means over equal stretches of a learning curve, labelled by the updates then made."""
    bounds = np.unique(np.linspace(0, curve.sizes["update"], points + 1).round().astype(int))
    values = curve.transpose("agent", "update").values.astype(np.float64)
    total = np.add.reduceat(values, bounds[:-1], axis=1)
    return xr.DataArray(
        total / np.diff(bounds), {"update": bounds[1:]}, ("agent", "update"), attrs=curve.attrs
    )


def identify(settings: object) -> str:
    """Hash settings: 16 hexadecimal digits of the SHA-256 of their canonical JSON."""
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def agents_that_fit(lifetime: int, config: A2CConfig, device: str, free_bytes: int) -> int:
    """Agents that one process may train at once, at least one."""
    each = agent_bytes(lifetime, config)
    if device == "cuda":
        return max(1, int(CUDA_SHARE * free_bytes / each))
    return max(1, min(SIDE_BY_SIDE, CPU_BYTES // each))


def agent_bytes(lifetime: int, config: A2CConfig) -> int:
    """Memory of one agent's training, nearly all of it for the pulls of the lives of an update.

    Of float32 numbers a pull keeps 7 for each unit (output, four gates, cell, its tanh) and, with
    inputs, heads, random numbers and what is made of them for the loss, some 32 more.
    """
    return 4 * lifetime * config.lives * (7 * config.units + 32)


def free_memory(device: str) -> int:
    """Free bytes of this process's GPU; 0 on a CPU, where nobody asks."""
    return int(torch.cuda.mem_get_info()[0]) if device == "cuda" else 0


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
