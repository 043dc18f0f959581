"""Studies on several machines: chunks trained by the workers of a Dask cluster.

What a worker finds comes back by value, over the network: it needs the package, at the same
version, but no disk in common with anyone. Whoever runs the study writes each part when it comes.
A worker keeps no checkpoint, since nobody could read it when the worker is gone: Dask gives its
chunk to another one, which begins it anew. The result of a chunk is a function of its cells, and
has one key, so that it counts once however often it was computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from platform import machine
from typing import TYPE_CHECKING, Any

import torch

from meta_bandit import __version__
from meta_bandit.agents.training import resolve_device
from meta_bandit.studies.study import Chunk, Study, free_memory

if TYPE_CHECKING:
    from distributed import Client

PATIENCE = 10.0
"""Seconds to wait for a scheduler's answer."""


@contextmanager
def connect(address: str) -> Iterator[Client]:
    """Connect to a scheduler.

    Parameters
    ----------
    address
        Such as ``tcp://192.168.0.1:8786``.

    Raises
    ------
    ValueError
        If `distributed` is not installed, no scheduler answers, or it has no workers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ValueError(
            f"dask = {address!r}: needs the package distributed: pip install 'meta-bandit[dask]'"
        ) from None
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(
            f"dask = {address!r}: must be the address of a running Dask scheduler, such as "
            f"tcp://192.168.0.1:8786 ({error})"
        ) from None
    with client:
        if not client.ncores():
            raise ValueError(f"dask = {address!r}: this scheduler has no workers; start some first")
        yield client


def describe(device: str) -> dict[str, Any]:
    """Say what this process would train with; workers are asked."""
    place = resolve_device(device)
    return {
        "meta_bandit": __version__,
        "torch": torch.__version__,
        "device": place,
        "device_name": torch.cuda.get_device_name() if place == "cuda" else machine(),
        "free_bytes": free_memory(place),
    }


def survey(client: Client, device: str) -> dict[str, Any]:
    """Ask all workers what they are: one answer, with the least free memory, or an error.

    Raises
    ------
    ValueError
        If workers differ from each other or from this machine in what decides a study's numbers.
    """
    answers: Mapping[str, dict[str, Any]] = client.run(describe, device)
    common = next(iter(answers.values()))
    here = {"meta_bandit": __version__, "torch": torch.__version__}
    for name, expected in {**common, **here}.items():
        for worker, answer in answers.items():
            if answer[name] != expected and name not in ("free_bytes", "device_name"):
                raise ValueError(
                    f"dask: worker {worker} has {name} {answer[name]}: must be {expected}, as "
                    "elsewhere, or results would depend on who computed them"
                )
    return {**common, "free_bytes": min(answer["free_bytes"] for answer in answers.values())}


def train_on_cluster(
    client: Client, study: Study, chunks: Mapping[str, Chunk], device: str
) -> Iterator[tuple[str, bytes]]:
    """Train chunks, by name, on the workers; yields the parts, each once, as they come.

    Raises
    ------
    ChildProcessError
        If Dask gives a chunk up, whose workers died again and again, or the scheduler is gone; the
        message says what was being trained.
    """
    from distributed import KilledWorker, as_completed

    futures = [
        client.submit(study.train, chunk, device, key=name, pure=False, retries=2)
        for name, chunk in chunks.items()
    ]
    left = dict(chunks)
    try:
        for future, part in as_completed(futures, loop=client.loop, with_results=True):
            if future.cancelled():
                break
            yield future.key, part
            future.release()
            del left[future.key]
    except KilledWorker as error:
        name = str(error.task)
        left, what = {name: chunks[name]}, "its workers died (out of memory?)"
    else:
        what = "the scheduler is gone"
    if not left:
        return
    those = study.team([number for chunk in left.values() for number in chunk])
    raise ChildProcessError(
        f"dask: {what} while training {those}; what is finished is kept: the same command goes on"
    )
