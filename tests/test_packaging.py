"""The files that describe the project agree with one another."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
LOCKED = dict(re.findall(r"^([\w.-]+)==(\S+)", LOCK, re.MULTILINE))
EXTRAS = PROJECT["optional-dependencies"]
# the benchmarks' peers are pinned where they are named, and locked nowhere
LOCKED_EXTRAS = {name: wanted for name, wanted in EXTRAS.items() if name != "peers"}
WANTED = [*PROJECT["dependencies"], *chain(*LOCKED_EXTRAS.values())]


@pytest.mark.parametrize("wanted", WANTED)
def test_the_lock_holds_what_the_project_asks_for(wanted: str) -> None:
    requirement = Requirement(wanted)
    version = LOCKED[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version), f"{wanted}: locked at {version}"


def test_everything_locked_has_a_hash_and_torch_has_no_cuda() -> None:
    entries = re.split(r"\n(?=\w)", re.sub(r"^#.*\n", "", LOCK, flags=re.MULTILINE).strip())
    assert len(entries) == len(LOCKED)
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert LOCKED["torch"].endswith("+cpu")
    assert [name for name in LOCKED if name.startswith(("nvidia-", "triton"))] == []


def test_no_file_is_read_or_written_in_the_encoding_of_a_machines_locale() -> None:
    # ruff sees it only where it knows that something is a path
    found = []
    for folder in ("book/run", "book/pages", "meta_bandit", "benchmarks"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                    continue
                given = len(node.args) + any(word.arg == "encoding" for word in node.keywords)
                if given <= {"read_text": 0, "write_text": 1}.get(node.func.attr, -1):
                    found.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def test_no_committed_description_names_a_place_on_one_machine() -> None:
    for name in ("requirements.lock", "pyproject.toml", "environment.yml", "Makefile"):
        text = (ROOT / name).read_text()
        assert (
            re.findall(r"(?:file:/|--find-links[ =]/|(?<![\w.])/(?:opt|home|root|work)/)", text)
            == []
        )


def test_conda_installs_the_same_versions() -> None:
    dependencies = ENVIRONMENT["dependencies"]
    python = next(d for d in dependencies if isinstance(d, str) and d.startswith("python="))
    version = python.removeprefix("python=")
    assert SpecifierSet(PROJECT["requires-python"]).contains(f"{version}.0")
    pip = next(d["pip"] for d in dependencies if isinstance(d, dict))
    assert "-r requirements.lock" in pip
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in pip
    # conda may bring Python and pip; a second version of anything locked would shadow the lock
    assert [d for d in dependencies if isinstance(d, str) and d.split("=")[0] in LOCKED] == []


def test_make_and_nox_take_the_pythons_that_the_project_allows() -> None:
    allowed = SpecifierSet(PROJECT["requires-python"])
    minors = [minor for minor in range(30) if allowed.contains(f"3.{minor}.0")]
    make, nox = (ROOT / "Makefile").read_text(), (ROOT / "noxfile.py").read_text()
    assert f"(3, {minors[0]}) <= sys.version_info[:2] <= (3, {minors[-1]})" in make
    assert " ".join(f"python3.{minor}" for minor in minors) in make
    assert "[" + ", ".join(f'"3.{minor}"' for minor in minors) + "]" in nox


def test_what_nox_runs_is_there() -> None:
    named = re.findall(r'"(tests/[^"]*)"', (ROOT / "noxfile.py").read_text())
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_citation_file_is_valid_and_up_to_date() -> None:
    schema = json.loads((ROOT / "tests" / "data" / "cff-1.2.0.schema.json").read_text())
    citation = yaml.load((ROOT / "CITATION.cff").read_text(), Loader=yaml.BaseLoader)
    # the schema wants numbers as numbers, but dates and versions as written
    for reference in citation["references"]:
        reference |= {key: int(reference[key]) for key in ("year", "volume") if key in reference}
    jsonschema.validate(citation, schema)
    assert citation["version"] == PROJECT["version"]
    assert "10.1609/aaai.v36i7.20691" in {entry.get("doi") for entry in citation["references"]}


def test_the_licences_are_the_ones_announced() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["license"] == [PROJECT["license"], "CC-BY-4.0"]
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert "creativecommons.org/licenses/by/4.0" in (ROOT / "LICENSE-TEXT.md").read_text()


def test_a_checkout_has_the_same_bytes_whatever_gits_settings(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        mine = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, env=os.environ | mine, check=True)

    kept = tmp_path / "kept"
    kept.mkdir()
    shutil.copy(ROOT / ".gitattributes", kept)
    samples = {
        "Makefile": b"all:\n\ttrue\n",
        ".ci/run": b"#!/usr/bin/env bash\n",
        "book/chapter.md": b"# Words\n",
        "notebooks/chapter.ipynb": b'{\n "cells": []\n}\n',
        # without a zero byte, Git would take them for text
        "book/results/plane.nc": b"CDF\r\n\x02\n",
        "book/results/plane.safetensors": b"weights\r\n\x02\n",
        "book/assets/map.png": b"\x89PNG\r\n\x1a\n",
        "book/assets/vendor/library.js": b"one();\r\ntwo();\n",
    }
    for name, content in samples.items():
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        (kept / name).write_bytes(content)
    git("init", "-q", "kept")
    git("-C", "kept", "-c", "core.autocrlf=true", "add", ".")
    git("-C", "kept", "commit", "-qm", "samples")
    for setting in ("core.autocrlf=true", "core.autocrlf=input", "core.eol=crlf"):
        git("-c", setting, "clone", "-q", "kept", setting)
        found = {name: (tmp_path / setting / name).read_bytes() for name in samples}
        assert found == samples, setting


ROOMS = (
    *("compiled", "files", "metadata", "worlds", "theory", "policies", "measure"),
    *("agents", "studies", "figures", "report", "cli"),
)
"""Of the package: each is made from those before it."""


def rooms_used(source: str) -> set[str]:
    """Rooms of the package that a module's text imports from."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "meta_bandit":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").removeprefix("meta_bandit."))
        elif isinstance(node, ast.Import):
            names |= {alias.name.removeprefix("meta_bandit.") for alias in node.names}
    return {name.partition(".")[0] for name in names} & set(ROOMS)


def test_no_room_of_the_package_is_made_from_a_later_one() -> None:
    package, seen = ROOT / "meta_bandit", set()
    for path in sorted(package.rglob("*.py")):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        if room != "__init__":
            seen.add(room)
            used = rooms_used(path.read_text(encoding="utf-8"))
            assert used <= set(ROOMS[: ROOMS.index(room) + 1]), path
    assert seen == set(ROOMS)
    assert rooms_used("from meta_bandit.figures.style import X\nimport meta_bandit.cli") == {
        "figures",
        "cli",
    }
