"""A book of three small chapters in a folder of its own, and Make to build it with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from book.tools.execute import prepare_environment

ROOT = Path(__file__).resolve().parents[2]
MINI = Path(__file__).parent / "mini"

# nbval starts its kernels from this process, and they must be like those that made the book
prepare_environment()

Make = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def mini_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small repository: the real Makefile and tools, but other chapters."""
    folder = tmp_path_factory.mktemp("mini")
    shutil.copytree(MINI, folder, dirs_exist_ok=True)
    for name in ("Makefile", "_config.yml", "requirements.lock", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder)
    for name in ("tools", "assets"):
        shutil.copytree(ROOT / "book" / name, folder / "book" / name)
    shutil.copy2(ROOT / "book" / "references.bib", folder / "book")
    # the one module of the package that the tools use
    shutil.copy2(ROOT / "meta_bandit" / "files.py", folder / "meta_bandit")
    return folder


@pytest.fixture(scope="session")
def mini_built(mini_source: Path, make: Make) -> Path:
    """The small repository after ``make book``; tests work on copies."""
    done = make(mini_source, "book")
    assert done.returncode == 0, done.stderr
    return mini_source


@pytest.fixture
def mini(mini_built: Path, tmp_path: Path) -> Path:
    """A copy of the built small repository, to change at will."""
    return Path(shutil.copytree(mini_built, tmp_path / "mini"))


@pytest.fixture(scope="session")
def make() -> Make:
    """Run Make in a folder, with this Python instead of a ``.venv`` of that folder's own."""

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["make", "-j2", *arguments, "INSTALLED=", f"PY={sys.executable}", "PROFILE=smoke"]
        # an outer make's flags and its jobserver are not ours to use
        outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
        environment = {name: value for name, value in os.environ.items() if name not in outer}
        environment["PYTHONPATH"] = str(folder)
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    return run


def tree(folder: Path) -> dict[str, bytes]:
    """Content of every file below a folder, by relative path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(files)}


@pytest.fixture(name="tree")
def tree_fixture() -> Callable[[Path], dict[str, bytes]]:
    """Let tests compare whole folders."""
    return tree
