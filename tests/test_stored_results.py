"""What the book keeps in ``book/results``: each the sweep of its name, and small enough for git."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from meta_bandit.agents import A2CConfig, load_agents
from meta_bandit.sweep import GENERALISTS, PROFILES, Sweep, stored, stored_agents
from meta_bandit.sweep.generalists import is_from

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "book" / "results"
STORED = sorted(path.name for path in RESULTS.glob("*.nc"))
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
    generalists = re.findall(r"generalist (\S+) --out book/results/(\S+)", done.stdout)
    assert dict(generalists) == {name: f"{name}.safetensors" for name in GENERALISTS}
    makes = {*made.values(), *(file for _, file in (*weights, *generalists))}
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
    sorted(path.name for path in RESULTS.glob("*.safetensors") if path.stem not in GENERALISTS),
)
def test_stored_agents_are_those_of_the_dataset_beside_them(name: str) -> None:
    sweep = PROFILES[Path(name).stem]
    agents = load_agents(RESULTS / name)
    assert agents.config == sweep.config
    for field in ("sigma_p", "sigma_l", "lifetime", "seed"):
        found = agents.seeds if field == "seed" else getattr(agents.task, field)
        np.testing.assert_array_equal(found, [getattr(cell, field) for cell in sweep.cells])
    beside = stored(f"{Path(name).stem}.nc").transpose(
        "lifetime", "sigma_p", "sigma_l", "seed", ...
    )
    np.testing.assert_array_equal(agents.curve.diverged_at, beside.diverged_at.values.ravel())


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


def test_a_missing_dataset_is_named_with_what_makes_it() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.nc: is not there.*RESULTS=nothing"):
        stored("nothing.nc")


def test_missing_agents_are_named_with_what_makes_them() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.safetensors: is not .*RESULTS=nothing"):
        stored_agents("nothing.safetensors")
