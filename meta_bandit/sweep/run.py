"""Running a sweep: in parallel, resumably, to one file."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from numpy.typing import NDArray
from tqdm import tqdm

from meta_bandit import __version__
from meta_bandit.agents import save_agents
from meta_bandit.files import only_one, write_atomically
from meta_bandit.metadata import earlier_seconds, made_now
from meta_bandit.sweep.chunk import split, train_chunk
from meta_bandit.sweep.cluster import connect, describe, survey, train_on_cluster
from meta_bandit.sweep.grid import Cell, Sweep, identify, name_cells
from meta_bandit.sweep.results import assemble, gather_agents, read_netcdf, to_netcdf


def run_sweep(
    sweep: Sweep,
    out: Path,
    device: str = "auto",
    workers: int = 1,
    progress: bool = True,
    every: float = 30.0,
    dask: str | None = None,
    weights: Path | None = None,
) -> xr.Dataset:
    """Train and measure every cell, and write one dataset.

    While it runs, a folder beside the output (its name and ``.parts``) keeps what is finished and
    the checkpoints of what is not. After a stop of any kind, the same call goes on from there.

    Parameters
    ----------
    sweep
        What to train.
    out
        NetCDF file to make. If it already holds this sweep, it is only read.
    device
        ``"cpu"``, ``"cuda"``, or ``"auto"``: CUDA where there is one.
    workers
        Processes: for training on CPUs; beside a GPU, for measuring. Not used with ``dask``.
    progress
        Show a bar where standard error is a terminal.
    every
        Seconds between two checkpoints of each process, >= 0: the work that a stop can lose.
    dask
        Address of a Dask scheduler whose workers do the work instead, see `cluster`. A worker that
        dies costs the work of its chunk; a stop of this process, that of all unfinished chunks.
    weights
        Also write the trained agents to this file, in the order of ``sweep.agents``, for
        `agents.load_agents`. Their learning curves are in the dataset alone.

    Returns
    -------
    Dataset over (sigma_p, sigma_l, lifetime, seed)
        Of `measure.measure`, for each agent acting greedily: ``expected_return``,
        ``exploration``, ``ends_safe``; beside them ``risky_pulls`` (mean in a life), each with its
        standard error as ``<name>_se``. The same for the agent as it was trained, sampling its
        actions, on the same lives, as ``<name>_sampled`` and ``<name>_sampled_se``;
        ``diverged_at`` (update, -1 if never); learning curves over ``update``
        (``curve_return``, ``curve_risky_pulls``, ``curve_entropy``), under the prior mean and with
        the sampling of training. For each task: ``optimal_pulls`` and ``commit_value`` (the best
        committed plan), ``bayes_value`` and ``bayes_error``. Attributes say where it came from.

    Raises
    ------
    ValueError
        If the device, the number of workers or the cluster is not valid, or the output or its
        folder is of something else.
    """
    started = time.perf_counter()
    if workers < 1:
        raise ValueError(f"workers = {workers}: must be a whole number >= 1")
    if weights is not None and weights.resolve() == out.resolve():
        raise ValueError(f"weights = {weights}: must be another file than that of the dataset")
    if out.exists():
        return _finished(sweep, out, weights)
    with only_one(out), ExitStack() as stack:
        if out.exists():  # since a moment ago
            return _finished(sweep, out, weights)
        if dask is None:
            team = describe(device)
            # beside a GPU one process trains, and all measure
            trainers, measurers = (workers, 1) if team["device"] == "cpu" else (1, workers)
        else:
            client = stack.enter_context(connect(dask))
            team = survey(client, device)
            trainers = workers = len(client.ncores())
        place = team["device"]
        folder = out.with_name(f"{out.name}.parts")
        begun = folder.exists()
        if weights is not None and weights.exists() and not begun:
            raise ValueError(
                f"weights = {weights}: exists, and stays: remove it, or write to another"
            )
        folder.mkdir(parents=True, exist_ok=True)
        before = earlier_seconds(folder / "clock.json", folder.iterdir())
        resumed = any(folder.glob("*.nc")) or any(folder.glob("*.safetensors"))
        cells = sweep.cells
        plan = _plan(sweep, folder, place, trainers, team["free_bytes"])
        chunks = [[cells[i] for i in chunk] for chunk in plan]
        parts = [folder / f"{identify([cell.id for cell in chunk])}.nc" for chunk in chunks]

        made = stack.enter_context(_bar(folder / "progress", chunks, progress))
        missing = {}
        for number, part in enumerate(parts):
            if part.exists():
                made[number] = sweep.config.updates
            else:
                missing[part] = chunks[number]
        if dask is None:

            def job(part: Path) -> Any:
                number, counter = parts.index(part), folder / "progress"
                about = (place, sweep.curve_points, measurers, every, counter, number, os.getpid())
                return delayed(_run_chunk)(missing[part], part, *about)

            _persist(missing, job, trainers)
        else:
            wanted = {part.name: chunk for part, chunk in missing.items()}
            for name, found in train_on_cluster(client, wanted, place, sweep.curve_points):
                write_atomically(folder / name, found)
                made[parts.index(folder / name)] = sweep.config.updates
        trained = [cell for chunk in chunks for cell in chunk]
        dataset = assemble(sweep, trained, parts)
        dataset.attrs |= made_now() | {
            "sweep": json.dumps(asdict(sweep)),
            "config": json.dumps(asdict(sweep.config)),
            "torch": torch.__version__,
            "device": place,
            "device_name": team["device_name"],
            "workers": workers,
            "dask": dask or "none",
            "wall_seconds": before + time.perf_counter() - started,
            "resumed": int(resumed),
        }
        if weights is not None:
            save_agents(gather_agents(sweep, trained, parts, dataset.attrs), weights)
        write_atomically(out, to_netcdf(dataset))
        shutil.rmtree(folder)
    return read_netcdf(out)


def _persist(
    chunks: Mapping[Path, Sequence[Cell]], job: Callable[[Path], Any], workers: int
) -> None:
    """Train chunks in processes, again if one is killed: the others go on from their checkpoints.

    Raises
    ------
    ChildProcessError
        If processes are killed three times and no chunk is finished in between; the message names
        what was being trained.
    """
    failures = 0
    while left := [part for part in chunks if not part.exists()]:
        try:
            for _ in Parallel(workers, batch_size=1, return_as="generator_unordered")(
                map(job, left)
            ):
                pass
        except TerminatedWorkerError:
            still = [part for part in left if not part.exists()]
            failures = failures + 1 if len(still) == len(left) else 1
            if failures == 3:
                # they are begun in their order
                cells = [cell for part in still[:workers] for cell in chunks[part]]
                raise ChildProcessError(
                    f"a process was killed three times (out of memory?) while it trained some of "
                    f"{name_cells(cells)}; what is finished is kept: the same command goes on, "
                    "perhaps with fewer workers"
                ) from None


def _run_chunk(
    cells: Sequence[Cell],
    part: Path,
    device: str,
    curve_points: int,
    measurers: int,
    every: float,
    counter: Path,
    number: int,
    parent: int,
) -> None:
    """Train and measure one chunk, in a process of its own, and write its part."""
    _end_with(parent)
    done = np.memmap(counter, np.int64, "r+")

    def note(update: int) -> None:
        done[number] = update

    checkpoint = part.with_suffix(".safetensors")
    found = train_chunk(cells, device, curve_points, measurers, checkpoint, every, note)
    write_atomically(part, found)
    checkpoint.unlink(missing_ok=True)


@cache
def _end_with(parent: int) -> None:
    """End this process when its parent does; asked again, it does nothing more.

    A killed parent's workers would work on, beside those of the one that comes next.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    if parent != os.getpid():
        threading.Thread(target=watch, daemon=True).start()


def _plan(
    sweep: Sweep, folder: Path, device: str, trainers: int, free_bytes: int
) -> list[list[int]]:
    """Which cells are trained side by side: decided once, and kept in the folder."""
    source = {
        "sweep": asdict(sweep),
        "device": device,
        "torch": torch.__version__,
        "meta_bandit": __version__,
    }
    path = folder / "plan.json"
    if not path.exists():
        plan = {"source": source, "chunks": split(sweep, device, trainers, free_bytes)}
        write_atomically(path, json.dumps(plan).encode())
    damaged = f"{path}: is damaged: remove {folder}"
    try:
        plan = json.loads(path.read_bytes())
        begun: dict[str, Any] = dict(plan["source"])
        chunks: list[list[int]] = plan["chunks"]
        numbers = sorted(chain(*chunks))
    except (KeyError, TypeError, ValueError):
        raise ValueError(damaged) from None
    for name, value in json.loads(json.dumps(source)).items():
        if begun.get(name) != value:
            raise ValueError(
                f"{folder}: was begun with another {name}: finish it as it was begun, remove it, "
                "or write to another file"
            )
    if numbers != list(range(len(sweep.cells))):
        raise ValueError(damaged)
    return chunks


def _finished(sweep: Sweep, out: Path, weights: Path | None) -> xr.Dataset:
    """Read a sweep that is done, and refuse any other file."""
    dataset = read_netcdf(out)
    try:
        same = Sweep.from_json(dataset.attrs["sweep"]) == sweep
    except (KeyError, TypeError, ValueError):
        same = False
    if not same:
        raise ValueError(f"{out}: exists, and holds something else than this sweep")
    if weights is not None and not weights.exists():
        raise ValueError(
            f"weights = {weights}: {out} is finished, and its agents were not kept: write to "
            "another file to train them again"
        )
    # left behind where a kill came between the two
    shutil.rmtree(out.with_name(f"{out.name}.parts"), ignore_errors=True)
    return dataset


@contextmanager
def _bar(path: Path, chunks: Sequence[Sequence[Cell]], show: bool) -> Iterator[NDArray[np.int64]]:
    """Show how far all processes are together; their shared file is yielded as an array."""
    made: NDArray[np.int64] = np.memmap(path, np.int64, "w+", shape=(len(chunks),))
    pulls = [sum(cell.lifetime for cell in chunk) * chunk[0].config.lives for chunk in chunks]
    with tqdm(
        desc=f"{sum(map(len, chunks))} agents",
        total=sum(pulls) * chunks[0][0].config.updates,
        unit="pull",
        unit_scale=True,
        disable=None if show else True,
    ) as bar:
        finished = threading.Event()

        def watch() -> None:
            while not finished.wait(0.5):
                bar.update(int(made @ pulls) - bar.n)

        watcher = threading.Thread(target=watch, daemon=True)
        if not bar.disable:
            watcher.start()
        try:
            yield made
        finally:
            finished.set()
            if not bar.disable:
                watcher.join()
                bar.update(int(made @ pulls) - bar.n)
