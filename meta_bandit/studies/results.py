"""Stored datasets: how they are written and read, and those that the book keeps."""

from __future__ import annotations

import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import xarray as xr

from meta_bandit.agents import TrainedAgents, load_agents

RESULTS = Path(__file__).parents[2] / "book" / "results"
"""What the book keeps."""
BENCHMARKS = Path(__file__).parents[2] / "benchmarks" / "results"
"""What benchmarks have measured."""
READ: set[Path] = set()
"""Files that the book keeps and that this process asked for, also of such as are not there yet.

What a chapter shows follows from them, however their names were made: `book.run` takes note.
"""
_DIGEST = re.compile(rb"(sha256\0\0\0\0\0\x02\0\0\0\x40)([0-9a-f]{64})")
"""The attribute of the digest in a NetCDF 3 file: name, type, length, text."""


def to_netcdf(dataset: xr.Dataset) -> bytes:
    """NetCDF 3 by SciPy: any tool reads it, and it needs no library of its own.

    Its attribute ``sha256`` is the digest of the whole file with 64 times the digit 0 in its place.
    """
    blank = dataset.assign_attrs(sha256="0" * 64)
    content = bytes(blank.to_netcdf(engine="scipy", format="NETCDF3_64BIT"))
    digest = hashlib.sha256(content).hexdigest().encode()
    return _DIGEST.sub(rb"\g<1>" + digest, content, count=1)


def read_netcdf(path: Path) -> xr.Dataset:
    """Read what `to_netcdf` made, or any other NetCDF 3 file.

    Raises
    ------
    ValueError
        If it cannot be read, is no such file, or was changed since it was made.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    found = _DIGEST.search(content)
    if found:
        blank = content[: found.start(2)] + b"0" * 64 + content[found.end(2) :]
        if hashlib.sha256(blank).hexdigest().encode() != found[2]:
            raise ValueError(f"{path}: its content does not match its digest: it has been changed")
    try:
        return xr.load_dataset(io.BytesIO(content), engine="scipy")
    except Exception as error:  # whatever a file of another kind does to SciPy and xarray
        said = str(error).partition("\n")[0]
        raise ValueError(
            f"{path}: exists, and is no NetCDF 3 file, or a part of one ({said})"
        ) from None


def stored(name: str) -> xr.Dataset:
    """Read a dataset that the book keeps: ``book/results/NAME``, made by ``make results``.

    Parameters
    ----------
    name
        Name of the file, such as ``plane.nc``: the study ``plane`` of `STUDIES`.

    Raises
    ------
    FileNotFoundError
        If it is not there; the message says how to make it.
    """
    return read_netcdf(kept_file(name))


def stored_parts(name: str) -> dict[int, xr.Dataset]:
    """Read the parts of a study that the book keeps, as many as are there, by their numbers.

    Parameters
    ----------
    name
        What the names of the files begin with: ``paper-grid`` reads ``paper-grid-0.nc`` and so on.

    Raises
    ------
    FileNotFoundError
        If there is none; the message says how to make the first.
    """
    first = kept_file(f"{name}-[0-9]*.nc")
    found = {int(path.stem.rpartition("-")[2]): path for path in first.parent.glob(first.name)}
    READ.update(first.with_name(f"{name}-{number}.nc") for number in range(max(found) + 2))
    return {number: read_netcdf(found[number]) for number in sorted(found)}


def stored_slices(name: str, axis: str = "seed") -> xr.Dataset:
    """Read the slices of a study that the book keeps, as many as are there, as one dataset.

    Parameters
    ----------
    name
        As for `stored_parts`.
    axis
        What the slices differ in, and what numbers their names: an axis of each, such as ``seed``;
        or a new one, such as ``updates``: then without the learning curves, whose lengths differ.

    """
    parts = stored_parts(name)
    slices = [*parts.values()]
    along: str | xr.Variable = axis
    if axis not in slices[0].dims:
        slices = [part.drop_dims("update", errors="ignore") for part in slices]
        along = xr.Variable(axis, [*parts])
    own = [key for key, values in slices[0].items() if "seed" in values.dims]
    how: dict[str, Any] = {"coords": "minimal", "compat": "override", "combine_attrs": "override"}
    return xr.concat(slices, along, data_vars=own, **how)


def stored_agents(name: str) -> TrainedAgents:
    """Read the trained agents that the book keeps beside a dataset.

    Parameters
    ----------
    name
        Name of the file, such as ``across.safetensors``: of the study ``across`` of `STUDIES`, in
        the order of the dataset's axes.

    Raises
    ------
    FileNotFoundError
        If it is not there; the message says how to make it.
    """
    return load_agents(kept_file(name))


def stored_benchmark(name: str) -> dict[str, Any]:
    """Read what a benchmark has measured: ``benchmarks/results/NAME``, such as ``edge.json``."""
    READ.add(BENCHMARKS / name)
    measured: dict[str, Any] = json.loads((BENCHMARKS / name).read_text(encoding="utf-8"))
    return measured


def kept_file(name: str) -> Path:
    """Find a file in the repository's folder of results, or the files of a pattern."""
    path = RESULTS / name
    if not any(path.parent.glob(name)):
        first = path.stem.replace("[0-9]*", "0")
        raise FileNotFoundError(
            f"{path}: is not there. It belongs to the repository: restore it with git, or train "
            f"its agents again (hours) with: make results RESULTS={first}"
        )
    if path.is_file():
        READ.add(path)
    return path
