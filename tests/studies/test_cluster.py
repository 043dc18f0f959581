"""Studies on a Dask cluster: a real scheduler and two workers, processes on loopback."""

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
from meta_bandit.studies import Grid, run
from meta_bandit.studies import study as rooms
from meta_bandit.studies.cluster import survey

GRID = Grid(
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


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_changes_no_number(scheduler, workers, tmp_path, monkeypatch):
    from distributed import Client

    monkeypatch.setattr(rooms, "SIDE_BY_SIDE", 2)  # six chunks
    local = run(GRID, tmp_path / "local.nc", "cpu", weights=True)
    at_work = []
    out = tmp_path / "cluster.nc"

    with Client(scheduler, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        assert survey(client, "auto")["device"] in ("cpu", "native", "cuda")
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
        remote = run(GRID, out, "cpu", dask=scheduler, weights=True)
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
    monkeypatch.setattr("meta_bandit.studies.cluster.PATIENCE", 1.0)
    with pytest.raises(ValueError, match=r"dask = 'tcp://127\.0\.0\.1:9': must be the address of"):
        run(GRID, tmp_path / "out.nc", "cpu", dask="tcp://127.0.0.1:9")
    with pytest.raises(ValueError, match=f"dask = '{scheduler}': this scheduler has no workers"):
        run(GRID, tmp_path / "out.nc", "cpu", dask=scheduler)
    with pytest.raises(ValueError, match="dask = 'no://where': must be the address of"):
        run(GRID, tmp_path / "out.nc", "cpu", dask="no://where")
    assert list(tmp_path.iterdir()) == []


def test_without_distributed_the_error_says_what_to_install(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "distributed":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"distributed: pip install 'meta-bandit\[dask\]'"):
        run(GRID, tmp_path / "out.nc", "cpu", dask="tcp://127.0.0.1:9")


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


@pytest.mark.slow
@pytest.mark.parametrize("fate", ["workers", "scheduler"])
def test_a_cluster_that_dies_is_told_in_a_sentence_with_what_it_trained(
    tmp_path, monkeypatch, fate
):
    # give up at the first death
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "2s")
    place = str(tmp_path / "workers")
    about, folder = tmp_path / "scheduler.json", tmp_path / "out.nc.parts"
    scheduler = start(
        "distributed.cli.dask_scheduler", *LOOPBACK, "--port", "0", "--scheduler-file", str(about)
    )
    processes = [scheduler]
    try:
        wait_until(lambda: about.exists() and about.read_text().endswith("}"))
        address = json.loads(about.read_text())["address"]
        worker = start(
            "distributed.cli.dask_worker", address, *LOOPBACK, "--no-nanny", "--nthreads", "1",
            "--local-directory", place,
        )  # fmt: skip
        processes.append(worker)
        victim = {"workers": worker, "scheduler": scheduler}[fate]

        def kill() -> None:
            wait_until(lambda: any(folder.glob("[!.]*.nc")))
            victim.kill()

        from distributed import Client

        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=60)
        monkeypatch.setattr(rooms, "SIDE_BY_SIDE", 2)
        threading.Thread(target=kill, daemon=True).start()
        with pytest.raises(ChildProcessError) as error:
            run(GRID, tmp_path / "out.nc", "cpu", dask=address)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    said = "its workers died" if fate == "workers" else "the scheduler is gone"
    assert str(error.value).startswith(f"dask: {said}")
    assert "agents (sigma_p = " in str(error.value)
    assert any(folder.glob("[!.]*.nc")), "what is finished is kept"
