import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import meta_bandit
from meta_bandit import GaussianBandit, metadata
from meta_bandit.agents import A2CConfig, AgentPolicy, load_agents, train
from meta_bandit.agents.checkpoint import read_arrays
from meta_bandit.measure import measure
from meta_bandit.metadata import code_commit
from meta_bandit.studies import STUDIES, Grid, run
from meta_bandit.studies import study as rooms
from meta_bandit.studies.run import _plan
from meta_bandit.theory import bayes_optimal, critical_sigma_l, optimal_commit
from meta_bandit.worlds import simulate

SMALL = Grid(
    sigma_p=(0.5, 2.0),
    sigma_l=(1.0, 4.0, 8.0),
    lifetime=(6, 10),
    seed=(3, 5),
    config=A2CConfig(updates=12, units=8),
    lives=100,
    curve_points=5,
)
# long enough to be killed in the middle
LONG = dataclasses.replace(SMALL, config=A2CConfig(updates=250, units=8))

KILLED = """
import sys
from pathlib import Path
from meta_bandit.agents import A2CConfig
from meta_bandit.studies import Grid, run

long = Grid(sigma_p=(0.5, 2.0), sigma_l=(1.0, 4.0, 8.0), lifetime=(6, 10), seed=(3, 5),
             config=A2CConfig(updates=250, units=8), lives=100, curve_points=5)
run(long, Path(sys.argv[1]), "cpu", int(sys.argv[2]), every=0.0)
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> xr.Dataset:
    return run(SMALL, tmp_path_factory.mktemp("sweep") / "small.nc", "cpu")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> xr.Dataset:
    return run(LONG, tmp_path_factory.mktemp("sweep") / "long.nc", "cpu")


def progress(folder: Path) -> list[int]:
    """Updates made by the chunks that are being trained."""
    made = []
    for path in folder.glob("[!.]*.safetensors"):
        try:
            made.append(read_arrays(path, "a training run")[1]["done"])
        except ValueError as error:
            # finished in the meantime
            assert "no such file" in str(error)  # noqa: PT017
    return made


def alive(process: str) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "kills"), [(1, (0, 1)), (2, (1,))])
def test_a_sweep_killed_in_the_middle_ends_with_the_numbers_of_one_that_was_not(
    workers, kills, uninterrupted, tmp_path
):
    out = tmp_path / "long.nc"
    folder = tmp_path / "long.nc.parts"
    for finished in kills:  # when so many ensembles are finished, and another is not
        command = [sys.executable, "-c", KILLED, str(out), str(workers)]
        with subprocess.Popen(command) as process:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            while (
                len(list(folder.glob("[!.]*.nc"))) < finished
                or max(progress(folder), default=0) < 20
            ):
                assert process.poll() is None
                time.sleep(0.01)
            started = children.read_text().split() if children.exists() else []
            process.kill()
        assert process.returncode == -signal.SIGKILL
        assert not out.exists()
        assert len(list(folder.glob("[!.]*.nc"))) < 4
        deadline = time.monotonic() + 120
        while any(map(alive, started)):
            assert time.monotonic() < deadline, "workers outlive the sweep that they belong to"
            time.sleep(0.05)
    resumed = run(LONG, out, "cpu", workers)
    xr.testing.assert_equal(resumed, uninterrupted)
    assert (resumed.attrs["resumed"], uninterrupted.attrs["resumed"]) == (1, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["long.nc"]


def workers_of_this_process() -> list[int]:
    """Processes that train, by number: loky's, begun by any thread of this one."""
    lists = Path("/proc/self/task").glob("*/children")
    found = [process for path in lists for process in path.read_text().split()]
    return [
        int(process)
        for process in found
        if alive(process) and b"LokyProcess" in Path(f"/proc/{process}/cmdline").read_bytes()
    ]


def kill_workers(folder: Path, times: int, after: int, chunks: int) -> threading.Thread:
    """Kill one worker, again and again, each time when the slowest of `chunks` went on."""

    def kill() -> None:
        least = after
        for _ in range(times):
            while (
                len(made := progress(folder)) < chunks
                or min(made) < least
                or not workers_of_this_process()
            ):
                time.sleep(0.01)
            least = min(made) + after
            os.kill(workers_of_this_process()[0], signal.SIGKILL)
            time.sleep(0.3)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
def test_a_killed_worker_costs_no_sweep(uninterrupted, tmp_path):
    killer = kill_workers(tmp_path / "long.nc.parts", times=1, after=20, chunks=1)
    again = run(LONG, tmp_path / "long.nc", "cpu", 2, every=0.0)
    assert not killer.is_alive(), "nobody was killed"
    xr.testing.assert_equal(again, uninterrupted)


@pytest.mark.slow
def test_a_worker_that_is_killed_again_and_again_is_told_with_its_cells(tmp_path):
    grid = dataclasses.replace(
        LONG, lifetime=(10,), config=dataclasses.replace(LONG.config, updates=100_000)
    )
    kill_workers(tmp_path / "long.nc.parts", times=3, after=5, chunks=2)
    with pytest.raises(ChildProcessError) as error:
        run(grid, tmp_path / "long.nc", "cpu", 2, every=0.0)
    assert "killed three times" in str(error.value)
    said = "12 agents (sigma_p = 0.5, 2; sigma_l = 1, 4, 8; lifetime = 10; mean = -1; seed = 3, 5)"
    assert said in str(error.value)
    assert len(progress(tmp_path / "long.nc.parts")) == 2, "checkpoints are kept"


def test_numbers_do_not_depend_on_what_is_trained_side_by_side(small, tmp_path, monkeypatch):
    monkeypatch.setattr(rooms, "SIDE_BY_SIDE", 1)
    alone = run(SMALL, tmp_path / "alone.nc", "cpu")
    monkeypatch.setattr(rooms, "SIDE_BY_SIDE", 5)
    fives = run(SMALL, tmp_path / "fives.nc", "cpu", workers=2)
    xr.testing.assert_equal(alone, small)
    xr.testing.assert_equal(fives, small)


def test_every_cell_is_where_its_labels_say(small):
    assert dict(small.sizes) == {
        "sigma_p": 2, "sigma_l": 3, "lifetime": 2, "seed": 2, "update": 5,
    }  # fmt: skip
    assert small.expected_return.dims == ("sigma_p", "sigma_l", "lifetime", "seed")
    for name in ("sigma_p", "sigma_l", "lifetime", "seed"):
        assert tuple(small[name].values) == getattr(SMALL, name)
    for cell in SMALL.cells[::5]:
        labels = {name: getattr(cell, name) for name in ("sigma_p", "sigma_l", "lifetime", "seed")}
        found = small.sel(labels)
        task = GaussianBandit([cell.sigma_p], [cell.sigma_l], [cell.lifetime])
        agent = train(task, [cell.seed], SMALL.config, "cpu")
        rng = np.random.default_rng(int(cell.id, 16))
        lives = simulate(AgentPolicy(agent), task, SMALL.lives, rng)
        for name, values in measure(lives, ["agent"]).isel(agent=0).data_vars.items():
            np.testing.assert_array_equal(found[name], values)
        assert found.risky_pulls == lives.risky_pulls.mean()
        pulls, value = optimal_commit(task[0])
        best = bayes_optimal(task[0])
        assert (found.optimal_pulls, found.commit_value) == (pulls, value)
        assert found.bayes_value == pytest.approx(best.value, abs=best.error)
        curve = agent.curve.mean_return[0].values.astype(float)
        assert found["update"].values.tolist() == [2, 5, 7, 10, 12]
        stretches = np.split(curve, [2, 5, 7, 10])
        np.testing.assert_allclose(found.curve_return, [part.mean() for part in stretches])


def test_no_two_cells_share_an_id_and_ids_never_change():
    ids = [cell.id for cell in SMALL.cells]
    assert len(set(ids)) == len(ids) == 24
    whole = dataclasses.replace(SMALL, sigma_p=(0.5, 2), lifetime=(6.0, 10.0))
    assert [cell.id for cell in whole.cells] == ids
    other = dataclasses.replace(SMALL, config=dataclasses.replace(SMALL.config, discount=0.9))
    assert not {cell.id for cell in other.cells} & set(ids)


def test_provenance_says_where_a_dataset_came_from(small):
    about = small.attrs
    assert json.loads(about["study"])["sigma_l"] == list(SMALL.sigma_l)
    assert A2CConfig(**json.loads(about["config"])) == SMALL.config
    assert (about["meta_bandit"], about["torch"]) == (meta_bandit.__version__, torch.__version__)
    assert (about["device"], about["workers"], about["lives"]) == ("cpu", 1, 100)
    assert about["wall_seconds"] > about["training_seconds"] > 0
    assert about["date"][:2] == "20"
    assert about["commit"] == "unknown" or len(about["commit"].removesuffix("-dirty")) == 40
    units = {name: small[name].attrs["units"] for name in ("expected_return", "risky_pulls")}
    assert units == {"expected_return": "reward", "risky_pulls": "pulls"}


def test_a_finished_sweep_is_only_read(tmp_path):
    out = tmp_path / "smoke.nc"
    first = run(STUDIES["smoke"], out, "cpu")
    content = out.read_bytes()
    (tmp_path / "smoke.nc.parts").mkdir()
    again = run(STUDIES["smoke"], out, "cpu")
    xr.testing.assert_identical(again, first)
    assert out.read_bytes() == content
    assert list(tmp_path.iterdir()) == [out]


def test_a_sweep_reads_back_what_it_says_of_itself():
    text = json.dumps(dataclasses.asdict(SMALL))
    assert Grid.from_json(text) == SMALL
    # as it was written before there was that setting
    older = json.loads(text)
    del older["config"]["task_context"]
    assert Grid.from_json(json.dumps(older)) == SMALL
    older["config"]["discount"] = 0.9
    assert Grid.from_json(json.dumps(older)) != SMALL


def test_files_of_something_else_are_refused_and_kept(tmp_path):
    out = tmp_path / "out.nc"
    out.write_bytes(b"somebody's notes")
    with pytest.raises(ValueError, match=r"out\.nc: exists, and is no NetCDF 3 file"):
        run(SMALL, out, "cpu")
    assert out.read_bytes() == b"somebody's notes"
    run(STUDIES["smoke"], tmp_path / "smoke.nc", "cpu")
    with pytest.raises(ValueError, match=r"smoke\.nc: exists, and holds something else"):
        run(SMALL, tmp_path / "smoke.nc", "cpu")


def test_a_folder_begun_with_other_settings_is_refused(tmp_path):
    folder = tmp_path / "out.nc.parts"
    folder.mkdir()
    _plan(SMALL, folder, "cpu", 1, 0)
    with pytest.raises(ValueError, match=r"out\.nc\.parts: was begun with another study"):
        run(STUDIES["smoke"], tmp_path / "out.nc", "cpu")
    with pytest.raises(ValueError, match="was begun with another device"):
        _plan(SMALL, folder, "cuda", 1, 0)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("sigma_p", (), "sigma_p = (): must be one or more values, increasing"),
        ("sigma_l", (2.0, 1.0), "sigma_l = (2.0, 1.0): must be one or more values, increasing"),
        ("sigma_p", (-1.0,), "sigma_p = -1: must be a finite number > 0"),
        ("lifetime", (0,), "lifetime = 0: must be a whole number in [1, 2^31)"),
        ("lifetime", (2.5,), "lifetime = (2.5,): must be whole numbers"),
        ("seed", (2**31,), "seed = 2147483648: must be a whole number in [0, 2^31)"),
        ("mean", float("nan"), "mean = nan: must be finite"),
        ("lives", 0, "lives = 0: must be a whole number >= 1"),
        ("curve_points", 1.5, "curve_points = 1.5: must be a whole number >= 1"),
    ],
)
def test_a_field_out_of_range_is_named_with_its_value_and_range(field, value, message):
    with pytest.raises(ValueError, match="must be") as error:
        dataclasses.replace(SMALL, **{field: value})
    assert str(error.value) == message


def test_trained_agents_are_kept_on_request(small, tmp_path):
    out, file = tmp_path / "out.nc", tmp_path / "out.safetensors"
    run(SMALL, out, "cpu", workers=2, weights=True)
    agents = load_agents(file)
    grid = [small[name].values for name in ("sigma_p", "sigma_l", "lifetime", "seed")]
    sigma_p, sigma_l, lifetime, _ = (axis.ravel() for axis in np.meshgrid(*grid, indexing="ij"))
    assert agents.task == GaussianBandit(sigma_p, sigma_l, lifetime, np.full(24, -1.0))
    mine = sorted(SMALL.cells, key=lambda it: (it.sigma_p, it.sigma_l, it.lifetime, it.seed))
    assert agents.seeds.tolist() == [cell.seed for cell in mine]
    assert agents.curve.attrs["commit"] == xr.load_dataset(out).attrs["commit"]
    for number in (1, 17):
        cell, agent = mine[number], agents[number]
        for greedy, suffix in ((True, ""), (False, "_sampled")):
            rng = np.random.default_rng(int(cell.id, 16))
            lives = simulate(AgentPolicy(agent, greedy), agent.task, SMALL.lives, rng)
            measured = measure(lives, ["agent"]).isel(agent=0)
            labels = ("sigma_p", "sigma_l", "lifetime", "seed")
            found = small.sel({name: getattr(cell, name) for name in labels})
            for name in ("expected_return", "exploration", "ends_safe"):
                np.testing.assert_array_equal(found[f"{name}{suffix}"], measured[name])
                np.testing.assert_array_equal(found[f"{name}{suffix}_se"], measured[f"{name}_se"])
    # a finished sweep is only read: what was not kept cannot be had any more
    run(SMALL, out, "cpu", weights=True)
    file.unlink()
    with pytest.raises(ValueError, match=r"out\.safetensors: is not there: .*out\.nc is finished"):
        run(SMALL, out, "cpu", weights=True)
    assert run(SMALL, out, "cpu").equals(small)


def test_a_place_for_agents_that_cannot_be_written_is_named_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr(Grid, "train", lambda *_: pytest.fail("it trained"))
    (tmp_path / "out.safetensors").symlink_to("/proc/nothing")
    with pytest.raises(ValueError, match=r"weights = .*out\.safetensors: cannot be written: "):
        run(LONG, tmp_path / "out.nc", "cpu", weights=True)


def test_code_of_an_archive_inside_a_repository_has_no_commit(tmp_path, monkeypatch):
    def git(*arguments):
        who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True)

    own, inner = tmp_path / "meta_bandit" / "metadata.py", tmp_path / "in" / "meta_bandit"
    for path in (own, inner / "metadata.py"):
        path.parent.mkdir(parents=True)
        path.touch()
    git("init", "-q")
    for path, commit in ((own, "[0-9a-f]{40}"), (inner / "metadata.py", "unknown")):
        monkeypatch.setattr(metadata, "__file__", str(path))
        assert code_commit() == "unknown", "it is in no commit"
        # even where somebody keeps the archive in the repository around it
        git("add", str(path))
        git("commit", "-qm", "x")
        assert re.fullmatch(commit, code_commit())


def test_workers_are_checked(tmp_path):
    with pytest.raises(ValueError, match="workers = 0: must be a whole number >= 1"):
        run(SMALL, tmp_path / "out.nc", "cpu", workers=0)


def test_the_paper_profile_straddles_both_edges():
    paper = STUDIES["paper"]
    assert (len(paper.sigma_p), len(paper.sigma_l), len(paper.seed)) == (20, 20, 5)
    learning_pays = optimal_commit(paper.tasks)[1] > 0
    assert not learning_pays[:2].any()
    assert learning_pays[-1].all()
    critical = critical_sigma_l(GaussianBandit(np.array(paper.sigma_p), 1.0))
    within = (critical > paper.sigma_l[0]) & (critical < paper.sigma_l[-1])
    place = np.searchsorted(paper.sigma_l, critical[within])
    # the edge is resolved: hardly two rows have it between the same cells
    assert len(place) == 10
    assert len(set(place)) == 9


def test_ensembles_fill_the_workers_and_stay_within_memory():
    quick = STUDIES["quick"].chunks("cpu", 2, 0)
    assert [len(cells) for cells in quick] == [13, 12]
    assert sorted(chain(*quick)) == list(range(25))
    paper = STUDIES["paper"].chunks("cpu", 2, 0)
    assert max(map(len, paper)) == rooms.SIDE_BY_SIDE
    long_lives = dataclasses.replace(STUDIES["quick"], lifetime=(1000,))
    most = max(map(len, long_lives.chunks("cpu", 2, 0)))
    assert most * rooms.agent_bytes(1000, long_lives.config) <= rooms.CPU_BYTES
    on_gpu = STUDIES["paper"].chunks("cuda", 1, 2**34)
    assert [len(cells) for cells in on_gpu] == [1000, 1000]
