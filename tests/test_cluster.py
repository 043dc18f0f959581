"""Sweeps on a Dask cluster: a real scheduler and two workers, processes on loopback."""

import builtins
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import xarray as xr

from meta_bandit.agents import A2CConfig, load_agents
from meta_bandit.sweep import Sweep, chunk, run_sweep
from meta_bandit.sweep.cluster import survey

SWEEP = Sweep(
    sigma_p=(0.5, 2.0),
    sigma_l=(1.0, 4.0, 8.0),
    lifetime=(10,),
    seed=(3, 5),
    config=A2CConfig(updates=150, units=8),
    lives=100,
    curve_points=5,
)


def start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", *arguments], stderr=subprocess.DEVNULL)


LOOPBACK = ("--host", "127.0.0.1", "--no-dashboard")


@pytest.fixture
def scheduler(tmp_path_factory) -> Iterator[str]:
    """Address of a scheduler without workers."""
    about = tmp_path_factory.mktemp("scheduler") / "scheduler.json"
    process = start(
        "distributed.cli.dask_scheduler", *LOOPBACK, "--port", "0", "--scheduler-file", str(about)
    )
    try:
        wait_until(lambda: about.exists() and about.read_text().endswith("}"))
        yield json.loads(about.read_text())["address"]
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def workers(scheduler, tmp_path_factory) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two workers of the scheduler, processes of one thread each."""
    place = str(tmp_path_factory.mktemp("workers"))
    common = (*LOOPBACK, "--no-nanny", "--nthreads", "1", "--local-directory", place)
    processes = [start("distributed.cli.dask_worker", scheduler, *common) for _ in range(2)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def wait_until(true, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_worker_killed_in_the_middle_changes_no_number(scheduler, workers, tmp_path, monkeypatch):
    from distributed import Client

    monkeypatch.setattr(chunk, "SIDE_BY_SIDE", 2)  # six chunks
    local = run_sweep(SWEEP, tmp_path / "local.nc", "cpu", weights=tmp_path / "local.safetensors")
    at_work = []
    out = tmp_path / "cluster.nc"

    with Client(scheduler, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        assert survey(client, "auto")["device"] in ("cpu", "cuda")
        victim = client.run(os.getpid)

        def kill_a_busy_worker() -> None:
            folder = tmp_path / "cluster.nc.parts"
            wait_until(lambda: any(folder.glob("[!.]*.nc")))
            for place, tasks in client.processing().items():
                if tasks and not at_work:
                    at_work.append((len(list(folder.glob("[!.]*.nc"))), tasks))
                    os.kill(victim[place], signal.SIGKILL)

        killer = threading.Thread(target=kill_a_busy_worker, daemon=True)
        killer.start()
        remote = run_sweep(
            SWEEP, out, "cpu", dask=scheduler, weights=tmp_path / "cluster.safetensors"
        )
        killer.join()

    ((finished, tasks),) = at_work
    assert 0 < finished < 6, "nothing was left to do when the worker was killed"
    assert tasks
    assert sorted(worker.poll() is None for worker in workers) == [False, True]
    xr.testing.assert_equal(remote, local)
    assert not np.isnan(remote.expected_return).any()
    assert (remote.attrs["dask"], remote.attrs["workers"]) == (scheduler, 2)
    here, there = (load_agents(tmp_path / f"{name}.safetensors") for name in ("local", "cluster"))
    np.testing.assert_array_equal(here.weights, there.weights)
    assert not (tmp_path / "cluster.nc.parts").exists()


def test_a_scheduler_that_is_not_there_or_has_no_workers_is_named(scheduler, tmp_path, monkeypatch):
    monkeypatch.setattr("meta_bandit.sweep.cluster.PATIENCE", 1.0)
    with pytest.raises(ValueError, match=r"dask = 'tcp://127\.0\.0\.1:9': must be the address of"):
        run_sweep(SWEEP, tmp_path / "out.nc", "cpu", dask="tcp://127.0.0.1:9")
    with pytest.raises(ValueError, match=f"dask = '{scheduler}': this scheduler has no workers"):
        run_sweep(SWEEP, tmp_path / "out.nc", "cpu", dask=scheduler)
    with pytest.raises(ValueError, match="dask = 'no://where': must be the address of"):
        run_sweep(SWEEP, tmp_path / "out.nc", "cpu", dask="no://where")
    assert list(tmp_path.iterdir()) == []


def test_without_distributed_the_error_says_what_to_install(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "distributed":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"distributed: pip install 'meta-bandit\[dask\]'"):
        run_sweep(SWEEP, tmp_path / "out.nc", "cpu", dask="tcp://127.0.0.1:9")


class FakeClient:
    """Workers that answer what they are told to."""

    def __init__(self, **answers: dict[str, object]) -> None:
        self.answers = answers

    def run(self, function, device):
        return {name: function(device) | differs for name, differs in self.answers.items()}


def test_workers_that_would_give_other_numbers_are_refused():
    alike = FakeClient(a={"free_bytes": 5, "device_name": "x"}, b={"free_bytes": 3})
    assert survey(alike, "cpu")["free_bytes"] == 3
    for name, value in (("torch", "0.1"), ("meta_bandit", "0.0"), ("device", "cuda")):
        with pytest.raises(ValueError, match=f"dask: worker b has {name} {value}: must be "):
            survey(FakeClient(a={}, b={name: value}), "cpu")
    with pytest.raises(ValueError, match=r"worker a has torch 0\.1: must be"):
        survey(FakeClient(a={"torch": "0.1"}), "cpu")
