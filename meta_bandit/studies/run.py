"""Running a study: in parallel, resumably, to one file, with the agents beside it."""

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
from meta_bandit.files import find_place, only_one, to_json, write_atomically
from meta_bandit.metadata import earlier_seconds, made_now
from meta_bandit.studies.cluster import connect, describe, survey, train_on_cluster
from meta_bandit.studies.results import read_netcdf, to_netcdf
from meta_bandit.studies.study import Chunk, Study, Team, identify


def run(
    study: Study,
    out: Path,
    device: str = "auto",
    workers: int = 1,
    progress: bool = True,
    every: float = 30.0,
    dask: str | None = None,
    weights: bool | None = None,
) -> xr.Dataset:
    """Train and measure all agents of a study, and write one dataset.

    While it runs, a folder beside the output (its name and ``.parts``) keeps what is finished and
    the checkpoints of what is not. After a stop of any kind, the same call goes on from there, and
    ends with the same numbers.

    Parameters
    ----------
    study
        What to train.
    out
        NetCDF file to make. If it already holds this study, it is only read.
    device
        See `agents.train`.
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
        Also write the trained agents, beside the dataset (`Study.files`), for
        `agents.load_agents`; by default as the study says. Their learning curves are in the
        dataset alone.

    Returns
    -------
    Dataset
        What the study's ``lay_out`` gives. Attributes say where it came from.

    Raises
    ------
    ValueError
        If the device, the number of workers or the cluster is not valid, or the output, what goes
        beside it or its folder is of something else.
    """
    started = time.perf_counter()
    if workers < 1:
        raise ValueError(f"workers = {workers}: must be a whole number >= 1")
    files = study.files(out) if (study.keep if weights is None else weights) else {}
    if out in files.values():
        raise ValueError(f"out = {out}: must not end in .safetensors: that is for the agents")
    if out.exists():
        return _finished(study, out, files)
    with only_one(out), ExitStack() as stack:
        if out.exists():  # since a moment ago
            return _finished(study, out, files)
        if dask is None:
            crew = describe(device)
            # beside a GPU one process trains, and all measure
            trainers, measurers = (workers, 1) if crew["device"] != "cuda" else (1, workers)
        else:
            client = stack.enter_context(connect(dask))
            crew = survey(client, device)
            trainers = workers = len(client.ncores())
        place = crew["device"]
        folder = out.with_name(f"{out.name}.parts")
        if not folder.exists():
            for path in filter(Path.exists, files.values()):
                raise ValueError(f"{path}: exists, and stays: remove it, or write to another")
        for path in files.values():  # one may be a link to elsewhere
            find_place(path, "weights")
        folder.mkdir(parents=True, exist_ok=True)
        before = earlier_seconds(folder / "clock.json", folder.iterdir())
        resumed = any(folder.glob("*.nc")) or any(folder.glob("*.safetensors"))
        chunks = _plan(study, folder, place, trainers, crew["free_bytes"])
        teams = [study.team(chunk) for chunk in chunks]
        name = identify(study.settings)
        parts = [folder / f"{identify([name, chunk])}.nc" for chunk in chunks]

        made = stack.enter_context(_bar(folder / "progress", teams, progress))
        missing = {}
        for number, part in enumerate(parts):
            if part.exists():
                made[number] = teams[number].updates
            else:
                missing[part] = chunks[number]
        if dask is None:

            def job(part: Path) -> Any:
                number, counter = parts.index(part), folder / "progress"
                about = (place, measurers, every, counter, number, os.getpid())
                return delayed(_run_chunk)(study, missing[part], part, *about)

            _persist(study, missing, job, trainers)
        else:
            wanted = {part.name: chunk for part, chunk in missing.items()}
            for name, found in train_on_cluster(client, study, wanted, place):
                write_atomically(folder / name, found)
                number = parts.index(folder / name)
                made[number] = teams[number].updates
        measured, seconds = _collect(chunks, parts)
        dataset = study.lay_out(measured.drop_dims(["row", "column"]))
        dataset.attrs |= made_now() | {
            "study": to_json(study.settings),
            "config": to_json(asdict(teams[0].stages[-1])),
            "torch": torch.__version__,
            "device": place,
            "device_name": crew["device_name"],
            "workers": workers,
            "dask": dask or "none",
            "training_seconds": seconds,
            "wall_seconds": before + time.perf_counter() - started,
            "wall_seconds_comment": "of all sessions, measuring included",
            "resumed": int(resumed),
        }
        if files:
            for name, agents in study.agents(measured, dataset.attrs).items():
                save_agents(agents, files[name])
        write_atomically(out, to_netcdf(dataset))
        shutil.rmtree(folder)
    return read_netcdf(out)


def _collect(chunks: Sequence[Chunk], parts: Sequence[Path]) -> tuple[xr.Dataset, float]:
    """Read what was measured, and how long training took; agents in the order of the cells."""
    loaded = [read_netcdf(part) for part in parts]
    whole = xr.concat(
        loaded,
        "agent",
        join="outer",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        combine_attrs="override",
    )
    seconds = sum(part.attrs["seconds"] for part in loaded)
    return whole.isel(agent=np.argsort(list(chain(*chunks)))), seconds


def _persist(
    study: Study, chunks: Mapping[Path, Chunk], job: Callable[[Path], Any], workers: int
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
                those = study.team([number for part in still[:workers] for number in chunks[part]])
                raise ChildProcessError(
                    f"a process was killed three times (out of memory?) while it trained some of "
                    f"{those}; what is finished is kept: the same command goes on, "
                    "perhaps with fewer workers"
                ) from None


def _run_chunk(
    study: Study,
    chunk: Chunk,
    part: Path,
    device: str,
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
    found = study.train(chunk, device, measurers, checkpoint, every, note)
    write_atomically(part, found)
    for path in part.parent.glob(f"{checkpoint.name}*"):
        path.unlink()


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


def _plan(study: Study, folder: Path, device: str, trainers: int, free_bytes: int) -> list[Chunk]:
    """Which cells are trained side by side: decided once, and kept in the folder."""
    source = {
        "study": study.settings,
        "device": device,
        "torch": torch.__version__,
        "meta_bandit": __version__,
    }
    path = folder / "plan.json"
    if not path.exists():
        plan = {"source": source, "chunks": study.chunks(device, trainers, free_bytes)}
        write_atomically(path, to_json(plan))
    damaged = f"{path}: is damaged: remove {folder}"
    try:
        plan = json.loads(path.read_bytes())
        begun: dict[str, Any] = dict(plan["source"])
        chunks: list[Chunk] = [list(chunk) for chunk in plan["chunks"]]
        numbers = sorted(chain(*chunks))
    except (KeyError, TypeError, ValueError):
        raise ValueError(damaged) from None
    for name, value in json.loads(json.dumps(source)).items():
        if begun.get(name) != value:
            raise ValueError(
                f"{folder}: was begun with another {name}: finish it as it was begun, remove it, "
                "or write to another file"
            )
    if numbers != list(range(len(study.cells))):
        raise ValueError(damaged)
    return chunks


def _finished(study: Study, out: Path, files: Mapping[str, Path]) -> xr.Dataset:
    """Read a study that is done, and refuse any other file."""
    dataset = read_netcdf(out)
    if not study.is_in(dataset, out):
        raise ValueError(f"{out}: exists, and holds something else than this study")
    for path in files.values():
        if not path.exists():
            raise ValueError(
                f"{path}: is not there: {out} is finished, and its agents were not kept: write to "
                "another file to train them again"
            )
    # left behind where a kill came between the two
    shutil.rmtree(out.with_name(f"{out.name}.parts"), ignore_errors=True)
    return dataset


@contextmanager
def _bar(path: Path, teams: Sequence[Team], show: bool) -> Iterator[NDArray[np.int64]]:
    """Show how far all processes are together; their shared file is yielded as an array."""
    made: NDArray[np.int64] = np.memmap(path, np.int64, "w+", shape=(len(teams),))
    pulls = [team.pulls for team in teams]
    with tqdm(
        desc=f"{sum(len(team.seeds) for team in teams)} agents",
        total=sum(team.pulls * team.updates for team in teams),
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
