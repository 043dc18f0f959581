"""What the book keeps in ``book/results``: the sweep or study of its name, small enough for git."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from meta_bandit.agents import A2CConfig, load_agents
from meta_bandit.agents.checkpoint import read_arrays, write_arrays
from meta_bandit.foraging.study import STUDIES, Study, score, stored_foragers
from meta_bandit.sweep import GENERALISTS, PROFILES, Sweep, run_sweep, stored, stored_agents
from meta_bandit.sweep.generalists import is_from

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "book" / "results"
STORED = sorted(path.name for path in RESULTS.glob("*.nc") if path.stem in PROFILES)
NOT_STORED = {"smoke", "quick", "paper"}
PROVENANCE = (
    "commit",
    "config",
    "date",
    "device",
    "lives",
    "meta_bandit",
    "policy",
    "sweep",
    "torch",
    "training_seconds",
    "wall_seconds",
    "workers",
)


def read_by_chapters() -> set[str]:
    """Names of the files in ``book/results`` that stand in a chapter."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "book").glob("*.md"))
    return set(re.findall(r'"([\w-]+\.(?:nc|safetensors))"', text))


def forage_files() -> list[str]:
    """Names of the files of the study of foraging."""
    recipes = STUDIES["forage"].recipes
    return ["forage.nc", *(f"forage-{recipe}.safetensors" for recipe in recipes)]


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
    made = dict(re.findall(r"--profile (\S+) --out book/results/(\S+)", done.stdout))
    assert made == {name: f"{name}.nc" for name in PROFILES.keys() - NOT_STORED}
    weights = re.findall(r"--out book/results/(\S+)\.nc --weights book/results/(\S+)", done.stdout)
    assert all(f"{name}.safetensors" == file for name, file in weights)
    studies = re.findall(r"forage --out book/results/(\w+)\.nc", done.stdout)
    assert studies == ["forage"]
    generalists = re.findall(r"generalist (\S+) --out book/results/(\S+)", done.stdout)
    assert dict(generalists) == {name: f"{name}.safetensors" for name in GENERALISTS}
    makes = {*made.values(), *(file for _, file in (*weights, *generalists)), *forage_files()}
    makes |= {"README.md", *(f"{name}.nc" for name in GENERALISTS)}
    assert {path.name for path in RESULTS.iterdir() if path.is_file()} <= makes


@pytest.mark.parametrize("name", STORED)
def test_a_stored_dataset_is_the_sweep_of_its_name(name: str) -> None:
    sweep = PROFILES[Path(name).stem]
    dataset = stored(name)
    assert Sweep.from_json(dataset.attrs["sweep"]) == sweep
    assert A2CConfig(**json.loads(dataset.attrs["config"])) == sweep.config
    for grid in ("sigma_p", "sigma_l", "lifetime", "seed"):
        np.testing.assert_array_equal(dataset[grid], getattr(sweep, grid))
    assert np.isfinite(dataset.expected_return).all()


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
    sorted(
        path.name
        for path in RESULTS.glob("*.safetensors")
        if path.stem not in GENERALISTS and path.name not in forage_files()
    ),
)
def test_stored_agents_are_those_of_the_dataset_beside_them(name: str) -> None:
    sweep = PROFILES[Path(name).stem]
    agents = load_agents(RESULTS / name)
    assert agents.config == sweep.config
    for field in ("sigma_p", "sigma_l", "lifetime", "seed"):
        found = agents.seeds if field == "seed" else getattr(agents.task, field)
        np.testing.assert_array_equal(found, [getattr(cell, field) for cell in sweep.agents])
    beside = stored(f"{Path(name).stem}.nc")
    np.testing.assert_array_equal(agents.curve.diverged_at, beside.diverged_at.values.ravel())


def test_the_stored_foragers_are_the_study() -> None:
    study, dataset = STUDIES["forage"], stored("forage.nc")
    assert Study.from_json(dataset.attrs["study"]) == study
    missing = {"lives", "policy", "sweep", "workers"}
    about = dataset.attrs
    assert [key for key in {*PROVENANCE} - missing if about.get(key, "") == ""] == []
    assert re.fullmatch(r"[0-9a-f]{40}", about["commit"]), "trained with code of no commit"
    found = zip(dataset.lifetime.values, dataset.places.values, dataset.far.values, strict=True)
    assert sorted(found) == sorted(study.cells * len(study.seed) * len(study.recipes))
    for recipe, config in study.recipes.items():
        agents = stored_foragers(f"forage-{recipe}.safetensors")
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


@pytest.mark.parametrize("name", GENERALISTS)
def test_stored_generalists_are_those_of_their_name_and_say_where_they_came_from(name: str) -> None:
    agents = stored_agents(f"{name}.safetensors")
    assert is_from(agents, GENERALISTS[name])
    assert np.isfinite(agents.weights).all()
    assert (agents.curve.diverged_at == -1).all()
    about = agents.curve.attrs
    keys = ("commit", "date", "device", "meta_bandit", "seconds", "torch", "wall_seconds")
    assert [key for key in keys if about.get(key, "") == ""] == []
    assert re.fullmatch(r"[0-9a-f]{40}", about["commit"]), "trained with code of no commit"


def test_files_from_before_they_explained_themselves_are_read(tmp_path: Path) -> None:
    plane = stored("across.nc")
    older = plane.drop_vars([name for name in plane if "regret" in str(name)])
    older.attrs = {name: plane.attrs[name] for name in PROVENANCE}
    older.to_netcdf(tmp_path / "across.nc", engine="scipy", format="NETCDF3_64BIT")
    assert run_sweep(PROFILES["across"], tmp_path / "across.nc").equals(older)
    arrays, about = read_arrays(RESULTS / "every-task.safetensors", "trained agents")
    texts = {name: json.dumps(about["curve"][name]) for name in ("config", "stages")}
    about = {name: about[name] for name in ("task", "config", "curve", "dims", "units")}
    write_arrays(tmp_path / "old", "trained agents", arrays, about | {"curve": texts})
    assert is_from(load_agents(tmp_path / "old"), GENERALISTS["every-task"])


def test_a_missing_dataset_is_named_with_what_makes_it() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.nc: is not there.*RESULTS=nothing"):
        stored("nothing.nc")


def test_missing_agents_are_named_with_what_makes_them() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.safetensors: is not .*RESULTS=nothing"):
        stored_agents("nothing.safetensors")
