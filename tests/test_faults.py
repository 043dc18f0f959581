"""Faults on purpose: kills at any moment, files cut and changed: the same numbers or a sentence."""

import json
import multiprocessing
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from meta_bandit import GaussianBandit
from meta_bandit.agents import A2CConfig, load_agents, train
from meta_bandit.agents.checkpoint import read_arrays
from meta_bandit.metadata import earlier_seconds
from meta_bandit.studies import STUDIES, Grid, run
from meta_bandit.studies.results import read_netcdf
from meta_bandit.studies.run import _plan

GRID = Grid(
    sigma_p=(0.5, 2.0),
    sigma_l=(1.0, 4.0),
    lifetime=(6, 10),
    config=A2CConfig(updates=30, units=8),
    lives=200,
    curve_points=5,
)
KILLS = 20
RESULTS = Path(__file__).parents[1] / "book" / "results"
Note = Callable[[str, object], None]


def session(folder: Path) -> Any:
    """Make a process that runs the sweep, from one in which all is imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["meta_bandit.studies"])
    given = {"progress": False, "every": 0.0, "weights": True}
    return context.Process(target=run, args=(GRID, folder / "out.nc", "cpu"), kwargs=given)


def run_whole(folder: Path) -> tuple[xr.Dataset, bytes, float]:
    """Run the sweep, or what is left of it; its dataset, its weights and the time it took."""
    process, started = session(folder), time.perf_counter()
    process.start()
    process.join(600)
    assert process.exitcode == 0
    spent = time.perf_counter() - started
    assert {path.name for path in folder.glob("[!.]*")} == {"out.nc", "out.safetensors"}
    weights = load_agents(folder / "out.safetensors").weights.tobytes()
    return read_netcdf(folder / "out.nc"), weights, spent


@pytest.mark.slow
def test_a_sweep_killed_at_twenty_moments_of_chance_ends_with_the_same_numbers(
    tmp_path, record_property: Note
):
    (tmp_path / "first").mkdir()
    run_whole(tmp_path / "first")
    (tmp_path / "whole").mkdir()
    dataset, weights, whole = run_whole(tmp_path / "whole")
    rng, kills, sweeps = np.random.default_rng(seed := 0), 0, 0
    while kills < KILLS:
        folder = tmp_path / f"killed-{sweeps}"
        folder.mkdir()
        sweeps, before = sweeps + 1, kills
        # most sweeps are killed several times, at the end some while they write their files
        while kills < KILLS:
            process, started = session(folder), time.perf_counter()
            process.start()
            process.join(rng.uniform(0, whole))
            if process.exitcode is not None:
                assert process.exitcode == 0
                if kills == before:  # the machine was busier when the first was timed
                    whole = min(whole, time.perf_counter() - started)
                break
            process.kill()
            process.join()
            kills += 1
        found, its_weights, _ = run_whole(folder)
        xr.testing.assert_equal(found, dataset)
        assert its_weights == weights
    assert sweeps < KILLS
    # what is noted is shown on the status page, by benchmarks/faults.py
    noted = {"what": "a sweep, killed at a random moment", "seed": seed}
    record_property("faults", json.dumps(noted | {"tried": kills, "same": kills, "refused": 0}))


LIMITED = """
import resource, sys
from meta_bandit.cli import app

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), -1))
app(["study", "smoke", "--device", "cpu", "--workers", "1", "--out", sys.argv[2]])
"""


def test_a_sweep_that_runs_out_of_room_says_so_and_goes_on_where_there_is_some(
    tmp_path, record_property: Note
):
    out = tmp_path / "out.nc"
    # its plan fits, its checkpoint does not
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "300000", str(out)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert re.fullmatch(rf"Error: \[Errno 27\] File too large: '{out}[^\n]*\n", done.stderr)
    assert not out.exists()
    assert not [path for path in tmp_path.rglob(".*") if path.name != ".out.nc.lock"]
    whole = run(STUDIES["smoke"], tmp_path / "whole.nc", "cpu", progress=False)
    xr.testing.assert_equal(run(STUDIES["smoke"], out, "cpu", progress=False), whole)
    noted = {"what": "a sweep without room on its disk", "tried": 1, "same": 0, "refused": 1}
    record_property("faults", json.dumps(noted))


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Cut a file anywhere, or flip up to three of its bits, half of the times in its header."""
    if rng.random() < 0.5:
        return content[: rng.integers(len(content))]
    changed = bytearray(content)
    most = len(content) if rng.random() < 0.5 else min(len(content), 9000)
    for at in rng.integers(most, size=rng.integers(1, 4)):
        changed[at] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def kinds(folder: Path) -> dict[Path, tuple[str, Callable[[Path], list[bytes]]]]:
    """Make one of each kind of stored file; its name, and how to read the bytes of its numbers."""
    checkpoint = folder / "run.safetensors"
    task = GaussianBandit([2.0], [2.0], [10])
    train(task, [0], A2CConfig(updates=3, units=4), "cpu", False, checkpoint=checkpoint)
    _plan(GRID, folder, "cpu", 1, 0)

    def dataset(path: Path) -> list[bytes]:
        return [variable.values.tobytes() for variable in read_netcdf(path).variables.values()]

    return {
        RESULTS / "lifetimes-fraction.nc": ("a dataset", dataset),
        RESULTS / "every-lifetime.safetensors": (
            "trained agents",
            lambda path: [load_agents(path).weights.tobytes()],
        ),
        checkpoint: (
            "the checkpoint of a training",
            lambda path: [
                array.tobytes()
                for _, array in sorted(read_arrays(path, "a training run")[0].items())
            ],
        ),
        folder / "plan.json": (
            "the plan of a sweep",
            lambda path: [json.dumps(_plan(GRID, path.parent, "cpu", 1, 0)).encode()],
        ),
    }


def test_a_damaged_file_of_any_kind_gives_its_numbers_or_a_sentence_that_names_it(
    tmp_path, record_property: Note
):
    rng = np.random.default_rng(seed := 1)
    place = tmp_path / "damaged"
    place.mkdir()
    for path, (name, read) in kinds(tmp_path).items():
        content, numbers, said, same = path.read_bytes(), read(path), list[str](), 0
        for _ in range(60):
            (place / path.name).write_bytes(damaged(content, rng))
            try:
                assert read(place / path.name) == numbers
                same += 1
            except ValueError as error:
                said.append(str(error))
        assert len(said) > 40, path
        assert [text for text in said if not text.startswith(str(place)) or "\n" in text] == []
        noted = {"what": f"{name}, cut or with flipped bits", "tried": same + len(said)}
        noted |= {"same": same, "refused": len(said), "seed": seed}
        record_property("faults", json.dumps(noted))


def test_a_damaged_part_of_a_sweep_is_named_and_made_again_once_it_is_removed(
    tmp_path, record_property: Note
):
    whole = run(GRID, tmp_path / "whole.nc", "cpu", progress=False)

    def stop(*_: object) -> None:
        raise InterruptedError

    out, folder = tmp_path / "out.nc", tmp_path / "out.nc.parts"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Grid, "lay_out", stop)
        with pytest.raises(InterruptedError):
            run(GRID, out, "cpu", progress=False)
    part = sorted(folder.glob("*.nc"))[1]
    content = bytearray(part.read_bytes())
    content[-5] ^= 4
    part.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{part.name}: its content does not match its digest"):
        run(GRID, out, "cpu", progress=False)
    part.unlink()
    xr.testing.assert_equal(run(GRID, out, "cpu", progress=False), whole)
    noted = {"what": "a part of a sweep, with a flipped bit", "tried": 1, "same": 0, "refused": 1}
    record_property("faults", json.dumps(noted))


def test_the_wall_time_of_a_resumed_run_counts_every_session(tmp_path):
    clock, work = tmp_path / "clock.json", tmp_path / "work"
    assert earlier_seconds(clock, tmp_path.iterdir()) == 0
    work.touch()
    for number in (1, 2):
        # a session that lasted 100 seconds, and an hour in which nobody worked
        began = time.time() - 3700
        known = json.loads(clock.read_bytes()) | {"began": began}
        clock.write_text(json.dumps(known))
        os.utime(clock, (began, began))
        os.utime(work, (began + 100, began + 100))
        assert earlier_seconds(clock, tmp_path.iterdir()) == pytest.approx(100 * number)
    clock.write_text("{")
    assert earlier_seconds(clock, tmp_path.iterdir()) == 0
