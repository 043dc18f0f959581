"""Running a sweep: in parallel, resumably, to one file."""

from __future__ import annotations

import json
import math
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from joblib import Parallel, delayed
from numpy.typing import NDArray
from tqdm import tqdm

from meta_bandit import __version__
from meta_bandit.agents import A2CConfig, train
from meta_bandit.agents.training import resolve_device
from meta_bandit.files import write_atomically
from meta_bandit.sweep.grid import Cell, Sweep, identify
from meta_bandit.sweep.results import assemble, code_commit, measure_cell, thin, to_netcdf
from meta_bandit.task import GaussianBandit

SIDE_BY_SIDE = 25
"""Agents that one CPU process trains at once; more are hardly faster, and finish later."""
CPU_BYTES = 2**29
"""Memory that the agents of one CPU process may take: two processes stay under 2 GB in all."""
CUDA_SHARE = 0.7
"""Share of a GPU's free memory that agents may take."""


def run_sweep(
    sweep: Sweep,
    out: Path,
    device: str = "auto",
    workers: int = 1,
    progress: bool = True,
    every: float = 30.0,
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
        Processes: for training on CPUs; beside a GPU, for measuring.
    progress
        Show a bar where standard error is a terminal.
    every
        Seconds between two checkpoints of each process, >= 0: the work that a stop can lose.

    Returns
    -------
    Dataset over (sigma_p, sigma_l, lifetime, seed)
        Of `measure.measure`, for each agent: ``expected_return``, ``exploration``, ``ends_safe``;
        beside them ``risky_pulls`` (mean in a life), each with its standard error as
        ``<name>_se``; ``diverged_at`` (update, -1 if never); learning curves over ``update``
        (``curve_return``, ``curve_risky_pulls``, ``curve_entropy``), under the prior mean and with
        the sampling of training. For each task: ``optimal_pulls`` and ``commit_value`` (the best
        committed plan), ``bayes_value`` and ``bayes_error``. Attributes say where it came from.

    Raises
    ------
    ValueError
        If the device or the number of workers is not valid, or the output or its folder is of
        something else.
    """
    started = time.perf_counter()
    place = resolve_device(device).type
    if workers < 1:
        raise ValueError(f"workers = {workers}: must be a whole number >= 1")
    if out.exists():
        return _finished(sweep, out)
    folder = out.with_name(f"{out.name}.parts")
    folder.mkdir(parents=True, exist_ok=True)
    cells = sweep.cells
    chunks = [[cells[i] for i in chunk] for chunk in _plan(sweep, folder, place, workers)]
    parts = [folder / f"{identify([cell.id for cell in chunk])}.nc" for chunk in chunks]
    resumed = any(folder.glob("*.nc")) or any(folder.glob("*.safetensors"))

    trainers, measurers = (workers, 1) if place == "cpu" else (1, workers)
    with _bar(folder / "progress", chunks, progress) as counter:
        jobs = (
            delayed(_run_chunk)(
                chunk,
                part,
                place,
                measurers,
                sweep.curve_points,
                every,
                counter,
                number,
                os.getpid(),
            )
            for number, (chunk, part) in enumerate(zip(chunks, parts, strict=True))
        )
        for _ in Parallel(n_jobs=trainers, batch_size=1, return_as="generator_unordered")(jobs):
            pass
    dataset = assemble(sweep, [cell for chunk in chunks for cell in chunk], parts)
    dataset.attrs |= {
        "sweep": json.dumps(asdict(sweep)),
        "config": json.dumps(asdict(sweep.config)),
        "meta_bandit": __version__,
        "commit": code_commit(),
        "torch": torch.__version__,
        "device": place,
        "device_name": torch.cuda.get_device_name() if place == "cuda" else "",
        "workers": workers,
        "wall_seconds": time.perf_counter() - started,
        "resumed": int(resumed),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_atomically(out, to_netcdf(dataset))
    shutil.rmtree(folder)
    return xr.load_dataset(out, engine="scipy")


def _run_chunk(
    cells: Sequence[Cell],
    part: Path,
    device: str,
    measurers: int,
    curve_points: int,
    every: float,
    counter: Path,
    number: int,
    parent: int,
) -> None:
    """Train and measure some cells of one lifetime, in a process of its own; write their part."""
    _end_with(parent)
    done = np.memmap(counter, np.int64, "r+")

    def note(update: int) -> None:
        done[number] = update

    if part.exists():
        note(cells[0].config.updates)
        return
    checkpoint = part.with_suffix(".safetensors")
    task = GaussianBandit(
        [cell.sigma_p for cell in cells],
        [cell.sigma_l for cell in cells],
        [cell.lifetime for cell in cells],
        [cell.mean for cell in cells],
    )
    seeds = [cell.seed for cell in cells]
    trained = train(task, seeds, cells[0].config, device, note, 1, checkpoint, every)
    measured = Parallel(n_jobs=measurers)(
        delayed(measure_cell)(cell, trained[agent]) for agent, cell in enumerate(cells)
    )
    curve = trained.curve.rename(agent="cell")
    dataset = xr.concat(measured, "cell").assign(diverged_at=curve.diverged_at)
    dataset = dataset.merge(thin(curve, curve_points))
    dataset.attrs = {"seconds": trained.curve.attrs["seconds"]}
    write_atomically(part, to_netcdf(dataset))
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


def _plan(sweep: Sweep, folder: Path, device: str, workers: int) -> list[list[int]]:
    """Which cells are trained side by side: decided once, and kept in the folder."""
    source = {
        "sweep": asdict(sweep),
        "device": device,
        "torch": torch.__version__,
        "meta_bandit": __version__,
    }
    path = folder / "plan.json"
    if not path.exists():
        plan = {"source": source, "chunks": _split(sweep, device, workers)}
        write_atomically(path, json.dumps(plan).encode())
    plan = json.loads(path.read_bytes())
    for name, value in json.loads(json.dumps(source)).items():
        if plan["source"].get(name) != value:
            raise ValueError(
                f"{folder}: was begun with another {name}: finish it as it was begun, remove it, "
                "or write to another file"
            )
    chunks: list[list[int]] = plan["chunks"]
    return chunks


def _split(sweep: Sweep, device: str, workers: int) -> list[list[int]]:
    """Split cells into ensembles of one lifetime: as many as memory holds, evenly over workers."""
    numbers = np.arange(len(sweep.cells)).reshape(len(sweep.lifetime), -1)
    chunks: list[list[int]] = []
    for lifetime, cells in zip(sweep.lifetime, numbers, strict=True):
        agent_bytes = _agent_bytes(lifetime, sweep.config)
        if device == "cuda":
            free, _ = torch.cuda.mem_get_info()
            count = math.ceil(len(cells) / max(1, int(CUDA_SHARE * free / agent_bytes)))
        else:
            most = max(1, min(SIDE_BY_SIDE, CPU_BYTES // agent_bytes))
            rounds = math.ceil(len(cells) / (most * workers))
            count = min(len(cells), rounds * workers)
        chunks += [chunk.tolist() for chunk in np.array_split(cells, count)]
    return chunks


def _agent_bytes(lifetime: int, config: A2CConfig) -> int:
    """Memory of one agent's training, nearly all of it for the pulls of the lives of an update.

    Of float32 numbers a pull keeps 7 for each unit (output, four gates, cell, its tanh) and, with
    inputs, heads, random numbers and what is made of them for the loss, some 32 more.
    """
    return 4 * lifetime * config.lives * (7 * config.units + 32)


def _finished(sweep: Sweep, out: Path) -> xr.Dataset:
    """Read a sweep that is done, and refuse any other file."""
    try:
        dataset = xr.load_dataset(out, engine="scipy")
    except (OSError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f"{out}: exists, and is no NetCDF 3 file ({error})") from None
    if dataset.attrs.get("sweep") != json.dumps(asdict(sweep)):
        raise ValueError(f"{out}: exists, and holds something else than this sweep")
    # left behind where a kill came between the two
    shutil.rmtree(out.with_name(f"{out.name}.parts"), ignore_errors=True)
    return dataset


@contextmanager
def _bar(path: Path, chunks: Sequence[Sequence[Cell]], show: bool) -> Iterator[Path]:
    """Show how far all processes are together; they say so in a shared file, which is yielded."""
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
            yield path
        finally:
            finished.set()
            if not bar.disable:
                watcher.join()
                bar.update(int(made @ pulls) - bar.n)
