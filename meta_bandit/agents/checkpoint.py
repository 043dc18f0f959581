"""Checkpoints: arrays and what they mean in one file, safetensors with JSON in its header.

No file is ever unpickled, so that opening one from elsewhere runs nothing. A file is written whole
or not at all, and read whole or not at all: its header says what it is and holds a digest of the
rest. Random numbers need no place in it: they are a function of the seed and the update (`noise`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from meta_bandit.agents.a2c import Trainer
from meta_bandit.agents.config import A2CConfig
from meta_bandit.files import to_json, write_atomically
from meta_bandit.worlds.task import AnyTask

Arrays = Mapping[str, NDArray[Any]]

VERSION = 1
"""Of the format; a file of another version is refused."""


def write_arrays(path: Path, kind: str, arrays: Arrays, about: Mapping[str, object]) -> None:
    """Write arrays and a description of them to one file, atomically.

    Parameters
    ----------
    path
        The file to make or to replace, in a folder that exists.
    kind
        What the file holds; `read_arrays` must be asked for the same.
    arrays
        By name.
    about
        Anything that JSON can say, and infinite numbers.
    """
    # safetensors writes the memory as it lies there
    whole = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
    description = to_json(about)
    metadata = {
        "format": "meta-bandit",
        "version": str(VERSION),
        "kind": kind,
        "about": description,
        "sha256": _digest(whole, description),
    }
    write_atomically(path, save(whole, metadata))


def read_arrays(path: Path, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what `write_arrays` wrote, all of it.

    Returns
    -------
    arrays, about

    Raises
    ------
    ValueError
        If the file is missing, truncated, changed since, or no such file of this kind and version;
        the message names the file and what is wrong with it.
    """
    try:
        with safe_open(path, "numpy") as stream:
            metadata = stream.metadata() or {}
            arrays = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error})") from None
    except (SafetensorError, TypeError) as error:
        raise ValueError(f"{path}: truncated, or no safetensors file ({error})") from None
    if metadata.get("format") != "meta-bandit":
        raise ValueError(f"{path}: a safetensors file, but not one of meta-bandit's")
    found = (metadata.get("kind"), metadata.get("version"))
    if found != (kind, str(VERSION)):
        raise ValueError(
            f"{path}: holds {found[0]} of format version {found[1]}: "
            f"must be {kind} of version {VERSION}"
        )
    description = metadata.get("about", "")
    if metadata.get("sha256") != _digest(arrays, description):
        raise ValueError(f"{path}: its content does not match its digest: it has been changed")
    about: dict[str, Any] = json.loads(description)
    return arrays, about


def save_progress(
    path: Path, trainer: Trainer, made_from: Mapping[str, object], done: int, seconds: float
) -> None:
    """Write a training run's state after some updates.

    Parameters
    ----------
    path
        The file to make or to replace.
    trainer
        Parameters, state of the optimiser, curves so far.
    made_from
        What the run was made from, see `made_from`.
    done
        Updates made.
    seconds
        Time they took.
    """
    about = {**made_from, "done": done, "seconds": seconds}
    arrays = {name: values.cpu().numpy() for name, values in trainer.state(done).items()}
    write_arrays(path, "a training run", arrays, about)


def load_progress(
    path: Path, trainer: Trainer, made_from: Mapping[str, object]
) -> tuple[int, float]:
    """Put a new trainer where a run stopped.

    Returns
    -------
    done, seconds
        Updates made and the time they took.

    Raises
    ------
    ValueError
        If the file cannot be read, or is of a run with other tasks, seeds, configuration or device,
        or its arrays do not fit; the trainer is then as it was.
    """
    arrays, about = read_arrays(path, "a training run")
    for name, value in made_from.items():
        if about.get(name) != value:
            raise ValueError(
                f"{path}: is of a run with another {name}: {_difference(about.get(name), value)}"
            )
    done, seconds = int(about["done"]), float(about["seconds"])
    expected = trainer.state(done)
    check_arrays(path, arrays, {name: values.cpu().numpy() for name, values in expected.items()})
    for name, values in expected.items():
        values.copy_(torch.from_numpy(arrays[name]))
    return done, seconds


def check_arrays(path: Path, arrays: Arrays, expected: Arrays) -> None:
    """Refuse arrays whose names, shapes or types are not the expected ones.

    Raises
    ------
    ValueError
        The message names the file and the first array that is wrong.
    """
    if arrays.keys() != expected.keys():
        raise ValueError(f"{path}: holds {sorted(arrays)}: must be {sorted(expected)}")
    for name, values in expected.items():
        found = (arrays[name].shape, arrays[name].dtype)
        if found != (values.shape, values.dtype):
            raise ValueError(
                f"{path}: {name} is {found[1]} of shape {found[0]}: "
                f"must be {values.dtype} of shape {values.shape}"
            )


def made_from(
    task: AnyTask,
    seeds: list[int],
    config: A2CConfig,
    device: str,
    initial: NDArray[np.float32] | None = None,
) -> dict[str, object]:
    """Say in JSON's words what decides a run's numbers."""
    full = task.full
    # of a table of tasks a digest, which nobody would read in full
    table = len(task.shape) > 1
    return {
        "task": {name: _sha256(it) if table else it.tolist() for name, it in full.items()},
        "seeds": seeds,
        "config": asdict(config),
        # the last bits of its numbers are the device's own
        "device": device,
        # a digest says enough to refuse other weights; without any, files have no such entry
        "initial": None if initial is None else _sha256(initial),
    }


def _sha256(values: NDArray[Any]) -> str:
    return hashlib.sha256(values.tobytes()).hexdigest()


def _digest(arrays: Arrays, description: str) -> str:
    """SHA-256 of the description and of all arrays with their names, shapes and types."""
    digest = hashlib.sha256(description.encode())
    for name, values in sorted(arrays.items()):
        digest.update(f"{name} {values.dtype} {values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _difference(found: object, wanted: object) -> str:
    """Name what differs, field by field where there are fields."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        names = [name for name in wanted if found.get(name) != wanted[name]]
        return ", ".join(f"{name} = {found.get(name)!r}, not {wanted[name]!r}" for name in names)
    return f"{found!r}, not {wanted!r}"
