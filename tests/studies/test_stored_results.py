"""What the book keeps in ``book/results``: the study of its name, small enough for git."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from meta_bandit.agents import A2CConfig, load_agents
from meta_bandit.agents.checkpoint import read_arrays, write_arrays
from meta_bandit.studies import (
    STUDIES,
    Foragers,
    Generalist,
    Grid,
    Pullers,
    RoomAgents,
    count_arms,
    run,
    score,
    stored,
    stored_agents,
    stored_slices,
    walked,
)
from meta_bandit.studies.results import READ, stored_parts, to_netcdf

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "book" / "results"
GRIDS = {name: study for name, study in STUDIES.items() if isinstance(study, Grid)}
GENERALISTS = {name: study for name, study in STUDIES.items() if isinstance(study, Generalist)}
STORED = sorted(path.name for path in RESULTS.glob("*.nc") if path.stem in GRIDS)
NOT_STORED = {
    "smoke", "forage-smoke", "many-arms-smoke", "treasure-room-smoke", "quick", "paper",
}  # fmt: skip
PROVENANCE = (
    "commit",
    "config",
    "date",
    "device",
    "lives",
    "meta_bandit",
    "policy",
    "torch",
    "training_seconds",
    "wall_seconds",
    "workers",
)


def read_by_chapters() -> set[str]:
    """Names of the files in ``book/results`` that stand in a chapter."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "book").glob("*.md"))
    return set(re.findall(r'"([\w-]+\.(?:nc|safetensors))"', text))


def test_what_chapters_read_is_stored() -> None:
    assert STORED
    assert {name for name in read_by_chapters() if not (RESULTS / name).is_file()} == set()


def test_only_what_make_can_remake_is_stored() -> None:
    done = subprocess.run(
        ["make", "results", "INSTALLED=", "PY=echo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    made = dict(re.findall(r"study (\S+) --out book/results/(\S+)", done.stdout))
    named = {name: f"{name}.nc" for name in STUDIES.keys() - NOT_STORED}
    assert made.items() <= named.items()
    assert {name for name in read_by_chapters() if name.endswith(".nc")} <= {*made.values()}
    makes = {"README.md", *named.values()}
    for name, file in named.items():
        if STUDIES[name].keep:
            makes |= {path.name for path in STUDIES[name].files(Path(file)).values()}
    assert {path.name for path in RESULTS.iterdir() if path.is_file()} <= makes


@pytest.mark.parametrize("name", STORED)
def test_a_stored_dataset_is_the_grid_of_its_name(name: str) -> None:
    grid = GRIDS[Path(name).stem]
    dataset = stored(name)
    assert A2CConfig(**json.loads(dataset.attrs["config"])) == grid.config
    for axis in ("sigma_p", "sigma_l", "lifetime", "seed"):
        np.testing.assert_array_equal(dataset[axis], getattr(grid, axis))
    assert np.isfinite(dataset.expected_return).all()


@pytest.mark.parametrize("name", sorted(path.stem for path in RESULTS.glob("*.nc")))
def test_a_stored_file_is_finished(name: str) -> None:
    out = RESULTS / f"{name}.nc"
    assert STUDIES[name].is_in(stored(out.name), out)
    content = out.read_bytes()
    assert run(STUDIES[name], out, progress=False).equals(stored(out.name))
    assert out.read_bytes() == content
    others = (study for other, study in STUDIES.items() if other != name)
    assert not any(study.is_in(stored(out.name), out) for study in others)


@pytest.mark.parametrize("axis", ["seed", "updates"])
def test_slices_are_read_as_one_dataset(axis: str, tmp_path: Path, monkeypatch) -> None:
    whole = stored("across.nc")
    monkeypatch.setattr("meta_bandit.studies.results.RESULTS", tmp_path)
    for number in (0, 9, 10):
        part = whole.sel(seed=[number]) if axis == "seed" else whole.isel(update=slice(number + 1))
        (tmp_path / f"row-{number}.nc").write_bytes(to_netcdf(part))
    found = stored_slices("row", axis)
    assert found[axis].values.tolist() == [0, 9, 10]
    wanted = whole.sel(seed=[0, 9, 10]) if axis == "seed" else whole.drop_dims("update")
    assert wanted.equals(found if axis == "seed" else found.sel(updates=9, drop=True))
    with pytest.raises(FileNotFoundError, match="RESULTS=none-0"):
        stored_slices("none")


def test_what_was_read_is_noted_and_what_a_study_in_parts_lacks_yet(
    tmp_path: Path, monkeypatch
) -> None:
    content = (RESULTS / "across.nc").read_bytes()
    for name in ("row-1.nc", "row-2.nc", "other.nc", "unread.nc"):
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr("meta_bandit.studies.results.RESULTS", tmp_path)
    before = set(READ)
    stored_parts("row")
    stored("other.nc")
    names = ["other.nc", *(f"row-{number}.nc" for number in range(4))]
    assert sorted(READ - before) == [tmp_path / name for name in names]


@pytest.mark.parametrize("name", STORED)
def test_a_stored_dataset_says_where_it_came_from(name: str) -> None:
    about = stored(name).attrs
    assert [key for key in PROVENANCE if about.get(key, "") == ""] == []
    assert about["device"] == "cpu" or about["device_name"]
    assert re.fullmatch(r"[0-9a-f]{40}", about["commit"]), "trained with code of no commit"


@pytest.mark.parametrize("name", sorted(path.name for path in RESULTS.glob("*")))
def test_a_stored_file_is_small_enough_for_git(name: str) -> None:
    assert (RESULTS / name).stat().st_size < 4e6


@pytest.mark.parametrize(
    "name",
    sorted(path.name for path in RESULTS.glob("*.safetensors") if path.stem in GRIDS),
)
def test_stored_agents_are_those_of_the_dataset_beside_them(name: str) -> None:
    grid = GRIDS[Path(name).stem]
    agents, team = load_agents(RESULTS / name), grid.team(grid.rosters()[""])
    assert (agents.task, agents.config, agents.seeds.tolist()) == (
        team.task,
        grid.config,
        team.seeds,
    )
    beside = stored(f"{Path(name).stem}.nc")
    np.testing.assert_array_equal(agents.curve.diverged_at, beside.diverged_at.values.ravel())


def test_the_stored_foragers_are_the_study() -> None:
    study, dataset = STUDIES["forage"], stored("forage.nc")
    assert isinstance(study, Foragers)
    missing = {"lives", "policy", "workers"}
    about = dataset.attrs
    assert [key for key in {*PROVENANCE} - missing if about.get(key, "") == ""] == []
    assert re.fullmatch(r"[0-9a-f]{40}", about["commit"]), "trained with code of no commit"
    found = zip(dataset.lifetime.values, dataset.places.values, dataset.far.values, strict=True)
    assert list(found) == [cell.world for cell in study.cells]
    for recipe, config in study.recipes.items():
        agents = stored_agents(f"forage-{recipe}.safetensors")
        assert agents.config == config
        kept = dataset.isel(agent=(dataset.recipe == recipe) & (dataset.kept == 1))
        for field in ("lifetime", "places", "far"):
            np.testing.assert_array_equal(getattr(agents.task, field), kept[field])
        np.testing.assert_array_equal(agents.seeds, kept.seed)
        # a few of them live again; greedy agents and exact means, so that nothing is left to chance
        some = np.arange(0, len(agents.seeds), 8)
        again = score(agents[some])["return"].values
        # another processor may round a close call to the other side
        assert (np.isclose(again, kept["return"].values[some], rtol=1e-6)).mean() >= 0.75


def test_the_stored_agents_of_many_arms_are_the_study() -> None:
    study, dataset = STUDIES["many-arms"], stored("many-arms.nc")
    assert isinstance(study, Pullers)
    assert [key for key in PROVENANCE if dataset.attrs.get(key, "") == ""] == []
    assert re.fullmatch(r"[0-9a-f]{40}", dataset.attrs["commit"]), "trained with code of no commit"
    found = zip(dataset.recipe.values, dataset.safe.values, dataset.seed.values, strict=True)
    assert list(found) == [(cell.recipe, *cell.world, cell.seed) for cell in study.cells]
    for recipe, config in study.recipes.items():
        agents = stored_agents(f"many-arms-{recipe}.safetensors")
        kept = dataset.isel(agent=dataset.recipe == recipe)
        assert agents.config == config
        np.testing.assert_array_equal(agents.task.safe, kept.safe)
        np.testing.assert_array_equal(agents.seeds, kept.seed)
        # one of each world lives again, in fewer and other lives
        some = [0, len(study.seed)]
        again = count_arms(agents[np.array(some)], 1_000)
        error = np.hypot(again.expected_return_se, kept.expected_return_se[some].values)
        assert (abs(again.expected_return - kept.expected_return[some].values) <= 4 * error).all()


def test_the_stored_agents_of_dark_rooms_are_the_study() -> None:
    study, dataset = STUDIES["treasure-room"], stored("treasure-room.nc")
    assert isinstance(study, RoomAgents)
    assert [key for key in PROVENANCE if dataset.attrs.get(key, "") == ""] == []
    assert re.fullmatch(r"[0-9a-f]{40}", dataset.attrs["commit"]), "trained with code of no commit"
    found = zip(dataset.recipe.values, dataset.low.values, dataset.seed.values, strict=True)
    assert list(found) == [(cell.recipe, *cell.world, cell.seed) for cell in study.cells]
    for recipe, config in study.recipes.items():
        agents = stored_agents(f"treasure-room-{recipe}.safetensors")
        kept = dataset.isel(agent=dataset.recipe == recipe)
        assert agents.config == config
        np.testing.assert_array_equal(agents.task.full["low"], kept.low)
        np.testing.assert_array_equal(agents.seeds, kept.seed)
        # the last one lives again, in fewer and other lives
        again = walked(agents[np.array([-1])], 500)
        error = np.hypot(again.return_se, kept.return_se.values[-1:])
        assert (abs(again["return"] - kept["return"].values[-1:]) <= 4 * error).all()


@pytest.mark.parametrize("name", GENERALISTS)
def test_stored_generalists_are_those_of_their_name_and_say_where_they_came_from(name: str) -> None:
    agents = stored_agents(f"{name}.safetensors")
    assert GENERALISTS[name].is_of(agents)
    assert np.isfinite(agents.weights).all()
    assert (agents.curve.diverged_at == -1).all()
    about = agents.curve.attrs
    # of a file from before studies had one runner, seconds is the older name
    trained = "seconds" if name == "every-death" else "training_seconds"
    keys = ("commit", "date", "device", "meta_bandit", trained, "torch", "wall_seconds")
    assert [key for key in keys if about.get(key, "") == ""] == []
    assert re.fullmatch(r"[0-9a-f]{40}", about["commit"]), "trained with code of no commit"


def test_files_from_before_they_explained_themselves_are_read(tmp_path: Path) -> None:
    plane = stored("across.nc")
    older = plane.drop_vars([name for name in plane if "regret" in str(name)])
    older.attrs = {name: plane.attrs[name] for name in (*PROVENANCE, "sweep")}
    older.to_netcdf(tmp_path / "across.nc", engine="scipy", format="NETCDF3_64BIT")
    assert run(GRIDS["across"], tmp_path / "across.nc", weights=False).equals(older)
    arrays, about = read_arrays(RESULTS / "every-task.safetensors", "trained agents")
    texts = {"config": json.dumps(about["config"]), "stages": json.dumps(about["curve"]["stages"])}
    about = {name: about[name] for name in ("task", "config", "curve", "dims", "units")}
    write_arrays(tmp_path / "old", "trained agents", arrays, about | {"curve": texts})
    assert GENERALISTS["every-task"].is_of(load_agents(tmp_path / "old"))


def test_a_missing_dataset_is_named_with_what_makes_it() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.nc: is not there.*RESULTS=nothing"):
        stored("nothing.nc")


def test_missing_agents_are_named_with_what_makes_them() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.safetensors: is not .*RESULTS=nothing"):
        stored_agents("nothing.safetensors")
